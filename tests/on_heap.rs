//! Memories on a heap, through the C ABI: growth, bytes, buffers, handles, images. In Miri this is
//! what tells whether the library's own `unsafe` is right:
//! `cargo +nightly miri test --no-default-features --test on_heap`.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::arithmetic_side_effects,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "a test, whose calls all pass objects of its own, and handles that the library returned"
)]

use core::ptr;
use std::sync::Mutex;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::buffer::*;
use wasm_memory::capi::bulk::*;
use wasm_memory::capi::config::*;
use wasm_memory::capi::descriptor::{Bool, wasm_memory_descriptor_t, wasm_memory_page_count_t};
use wasm_memory::capi::find::*;
use wasm_memory::capi::heap::*;
use wasm_memory::capi::image::*;
use wasm_memory::capi::memory::*;

/// `WASM_MEMORY_BACKEND_HEAP`
const HEAP: u32 = 1;
const OK: i32 = 0;
const TYPE_ERROR: i32 = 1;
const RANGE_ERROR: i32 = 2;
const RUNTIME_ERROR: i32 = 4;

/// Without a host the library is one thread's at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn pages(pages: u64) -> wasm_memory_page_count_t {
    // SAFETY: a bool of C is a byte.
    wasm_memory_page_count_t { pages, present: unsafe { core::mem::transmute::<u8, Bool>(1) } }
}

/// Pages of one byte, so that Miri has few to look at.
fn byte_pages(initial: u64, maximum: u64) -> wasm_memory_descriptor_t {
    // SAFETY: a zeroed descriptor is the empty one.
    let mut descriptor: wasm_memory_descriptor_t = unsafe { core::mem::zeroed() };
    descriptor.initial = pages(initial);
    descriptor.maximum = pages(maximum);
    descriptor.page_size = 1;
    descriptor
}

struct Heap {
    allocator: *mut wasm_memory_allocator_t,
}

impl Heap {
    fn new(movable: u8) -> Self {
        let mut allocator = ptr::null_mut();
        unsafe {
            let config = wasm_memory_config_new();
            wasm_memory_config_set_backend(config, HEAP);
            wasm_memory_config_set_movable(config, core::mem::transmute::<u8, Bool>(movable));
            assert_eq!(wasm_memory_allocator_new(config, &mut allocator), OK);
            wasm_memory_config_delete(config);
        }
        Self { allocator }
    }

    fn memory(
        &self,
        initial: u64,
        maximum: u64,
        image: *const wasm_memory_image_t,
    ) -> *mut wasm_memory_t {
        let mut memory = ptr::null_mut();
        let descriptor = byte_pages(initial, maximum);
        let status = unsafe { wasm_memory_new_in(self.allocator, &descriptor, image, &mut memory) };
        assert_eq!(status, OK);
        memory
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        unsafe {
            let mut stats = core::mem::zeroed();
            wasm_memory_allocator_get_stats(self.allocator, &mut stats);
            assert_eq!((stats.memories, stats.accessible_bytes), (0, 0));
            wasm_memory_allocator_delete(self.allocator);
        }
    }
}

fn all(memory: *mut wasm_memory_t) -> Vec<u8> {
    unsafe {
        let length = usize::try_from(wasm_memory_byte_length(memory)).unwrap();
        let mut bytes = vec![0xA5; length];
        assert_eq!(wasm_memory_read(memory, 0, bytes.as_mut_ptr().cast(), length), OK);
        bytes
    }
}

#[test]
fn growth_keeps_the_bytes_and_zeroes_the_rest() {
    let _one = ONE_AT_A_TIME.lock();
    for movable in [0, 1] {
        let heap = Heap::new(movable);
        let memory = heap.memory(3, 5000, ptr::null());
        unsafe {
            assert_eq!(wasm_memory_write(memory, 0, [1_u8, 2, 3].as_ptr().cast(), 3), OK);
            let mut previous = 99;
            assert_eq!(wasm_memory_grow(memory, 4000, &mut previous), OK);
            assert_eq!(previous, 3);
            assert_eq!(wasm_memory_grow(memory, 998, &mut previous), RANGE_ERROR);
            assert_eq!(wasm_memory_size(memory), 4003);
            let bytes = all(memory);
            assert_eq!(bytes[..3], [1, 2, 3]);
            assert!(bytes[3..].iter().all(|byte| *byte == 0));
            // Compiled code writes through the base.
            wasm_memory_data(memory).add(4002).write(9);
            assert_eq!(all(memory)[4002], 9);
            wasm_memory_delete(memory);
        }
    }
}

#[test]
fn ranges_are_checked_filled_copied_and_set() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(0);
    let (memory, other) = (heap.memory(64, 64, ptr::null()), heap.memory(16, 64, ptr::null()));
    unsafe {
        assert_eq!(wasm_memory_bulk_fill(memory, 8, 7, 8), OK);
        assert_eq!(wasm_memory_bulk_copy(memory, 10, memory, 8, 8), OK);
        assert_eq!(wasm_memory_bulk_copy(other, 0, memory, 8, 10), OK);
        assert_eq!(wasm_memory_bulk_init(memory, 60, [1_u8, 2, 3, 4].as_ptr(), 4, 1, 3), OK);
        assert_eq!(all(memory)[8..18], [7; 10]);
        assert_eq!(all(other)[..10], [7; 10]);
        assert_eq!(all(memory)[60..], [2, 3, 4, 0]);
        for (index, length) in [(64, 1), (0, 65), (u64::MAX, 1), (1, u64::MAX)] {
            assert_eq!(wasm_memory_bulk_fill(memory, index, 9, length), RUNTIME_ERROR);
            assert_eq!(wasm_memory_bulk_copy(other, 0, memory, index, length), RUNTIME_ERROR);
        }
        assert_eq!(wasm_memory_discard(memory, 8, 10), OK);
        assert_eq!(all(memory)[8..18], [0; 10]);
        wasm_memory_delete(other);
        wasm_memory_delete(memory);
    }
}

#[test]
fn buffers_outlive_their_memory_and_its_moves() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(1);
    let memory = heap.memory(8, 100_000, ptr::null());
    unsafe {
        let (mut first, mut second) = (ptr::null_mut(), ptr::null_mut());
        assert_eq!(wasm_memory_buffer(memory, &mut first), OK);
        assert_eq!(wasm_memory_buffer(memory, &mut second), OK);
        assert_eq!(first, second);
        wasm_memory_buffer_delete(second);
        let old = wasm_memory_buffer_data(first);
        old.write(5);
        assert_eq!(wasm_memory_grow(memory, 50_000, ptr::null_mut()), OK);
        assert!(wasm_memory_buffer_is_detached(first) && wasm_memory_buffer_data(first).is_null());
        // The pointer that was taken from it is good over its length while it is held.
        old.add(7).write(1);
        let _ = old.read();
        assert_eq!(wasm_memory_buffer(memory, &mut second), OK);
        assert_ne!(first, second);
        wasm_memory_buffer_delete(first);
        assert_eq!(wasm_memory_buffer_byte_length(second), 50_008);
        wasm_memory_delete(memory);
        assert_eq!(wasm_memory_size(memory), 0);
        wasm_memory_buffer_data(second).add(50_007).write(3);
        wasm_memory_buffer_delete(second);
        assert_eq!(wasm_memory_buffer_byte_length(second), 0);
    }
}

#[test]
fn resizable_buffers_grow_in_place() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(0);
    let memory = heap.memory(8, 64, ptr::null());
    unsafe {
        let mut buffer = ptr::null_mut();
        assert_eq!(wasm_memory_to_resizable_buffer(memory, &mut buffer), OK);
        assert_eq!(wasm_memory_buffer_resize(buffer, 40), OK);
        assert_eq!(wasm_memory_buffer_resize(buffer, 39), RANGE_ERROR);
        wasm_memory_buffer_data(buffer).add(39).write(1);
        assert_eq!(wasm_memory_buffer_byte_length(buffer), 40);
        wasm_memory_buffer_delete(buffer);
        wasm_memory_delete(memory);
    }
}

#[test]
fn handles_that_are_dead_or_of_another_kind_are_answered() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(0);
    let memory = heap.memory(8, 8, ptr::null());
    unsafe {
        assert_eq!(wasm_memory_retain(memory), memory);
        wasm_memory_delete(memory);
        assert_eq!(wasm_memory_size(memory), 8);
        wasm_memory_delete(memory);
        assert_eq!(wasm_memory_grow(memory, 0, ptr::null_mut()), TYPE_ERROR);
        assert!(wasm_memory_retain(memory).is_null());
        wasm_memory_delete(memory);
        assert_eq!(wasm_memory_grow(heap.allocator.cast(), 0, ptr::null_mut()), TYPE_ERROR);
        assert_eq!(wasm_memory_grow(ptr::null_mut(), 0, ptr::null_mut()), TYPE_ERROR);
        // A place is used again after 64 creations, and its handle is good again.
        let mut again = 0;
        for _ in 0..70 {
            let other = heap.memory(1, 1, ptr::null());
            again += u32::from(other == memory);
            wasm_memory_delete(other);
        }
        assert!(again <= 1);
    }
}

#[test]
fn images_snapshots_and_resets() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(0);
    unsafe {
        let (mut image, mut snapshot) = (ptr::null_mut(), ptr::null_mut());
        assert_eq!(wasm_memory_image_new([1_u8, 2, 3].as_ptr(), 3, 4, &mut image), OK);
        let memory = heap.memory(16, 64, image);
        assert_eq!(all(memory)[..8], [0, 0, 0, 0, 1, 2, 3, 0]);
        assert_eq!(wasm_memory_bulk_fill(memory, 0, 9, 16), OK);
        assert_eq!(wasm_memory_grow(memory, 4, ptr::null_mut()), OK);
        assert_eq!(wasm_memory_snapshot(memory, &mut snapshot), OK);
        assert_eq!(wasm_memory_reset(memory, image), OK);
        assert_eq!(wasm_memory_size(memory), 16);
        assert_eq!(all(memory)[..8], [0, 0, 0, 0, 1, 2, 3, 0]);
        assert_eq!(wasm_memory_reset(memory, snapshot), OK);
        assert_eq!(all(memory), [[9; 16].as_slice(), &[0; 4]].concat());
        assert_eq!(wasm_memory_reset(memory, ptr::null()), OK);
        assert_eq!(all(memory), [0; 16]);
        wasm_memory_image_delete(image);
        wasm_memory_image_delete(snapshot);
        wasm_memory_delete(memory);
    }
}

#[test]
fn addresses_are_found() {
    let _one = ONE_AT_A_TIME.lock();
    let heap = Heap::new(0);
    let memory = heap.memory(100, 100, ptr::null());
    unsafe {
        let mut location = core::mem::zeroed();
        let base = wasm_memory_data(memory);
        assert!(wasm_memory_find(base.add(99).cast(), &mut location));
        assert_eq!((location.memory, location.offset), (memory.cast_const(), 99));
        wasm_memory_delete(memory);
        assert!(!wasm_memory_find(base.cast(), &mut location));
    }
}

/// What `cargo xtask check miri` runs to see that Miri would say so.
#[test]
#[ignore = "goes wrong on purpose"]
fn planted() {
    let heap = Heap::new(0);
    let memory = heap.memory(100, 100, ptr::null());
    unsafe {
        let base = wasm_memory_data(memory);
        wasm_memory_delete(memory);
        wasm_memory_allocator_trim(heap.allocator);
        base.add(1 << 20).write(1);
    }
}
