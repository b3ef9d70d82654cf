//! Tenants under refused system calls: whatever is refused, when one leaves or when the next one
//! comes, the next one sees its image and zeros, and nothing past its length.

use super::{Allocator, Config};
use crate::descriptor::Descriptor;
use crate::faults::{self, Call, Fault};
use crate::image::Image;
use crate::memory::Memory;
use crate::region::os::code;
use crate::region::slab::Ref;
use crate::test_support::{bytes, can_read, in_child, needs_advice};

const PAGE: u64 = 65536;

/// The allocators whose ways to reuse differ.
fn allocators() -> Vec<(&'static str, Ref<Allocator>)> {
    let with = |set: &dyn Fn(&Config)| {
        let config = Config::new().unwrap();
        set(&config);
        config.allocator().unwrap()
    };
    vec![
        ("alone", with(&|_| {})),
        ("nothing kept", with(&|config| config.set_kept_bytes(0))),
        (
            "checked",
            with(&|config| {
                config.set_bounds(1);
                config.set_reservation(32 * PAGE);
            }),
        ),
        ("pool", with(&|config| config.set_pool(1, 32 * PAGE))),
        (
            "checked pool",
            with(&|config| {
                config.set_bounds(1);
                config.set_pool(1, 32 * PAGE);
            }),
        ),
        ("dropped always", with(&|config| config.set_keep_resident(0))),
    ]
}

/// Every byte zero?
fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 65536] = [0; 65536];
    bytes.chunks(ZEROS.len()).all(|part| *part == ZEROS[..part.len()])
}

/// Does a memory hold what another one left, or leave a page of it within reach?
fn is_clean(memory: &Memory, image: Option<u8>, guarded: bool) -> bool {
    let bytes = bytes(memory);
    let own = [image.unwrap_or(0); 4900];
    let end = bytes.as_ptr().wrapping_add(bytes.len());
    is_zero(&bytes[..100])
        && bytes[100..5000] == own
        && is_zero(&bytes[5000..])
        && !(guarded && can_read(end))
}

/// One tenant, then another, then a third, with calls refused as `fault` says. Answers how many were.
fn tenancies(name: &str, allocator: &Ref<Allocator>, images: [Option<u8>; 3], fault: Fault) -> u32 {
    let guarded = !name.contains("checked");
    let image = |seed: Option<u8>| seed.map(|seed| Image::new(&[seed; 4900], 100).unwrap());
    let images = images.map(|seed| (seed, image(seed)));
    let sizes = [4, 1, 2];
    faults::with(fault, || {
        for ((seed, image), initial) in images.iter().zip(sizes) {
            let descriptor = Descriptor { initial: Some(initial), ..Descriptor::default() };
            let made = match image {
                Some(image) => Memory::new_from(allocator, &descriptor, image),
                None => Memory::new_in(allocator, &descriptor),
            };
            let Ok(memory) = made else { continue };
            assert!(is_clean(&memory, *seed, guarded), "{name} {fault:?} {seed:?}");
            bytes(&memory).fill(0xd5);
            if memory.grow(3).is_ok() {
                let length = usize::try_from(initial * PAGE).unwrap();
                assert!(is_zero(&bytes(&memory)[length..]), "{name} {fault:?}");
                bytes(&memory).fill(0xd5);
            }
            if let Ok(snapshot) = Image::snapshot(&memory) {
                let written = bytes(&memory).to_vec();
                memory.discard(0, PAGE).unwrap();
                assert!(is_zero(&bytes(&memory)[..65536]), "{name} {fault:?}");
                let before = bytes(&memory).to_vec();
                match memory.reset(Some(&snapshot)) {
                    Ok(()) => assert!(*bytes(&memory) == *written),
                    Err(_) => assert_eq!(bytes(&memory), before, "{name} {fault:?}"),
                }
            }
            if memory.reset(image.as_deref()).is_ok() {
                assert!(is_clean(&memory, *seed, guarded), "{name} {fault:?} reset");
            }
            bytes(&memory).fill(0xd5);
        }
        faults::refused()
    })
}

#[test]
fn tenants_never_meet_whatever_is_refused() {
    needs_advice!();
    for (name, allocator) in allocators() {
        for images in [[None; 3], [Some(1), Some(1), None], [Some(1), Some(2), Some(1)]] {
            for errno in [code::OUT_OF_MEMORY, code::INVALID] {
                for forever in [false, true] {
                    let mut nth = 1;
                    while tenancies(
                        name,
                        &allocator,
                        images,
                        Fault { errno, forever, ..Fault::nth(nth) },
                    ) > 0
                    {
                        nth += 1;
                        assert!(nth < 1000, "a scenario has an end");
                    }
                    assert!(nth > 3, "{name}: {nth}");
                }
            }
        }
    }
}

#[test]
fn tenants_never_meet_where_a_call_is_always_denied() {
    let calls = [
        Call::Scan,
        Call::Seek,
        Call::Advise,
        Call::MemoryFile,
        Call::Status,
        Call::Protect,
        Call::Map,
        Call::Unmap,
        Call::Open,
    ];
    for (name, allocator) in allocators() {
        for call in calls {
            for images in [[None; 3], [Some(1), Some(2), None]] {
                let fault = Fault { call: Some(call), forever: true, ..Fault::nth(1) };
                tenancies(name, &allocator, images, fault);
                // And when it is no longer denied, nothing has been left for later.
                tenancies(name, &allocator, images, Fault::nth(u32::MAX));
            }
        }
    }
}

#[test]
fn tenants_never_meet_on_hosts_with_larger_pages() {
    // Alone in its process: regions of the other tests have guards in pages of another size.
    in_child(|| {
        for page in [16384, 65536] {
            faults::with_page_size(page, || {
                for (name, allocator) in allocators() {
                    for images in [[None; 3], [Some(1), Some(2), None], [Some(1), Some(1), None]] {
                        tenancies(name, &allocator, images, Fault::nth(u32::MAX));
                    }
                }
            });
        }
    });
}

#[test]
fn what_is_refused_leaves_the_pool_as_large_as_it_was() {
    let config = Config::new().unwrap();
    config.set_pool(2, 4 * PAGE);
    let allocator = config.allocator().unwrap();
    let descriptor = Descriptor { initial: Some(2), ..Descriptor::default() };
    for nth in 1..20 {
        faults::with(Fault::nth(nth), || drop(Memory::new_in(&allocator, &descriptor)));
    }
    let both = [(); 2].map(|()| Memory::new_in(&allocator, &descriptor).unwrap());
    assert_eq!(Memory::new_in(&allocator, &descriptor).unwrap_err().reason(), 27);
    drop(both);
    assert_eq!(allocator.statistics().memories, 0);
    assert_eq!(allocator.statistics().accessible_bytes, 0);
}

#[test]
fn what_a_reset_could_not_empty_is_empty_for_the_next_tenant_of_the_slot() {
    let config = Config::new().unwrap();
    config.set_pool(1, 4 * PAGE);
    let allocator = config.allocator().unwrap();
    let descriptor = Descriptor { initial: Some(1), ..Descriptor::default() };
    let first = Memory::new_in(&allocator, &descriptor).unwrap();
    first.grow(3).unwrap();
    bytes(&first).fill(0xd5);
    let (call, also) = (Some(Call::Map), Some(Call::Advise));
    faults::with(Fault { call, also, forever: true, ..Fault::nth(1) }, || {
        first.reset(None).unwrap();
        assert!(faults::refused() > 0);
    });
    drop(first);
    let next = Memory::new_in(&allocator, &descriptor).unwrap();
    next.grow(3).unwrap();
    assert!(is_zero(bytes(&next)));
}
