//! Many regions of one shape in one reservation: the slots of a pool.
//!
//! ```text
//!    | guard before | slot 0 | guard | slot 1 | guard | … | slot n-1 | guard after |
//! ```
//!
//! A guard between two slots serves both: it is as long as the longer of the two that they ask for.
//! What is known of a slot is in a table in type-stable storage, so that a signal handler can look
//! at it ([`find`](super::registry::find)) while the pool goes.
#![allow(unsafe_code, reason = "owns address space, and storage that signal handlers read")]

use super::backend::Region;
use super::clean::History;
use super::frozen::Frozen;
use super::lock::Repair;
use super::os::{self, Access, Charge};
use super::registry::{Found, Group, Owner, Registration};
use super::reservation::{Reservation, give_back};
use super::shape::Shape;
use super::slab::{Ref, Slot};
use super::{page_size, refusal};
use crate::error::{Error, Result};
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Guard, Lock, Ordering, storage};
use crate::units;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::sync::atomic::compiler_fence;

/// No slot.
const NONE: u32 = u32::MAX;

/// What is known of one slot. All zero bytes are one that was never used.
#[repr(C)]
struct Entry {
    owner: AtomicPtr<()>,
    /// What a free slot is mapped with: one reference to it.
    image: AtomicPtr<Slot<Frozen>>,
    /// Of a free slot, in host pages.
    open: AtomicU32,
    resident: AtomicU32,
    /// Of a free slot: the next one.
    next: AtomicU32,
    /// Of a free slot: [`TORN`], [`WRITTEN`], [`STALE`], and above those its history.
    flags: AtomicU32,
}

const TORN: u32 = 1;
const WRITTEN: u32 = 2;
const STALE: u32 = 4;
const HISTORY: u32 = 8;

/// The slots of one pool. Its entries follow it in memory.
#[derive(Debug)]
#[repr(C)]
pub(super) struct SlotTable {
    /// Address of the first slot.
    base: AtomicUsize,
    stride: AtomicUsize,
    reservation: AtomicUsize,
    guard_before: AtomicUsize,
    guard_after: AtomicUsize,
    count: AtomicU32,
    /// How many entries the storage holds; never changes.
    capacity: AtomicU32,
}

/// One slot, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotNumber {
    pub(super) table: &'static SlotTable,
    pub(super) index: u32,
}

impl SlotNumber {
    /// From here on addresses in the slot are found, as `owner`'s.
    pub(super) fn set_owner(&self, owner: Option<NonNull<()>>) {
        if let Some(entry) = self.table.entry(self.index) {
            entry.owner.store(owner.map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Release);
        }
    }
}

impl SlotTable {
    /// A table with room for `count` slots, one that another pool has left where there is one.
    fn for_slots(count: u32) -> Result<&'static Self> {
        let mut left = LEFT.lock();
        let fits = |table: &&'static Self| {
            let capacity = table.capacity.load(Ordering::Relaxed);
            capacity >= count && capacity.wrapping_shr(2) <= count
        };
        if let Some(place) = left.0.iter_mut().find(|place| place.as_ref().is_some_and(fits)) {
            if let Some(table) = place.take() {
                return Ok(table);
            }
        }
        drop(left);
        let entries =
            usize::try_from(count).ok().and_then(|count| count.checked_mul(size_of::<Entry>()));
        let bytes = entries
            .and_then(|entries| entries.checked_add(size_of::<Self>()))
            .and_then(|bytes| bytes.checked_next_multiple_of(page_size()))
            .filter(|bytes| isize::try_from(*bytes).is_ok())
            .ok_or(Error::OutOfMemory { requested: u64::MAX, available: 0, os_error: 0 })?;
        let table = storage(bytes)?.cast::<Self>();
        // SAFETY: zero bytes are a table without slots, which is never unmapped.
        let table: &'static Self = unsafe { table.as_ref() };
        table.capacity.store(count, Ordering::Relaxed);
        Ok(table)
    }

    fn entry(&'static self, index: u32) -> Option<&'static Entry> {
        if index >= self.capacity.load(Ordering::Relaxed) {
            return None;
        }
        let first: *const Entry = ptr::from_ref(self).wrapping_add(1).cast();
        let entry = first.wrapping_add(usize::try_from(index).ok()?);
        // SAFETY: the storage holds `capacity` entries behind the table and is never unmapped.
        unsafe { entry.as_ref() }
    }

    /// Which slot `address` belongs to, when somebody has that. `base` is where the registry says
    /// that the first slot is. Async-signal-safe.
    pub(super) fn find(&'static self, address: usize, base: usize) -> Option<Found> {
        let stride = self.stride.load(Ordering::Relaxed);
        let reservation = self.reservation.load(Ordering::Relaxed);
        let before = self.guard_before.load(Ordering::Relaxed);
        let after = self.guard_after.load(Ordering::Relaxed);
        let found = |index: usize, base: usize| {
            let owner = self.entry(u32::try_from(index).ok()?)?.owner.load(Ordering::Acquire);
            NonNull::new(owner).map(|owner| Found {
                owner: Owner::Memory(owner),
                base,
                reservation,
            })
        };
        let at = |index: usize| index.checked_mul(stride).and_then(|at| base.checked_add(at));
        if address < base {
            return if base.wrapping_sub(address) <= before { found(0, base) } else { None };
        }
        let distance = address.wrapping_sub(base);
        let index = distance.checked_div(stride)?;
        let offset = distance.checked_rem(stride)?;
        if offset < reservation.saturating_add(after) {
            if let Some(found) = found(index, at(index)?) {
                return Some(found);
            }
        }
        // Else it may be the guard before the next one.
        let next = index.checked_add(1)?;
        let next_base = at(next)?;
        if next_base.wrapping_sub(address) <= before { found(next, next_base) } else { None }
    }
}

/// Tables whose pool is gone.
struct Left([Option<&'static SlotTable>; 32]);

impl Repair for Left {
    fn repair(&mut self) {
        self.0 = [None; 32];
    }
}

static LEFT: Lock<Left> = Lock::new(Left([None; 32]));

/// The slots that are free.
#[derive(Debug)]
struct Free {
    first: u32,
    /// Slots from here on were never used.
    unused: u32,
    /// Bytes in memory over all free slots.
    resident: u64,
    /// The list may be cut short where a lost thread was changing it.
    torn: bool,
}

impl Repair for Free {
    /// The list is looked through before it is used again ([`Slots::free`]).
    fn repair(&mut self) {
        self.torn = true;
    }
}

/// The reservation of a pool. Dropped, it goes back to the host; no slot is in use then.
#[derive(Debug)]
pub(crate) struct Slots {
    start: NonNull<u8>,
    total: usize,
    shape: Shape,
    table: &'static SlotTable,
    registration: ManuallyDrop<Registration>,
    free: Lock<Free>,
    /// Every slot is open over its whole length from the start.
    opened: bool,
}

// SAFETY: the pool is the only owner of its range, and an address means the same to every thread.
unsafe impl Send for Slots {}
// SAFETY: what changes is behind a lock or atomic.
unsafe impl Sync for Slots {}

impl Slots {
    /// Reserves `count` slots of `shape`. With `open_all` they are opened at once, as one mapping where
    /// they have no guards between them, if the host has no objection.
    ///
    /// # Errors
    /// [`Error::AddressSpace`], [`Error::MapCount`] and [`Error::OutOfMemory`].
    pub(crate) fn reserve(
        shape: Shape,
        count: u32,
        open_all: bool,
        outer_guard: u64,
        group: Group,
    ) -> Result<Self> {
        let (stride, total) = sizes(shape, count, outer_guard).ok_or(Error::AddressSpace {
            requested: u64::MAX,
            available: 0,
            os_error: 0,
        })?;
        let table = SlotTable::for_slots(count)?;
        let mut unfinished = Unfinished(Some(table));
        let place = Registration::reserve()?;
        let start = os::map(total, Access::None, Charge::Never)
            .map_err(|errno| refusal::of_reservation(total, errno))?;
        // SAFETY: the guard before is the first part of the mapping.
        let base = unsafe { start.add(shape.guard_before()) };
        table.base.store(base.addr().get(), Ordering::Relaxed);
        table.stride.store(stride, Ordering::Relaxed);
        table.reservation.store(shape.reservation(), Ordering::Relaxed);
        table.guard_before.store(shape.guard_before(), Ordering::Relaxed);
        table.guard_after.store(shape.guard_after(), Ordering::Relaxed);
        table.count.store(count, Ordering::Relaxed);
        let registration = place.fill(start, total, base, shape.reservation(), group);
        registration.set_slots(table);
        unfinished.0 = None;
        let mut slots = Self {
            start,
            total,
            shape,
            table,
            registration: ManuallyDrop::new(registration),
            free: Lock::new(Free { first: NONE, unused: 0, resident: 0, torn: false }),
            opened: false,
        };
        slots.opened = open_all && slots.open_all(base, stride);
        Ok(slots)
    }

    fn open_all(&self, base: NonNull<u8>, stride: usize) -> bool {
        if stride != self.shape.reservation() {
            return false;
        }
        let length = usize::try_from(self.table.count.load(Ordering::Relaxed))
            .ok()
            .and_then(|count| count.checked_mul(stride));
        // SAFETY: the slots are part of the pool's own mapping, and nobody uses them yet.
        length.is_some_and(|length| unsafe { os::protect(base, length, Access::ReadWrite).is_ok() })
    }

    /// Advice on large pages for all slots.
    pub(crate) fn advise_huge_pages(&self, wanted: bool) {
        let advice = if wanted { os::Advice::HugePages } else { os::Advice::NoHugePages };
        // SAFETY: the pool's own mapping; contents stay.
        let _ = unsafe { os::advise(self.start, self.total, advice) };
    }

    /// The shape of each slot.
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    /// The free slots. In the child of a fork that met another thread in the middle of a change, what
    /// that thread had in its hands is lost, and no other slot.
    fn free(&self) -> Guard<'_, Free> {
        let mut free = self.free.lock();
        if free.torn {
            self.mend(&mut free);
        }
        free
    }

    /// Keeps the part of the list that is whole: of slots that nobody has, each once.
    #[cold]
    fn mend(&self, free: &mut Free) {
        free.torn = false;
        let (mut resident, mut steps, mut at) = (0_u64, 0_u32, free.first);
        let mut before: Option<&Entry> = None;
        while at < free.unused && steps < free.unused {
            let Some(entry) = self.table.entry(at) else { break };
            if !entry.owner.load(Ordering::Relaxed).is_null() {
                break;
            }
            let pages = u64::from(entry.resident.load(Ordering::Relaxed));
            resident = resident.saturating_add(pages.saturating_mul(units::bytes(page_size())));
            (before, at) = (Some(entry), entry.next.load(Ordering::Relaxed));
            steps = steps.saturating_add(1);
        }
        if at != NONE {
            match before {
                Some(last) => last.next.store(NONE, Ordering::Relaxed),
                None => free.first = NONE,
            }
        }
        free.resident = resident;
    }

    pub(crate) fn count(&self) -> u32 {
        self.table.count.load(Ordering::Relaxed)
    }

    /// Bytes in memory over all free slots.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.free().resident
    }

    /// Takes a free slot: one that is mapped with `image` where such a one is near. `None` when all
    /// are in use.
    pub(crate) fn take(&self, image: Option<&Ref<Frozen>>) -> Option<(Region, bool)> {
        let mut free = self.free();
        if let Some(index) = self.take_free(&mut free, image) {
            let region = self.region_of(&mut free, index)?;
            return Some((Region::Reserved(region), true));
        }
        let index = free.unused;
        if index >= self.count() {
            return None;
        }
        free.unused = index.wrapping_add(1);
        drop(free);
        let mut region = Reservation::of_slot(self.address(index)?, self.shape, self.number(index));
        if self.opened {
            region.open = self.shape.reservation();
        }
        Some((Region::Reserved(region), false))
    }

    /// Takes the best of the free slots that were used before off the list.
    fn take_free(&self, free: &mut Free, image: Option<&Ref<Frozen>>) -> Option<u32> {
        /// So many are looked at.
        const NEAR: usize = 16;
        let wanted = image.map_or(ptr::null_mut(), |image| image.slot().as_ptr());
        let mut before = None;
        let mut at = free.first;
        for _ in 0..NEAR {
            let Some(entry) = self.table.entry(at) else { break };
            let next = entry.next.load(Ordering::Relaxed);
            if entry.image.load(Ordering::Relaxed) == wanted {
                match before {
                    None => free.first = next,
                    Some(before) => {
                        let before: &Entry = before;
                        before.next.store(next, Ordering::Relaxed);
                    }
                }
                return Some(at);
            }
            before = Some(entry);
            at = next;
        }
        if free.unused < self.count() {
            // A slot that was never used leaves the others to whoever has their images.
            return None;
        }
        let first = free.first;
        free.first = self.table.entry(first)?.next.load(Ordering::Relaxed);
        Some(first)
    }

    /// The slot's own record is changed only when it is off the list, so that a child never finds it
    /// there half changed.
    fn region_of(&self, free: &mut Free, index: u32) -> Option<Reservation> {
        compiler_fence(Ordering::SeqCst);
        let entry = self.table.entry(index)?;
        let mut region = Reservation::of_slot(self.address(index)?, self.shape, self.number(index));
        let bytes = |pages: &AtomicU32| {
            let pages = usize::try_from(pages.load(Ordering::Relaxed)).unwrap_or(0);
            pages.wrapping_mul(page_size())
        };
        region.open = bytes(&entry.open);
        region.resident = bytes(&entry.resident);
        let flags = entry.flags.load(Ordering::Relaxed);
        region.torn = flags & TORN != 0;
        region.written = flags & WRITTEN != 0;
        region.stale = flags & STALE != 0;
        region.history = History::from_bits(flags >> HISTORY);
        let image = entry.image.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: the entry held one reference, which is taken out here.
        region.image = NonNull::new(image).map(|slot| unsafe { Ref::from_slot(slot) });
        free.resident = free.resident.saturating_sub(units::bytes(region.resident));
        Some(region)
    }

    /// Takes a slot back, as it is.
    pub(crate) fn put(&self, region: Region) {
        let Region::Reserved(region) = region else { return };
        region.set_owner(None);
        self.put_free(&mut self.free(), region);
    }

    fn put_free(&self, free: &mut Free, mut region: Reservation) {
        let Some(slot) = region.slot() else { return };
        let Some(entry) = self.table.entry(slot.index) else { return };
        let pages = |bytes: usize| {
            let pages = bytes.checked_div(page_size()).and_then(|pages| u32::try_from(pages).ok());
            pages.unwrap_or(0)
        };
        entry.open.store(pages(region.open), Ordering::Relaxed);
        entry.resident.store(pages(region.resident), Ordering::Relaxed);
        let flags = if region.torn { TORN } else { 0 } | if region.written { WRITTEN } else { 0 };
        let flags = flags | if region.stale { STALE } else { 0 };
        let flags = flags | region.history.to_bits() << HISTORY;
        entry.flags.store(flags, Ordering::Relaxed);
        let image = region.image.take().map_or(ptr::null_mut(), |image| image.into_slot().as_ptr());
        entry.image.store(image, Ordering::Relaxed);
        entry.next.store(free.first, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        free.first = slot.index;
        free.resident = free.resident.saturating_add(units::bytes(region.resident));
    }

    /// Hands every free slot that was used before to `each`. None is given out meanwhile. Only one at a
    /// time is off the list, for a fork in the middle.
    pub(crate) fn each_free(&self, mut each: impl FnMut(&mut Reservation)) {
        let mut free = self.free();
        let mut at = free.first;
        // What was handed out goes to the front; those to come follow the first of them.
        let mut before: Option<&Entry> = None;
        while let Some(entry) = self.table.entry(at) {
            let next = entry.next.load(Ordering::Relaxed);
            match before {
                None => free.first = next,
                Some(before) => before.next.store(next, Ordering::Relaxed),
            }
            if let Some(mut region) = self.region_of(&mut free, at) {
                each(&mut region);
                self.put_free(&mut free, region);
                before = before.or(Some(entry));
            }
            at = next;
        }
    }

    const fn number(&self, index: u32) -> SlotNumber {
        SlotNumber { table: self.table, index }
    }

    fn address(&self, index: u32) -> Option<NonNull<u8>> {
        let stride = self.table.stride.load(Ordering::Relaxed);
        let offset = usize::try_from(index).ok()?.checked_mul(stride)?;
        let offset = offset.checked_add(self.shape.guard_before())?;
        // SAFETY: the slot is a part of the pool's own mapping.
        (offset < self.total).then(|| unsafe { self.start.add(offset) })
    }
}

/// A table that goes back where a pool could not be made.
struct Unfinished(Option<&'static SlotTable>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(table) = self.0 {
            leave(table);
        }
    }
}

/// Keeps the table for a later pool. All its entries are as if never used.
fn leave(table: &'static SlotTable) {
    if let Some(place) = LEFT.lock().0.iter_mut().find(|place| place.is_none()) {
        *place = Some(table);
    }
}

/// Distance of two slots, and the length of the whole reservation.
fn sizes(shape: Shape, count: u32, outer_guard: u64) -> Option<(usize, usize)> {
    let between = shape.guard_before().max(shape.guard_after());
    let stride = shape.reservation().checked_add(between)?;
    let slots = stride.checked_mul(usize::try_from(count).ok()?)?;
    let end = shape.guard_after().max(between).max(units::host(outer_guard)?);
    let total = slots.checked_add(shape.guard_before())?.checked_add(end)?;
    let total = total.checked_next_multiple_of(page_size())?;
    isize::try_from(total).is_ok().then_some((stride, total))
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.registration) };
        give_back(self.start, self.total);
        let used = self.free().unused;
        for index in 0..used {
            let Some(entry) = self.table.entry(index) else { break };
            entry.owner.store(ptr::null_mut(), Ordering::Relaxed);
            let image = entry.image.swap(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: the entry held one reference, which is taken out here.
            drop(NonNull::new(image).map(|slot| unsafe { Ref::from_slot(slot) }));
            for number in [&entry.open, &entry.resident, &entry.next, &entry.flags] {
                number.store(0, Ordering::Relaxed);
            }
        }
        leave(self.table);
    }
}

#[cfg(test)]
mod tests;
