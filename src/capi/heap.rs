//! Memories without virtual memory.

use super::config::{set, set_functions, wasm_memory_config_t};
use super::pointer;
use crate::allocator::Config;
use crate::error::{Error, Result};
use crate::region::heap::Callbacks;
use core::ffi::c_void;

/// Backend: memories are reservations of address space.
pub const WASM_MEMORY_BACKEND_VIRTUAL: u32 = 0;
/// Backend: memories are blocks on a heap, for hosts without virtual memory.
pub const WASM_MEMORY_BACKEND_HEAP: u32 = 1;

/// Sets where memories come from: WASM_MEMORY_BACKEND_VIRTUAL (the default) or WASM_MEMORY_BACKEND_HEAP.
/// Another number, or a pool on a heap, is an error of wasm_memory_allocator_new.
///
/// With HEAP a memory is one block, of the process's heap or of the one that
/// wasm_memory_config_set_host_heap names. It implies WASM_MEMORY_BOUNDS_CHECKED: nothing around a block
/// faults, whatever guards were set, and the layout says so. The base is aligned to 16 bytes. A memory
/// that must not move (shared, or not movable) takes its maximum, or the reservation that was set, at
/// creation; with fallback, an unshared one that does not get it starts small and moves. One that may
/// move takes what it needs, and growth past its block takes another one. Bytes are set to zero when they
/// become usable, not before. Snapshots, images and reset copy; a reset does not move, so one to a larger
/// snapshot than the block is RESERVATION_EXCEEDED. Large pages do not apply. The library's own objects and
/// images are where they always are: a host without virtual memory takes a build without the feature `host`.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_backend"))]
pub unsafe extern "C" fn wasm_memory_config_set_backend(
    config: *mut wasm_memory_config_t,
    backend: u32,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_backend(backend)) }
}

/// The embedder's own heap, for WASM_MEMORY_BACKEND_HEAP. It holds the bytes of memories only, and need not
/// zero them. The functions may run on any thread and at once, must not unwind, longjmp or fork, and may
/// call the library: none of its locks is held. What needs the bytes of the memory that is being moved (a
/// buffer, a snapshot, a reset, a discard, growth) is refused meanwhile; the functions must not read or write
/// them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_memory_host_heap_t {
    /// Handed to each function.
    pub context: *mut c_void,
    /// A block of size bytes, at least 1, at a multiple of alignment, which is 16; NULL when there is
    /// none: then the creation or growth is WASM_MEMORY_RANGE_ERROR, OUT_OF_MEMORY, or tried smaller. A
    /// block at another address is given back and counts as none. Must not be NULL.
    pub allocate: Option<
        unsafe extern "C" fn(context: *mut c_void, size: usize, alignment: usize) -> *mut c_void,
    >,
    /// Makes a block of old_size bytes one of new_size bytes, which is more, with the first old_size
    /// bytes as they were, at the same address or another one. NULL when it cannot; the block is then
    /// as it was, and growth allocates, copies and deallocates, as it does where this is NULL. The address is
    /// a multiple of alignment too. Never called while a buffer of the block is held.
    pub reallocate: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            block: *mut c_void,
            old_size: usize,
            new_size: usize,
            alignment: usize,
        ) -> *mut c_void,
    >,
    /// Takes a block of size bytes back. Must not be NULL.
    pub deallocate: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            block: *mut c_void,
            size: usize,
            alignment: usize,
        ),
    >,
    /// Called once, when the config and every allocator that uses it are gone and no block is left, or
    /// the setting was replaced and no allocator uses it. May be NULL.
    pub finalize: Option<unsafe extern "C" fn(context: *mut c_void)>,
    /// NULL.
    pub reserved: [*mut c_void; 4],
}

/// Sets the heap that memories come from with WASM_MEMORY_BACKEND_HEAP.
///
/// heap: copied; NULL is the process's own heap, the default. One whose reserved fields are not NULL
/// (RESERVED_FIELD), without allocate or deallocate (NULL_ARGUMENT), or for which there is no memory
/// (OUT_OF_MEMORY), is not set and not finalized: it is an error of wasm_memory_allocator_new.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_host_heap"))]
pub unsafe extern "C" fn wasm_memory_config_set_host_heap(
    config: *mut wasm_memory_config_t,
    heap: *const wasm_memory_host_heap_t,
) {
    // SAFETY: the caller passes NULL or a handle from this library, and NULL or a readable struct.
    unsafe { set_functions(config, heap, callbacks, Config::set_host_heap) }
}

fn callbacks(heap: &wasm_memory_host_heap_t) -> Result<Callbacks> {
    pointer::check_reserved(&heap.reserved)?;
    let missing = Error::NullArgument {};
    Ok(Callbacks {
        context: heap.context,
        allocate: heap.allocate.ok_or(missing)?,
        reallocate: heap.reallocate,
        deallocate: heap.deallocate.ok_or(missing)?,
        finalize: heap.finalize,
    })
}
