//! Ranges of bytes.

use super::memory::{used, wasm_memory_t};
use super::status::{self, wasm_memory_status_t};
use crate::error::{Error, Result};
use crate::region::span::Span;
use crate::units;
use core::ffi::c_void;

/// The caller's own bytes.
///
/// # Safety
/// `start` is NULL, or `length` bytes there can be used as the operation does.
unsafe fn foreign<'a>(start: *const c_void, length: usize) -> Result<Span<'a>> {
    if start.is_null() && length > 0 {
        return Err(Error::NullArgument {});
    }
    // SAFETY: by this function's own contract.
    Ok(unsafe { Span::new(start.cast_mut().cast(), length) })
}

/// Copies bytes out of a memory.
///
/// index: of the first byte. destination: receives length bytes; NULL is fine when length is 0; it
/// may lie in a memory.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle or NULL destination (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS: where
/// the access ends, and the byte length); nothing is written. Any thread for a shared memory: bytes
/// that race are old or new ones.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_read"))]
pub unsafe extern "C" fn wasm_memory_read(
    memory: *const wasm_memory_t,
    index: u64,
    destination: *mut c_void,
    length: usize,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let memory = unsafe { used(memory) }?;
        // SAFETY: the caller passes NULL or writable bytes.
        let destination = unsafe { foreign(destination, length) }?;
        destination.copy_from(&memory.span(index, units::bytes(length))?);
        Ok(())
    })
}

/// Copies bytes into a memory.
///
/// index: of the first byte. source: length bytes; NULL is fine when length is 0; it may lie in a
/// memory.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle or NULL source (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS);
/// nothing is written. Any thread for a shared memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_write"))]
pub unsafe extern "C" fn wasm_memory_write(
    memory: *mut wasm_memory_t,
    index: u64,
    source: *const c_void,
    length: usize,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let memory = unsafe { used(memory) }?;
        // SAFETY: the caller passes NULL or readable bytes.
        let source = unsafe { foreign(source, length) }?;
        memory.target(index, units::bytes(length))?.copy_from(&source);
        Ok(())
    })
}

/// Sets length bytes from index on to value: memory.fill.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RUNTIME_ERROR: index + length, never wrapped, is past the end (OUT_OF_BOUNDS), also
/// when length is 0; nothing is written. Any thread for a shared memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_bulk_fill"))]
pub unsafe extern "C" fn wasm_memory_bulk_fill(
    memory: *mut wasm_memory_t,
    index: u64,
    value: u8,
    length: u64,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    status::answer(|| unsafe { used(memory) }?.fill(index, value, length))
}

/// Copies length bytes between memories, or within one: memory.copy. The ranges may overlap, the
/// address types and page sizes may differ.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RUNTIME_ERROR: either range, its sum never wrapped, is past the end (OUT_OF_BOUNDS, of
/// the target first), also when length is 0; nothing is written. Any thread for shared memories.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_bulk_copy"))]
pub unsafe extern "C" fn wasm_memory_bulk_copy(
    to: *mut wasm_memory_t,
    to_index: u64,
    from: *const wasm_memory_t,
    from_index: u64,
    length: u64,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let to = unsafe { used(to) }?;
        // SAFETY: as above.
        let from = unsafe { used(from) }?;
        to.copy(to_index, from, from_index, length)
    })
}

/// Copies length bytes of a data segment, from segment_index on, into a memory: memory.init.
///
/// segment: segment_length bytes; a dropped segment is NULL and 0.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle or NULL segment (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_RUNTIME_ERROR: the range of the memory or of the segment, its sum never wrapped, is
/// past the end (OUT_OF_BOUNDS, of the memory first), also when length is 0; nothing is written.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_bulk_init"))]
pub unsafe extern "C" fn wasm_memory_bulk_init(
    memory: *mut wasm_memory_t,
    index: u64,
    segment: *const u8,
    segment_length: usize,
    segment_index: u64,
    length: u64,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let memory = unsafe { used(memory) }?;
        // SAFETY: the caller passes NULL or a readable segment.
        let segment = unsafe { foreign(segment.cast(), segment_length) }?;
        memory.init(index, &segment, segment_length, segment_index, length)
    })
}

/// Sets a range to zero and gives its host pages back: what resides falls by it. On a heap, and for what is
/// shared on Windows, it is only set to zero.
///
/// index, length: bytes, multiples of the memory's page size.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE). WASM_MEMORY_RUNTIME_ERROR:
/// index or length is not a multiple of the page size (UNALIGNED: the number, and the page size),
/// checked before the range is past the end (OUT_OF_BOUNDS). Any thread for a shared memory.
/// Where the host will not take the pages back the range still reads zero.
/// Specification: memory-control proposal, memory.discard, in its strict form.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_discard"))]
pub unsafe extern "C" fn wasm_memory_discard(
    memory: *mut wasm_memory_t,
    index: u64,
    length: u64,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    status::answer(|| unsafe { used(memory) }?.discard(index, length))
}
