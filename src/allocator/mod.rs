//! Where memories come from: settings that hold for many memories, and what follows from them.
//!
//! * [`Config`]: the settings, one setter each.
//! * [`Allocator`]: a config that was found valid. It gives each memory its reservation and lets
//!   it grow.
//! * `body`: what a memory is given, and how it opens.
//! * `ladder`: the shapes of reservation that are tried, largest first.

mod body;
mod config;
mod ladder;

pub(crate) use body::{Body, Growth, Mobility, Moving};
pub(crate) use config::Settings;
pub use config::{Bounds, Config};

use crate::descriptor::MemoryType;
use crate::error::Result;
use crate::region::fork;
use crate::region::slab::{Kind, Slab};
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
        ladder::climb_down(&self.settings, memory_type, bytes, |Rung { shape, mobility }| {
            Body::reserve(shape, mobility, self.settings.bounds)
        })
        .and_then(|mut body| {
            body.open_to(bytes)?;
            Ok(body)
        })
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
        moving: Moving,
    ) -> Result<Growth> {
        match moving {
            Moving::Allowed(old) if body.moves_for(bytes) => {
                let all = bytes.max(body.open_bytes());
                let unforked = fork::hold_off();
                ladder::climb_down_to_move(&self.settings, memory_type, all, |shape| {
                    body.move_to(shape, bytes, old)
                })
                .map(|old| Growth::Moved { old, unforked })
            }
            _ => body.open_to(bytes).map(|()| Growth::InPlace),
        }
    }
}
