//! Which slot an address belongs to, at every edge; and what of a list of free slots is left where a fork
//! met somebody who was changing it.

use super::*;
use crate::faults::{self, Call, Fault};
use crate::test_support::in_child;

/// Somebody who has the slot of this number.
fn somebody(index: usize) -> NonNull<()> {
    NonNull::new(ptr::without_provenance_mut((index + 1) * 64)).unwrap()
}

/// A table whose slots lie at `base`, with owners for those of `taken`.
fn table(base: usize, reservation: usize, before: usize, after: usize, taken: [bool; 4]) -> Slots4 {
    let table = SlotTable::for_slots(4).unwrap();
    let stride = reservation + before.max(after);
    table.stride.store(stride, Ordering::Relaxed);
    table.reservation.store(reservation, Ordering::Relaxed);
    table.guard_before.store(before, Ordering::Relaxed);
    table.guard_after.store(after, Ordering::Relaxed);
    table.count.store(4, Ordering::Relaxed);
    for (index, entry) in (0..4).map(|index| (index, table.entry(index).unwrap())) {
        let index = usize::try_from(index).unwrap();
        let owner = if taken[index] { somebody(index).as_ptr() } else { ptr::null_mut() };
        entry.owner.store(owner, Ordering::Relaxed);
    }
    Slots4 { table, base, stride, reservation, before, after, taken }
}

struct Slots4 {
    table: &'static SlotTable,
    base: usize,
    stride: usize,
    reservation: usize,
    before: usize,
    after: usize,
    taken: [bool; 4],
}

impl Slots4 {
    /// What `find` is to answer: the first taken slot in whose address space the address lies.
    fn expected(&self, address: usize) -> Option<Found> {
        let slots = (0..4).filter(|index| self.taken[*index]).map(|index| {
            let base = self.base + index * self.stride;
            let owner = Owner::Memory(somebody(index));
            Found { owner, base, reservation: self.reservation }
        });
        let mut found = slots.filter(|slot| {
            let end = slot.base + self.reservation + self.after;
            (slot.base - self.before..end).contains(&address)
        });
        found.next()
    }
}

impl Drop for Slots4 {
    fn drop(&mut self) {
        for index in 0..4 {
            self.table.entry(index).unwrap().owner.store(ptr::null_mut(), Ordering::Relaxed);
        }
        leave(self.table);
    }
}

#[test]
fn every_address_belongs_to_the_slot_whose_address_space_it_is_in() {
    for (reservation, before, after) in
        [(10, 0, 0), (10, 3, 0), (10, 0, 3), (10, 3, 5), (10, 5, 3), (4, 9, 9), (1, 1, 1)]
    {
        for taken in 0..16 {
            let taken = [0, 1, 2, 3].map(|index| taken >> index & 1 != 0);
            let slots = table(1000, reservation, before, after, taken);
            for address in 1000 - before..1000 + 4 * slots.stride + after {
                assert_eq!(
                    slots.table.find(address, 1000),
                    slots.expected(address),
                    "{address} of {reservation} with {before} and {after}, {taken:?}"
                );
            }
        }
    }
}

#[test]
fn a_table_is_used_again_for_as_many_slots_or_some_fewer() {
    in_child(|| {
        let table = SlotTable::for_slots(1000).unwrap();
        leave(table);
        // Too few to be worth it, and too many for its room.
        for count in [1001, 1, 249] {
            assert!(!ptr::eq(SlotTable::for_slots(count).unwrap(), table), "{count}");
        }
        for count in [1000, 250, 700] {
            assert!(ptr::eq(SlotTable::for_slots(count).unwrap(), table), "{count}");
            leave(table);
        }
        let same = SlotTable::for_slots(1000).unwrap();
        assert!(ptr::eq(same, table));
        assert!(!ptr::eq(SlotTable::for_slots(1000).unwrap(), table), "it is somebody's");
        leave(table);
        // After a fork in the middle of that, nobody knows whose it is.
        LEFT.lock().repair();
        assert!(!ptr::eq(SlotTable::for_slots(1000).unwrap(), table));
    });
}

#[test]
fn a_pool_that_cannot_be_made_leaves_its_table() {
    in_child(|| {
        let table = SlotTable::for_slots(1000).unwrap();
        leave(table);
        let refused = Fault { call: Some(Call::Map), forever: true, ..Fault::nth(1) };
        let shape = Shape::new(0, units::bytes(page_size()), 0).unwrap();
        let made = faults::with(refused, || Slots::reserve(shape, 1000, false, 0, Group::NONE));
        assert!(made.is_err());
        assert!(ptr::eq(SlotTable::for_slots(1000).unwrap(), table));
    });
}

fn pool(count: u32) -> Slots {
    let page = units::bytes(page_size());
    let shape = Shape::new(page, 4 * page, page).unwrap();
    Slots::reserve(shape, count, false, 0, Group::NONE).unwrap()
}

/// Takes all slots, and gives those of `back` back in this order, with so many pages in memory.
fn given_back(slots: &Slots, back: &[(u32, usize)]) -> Vec<Region> {
    let mut all: Vec<Option<Region>> =
        (0..slots.count()).map(|_| slots.take(None).map(|(region, _)| region)).collect();
    for region in all.iter().flatten() {
        region.set_owner(Some(somebody(0)));
    }
    for (index, pages) in back {
        let mut region = all[usize::try_from(*index).unwrap()].take().unwrap();
        if let Region::Reserved(region) = &mut region {
            region.resident = pages * page_size();
        }
        slots.put(region);
    }
    all.into_iter().flatten().collect()
}

/// The numbers of the slots that can be taken, in order. They are not given back.
fn takes(slots: &Slots) -> Vec<u32> {
    let mut taken = Vec::new();
    while let Some((region, _)) = slots.take(None) {
        let Region::Reserved(region) = region else { panic!("a slot") };
        taken.push(region.slot().unwrap().index);
        std::mem::forget(region);
    }
    taken
}

/// A thread of the parent was amid a change when this process was forked.
fn fork_meanwhile(slots: &Slots) {
    slots.free.lock().repair();
}

fn next_of(slots: &Slots, index: u32) -> &AtomicU32 {
    &slots.table.entry(index).unwrap().next
}

#[test]
fn a_list_that_is_whole_is_left_as_it_is() {
    let slots = pool(5);
    let used = given_back(&slots, &[(3, 1), (1, 2), (4, 0)]);
    let page = units::bytes(page_size());
    assert_eq!(slots.kept_bytes(), 3 * page);
    fork_meanwhile(&slots);
    assert_eq!(slots.kept_bytes(), 3 * page);
    assert!(!slots.free.lock().torn);
    assert_eq!(takes(&slots), [4, 1, 3]);
    std::mem::forget(used);
}

#[test]
fn a_list_with_a_slot_of_somebody_ends_before_it() {
    for (owned, left, pages) in [(4, [].as_slice(), 0), (1, &[4], 8), (3, &[4, 1], 12)] {
        let slots = pool(5);
        let used = given_back(&slots, &[(3, 2), (1, 4), (4, 8)]);
        let entry = slots.table.entry(owned).unwrap();
        entry.owner.store(somebody(9).as_ptr(), Ordering::Relaxed);
        fork_meanwhile(&slots);
        assert_eq!(slots.kept_bytes(), pages * units::bytes(page_size()), "{owned}");
        assert_eq!(takes(&slots), left);
        std::mem::forget(used);
    }
}

#[test]
fn a_list_that_leads_nowhere_is_cut() {
    // To a slot that was never used, and past the table.
    for nowhere in [6, 7, 70_000] {
        let slots = pool(8);
        let mut used: Vec<Region> = (0..6).map(|_| slots.take(None).unwrap().0).collect();
        for region in &used {
            region.set_owner(Some(somebody(0)));
        }
        slots.put(used.remove(1));
        slots.put(used.remove(2));
        next_of(&slots, 1).store(nowhere, Ordering::Relaxed);
        fork_meanwhile(&slots);
        assert_eq!(takes(&slots), [3, 1, 6, 7]);
        std::mem::forget(used);
    }
}

#[test]
fn a_list_that_is_a_ring_has_an_end() {
    let slots = pool(3);
    let used = given_back(&slots, &[(0, 1), (2, 1)]);
    next_of(&slots, 0).store(2, Ordering::Relaxed);
    fork_meanwhile(&slots);
    // Where it was to end cannot be known: no slot is anybody's twice.
    assert_eq!(takes(&slots), [2]);
    std::mem::forget(used);
}

#[test]
fn a_slot_comes_back_as_it_went() {
    let page = page_size();
    for (torn, written, stale) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (false, false, true),
        (true, true, true),
    ] {
        let slots = pool(1);
        let (region, used_before) = slots.take(None).unwrap();
        assert!(!used_before);
        let Region::Reserved(mut region) = region else { panic!("a slot") };
        (region.open, region.resident) = (3 * page, 2 * page);
        (region.torn, region.written, region.stale) = (torn, written, stale);
        region.history = History::from_bits(5);
        let base = region.base;
        slots.put(Region::Reserved(region));
        assert_eq!(slots.kept_bytes(), units::bytes(2 * page));
        let (region, used_before) = slots.take(None).unwrap();
        assert!(used_before);
        assert_eq!(slots.kept_bytes(), 0);
        let Region::Reserved(region) = region else { panic!("a slot") };
        assert_eq!((region.base, region.open, region.resident), (base, 3 * page, 2 * page));
        assert_eq!((region.torn, region.written, region.stale), (torn, written, stale));
        assert_eq!(region.history.to_bits(), 5);
        assert!(slots.take(None).is_none());
        slots.put(Region::Reserved(region));
    }
}

#[test]
fn slots_lie_apart_by_the_longer_guard() {
    let page = units::bytes(page_size());
    for (before, after, outer, stride, total) in
        [(0, 0, 0, 4, 12), (1, 0, 0, 5, 17), (0, 2, 0, 6, 20), (3, 2, 0, 7, 27), (2, 3, 5, 7, 28)]
    {
        let shape = Shape::new(before * page, 4 * page, after * page).unwrap();
        let (found, all) = sizes(shape, 3, outer * page).unwrap();
        assert_eq!((units::bytes(found), units::bytes(all)), (stride * page, total * page));
    }
    let large = 1 << if usize::BITS > 32 { 40 } else { 20 };
    assert!(sizes(Shape::new(0, large, 0).unwrap(), u32::MAX, 0).is_none());
}
