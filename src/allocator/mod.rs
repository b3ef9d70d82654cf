//! Where memories come from: settings that hold for many memories, and what follows from them.
//!
//! * [`Config`]: the settings, one setter each.
//! * [`Allocator`]: a config that was found valid. It gives each memory its reservation, lets it
//!   grow, and takes back what it leaves.
//! * `body`: what a memory is given, and how it opens.
//! * `ladder`: the shapes of reservation that are tried, largest first.
//! * `cache`: reservations that memories have left, for the next ones.
//! * `admission`: slots, quotas and the limiter: whether a memory may become as large as it asks.
//! * `counters`: what is counted against quotas, and for whoever asks.
//! * `limiter`: the embedder's functions.

mod admission;
mod body;
#[cfg_attr(not(feature = "host"), path = "no_cache.rs")]
mod cache;
mod config;
mod counters;
mod ladder;
pub(crate) mod limiter;
#[cfg(test)]
#[cfg(all(feature = "host", any(target_os = "linux", target_os = "android")))]
// What moves with every growth is nothing that is kept.
#[cfg(not(feature = "stress-move"))]
mod reuse_tests;
#[cfg(test)]
#[cfg(feature = "host")]
mod tests;

pub(crate) use body::{Body, Growth, Mobility, Moving};
pub(crate) use config::Settings;
pub use config::{Bounds, Config};
pub use counters::Statistics;

use crate::descriptor::MemoryType;
use crate::error::{Error, Result};
use crate::region::frozen::Frozen;
use crate::region::registry::{self, Group};
use crate::region::slab::{Kind, Ref, Slab, Vacancy};
use crate::region::slots::Slots;
use crate::region::{self, Backend, Region, fork};
use crate::units;
use cache::Cache;
use config::PoolSize;
use core::ptr;
use counters::Counters;
use ladder::Rung;
use limiter::Limiter;

/// Makes memories that follow the same settings. Memories keep it alive.
#[derive(Debug)]
pub struct Allocator {
    settings: Settings,
    counters: Counters,
    cache: Cache,
    pool: Option<Slots>,
    limiter: Option<Ref<Limiter>>,
    backend: Backend,
}

static ALLOCATORS: Slab<Allocator> = Slab::new();

impl Kind for Allocator {
    const TAG: u32 = u32::from_be_bytes(*b"ALOC");

    fn slab() -> &'static Slab<Self> {
        &ALLOCATORS
    }
}

/// The one that memories come from when no other is named.
static DEFAULT: Allocator = Allocator::from_parts(Settings::DEFAULT, None, None, Backend::DEFAULT);

impl Allocator {
    const fn from_parts(
        settings: Settings,
        pool: Option<Slots>,
        limiter: Option<Ref<Limiter>>,
        backend: Backend,
    ) -> Self {
        Self { settings, counters: Counters::new(), cache: Cache::new(), pool, limiter, backend }
    }

    /// An allocator with the default settings.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Ref<Self>> {
        Self::with(Settings::DEFAULT, None, Backend::DEFAULT)
    }

    fn with(
        settings: Settings,
        limiter: Option<Ref<Limiter>>,
        backend: Backend,
    ) -> Result<Ref<Self>> {
        let vacancy = Vacancy::<Self>::take()?;
        let group = Group(vacancy.address().addr());
        let pool = match settings.pool {
            Some(size) => Some(reserve_pool(&settings, size, group)?),
            None => None,
        };
        Ok(vacancy.fill(Self::from_parts(settings, pool, limiter, backend)))
    }

    /// The one that memories come from when no other is named.
    pub(crate) const fn default_one() -> &'static Self {
        &DEFAULT
    }

    pub(crate) const fn size_limit(&self) -> u64 {
        self.settings.size_limit
    }

    /// Whose statistics the regions of this allocator belong to.
    fn group(&self) -> Group {
        Group(ptr::from_ref(self).addr())
    }

    /// A body for a memory of `memory_type` whose first `bytes` bytes can be used and start from
    /// `image`. Tells also whether another memory had it before.
    ///
    /// # Errors
    /// [`Error::PoolExhausted`], [`Error::AddressSpace`], [`Error::Commit`] and
    /// [`Error::MapCount`].
    pub(crate) fn create(
        &self,
        memory_type: &MemoryType,
        bytes: u64,
        image: Option<&Ref<Frozen>>,
    ) -> Result<(Body, bool)> {
        let (mut body, reused) = match &self.pool {
            Some(pool) => self.create_in(pool, bytes, image)?,
            None => match self.create_alone(memory_type, bytes, image) {
                // The host may have room for it when nothing is kept any more.
                Err(error) if self.may_have_room_for(&error) => {
                    self.create_alone(memory_type, bytes, image)?
                }
                outcome => outcome?,
            },
        };
        if self.settings.prefault {
            body.region_mut().populate(units::low_bits(bytes));
        }
        self.counters.created(reused);
        Ok((body, reused))
    }

    fn create_in(
        &self,
        pool: &Slots,
        bytes: u64,
        image: Option<&Ref<Frozen>>,
    ) -> Result<(Body, bool)> {
        let slots = u64::from(pool.count());
        let exhausted =
            Error::PoolExhausted { requested: slots.saturating_add(1), available: slots };
        let (mut region, reused) = pool.take(image).ok_or(exhausted)?;
        // What could not be cleaned when it came back is cleaned now.
        if !region.clean(self.keep_for_reuse()) {
            region.overwrite();
        }
        let mut body = Body::of_slot(region, self.settings.bounds);
        match body.make_ready(bytes, image) {
            Ok(()) => Ok((body, reused)),
            Err(error) => {
                self.take_back(body);
                Err(error)
            }
        }
    }

    fn create_alone(
        &self,
        memory_type: &MemoryType,
        bytes: u64,
        image: Option<&Ref<Frozen>>,
    ) -> Result<(Body, bool)> {
        let bounds = self.settings.bounds;
        ladder::climb_down(&self.settings, memory_type, bytes, |Rung { shape, mobility }| {
            let like = |body: &Body| body.is_like(shape, mobility, bounds);
            while let Some(mut body) = self.cache.take(image, like) {
                // One that the host does not let be made ready is given up, and another tried.
                if body.make_ready(bytes, image).is_ok() {
                    return Ok((body, true));
                }
            }
            let body = Body::reserve(shape, mobility, bounds, self.group(), &self.backend)?;
            self.advise_huge_pages(|wanted| body.region().advise_huge_pages(wanted));
            Ok((body, false))
        })
        .and_then(|(mut body, reused)| {
            if !reused {
                body.make_ready(bytes, image)?;
            }
            Ok((body, reused))
        })
    }

    fn advise_huge_pages(&self, advise: impl FnOnce(bool)) {
        advise_huge_pages(&self.settings, advise);
    }

    fn keep_for_reuse(&self) -> usize {
        units::host(self.settings.keep_for_reuse()).unwrap_or(usize::MAX)
    }

    /// Takes back what a memory leaves. `written` tells whether anybody may have written to it.
    pub(crate) fn release(&self, mut body: Body, bytes: u64, written: bool) {
        if written {
            body.region_mut().set_written();
        }
        self.take_back(body);
        self.counters.take_bytes(bytes);
        self.counters.take_memory();
    }

    /// Cleans a body for the next memory and keeps it, or gives it back to the host.
    fn take_back(&self, mut body: Body) {
        body.region().set_owner(None);
        // What will not be kept need not be cleaned.
        if self.pool.is_none() && (!body.is_reusable() || !self.cache.has_room()) {
            return;
        }
        if region::open_is_charged() {
            // That empties it too. What is refused stays charged until it is used again, no worse.
            let _ = body.region_mut().close_to(0);
        }
        let clean = body.region_mut().clean(self.keep_for_reuse());
        match &self.pool {
            Some(pool) => {
                let mut region = body.into_region();
                self.limit_kept(pool, &mut region);
                pool.put(region);
            }
            None if clean => self.cache.put(body, self.settings.kept_bytes),
            // What cannot be cleaned is nobody's again.
            None => drop(body),
        }
    }

    fn limit_kept(&self, pool: &Slots, region: &mut Region) {
        let resident = units::bytes(region.resident());
        if resident > 0 && pool.kept_bytes().saturating_add(resident) > self.settings.kept_bytes {
            let _ = region.drop_resident();
        }
    }

    /// Makes the first `bytes` bytes of a body usable, moving it where there is no other way. A
    /// refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] and [`Error::SlotSize`] when the body may not move, and those
    /// of [`Allocator::create`].
    pub(crate) fn grow(
        &self,
        memory_type: &MemoryType,
        body: &mut Body,
        bytes: u64,
        moving: Moving,
    ) -> Result<Growth> {
        let growth = match self.grow_once(memory_type, body, bytes, moving) {
            Err(error) if self.may_have_room_for(&error) => {
                self.grow_once(memory_type, body, bytes, moving)
            }
            outcome => outcome,
        }?;
        self.counters.grown(matches!(growth, Growth::Moved { .. }));
        Ok(growth)
    }

    fn grow_once(
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
                let base = body.region().base();
                let old = ladder::climb_down_to_move(&self.settings, memory_type, all, |shape| {
                    body.move_to(shape, bytes, old)
                })?;
                // A heap may have room behind a block.
                let in_place = body.region().base() == base;
                Ok(if in_place { Growth::InPlace } else { Growth::Moved { old, unforked } })
            }
            _ => body.open_to(bytes).map(|()| Growth::InPlace),
        }
    }

    /// Does growth to `bytes` bytes call functions of the embedder's? Then it must not find a lock of the
    /// library's held.
    pub(crate) fn calls_out_to_grow(&self, body: &Body, bytes: u64, moving: Moving) -> bool {
        let calls_out = matches!(&self.backend, Backend::Heap(heap) if heap.calls_out());
        calls_out && matches!(moving, Moving::Allowed(_)) && body.moves_for(bytes)
    }

    /// Brings a body back in place to `bytes` bytes of `image`. A refusal changes nothing.
    ///
    /// # Errors
    /// Those of [`Allocator::grow`].
    pub(crate) fn reset(
        &self,
        body: &mut Body,
        bytes: u64,
        image: Option<&Ref<Frozen>>,
    ) -> Result<()> {
        let keep = units::host(self.settings.keep_at_reset()).unwrap_or(usize::MAX);
        match body.reset(bytes, image, keep) {
            Err(error) if self.may_have_room_for(&error) => body.reset(bytes, image, keep),
            outcome => outcome,
        }
    }

    /// Counts a discard.
    pub(crate) fn discarded(&self, bytes: u64) {
        self.counters.discarded(bytes);
    }

    /// Counts a refusal, and tells whoever wants to hear of it.
    pub(crate) fn refused(&self, error: &Error) {
        self.counters.refused();
        if let Some(limiter) = &self.limiter {
            limiter.refused(error);
        }
    }

    /// Was it the host that refused, and has it more now that nothing is kept any more?
    fn may_have_room_for(&self, refused: &Error) -> bool {
        let of_heap = self.settings.on_heap && matches!(refused, Error::OutOfMemory { .. });
        (of_heap || refused.is_of_host()) && self.empty_caches()
    }

    /// Gives up what is kept here and by the default allocator. True when there was something.
    fn empty_caches(&self) -> bool {
        let here = self.cache.empty();
        let there = DEFAULT.cache.empty();
        here || there
    }

    /// Gives back all that is kept for reuse. Any thread.
    pub fn trim(&self) {
        self.cache.empty();
        if let Some(pool) = &self.pool {
            pool.each_free(|region| {
                let _ = region.drop_resident();
            });
        }
    }

    /// What the allocator has and has done. Any thread.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut reserved_bytes = 0_u64;
        // Nobody tells that of a heap.
        let mut resident_bytes = if self.settings.on_heap { None } else { Some(0_u64) };
        registry::each_of(self.group(), |start, length| {
            reserved_bytes = reserved_bytes.saturating_add(units::bytes(length));
            resident_bytes = resident_bytes
                .and_then(|sum| sum.checked_add(region::resident_bytes(start, length)?));
        });
        let kept_in_pool = self.pool.as_ref().map_or(0, Slots::kept_bytes);
        let kept_bytes = self.cache.resident().saturating_add(kept_in_pool);
        Statistics { reserved_bytes, resident_bytes, kept_bytes, ..self.counters.statistics() }
    }
}

fn reserve_pool(settings: &Settings, size: PoolSize, group: Group) -> Result<Slots> {
    let shape = ladder::slot_shape(settings, size.slot_bytes)?;
    let checked = settings.bounds == Bounds::Checked;
    let shape = if checked { shape.uncharged() } else { shape };
    let open_all = checked && !region::open_is_charged();
    let outer = settings.guard_after_pool();
    let reserve = || Slots::reserve(shape, size.slots, open_all, outer, group);
    let slots = match reserve() {
        Err(error) if error.is_of_host() && DEFAULT.cache.empty() => reserve(),
        outcome => outcome,
    }?;
    advise_huge_pages(settings, |wanted| slots.advise_huge_pages(wanted));
    Ok(slots)
}

/// Large pages are used when they are asked for; where a page is touched here and there in a large
/// open range, they are kept away.
fn advise_huge_pages(settings: &Settings, advise: impl FnOnce(bool)) {
    let sparse = settings.bounds == Bounds::Checked || settings.pool.is_some();
    if settings.huge_pages {
        advise(true);
    } else if sparse && region::huge_pages_come_unasked() {
        advise(false);
    }
}
