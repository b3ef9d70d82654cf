//! Where memories come from: settings that hold for many memories, and what follows from them.
//!
//! * [`Config`]: the settings, one setter each.
//! * [`Allocator`]: a config that was found valid. It gives each memory its reservation and lets
//!   it grow.
//! * `ladder`: the shapes of reservation that are tried, largest first.

mod config;
mod ladder;

pub use config::Config;
pub(crate) use config::Settings;

use crate::descriptor::MemoryType;
use crate::error::Result;
use crate::region::slab::{Kind, Slab};
use crate::region::{Region, Shape};
use ladder::Rung;

/// Makes memories that follow the same settings. Memories keep it alive.
#[derive(Debug)]
pub struct Allocator {
    settings: Settings,
}

static ALLOCATORS: Slab<Allocator> = Slab::new();

impl Kind for Allocator {
    const TAG: u32 = u32::from_be_bytes(*b"ALOC");

    fn slab() -> &'static Slab<Self> {
        &ALLOCATORS
    }
}

/// The one that memories come from when no other is named.
static DEFAULT: Allocator = Allocator { settings: Settings::DEFAULT };

/// What an allocator gives a memory: a region with its body open, and whether it may move.
#[derive(Debug)]
pub(crate) struct Body {
    region: Region,
    movable: bool,
}

/// What a growth did to a body.
#[derive(Debug)]
pub(crate) enum Growth {
    /// The base is what it was.
    InPlace,
    /// The bytes are at a new base. The old region, whose contents are unspecified, is here.
    Moved(Region),
}

impl Body {
    pub(crate) const fn region(&self) -> &Region {
        &self.region
    }

    /// May growth past the reservation change the base?
    pub(crate) const fn movable(&self) -> bool {
        self.movable
    }
}

impl Allocator {
    /// The one that memories come from when no other is named.
    pub(crate) const fn default_one() -> &'static Self {
        &DEFAULT
    }

    pub(crate) const fn size_limit(&self) -> u64 {
        self.settings.size_limit
    }

    /// A body for a memory of `memory_type` whose first `bytes` bytes can be used.
    ///
    /// # Errors
    /// [`Error::AddressSpace`](crate::Error::AddressSpace), [`Error::Commit`](crate::Error::Commit)
    /// and [`Error::MapCount`](crate::Error::MapCount).
    pub(crate) fn create(&self, memory_type: &MemoryType, bytes: u64) -> Result<Body> {
        let (mut region, movable) =
            ladder::climb_down(&self.settings, memory_type, bytes, |Rung { shape, movable }| {
                Region::reserve(shape).map(|region| (region, movable))
            })?;
        region.open_to(bytes)?;
        Ok(Body { region, movable })
    }

    /// Makes the first `bytes` bytes of a body usable, moving it where there is no other way. A
    /// refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`](crate::Error::ReservationExceeded) when the body may not
    /// move, and those of [`Allocator::create`].
    pub(crate) fn grow(
        &self,
        memory_type: &MemoryType,
        body: &mut Body,
        bytes: u64,
    ) -> Result<Growth> {
        match body.region.open_to(bytes) {
            Err(crate::Error::ReservationExceeded { .. }) if body.movable => {
                let moved = ladder::climb_down_to_move(
                    &self.settings,
                    memory_type,
                    bytes,
                    |shape: Shape| body.region.move_to(shape, bytes),
                );
                moved.map(Growth::Moved)
            }
            opened => opened.map(|()| Growth::InPlace),
        }
    }
}
