//! What holds on every backend, also in a build without a host: run with and without default features,
//! and under Miri without them, where every access to a block on the heap is checked.
#![allow(
    unsafe_code,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::multiple_unsafe_ops_per_block,
    clippy::unwrap_used,
    reason = "a test"
)]

use wasm_memory::{
    Allocator, Buffer, Class, Config, Descriptor, Error, Image, Memory, Ref, Result,
};

const PAGE: u64 = 65536;

fn pages(initial: u64, maximum: Option<u64>) -> Descriptor {
    Descriptor { initial: Some(initial), maximum, ..Descriptor::default() }
}

fn bytes(initial: u64, maximum: Option<u64>) -> Descriptor {
    Descriptor { page_size: 1, ..pages(initial, maximum) }
}

/// The settings that are tried: the defaults, and a heap whose memories may move.
fn allocators() -> Vec<Ref<Allocator>> {
    let heap = Config::new().unwrap();
    heap.set_backend(1);
    heap.set_movable(true);
    vec![Allocator::new().unwrap(), heap.allocator().unwrap()]
}

fn write(memory: &Memory, at: usize, value: u8) {
    assert!(at < memory.view().byte_length());
    // SAFETY: below the length of a memory of this test, which one thread uses.
    unsafe { memory.view().base().add(at).write(value) };
}

fn read(memory: &Memory, at: usize) -> u8 {
    assert!(at < memory.view().byte_length());
    // SAFETY: as above.
    unsafe { memory.view().base().add(at).read() }
}

fn contents(memory: &Memory) -> Vec<u8> {
    (0..memory.view().byte_length()).map(|at| read(memory, at)).collect()
}

fn reason<T>(outcome: Result<T>) -> (Class, u32) {
    outcome.map(|_| ()).map_err(|error: Error| (error.class(), error.reason())).unwrap_err()
}

#[test]
fn growth_keeps_the_bytes_and_adds_zeros() {
    for allocator in allocators() {
        let memory = Memory::new_in(&allocator, &bytes(10, Some(500))).unwrap();
        let mut expected = vec![0; 10];
        for delta in [0, 1, 7, 100, 300] {
            let at = memory.view().byte_length() - 1;
            write(&memory, at, 9);
            expected[at] = 9;
            assert_eq!(memory.grow(delta), Ok(expected.len() as u64));
            expected.resize(expected.len() + delta as usize, 0);
            assert_eq!(contents(&memory), expected);
        }
        assert_eq!(reason(memory.grow(83)), (Class::Range, 20));
        assert_eq!(memory.size(), 418);
        assert_eq!(contents(&memory), expected);
    }
}

#[test]
fn a_memory_of_no_bytes_has_a_base() {
    for allocator in allocators() {
        let memory = Memory::new_in(&allocator, &bytes(0, Some(9))).unwrap();
        assert!(!memory.view().base().is_null());
        assert_eq!(memory.grow(0), Ok(0));
        assert_eq!(memory.grow(9), Ok(0));
        assert_eq!(contents(&memory), [0; 9]);
    }
}

#[test]
fn pages_are_of_65536_bytes_unless_said() {
    for allocator in allocators() {
        let memory = Memory::new_in(&allocator, &pages(1, Some(3))).unwrap();
        assert_eq!(memory.view().byte_length() as u64, PAGE);
        write(&memory, 65535, 1);
        memory.grow(2).unwrap();
        assert_eq!((read(&memory, 65535), read(&memory, 65536)), (1, 0));
        assert_eq!(read(&memory, 3 * 65536 - 1), 0);
        let statistics = memory.statistics();
        assert_eq!(statistics.accessible_bytes, 3 * PAGE);
        assert_eq!(statistics.growths, 1);
    }
}

#[test]
fn buffers_are_detached_and_keep_what_they_had() {
    for allocator in allocators() {
        let memory = Memory::new_in(&allocator, &bytes(16, Some(4000))).unwrap();
        write(&memory, 3, 3);
        let buffer = Buffer::of(&memory).unwrap();
        let data = buffer.data();
        assert_eq!(buffer.byte_length(), 16);
        memory.grow(3000).unwrap();
        assert!(buffer.is_detached());
        assert_eq!(buffer.byte_length(), 0);
        // SAFETY: readable over the length that it had, as long as the buffer is held.
        let _unspecified = unsafe { data.add(15).read() };
        assert_eq!(read(&memory, 3), 3);
        let next = Buffer::of(&memory).unwrap();
        assert_eq!(next.byte_length(), 3016);
        drop(memory);
        // SAFETY: a buffer keeps the bytes of its memory.
        assert_eq!(unsafe { next.data().add(3).read() }, 3);
    }
}

#[test]
fn a_resizable_buffer_follows_or_holds_the_memory() {
    for allocator in allocators() {
        let memory = Memory::new_in(&allocator, &bytes(16, Some(4000))).unwrap();
        let buffer = Buffer::resizable_of(&memory).unwrap();
        match buffer.resize(2000) {
            Ok(()) => assert_eq!(buffer.byte_length(), 2000),
            Err(error) => {
                assert_eq!(error.reason(), 25, "only where it would have to move");
                assert_eq!(buffer.byte_length(), 16);
            }
        }
        assert_eq!(reason(buffer.resize(1)), (Class::Range, 42));
        assert_eq!(reason(buffer.resize(4001)), (Class::Range, 45));
        assert!(!buffer.is_detached());
    }
}

#[test]
fn images_and_snapshots_come_back() {
    for allocator in allocators() {
        let image = Image::new(&[1, 2, 3], 5).unwrap();
        let memory = Memory::new_from(&allocator, &bytes(10, Some(100)), &image).unwrap();
        assert_eq!(contents(&memory), [0, 0, 0, 0, 0, 1, 2, 3, 0, 0]);
        memory.grow(10).unwrap();
        write(&memory, 19, 19);
        let snapshot = Image::snapshot(&memory).unwrap();
        write(&memory, 0, 7);
        memory.reset(Some(&snapshot)).unwrap();
        assert_eq!((memory.size(), read(&memory, 0), read(&memory, 19)), (20, 0, 19));
        memory.reset(Some(&image)).unwrap();
        assert_eq!(contents(&memory), [0, 0, 0, 0, 0, 1, 2, 3, 0, 0]);
        memory.reset(None).unwrap();
        assert_eq!(contents(&memory), [0; 10]);
        memory.grow(10).unwrap();
        assert_eq!(contents(&memory), [0; 20], "no byte of an earlier use comes back");
        let refused = Memory::new_from(&allocator, &bytes(7, None), &image).map(|_| ());
        assert_eq!(reason(refused), (Class::Range, 80));
    }
}

#[test]
fn quotas_hold() {
    let config = Config::new().unwrap();
    config.set_backend(1);
    config.set_quota(2, 100);
    let allocator = config.allocator().unwrap();
    let one = Memory::new_in(&allocator, &bytes(40, Some(1000))).unwrap();
    let two = Memory::new_in(&allocator, &bytes(40, Some(1000))).unwrap();
    assert_eq!(reason(Memory::new_in(&allocator, &bytes(0, None))), (Class::Range, 26));
    assert_eq!(reason(one.grow(21)), (Class::Range, 22));
    drop(two);
    one.grow(21).unwrap();
    drop(one);
    assert_eq!(allocator.statistics().memories, 0);
    assert_eq!(allocator.statistics().reserved_bytes, 0);
}

#[test]
fn many_memories_come_and_go() {
    let count = if cfg!(miri) { 100 } else { 3000 };
    for allocator in allocators() {
        let mut held = Vec::new();
        for round in 0..count {
            let memory = Memory::new_in(&allocator, &bytes(round % 50, Some(200))).unwrap();
            memory.grow(round % 7).unwrap();
            if memory.view().byte_length() > 0 {
                write(&memory, 0, 1);
            }
            if round % 3 == 0 {
                held.push(memory);
            }
        }
        assert_eq!(allocator.statistics().memories, held.len() as u64);
        held.clear();
        assert_eq!(allocator.statistics().memories, 0);
    }
}

#[test]
fn a_pool_is_refused_on_a_heap() {
    let config = Config::new().unwrap();
    config.set_backend(1);
    config.set_pool(3, PAGE);
    assert_eq!(reason(config.allocator()), (Class::Type, 5));
    config.set_backend(2);
    assert_eq!(reason(config.allocator()), (Class::Type, 4));
}
