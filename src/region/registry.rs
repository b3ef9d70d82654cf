//! Which region does an address belong to? Answered inside a signal handler: no lock, no
//! allocation, no thread-local, and correct while other threads register and remove.
//!
//! Each region has an [`Entry`] in type-stable storage. Entries are found through a hash table with
//! linear probing whose key is where a region starts, in units of the largest power of two that its
//! length holds: two regions of one such size class cannot start in the same unit, and an address
//! in a region is at most two units behind its start. So a look-up probes three places for each
//! size class that occurs.
//!
//! Writers take a lock. A reader may interrupt one in the middle, on the same thread even, so every
//! intermediate state must be readable:
//! * a removal closes the gap by copying entries back, and clears the old place only after the
//!   copy; [`MOVES`] rises in between, so a reader that found nothing knows whether it may have been
//!   overtaken, and looks again. A writer that is being interrupted moves nothing meanwhile.
//! * a larger table is filled before it is published, and the smaller one stays as it is.
//! * an entry carries a version that is odd while it is written, which happens only while no table
//!   holds it.
#![allow(unsafe_code, reason = "reads entries through pointers that other threads replace")]

use super::lock::Repair;
use super::page_size;
use super::slots::SlotTable;
use crate::error::{Error, Result};
use crate::sync::{
    AtomicPtr, AtomicU32, AtomicUsize, FIRST_TABLE_LOG2, Guard, Lock, Ordering, fence, storage,
};
use crate::units;
use core::ptr::{self, NonNull};

/// Where a region lies and whose it is.
///
/// All zero bytes are an entry that is not in use.
#[derive(Debug)]
struct Entry {
    version: AtomicU32,
    start: AtomicUsize,
    base: AtomicUsize,
    reservation: AtomicUsize,
    length: AtomicUsize,
    owner: AtomicPtr<()>,
    /// What of the body can be used when the owner is [`KEPT`].
    kept: AtomicUsize,
    /// The slots when the owner is [`POOL`]; a table is never unmapped.
    slots: AtomicPtr<SlotTable>,
    /// The next of the free list; guarded by the lock. Of a registered region, whose it is counted
    /// as: a [`Group`].
    next: AtomicPtr<Entry>,
}

/// Whose statistics a region belongs to, by an address that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(pub(crate) usize);

impl Group {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(0);
}

/// Who has a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// What [`Registration::set_owner`] was told.
    Memory(NonNull<()>),
    /// Only buffers, which keep so many bytes from the base usable.
    Buffers(usize),
}

/// Stands for an owner where only buffers keep a region; no object is at this address.
const KEPT: NonNull<()> = NonNull::<u8>::dangling().cast();

/// Stands for an owner where each slot of the region has its own; no object is at this address.
const POOL: NonNull<()> = NonNull::<u16>::dangling().cast();

/// What is known of an address that lies in a region which somebody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) owner: Owner,
    /// Address of the base.
    pub(crate) base: usize,
    /// Bytes from the base to the guard after.
    pub(crate) reservation: usize,
}

/// A region's place in the registry. Dropped, the region is not found any more.
#[derive(Debug)]
pub(crate) struct Registration {
    entry: &'static Entry,
}

impl Registration {
    /// Takes a place for a region that does not exist yet, so that what comes after cannot fail for
    /// want of memory.
    pub(crate) fn reserve() -> Result<Place> {
        let mut registry = lock();
        registry.make_room()?;
        Ok(Place { entry: registry.take_entry()? })
    }

    /// Tells another reservation than the region has, as the layout of its memory does.
    pub(crate) fn set_reservation(&self, bytes: usize) {
        self.entry.reservation.store(bytes, Ordering::Relaxed);
    }

    /// Whose the addresses in the region are.
    pub(crate) fn owner(&self) -> Option<NonNull<()>> {
        NonNull::new(self.entry.owner.load(Ordering::Acquire))
    }

    /// Whose statistics the region belongs to.
    pub(crate) fn group(&self) -> Group {
        Group(self.entry.next.load(Ordering::Relaxed).addr())
    }

    /// From here on addresses in the region are found as `table` says of each slot.
    pub(super) fn set_slots(&self, table: &'static SlotTable) {
        self.entry.slots.store(ptr::from_ref(table).cast_mut(), Ordering::Relaxed);
        self.set_owner(Some(POOL));
    }

    /// From here on addresses in the region are found as bytes that only buffers keep.
    pub(crate) fn set_kept(&self, bytes: usize) {
        self.entry.kept.store(bytes, Ordering::Relaxed);
        self.set_owner(Some(KEPT));
    }

    /// From here on addresses in the region are found, as `owner`'s. `None` makes them not found.
    pub(crate) fn set_owner(&self, owner: Option<NonNull<()>>) {
        self.entry.owner.store(owner.map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Release);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.set_owner(None);
        let mut registry = lock();
        registry.remove(self.entry);
        registry.put_entry(self.entry);
    }
}

/// An entry that was taken and is not in the table.
pub(crate) struct Place {
    entry: &'static Entry,
}

impl Place {
    /// Registers `[start, start + length)`, nobody's so far.
    pub(crate) fn fill(
        self,
        start: NonNull<u8>,
        length: usize,
        base: NonNull<u8>,
        reservation: usize,
        group: Group,
    ) -> Registration {
        let entry = self.entry;
        core::mem::forget(self);
        let version = entry.version.load(Ordering::Relaxed);
        entry.version.store(version | 1, Ordering::Relaxed);
        fence(Ordering::Release);
        entry.start.store(start.addr().get(), Ordering::Relaxed);
        entry.length.store(length, Ordering::Relaxed);
        entry.base.store(base.addr().get(), Ordering::Relaxed);
        entry.reservation.store(reservation, Ordering::Relaxed);
        entry.owner.store(ptr::null_mut(), Ordering::Relaxed);
        entry.next.store(ptr::without_provenance_mut(group.0), Ordering::Relaxed);
        entry.version.store((version | 1).wrapping_add(1), Ordering::Release);
        lock().insert(entry);
        Registration { entry }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut registry = lock();
        registry.reserved = registry.reserved.saturating_sub(1);
        registry.put_entry(self.entry);
    }
}

/// Hands where each region of `group` starts, and its length, to `each`. No region goes meanwhile.
pub(crate) fn each_of(group: Group, mut each: impl FnMut(usize, usize)) {
    let _registry = lock();
    let Some(table) = Table::current() else { return };
    for place in table.places {
        // SAFETY: entries are never unmapped.
        let Some(entry) = (unsafe { place.load(Ordering::Acquire).as_ref() }) else { continue };
        if entry.next.load(Ordering::Relaxed).addr() == group.0 {
            each(entry.start.load(Ordering::Relaxed), entry.length.load(Ordering::Relaxed));
        }
    }
}

/// Finds the region of an address. Async-signal-safe.
pub(crate) fn find(address: usize) -> Option<Found> {
    loop {
        let moves = MOVES.load(Ordering::Acquire);
        let found = find_once(address);
        // Nothing found although entries were moved meanwhile may only mean that they were passed.
        if found.is_some() || MOVES.load(Ordering::Acquire) == moves {
            return found;
        }
    }
}

fn find_once(address: usize) -> Option<Found> {
    let table = Table::current()?;
    let mut classes = CLASSES.load(Ordering::Acquire);
    while classes != 0 {
        let class = classes.trailing_zeros();
        classes &= classes.wrapping_sub(1);
        let unit = address.wrapping_shr(class);
        for behind in 0..=2_usize {
            let Some(start) = unit.checked_sub(behind) else { break };
            for place in table.probe(hash(class, start)) {
                let entry = place.load(Ordering::Acquire);
                // SAFETY: entries are never unmapped.
                let Some(entry) = (unsafe { entry.as_ref() }) else { break };
                if let Some(found) = entry.look(address) {
                    return Some(found);
                }
            }
        }
    }
    None
}

impl Entry {
    /// What the entry says of `address`, when the entry is in use and the address is its own.
    fn look(&self, address: usize) -> Option<Found> {
        let version = self.version.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Relaxed);
        let length = self.length.load(Ordering::Relaxed);
        let base = self.base.load(Ordering::Relaxed);
        let reservation = self.reservation.load(Ordering::Relaxed);
        let owner = self.owner.load(Ordering::Acquire);
        let kept = self.kept.load(Ordering::Relaxed);
        let slots = self.slots.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let whole = version & 1 == 0 && self.version.load(Ordering::Relaxed) == version;
        if !whole || address.wrapping_sub(start) >= length {
            return None;
        }
        if owner == POOL.as_ptr() {
            // SAFETY: tables of slots are never unmapped.
            return unsafe { slots.as_ref() }?.find(address, base);
        }
        NonNull::new(owner).map(|owner| Found {
            owner: if owner == KEPT { Owner::Buffers(kept) } else { Owner::Memory(owner) },
            base,
            reservation,
        })
    }

    /// Where the table has the entry, unless others are in the way.
    fn home(&self) -> usize {
        let class = self.class();
        hash(class, self.start.load(Ordering::Relaxed).wrapping_shr(class))
    }

    /// Logarithm of the largest power of two that the region's length holds.
    fn class(&self) -> u32 {
        self.length.load(Ordering::Relaxed).checked_ilog2().unwrap_or(0)
    }
}

#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "any bits will do")]
fn hash(class: u32, start: usize) -> usize {
    // The fractional part of the golden ratio spreads neighbours over the table.
    let key = units::bytes(start) ^ u64::from(class).wrapping_shl(56);
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(32) as usize
}

/// Rises when an entry is at another place than before and has not left the old one yet.
static MOVES: AtomicUsize = AtomicUsize::new(0);

/// Bit n: regions of size class n occur, or did.
static CLASSES: AtomicUsize = AtomicUsize::new(0);

/// The tables by the logarithm of their size. One that was made stays.
static TABLES: [AtomicPtr<AtomicPtr<Entry>>; 48] = [const { AtomicPtr::new(ptr::null_mut()) }; 48];

/// Logarithm of the size of the table in use; 0 before there is one.
static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// Places for 2^`log2` entries.
#[derive(Clone, Copy)]
struct Table {
    places: &'static [AtomicPtr<Entry>],
}

impl Table {
    /// The table in use.
    fn current() -> Option<Self> {
        Self::of_size(CURRENT.load(Ordering::Acquire))
    }

    fn of_size(log2: usize) -> Option<Self> {
        let first = NonNull::new(TABLES.get(log2)?.load(Ordering::Acquire))?;
        let length = 1_usize.checked_shl(u32::try_from(log2).ok()?)?;
        // SAFETY: a table is a mapping of that many places which is never unmapped; zeroed ones are
        // NULL.
        Some(Self { places: unsafe { core::slice::from_raw_parts(first.as_ptr(), length) } })
    }

    const fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    /// The places from `home` on, all around once.
    fn probe(&self, home: usize) -> impl Iterator<Item = &'static AtomicPtr<Entry>> {
        let (places, start) = (self.places, home & self.mask());
        let (front, back) = places.split_at_checked(start).unwrap_or((&[], places));
        back.iter().chain(front)
    }

    fn place(&self, index: usize) -> &'static AtomicPtr<Entry> {
        static NOWHERE: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());
        // The mask keeps the index inside; a table is never empty.
        self.places.get(index & self.mask()).unwrap_or(&NOWHERE)
    }

    fn insert(&self, entry: &'static Entry) {
        if let Some(place) =
            self.probe(entry.home()).find(|place| place.load(Ordering::Relaxed).is_null())
        {
            place.store(ptr::from_ref(entry).cast_mut(), Ordering::Release);
        }
    }

    /// Takes `entry` out and closes the gap, so that no probe sequence is broken.
    fn remove(&self, entry: &'static Entry) {
        let home = entry.home();
        let Some(distance) =
            self.probe(home).position(|place| ptr::eq(place.load(Ordering::Relaxed), entry))
        else {
            return;
        };
        let mut gap = home.wrapping_add(distance) & self.mask();
        let mut next = gap;
        loop {
            next = next.wrapping_add(1) & self.mask();
            let follower = self.place(next).load(Ordering::Relaxed);
            // SAFETY: entries are never unmapped.
            let Some(entry) = (unsafe { follower.as_ref() }) else { break };
            // One whose probe sequence does not pass the gap stays where it is.
            let from_home = next.wrapping_sub(entry.home()) & self.mask();
            let from_gap = next.wrapping_sub(gap) & self.mask();
            if from_home < from_gap {
                continue;
            }
            self.place(gap).store(follower, Ordering::Release);
            MOVES.fetch_add(1, Ordering::AcqRel);
            gap = next;
        }
        self.place(gap).store(ptr::null_mut(), Ordering::Release);
    }
}

/// What writers share.
struct Registry {
    /// Regions that are registered, and places that were reserved for ones to come.
    count: usize,
    reserved: usize,
    free: Option<&'static Entry>,
    /// Entries of the newest chunk that were never used.
    unused: &'static [Entry],
}

static REGISTRY: Lock<Registry> =
    Lock::new(Registry { count: 0, reserved: 0, free: None, unused: &[] });

fn lock() -> Guard<'static, Registry> {
    REGISTRY.lock()
}

impl Repair for Registry {
    /// The free list may be half changed. The table is readable in every state.
    fn repair(&mut self) {
        self.free = None;
        self.unused = &[];
    }
}

impl Registry {
    /// Sees to it that one more entry leaves at least half of the table empty.
    fn make_room(&mut self) -> Result<()> {
        let taken = self.count.saturating_add(self.reserved).saturating_add(1);
        let log2 = CURRENT.load(Ordering::Relaxed);
        let room = Table::of_size(log2).map_or(0, |table| table.places.len() >> 1);
        if taken > room {
            self.enlarge(if log2 == 0 { FIRST_TABLE_LOG2 } else { log2.saturating_add(1) })?;
        }
        Ok(())
    }

    fn enlarge(&mut self, log2: usize) -> Result<()> {
        // More than the address space holds.
        let impossible = Error::OutOfMemory { requested: u64::MAX, available: 0, os_error: 0 };
        let bytes = u32::try_from(log2)
            .ok()
            .and_then(|log2| size_of::<AtomicPtr<Entry>>().checked_shl(log2))
            .ok_or(impossible)?;
        let table = TABLES.get(log2).ok_or(impossible)?;
        let first = storage(bytes.max(page_size()))?;
        table.store(first.cast().as_ptr(), Ordering::Release);
        let larger = Table::of_size(log2).ok_or(impossible)?;
        if let Some(table) = Table::current() {
            for place in table.places {
                // SAFETY: entries are never unmapped.
                if let Some(entry) = unsafe { place.load(Ordering::Relaxed).as_ref() } {
                    larger.insert(entry);
                }
            }
        }
        CURRENT.store(log2, Ordering::Release);
        MOVES.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn take_entry(&mut self) -> Result<&'static Entry> {
        let entry = match self.free {
            Some(entry) => {
                // SAFETY: entries are never unmapped.
                self.free = unsafe { entry.next.load(Ordering::Relaxed).as_ref() };
                entry
            }
            None => self.take_unused()?,
        };
        self.reserved = self.reserved.saturating_add(1);
        Ok(entry)
    }

    fn take_unused(&mut self) -> Result<&'static Entry> {
        const CHUNK: usize = if cfg!(feature = "host") { 16 << 10 } else { 1 << 9 };
        if self.unused.is_empty() {
            let chunk = storage(CHUNK.max(page_size()))?;
            let count = const { CHUNK / size_of::<Entry>() };
            // SAFETY: zeroed bytes are entries, and the chunk is never unmapped.
            self.unused =
                unsafe { core::slice::from_raw_parts(chunk.cast::<Entry>().as_ptr(), count) };
        }
        let (entry, rest) = self.unused.split_first().ok_or(Error::OutOfMemory {
            requested: 0,
            available: 0,
            os_error: 0,
        })?;
        self.unused = rest;
        Ok(entry)
    }

    fn put_entry(&mut self, entry: &'static Entry) {
        let next = self.free.map_or(ptr::null_mut(), |next| ptr::from_ref(next).cast_mut());
        entry.next.store(next, Ordering::Relaxed);
        self.free = Some(entry);
    }

    fn insert(&mut self, entry: &'static Entry) {
        self.reserved = self.reserved.saturating_sub(1);
        self.count = self.count.saturating_add(1);
        CLASSES.fetch_or(1_usize.wrapping_shl(entry.class()), Ordering::AcqRel);
        if let Some(table) = Table::current() {
            table.insert(entry);
        }
    }

    fn remove(&mut self, entry: &'static Entry) {
        self.count = self.count.saturating_sub(1);
        if let Some(table) = Table::current() {
            table.remove(entry);
        }
    }
}

#[cfg(test)]
#[cfg(feature = "host")]
mod tests {
    use super::*;
    use crate::region::os;
    use crate::test_support::in_child;

    fn register(start: usize, length: usize) -> Registration {
        let start = NonNull::new(ptr::without_provenance_mut(start)).unwrap();
        let registration =
            Registration::reserve().unwrap().fill(start, length, start, length, Group::NONE);
        registration.set_owner(Some(start.cast()));
        registration
    }

    /// Where so many bytes of address space are that no other region can have.
    fn nowhere(length: usize) -> usize {
        os::map(length, os::Access::None, os::Charge::Never).unwrap().addr().get()
    }

    fn owner(address: usize) -> Option<usize> {
        find(address).map(|found| match found.owner {
            Owner::Memory(owner) => owner.addr().get(),
            Owner::Buffers(bytes) => bytes,
        })
    }

    #[test]
    fn every_byte_of_a_region_is_found_and_none_beside_it() {
        let sizes = [1, 2, 3, 4095, 4096, 65536, (4 << 30) + 65536, (8 << 30) - 1];
        // On a 32-bit host the last ones are smaller.
        let most = usize::MAX >> 4;
        let sizes = sizes.map(|size: u64| usize::try_from(size).unwrap_or(most).min(most));
        let mut start = nowhere(sizes.iter().sum::<usize>() + 64) + 7;
        let regions: Vec<_> = sizes
            .iter()
            .map(|length| {
                start += 5;
                let region = (start, *length, register(start, *length));
                start += length;
                region
            })
            .collect();
        for (start, length, _) in &regions {
            for inside in [0, length / 3, length / 2, length - 1] {
                assert_eq!(owner(start + inside), Some(*start), "{length} + {inside}");
            }
            assert_eq!(owner(start - 1), None);
            assert_eq!(owner(start + length), None);
        }
        let (start, _, _) = regions[6];
        drop(regions);
        assert_eq!(owner(start), None);
    }

    #[test]
    fn thousands_come_and_go_in_any_order() {
        let base = nowhere(5000 * 2 * 65536);
        let address = |index: usize| base + index * 2 * 65536;
        let mut live: Vec<Option<Registration>> = Vec::new();
        for index in 0..5000 {
            live.push(Some(register(address(index), 65536 + index)));
            if index % 3 == 0 {
                live[index / 2] = None;
            }
        }
        for (index, registration) in live.iter().enumerate() {
            let expected = registration.as_ref().map(|_| address(index));
            assert_eq!(owner(address(index) + 65535), expected, "{index}");
        }
    }

    #[test]
    fn a_region_that_stays_is_found_while_others_come_and_go() {
        in_child(|| {
            let base = nowhere((4 * 600) << 18);
            let _stays = register(base + 77, 70_000);
            std::thread::scope(|scope| {
                let writers: Vec<_> = (1..=3)
                    .map(|writer| {
                        scope.spawn(move || {
                            for round in 0..3000_usize {
                                let at = base + ((writer * 600 + round % 600) << 18);
                                drop((register(at, 65536), register(at + 100_000, 80_000)));
                            }
                        })
                    })
                    .collect();
                while writers.iter().any(|writer| !writer.is_finished()) {
                    assert_eq!(owner(base + 77), Some(base + 77));
                    assert_eq!(owner(base + 77 + 69_999), Some(base + 77));
                    assert_eq!(owner(base + 76), None);
                }
            });
        });
    }

    #[test]
    fn refused_storage_is_reported_and_leaves_nothing_behind() {
        use crate::faults::{self, Fault};
        in_child(|| {
            let mut registered = Vec::new();
            let fault = Fault { forever: true, ..Fault::nth(1) };
            let refused = faults::with(fault, || {
                loop {
                    match Registration::reserve() {
                        Ok(place) => registered.push(place),
                        Err(error) => return error,
                    }
                }
            });
            assert!(matches!(refused, Error::OutOfMemory { .. }), "{refused:?}");
            assert!(registered.len() < 1 << 20);
            drop(registered);
            let start = nowhere(1);
            let region = register(start, 1);
            assert_eq!(owner(start), Some(start));
            drop(region);
        });
    }
}
