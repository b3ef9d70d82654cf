//! The C functions under refused system calls: whatever is refused, state and error are right.

use super::allocator::*;
use super::config::*;
use super::descriptor::*;
use super::error::*;
use super::memory::*;
use super::status::*;
use super::view::*;
use crate::descriptor::Descriptor;
use crate::faults::{self, Fault};
use core::ptr;

const MIB: u64 = 1 << 20;

fn descriptor(initial: u64, maximum: Option<u64>) -> wasm_memory_descriptor_t {
    to_c(&Descriptor { initial: Some(initial), maximum, ..Descriptor::default() })
}

fn last_error() -> wasm_memory_error_t {
    let mut error = wasm_memory_error_t {
        status: -1,
        reason: 0,
        os_error: 0,
        requested: 0,
        available: 0,
        reserved: [1; 2],
    };
    // SAFETY: a writable struct.
    unsafe { wasm_memory_last_error(&mut error) };
    error
}

/// What can be seen of a memory.
fn state(memory: *mut wasm_memory_t) -> (usize, u64, u64, Vec<u8>) {
    // SAFETY: a live handle, used by this thread alone; the bytes below the length can be read.
    unsafe {
        let (base, length) = (wasm_memory_data(memory), wasm_memory_byte_length(memory));
        let view = wasm_memory_view(memory);
        assert_eq!(((*view).base, (*view).byte_length as u64), (base, length));
        let bytes = core::slice::from_raw_parts(base, length as usize).to_vec();
        (base.addr(), length, wasm_memory_size(memory), bytes)
    }
}

fn delete(memory: *mut wasm_memory_t) {
    // SAFETY: a handle of this test.
    unsafe { wasm_memory_delete(memory) };
}

/// Create, grow twice, delete, with calls refused as `fault` says. True when one was refused.
fn scenario(allocator: *mut wasm_memory_allocator_t, fault: Fault) -> bool {
    let mut refused = 0;
    let mut memory = ptr::without_provenance_mut(1);
    // What is kept for reuse would save the calls that are to be refused.
    // SAFETY: NULL or a handle of this test.
    unsafe { wasm_memory_allocator_trim(allocator) };
    faults::with(fault, || {
        // SAFETY: pointers of this test.
        let status = unsafe {
            let descriptor = descriptor(1, None);
            wasm_memory_new_in(allocator, &descriptor, ptr::null(), &mut memory)
        };
        if status != WASM_MEMORY_OK {
            assert!(memory.is_null(), "a failed call sets *out to NULL");
            check_refusal(status, fault);
            refused = faults::refused();
            return;
        }
        // SAFETY: the first byte of a memory of this test.
        unsafe { wasm_memory_data(memory).write(42) };
        for delta in [1, 30] {
            let before = state(memory);
            let mut previous = 77;
            // SAFETY: a live handle of this test.
            let status = unsafe { wasm_memory_grow(memory, delta, &mut previous) };
            let after = state(memory);
            if status == WASM_MEMORY_OK {
                assert_eq!(previous, before.2);
                assert_eq!(after.2, before.2 + delta);
                assert_eq!(after.3[..before.3.len()], before.3);
                assert!(after.3[before.3.len()..].iter().all(|byte| *byte == 0));
            } else {
                assert_eq!(previous, 77, "a failed call writes no output");
                assert_eq!(after, before, "a failed call changes nothing");
                check_refusal(status, fault);
            }
        }
        delete(memory);
        refused = faults::refused();
    });
    // The next one works whatever was refused.
    // SAFETY: pointers of this test.
    let status =
        unsafe { wasm_memory_new_in(allocator, &descriptor(1, None), ptr::null(), &mut memory) };
    assert_eq!(status, WASM_MEMORY_OK);
    assert!(state(memory).3.iter().all(|byte| *byte == 0));
    delete(memory);
    refused > 0
}

fn check_refusal(status: wasm_memory_status_t, fault: Fault) {
    let error = last_error();
    assert_eq!((status, error.status), (WASM_MEMORY_RANGE_ERROR, WASM_MEMORY_RANGE_ERROR));
    assert!((30..=33).contains(&error.reason), "reason {}", error.reason);
    assert_eq!(error.os_error, fault.errno);
    assert!(error.requested > 0);
    assert_eq!(error.reserved, [0; 2]);
}

#[test]
fn the_nth_call_refused_for_every_n() {
    crate::test_support::needs_advice!();
    // SAFETY: handles of this test.
    let movable = unsafe {
        let config = wasm_memory_config_new();
        wasm_memory_config_set_reservation(config, MIB);
        wasm_memory_config_set_movable(config, Bool::from(true));
        let mut allocator = ptr::null_mut();
        assert_eq!(wasm_memory_allocator_new(config, &mut allocator), WASM_MEMORY_OK);
        wasm_memory_config_delete(config);
        allocator
    };
    for allocator in [ptr::null_mut(), movable] {
        for errno in [libc::ENOMEM, libc::EAGAIN, libc::EINVAL, libc::EPERM] {
            for forever in [false, true] {
                let mut nth = 1;
                while scenario(allocator, Fault { errno, forever, ..Fault::nth(nth) }) {
                    nth += 1;
                    assert!(nth < 1000, "a scenario has an end");
                }
                assert!(nth > 4, "creation, growth and deletion make calls: {nth}");
            }
        }
    }
    // SAFETY: a handle of this test.
    unsafe { wasm_memory_allocator_delete(movable) };
}
