//! Waiting and notifying.

use super::memory::{handle, used, wasm_memory_t};
use super::pointer::Out;
use super::status::{self, wasm_memory_status_t};
use crate::atomics::Wait;
use crate::error::Result;
use crate::memory::Memory;

/// A wait was woken by a notify.
pub const WASM_MEMORY_WAIT_WOKEN: u32 = 0;
/// A wait found another value than the expected one.
pub const WASM_MEMORY_WAIT_NOT_EQUAL: u32 = 1;
/// The time of a wait was over.
pub const WASM_MEMORY_WAIT_TIMED_OUT: u32 = 2;

/// Runs a wait and writes how it ended.
///
/// # Safety
/// `memory` is NULL or came from this library, `result` is NULL or writable.
unsafe fn wait(
    memory: *mut wasm_memory_t,
    result: *mut u32,
    wait: impl FnOnce(&Memory) -> Result<Wait>,
) -> wasm_memory_status_t {
    status::answer(|| {
        // This keeps the memory while the wait lasts.
        // SAFETY: by this function's own contract.
        let memory = unsafe { handle(memory) }.acquire()?;
        let ended = wait(&memory)?;
        // SAFETY: by this function's own contract.
        unsafe { Out::new(result) }.write(ended.into());
        Ok(())
    })
}

/// Waits at index until it is notified, if the 32-bit little-endian value there is expected:
/// memory.atomic.wait32.
///
/// index: a multiple of 4. timeout: nanoseconds; negative waits for ever. result: receives
/// WASM_MEMORY_WAIT_WOKEN, _NOT_EQUAL or _TIMED_OUT; may be NULL.
///
/// Waiters at one address, of either width, are woken first in first out; there are no spurious
/// wake-ups. The wait holds a reference: deleting the memory meanwhile wakes nobody and harms
/// nobody. A value that differs costs no system call.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR, in
/// this order: index is not a multiple of 4 (UNALIGNED), the memory is unshared (WAIT_UNSHARED), the
/// value is past the end (OUT_OF_BOUNDS), 2^32 - 1 wait already (TOO_MANY_WAITERS); while waiting:
/// wasm_memory_atomic_interrupt was called (INTERRUPTED). Any thread.
/// Specification: threads proposal, memory.atomic.wait32.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_atomic_wait32"))]
pub unsafe extern "C" fn wasm_memory_atomic_wait32(
    memory: *mut wasm_memory_t,
    index: u64,
    expected: u32,
    timeout: i64,
    result: *mut u32,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library, and NULL or a writable number.
    unsafe { wait(memory, result, |memory| memory.wait32(index, expected, timeout)) }
}

/// Waits at index until it is notified, if the 64-bit little-endian value there is expected:
/// memory.atomic.wait64. As wasm_memory_atomic_wait32; index is a multiple of 8.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_atomic_wait64"))]
pub unsafe extern "C" fn wasm_memory_atomic_wait64(
    memory: *mut wasm_memory_t,
    index: u64,
    expected: u64,
    timeout: i64,
    result: *mut u32,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library, and NULL or a writable number.
    unsafe { wait(memory, result, |memory| memory.wait64(index, expected, timeout)) }
}

/// Wakes those that wait at index, the longest waiting first: memory.atomic.notify.
///
/// index: a multiple of 4. count: the most to wake; UINT32_MAX wakes all, 0 nobody. woken: receives
/// how many; may be NULL. Nobody waits on an unshared memory. Without a waiter it costs no system
/// call.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR, in
/// this order: index is not a multiple of 4 (UNALIGNED), 4 bytes there are past the end
/// (OUT_OF_BOUNDS). Any thread. Specification: threads proposal, memory.atomic.notify.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_atomic_notify"))]
pub unsafe extern "C" fn wasm_memory_atomic_notify(
    memory: *mut wasm_memory_t,
    index: u64,
    count: u32,
    woken: *mut u32,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let notified = unsafe { used(memory) }?.notify(index, count)?;
        // SAFETY: the caller passes NULL or a writable number.
        unsafe { Out::new(woken) }.write(notified);
        Ok(())
    })
}

/// Ends every wait in progress on a memory: each returns WASM_MEMORY_RUNTIME_ERROR, INTERRUPTED.
/// Later waits are not affected.
///
/// woken: receives how many; may be NULL.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_atomic_interrupt"))]
pub unsafe extern "C" fn wasm_memory_atomic_interrupt(
    memory: *mut wasm_memory_t,
    woken: *mut u32,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library.
        let ended = unsafe { handle(memory) }.acquire()?.interrupt();
        // SAFETY: the caller passes NULL or a writable number.
        unsafe { Out::new(woken) }.write(ended);
        Ok(())
    })
}
