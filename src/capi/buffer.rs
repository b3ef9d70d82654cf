//! Buffers: ArrayBuffer and SharedArrayBuffer.

use super::memory::{handle as memory_handle, wasm_memory_t};
use super::pointer::{self, or_default};
use super::status::{self, wasm_memory_status_t};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::memory::Memory;
use crate::region::slab::{Handle, Ref};
use core::ptr;

/// The bytes of a memory as an object of their own: what ArrayBuffer (of an unshared memory) and
/// SharedArrayBuffer (of a shared one) are to JavaScript. Given back by wasm_memory_buffer_delete.
///
/// A buffer keeps its bytes mapped, also when its memory is deleted. An unshared memory and all its
/// buffers are one unit: one thread at a time uses any of them; buffers of a shared memory may be
/// used by any thread at once. Retain and delete are safe from any thread meanwhile.
pub struct wasm_memory_buffer_t {
    _private: [u8; 0],
}

/// # Safety
/// `buffer` is NULL or came from this library.
const unsafe fn handle(buffer: *const wasm_memory_buffer_t) -> Handle<Buffer> {
    // SAFETY: by this function's own contract.
    unsafe { Handle::new(buffer) }
}

/// The buffer of a handle, for calls that only load a field.
///
/// # Safety
/// `buffer` is NULL or came from this library, and is not deleted before the last use of the answer.
#[inline(always)]
unsafe fn field(buffer: *const wasm_memory_buffer_t) -> Option<&'static Buffer> {
    // SAFETY: by this function's own contract.
    let handle = unsafe { handle(buffer) };
    // SAFETY: by this function's own contract.
    unsafe { handle.get() }
}

/// Hands out a buffer of a memory.
///
/// # Safety
/// `memory` is NULL or came from this library, `out` is NULL or writable.
unsafe fn answer(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_buffer_t,
    get: impl FnOnce(&Ref<Memory>) -> Result<Ref<Buffer>>,
) -> wasm_memory_status_t {
    // SAFETY: by this function's own contract.
    let make = || get(&unsafe { memory_handle(memory) }.acquire()?);
    // SAFETY: by this function's own contract.
    unsafe { pointer::answer_handle(out, make) }
}

/// The current buffer of a memory: `memory.buffer`.
///
/// out: receives the buffer with one more reference, to be given back with
/// wasm_memory_buffer_delete; NULL after a failure. The same pointer as before while that is held,
/// unless an event in between replaced the buffer: growth of an unshared memory by any delta, also 0
/// (which detaches it, unless it is resizable); growth of a shared memory by more than 0, also by
/// another thread
/// (unless it is growable); a conversion.
///
/// A pointer into the buffer stays readable and writable over the length it had while the buffer is
/// held, even once it is detached, its memory deleted or moved.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RANGE_ERROR: no memory for the object (OUT_OF_MEMORY).
/// Specification: JS API, Memory.prototype.buffer and "refresh the memory buffer".
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer"))]
pub unsafe extern "C" fn wasm_memory_buffer(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_buffer_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library, and NULL or a writable pointer.
    unsafe { answer(memory, out, Buffer::of) }
}

/// The current buffer, made resizable (growable, for a shared memory): `memory.toResizableBuffer()`.
///
/// out: as for wasm_memory_buffer. A resizable buffer that is current already is returned as it is;
/// else a new one is made, and that of an unshared memory is detached. Its maximum length is the
/// memory's maximum. A memory whose current buffer is resizable does not move: growth that would
/// need it is WASM_MEMORY_RANGE_ERROR, RESERVATION_EXCEEDED.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE); the memory
/// has no maximum (NO_MAXIMUM). WASM_MEMORY_RANGE_ERROR: OUT_OF_MEMORY.
/// Specification: JS API, Memory.prototype.toResizableBuffer.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_to_resizable_buffer"))]
pub unsafe extern "C" fn wasm_memory_to_resizable_buffer(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_buffer_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library, and NULL or a writable pointer.
    unsafe { answer(memory, out, Buffer::resizable_of) }
}

/// The current buffer, made one of fixed length: `memory.toFixedLengthBuffer()`.
///
/// out: as for wasm_memory_buffer. One of fixed length that is current already is returned as
/// wasm_memory_buffer returns it; else a new one is made, and that of an unshared memory is detached.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RANGE_ERROR: OUT_OF_MEMORY.
/// Specification: JS API, Memory.prototype.toFixedLengthBuffer.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_to_fixed_length_buffer"))]
pub unsafe extern "C" fn wasm_memory_to_fixed_length_buffer(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_buffer_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library, and NULL or a writable pointer.
    unsafe { answer(memory, out, Buffer::fixed_length_of) }
}

/// Counts one more reference to a buffer, to be given back with wasm_memory_buffer_delete.
///
/// Returns the same pointer; NULL for a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_retain"))]
pub unsafe extern "C" fn wasm_memory_buffer_retain(
    buffer: *mut wasm_memory_buffer_t,
) -> *mut wasm_memory_buffer_t {
    // SAFETY: the caller passes NULL or a handle from this library.
    if unsafe { handle(buffer) }.retain() { buffer } else { ptr::null_mut() }
}

/// Gives back one reference to a buffer. The bytes go with the last of the memory and its buffers.
///
/// buffer: NULL, a dead handle and one of another kind do nothing. Never fails. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_delete"))]
pub unsafe extern "C" fn wasm_memory_buffer_delete(buffer: *mut wasm_memory_buffer_t) {
    // SAFETY: the caller passes NULL or a handle from this library.
    or_default(|| unsafe { handle(buffer) }.release());
}

/// Address of the first byte of a buffer; NULL once it is detached, and for a bad handle.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_data"))]
pub unsafe extern "C" fn wasm_memory_buffer_data(buffer: *const wasm_memory_buffer_t) -> *mut u8 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.map_or(ptr::null_mut(), Buffer::data)
}

/// Length of a buffer in bytes: `buffer.byteLength`. 0 once it is detached, and for a bad handle. A
/// resizable one follows its memory; one of fixed length of a shared memory keeps its length.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_byte_length"))]
pub unsafe extern "C" fn wasm_memory_buffer_byte_length(
    buffer: *const wasm_memory_buffer_t,
) -> u64 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.map_or(0, Buffer::byte_length)
}

/// Length in bytes that a buffer can be resized to: `buffer.maxByteLength`. Its own length when it
/// is of fixed length, 0 once it is detached, and for a bad handle.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_max_byte_length"))]
pub unsafe extern "C" fn wasm_memory_buffer_max_byte_length(
    buffer: *const wasm_memory_buffer_t,
) -> u64 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.map_or(0, Buffer::max_byte_length)
}

/// Is a buffer detached: `buffer.detached`? Never true for a shared one; false for a bad handle.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_is_detached"))]
pub unsafe extern "C" fn wasm_memory_buffer_is_detached(
    buffer: *const wasm_memory_buffer_t,
) -> bool {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.is_some_and(Buffer::is_detached)
}

/// Is it the buffer of a shared memory, a SharedArrayBuffer? False for a bad handle.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_is_shared"))]
pub unsafe extern "C" fn wasm_memory_buffer_is_shared(buffer: *const wasm_memory_buffer_t) -> bool {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.is_some_and(Buffer::is_shared)
}

/// Is a buffer resizable (growable, for a shared one)? Never changes for a buffer, also when it is
/// detached; false for a bad handle.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_is_resizable"))]
pub unsafe extern "C" fn wasm_memory_buffer_is_resizable(
    buffer: *const wasm_memory_buffer_t,
) -> bool {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(buffer) }.is_some_and(Buffer::is_resizable)
}

/// Grows an unshared memory through its resizable buffer: `buffer.resize(byteLength)`.
///
/// byte_length: the new length; the current one is allowed and succeeds.
///
/// In this order. WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), the buffer
/// is of fixed length or shared (BUFFER_KIND). WASM_MEMORY_RANGE_ERROR: more than 2^53 - 1
/// (MAX_BYTE_LENGTH). WASM_MEMORY_TYPE_ERROR: the buffer is detached (DETACHED).
/// WASM_MEMORY_RANGE_ERROR: more than its maximum (MAX_BYTE_LENGTH), less than its length
/// (WOULD_SHRINK), not whole pages more (NOT_PAGE_MULTIPLE), or what growth is refused for
/// (wasm_memory_grow). A failure changes nothing.
/// Specification: ECMAScript, ArrayBuffer.prototype.resize; JS API, HostResizeArrayBuffer.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_resize"))]
pub unsafe extern "C" fn wasm_memory_buffer_resize(
    buffer: *mut wasm_memory_buffer_t,
    byte_length: u64,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library.
    status::answer(|| unsafe { handle(buffer) }.acquire()?.resize(byte_length))
}

/// Grows a shared memory through its growable buffer: `buffer.grow(byteLength)`.
///
/// byte_length: the new length; the current one is allowed and succeeds.
///
/// In this order. WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), the buffer
/// is of fixed length or unshared (BUFFER_KIND). WASM_MEMORY_RANGE_ERROR: more than 2^53 - 1
/// (MAX_BYTE_LENGTH), less than its length (WOULD_SHRINK), not whole pages more
/// (NOT_PAGE_MULTIPLE), more than its maximum (MAX_BYTE_LENGTH), or what growth is refused for
/// (wasm_memory_grow). A failure changes nothing. Any thread.
/// Specification: ECMAScript, SharedArrayBuffer.prototype.grow; threads JS API.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_grow"))]
pub unsafe extern "C" fn wasm_memory_buffer_grow(
    buffer: *mut wasm_memory_buffer_t,
    byte_length: u64,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library.
    status::answer(|| unsafe { handle(buffer) }.acquire()?.grow(byte_length))
}

/// `ArrayBuffer.prototype.transfer`: never possible, since only the memory may detach its buffer.
///
/// WASM_MEMORY_TYPE_ERROR, always: a bad handle (NULL_ARGUMENT, INVALID_HANDLE), a shared buffer
/// (BUFFER_KIND), a detached one (DETACHED), else NOT_TRANSFERABLE.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_buffer_transfer"))]
pub unsafe extern "C" fn wasm_memory_buffer_transfer(
    buffer: *mut wasm_memory_buffer_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library.
    status::answer(|| unsafe { handle(buffer) }.acquire()?.transfer())
}
