//! What waits for reuse: how much is kept, and which of it the next memory gets, on a host that has files in
//! memory to map images from, and does not charge for what is open.

use super::{Allocator, Config};
use crate::descriptor::Descriptor;
use crate::faults::{self, Call, Fault};
use crate::image::Image;
use crate::memory::Memory;
use crate::region::slab::Ref;
use crate::test_support::{bytes, in_child, needs_advice};

const PAGE: u64 = 65536;

fn allocator(set: impl Fn(&Config)) -> Ref<Allocator> {
    let config = Config::new().unwrap();
    set(&config);
    config.allocator().unwrap()
}

fn one_page() -> Descriptor {
    Descriptor { initial: Some(1), ..Descriptor::default() }
}

/// A memory of one page, all of it in memory.
fn touched(allocator: &Ref<Allocator>) -> Ref<Memory> {
    let memory = Memory::new_in(allocator, &one_page()).unwrap();
    bytes(&memory).fill(0xd5);
    memory
}

/// Bytes in memory that are kept, and whether any address space is.
fn kept(allocator: &Allocator) -> (u64, bool) {
    let statistics = allocator.statistics();
    (statistics.kept_bytes, statistics.reserved_bytes > 0)
}

/// In a process where no look at pages was ever refused.
fn kept_after_one(most: u64, fault: Option<Call>, expected: &[(u64, bool)]) {
    in_child(|| {
        let allocator = allocator(|config| config.set_kept_bytes(most));
        let memory = touched(&allocator);
        let fault = fault.map_or(Fault::nth(u32::MAX), |call| Fault {
            call: Some(call),
            forever: true,
            ..Fault::nth(1)
        });
        faults::with(fault, || drop(memory));
        let found = kept(&allocator);
        assert!(expected.contains(&found), "{most} {found:?}");
    });
}

#[test]
fn no_more_is_kept_in_memory_than_may_be() {
    kept_after_one(2 * PAGE, None, &[(PAGE, true)]);
    kept_after_one(PAGE, None, &[(PAGE, true)]);
    // One byte too much: the pages go, the reservation stays.
    kept_after_one(PAGE - 1, None, &[(0, true)]);
    kept_after_one(0, None, &[(0, true)]);
    // What the host does not take back is not kept at all.
    kept_after_one(PAGE, Some(Call::Advise), &[(PAGE, true)]);
    kept_after_one(PAGE - 1, Some(Call::Advise), &[(0, false), (0, true)]);
}

#[test]
fn the_cap_is_of_all_that_is_kept() {
    let allocator = allocator(|config| config.set_kept_bytes(2 * PAGE));
    let memories = [(); 4].map(|()| touched(&allocator));
    drop(memories);
    assert!(kept(&allocator).0 <= 2 * PAGE);
    // What is taken counts no more.
    let memories = [(); 4].map(|()| touched(&allocator));
    assert_eq!(kept(&allocator).0, 0);
    assert_eq!(allocator.statistics().reuses, 4);
    drop(memories);
    allocator.trim();
    assert_eq!(kept(&allocator), (0, false));
}

#[test]
fn a_memory_gets_the_reservation_that_has_its_image() {
    let image = Image::new(&[7; 4096], 0).unwrap();
    for image_first in [false, true] {
        let allocator = allocator(|_| {});
        let plain = Memory::new_in(&allocator, &one_page()).unwrap();
        let imaged = Memory::new_from(&allocator, &one_page(), &image).unwrap();
        let (plain_base, imaged_base) = (plain.view().base(), imaged.view().base());
        if image_first {
            drop(imaged);
            drop(plain);
        } else {
            drop(plain);
            drop(imaged);
        }
        let again = Memory::new_from(&allocator, &one_page(), &image).unwrap();
        assert_eq!(again.view().base(), imaged_base);
        // The other one is used as well, by whoever has another image or none.
        let other = Image::new(&[8; 4096], 0).unwrap();
        let last = Memory::new_from(&allocator, &one_page(), &other).unwrap();
        assert_eq!(last.view().base(), plain_base);
        assert_eq!(allocator.statistics().reuses, 2);
    }
}

#[test]
fn a_pool_keeps_no_more_in_memory_than_it_may() {
    in_child(|| {
        for (most, expected) in [(2 * PAGE, 2 * PAGE), (2 * PAGE - 1, PAGE), (PAGE - 1, 0)] {
            let allocator = allocator(|config| {
                config.set_pool(2, PAGE);
                config.set_kept_bytes(most);
            });
            let memories = [(); 2].map(|()| touched(&allocator));
            assert_eq!(kept(&allocator).0, 0);
            drop(memories);
            assert_eq!(kept(&allocator).0, expected, "{most}");
            allocator.trim();
            assert_eq!(kept(&allocator).0, 0);
        }
    });
}

#[test]
fn a_slot_that_was_never_used_comes_before_one_with_another_image() {
    let image = Image::new(&[7; 4096], 0).unwrap();
    let allocator = allocator(|config| config.set_pool(3, PAGE));
    let imaged = Memory::new_from(&allocator, &one_page(), &image).unwrap();
    let base = imaged.view().base();
    drop(imaged);
    let plain = [(); 2].map(|()| Memory::new_in(&allocator, &one_page()).unwrap());
    assert!(plain.iter().all(|memory| memory.view().base() != base));
    // The last one has no choice.
    let last = Memory::new_in(&allocator, &one_page()).unwrap();
    assert_eq!(last.view().base(), base);
}

#[test]
fn a_checked_pool_is_open_from_the_start() {
    let allocator = allocator(|config| {
        config.set_bounds(1);
        config.set_pool(2, 4 * PAGE);
    });
    let refused = Fault { call: Some(Call::Protect), forever: true, ..Fault::nth(1) };
    faults::with(refused, || {
        let memories = [(); 2].map(|()| Memory::new_in(&allocator, &one_page()).unwrap());
        for memory in &memories {
            assert_eq!(memory.grow(3).unwrap(), 1);
        }
    });
}

/// Flags of the mapping that `address` is in, as `/proc/self/smaps` has them.
fn flags_at(address: usize) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut here = false;
    for line in maps.lines() {
        let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
        let number = |digits: &str| usize::from_str_radix(digits, 16).ok();
        if let Some((Some(start), Some(end))) =
            range.map(|(start, end)| (number(start), number(end)))
        {
            here = (start..end).contains(&address);
        } else if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| here) {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    Vec::new()
}

#[test]
fn the_slots_of_a_pool_have_the_advice_on_large_pages_that_was_asked_for() {
    needs_advice!();
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").is_dir() {
        return;
    }
    let flag_of = |wanted| {
        let allocator = allocator(|config| {
            config.set_pool(2, 4 * PAGE);
            config.set_huge_pages(wanted);
        });
        let memory = Memory::new_in(&allocator, &one_page()).unwrap();
        let flags = flags_at(memory.view().base().addr());
        assert!(!flags.is_empty(), "smaps tells flags");
        flags.iter().any(|flag| flag == "hg")
    };
    assert!(flag_of(true));
    assert!(!flag_of(false));
}
