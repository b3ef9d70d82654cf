//! Allocators: where memories come from.

use super::config::wasm_memory_config_t;
use super::descriptor::{self, wasm_memory_descriptor_t};
use super::image::{self, wasm_memory_image_t};
use super::memory::{field, wasm_memory_t};
use super::pointer::{self, Out, or_default};
use super::status::wasm_memory_status_t;
use crate::allocator::{Allocator, Config, Statistics};
use crate::error::Result;
use crate::memory::Memory;
use crate::region::slab::{Handle, Ref};
use core::ptr;

/// Makes memories that follow the same settings. Made by wasm_memory_allocator_new, given back by
/// wasm_memory_allocator_delete. Any thread, at once. A NULL allocator means the default one
/// everywhere.
pub struct wasm_memory_allocator_t {
    _private: [u8; 0],
}

/// The allocator of a handle, or `None` for the default one.
///
/// # Safety
/// `allocator` is NULL or came from this library.
unsafe fn allocator_or_default(
    allocator: *const wasm_memory_allocator_t,
) -> Result<Option<Ref<Allocator>>> {
    if allocator.is_null() {
        return Ok(None);
    }
    // SAFETY: by this function's own contract.
    unsafe { Handle::new(allocator) }.acquire().map(Some)
}

/// Makes an allocator.
///
/// config: its settings, copied; NULL means the defaults. out: receives the allocator, one
/// reference that the caller gives back with wasm_memory_allocator_delete; NULL after a failure.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL (NULL_ARGUMENT), a bad config (INVALID_HANDLE), unknown bounds or
/// backend (UNKNOWN_VALUE), a pool of 0 slots or on a heap (SETTINGS_CONFLICT), a limiter or heap with
/// reserved fields (RESERVED_FIELD), a heap without allocate or deallocate (NULL_ARGUMENT).
/// WASM_MEMORY_RANGE_ERROR: reservation and guards together are more than any host has, or the host
/// refuses the pool (ADDRESS_SPACE, MAP_COUNT), no memory for the allocator (OUT_OF_MEMORY). Any
/// thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_allocator_new"))]
pub unsafe extern "C" fn wasm_memory_allocator_new(
    config: *const wasm_memory_config_t,
    out: *mut *mut wasm_memory_allocator_t,
) -> wasm_memory_status_t {
    let make = || {
        if config.is_null() {
            return Allocator::new();
        }
        // SAFETY: the caller passes a handle from this library.
        unsafe { Handle::<Config>::new(config) }.acquire()?.allocator()
    };
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Counts one more reference to an allocator, to be given back with wasm_memory_allocator_delete.
///
/// Returns the same pointer; NULL for NULL and a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_allocator_retain"))]
pub unsafe extern "C" fn wasm_memory_allocator_retain(
    allocator: *mut wasm_memory_allocator_t,
) -> *mut wasm_memory_allocator_t {
    // SAFETY: the caller passes NULL or a handle from this library.
    let retained = unsafe { Handle::<Allocator>::new(allocator) }.retain();
    if retained { allocator } else { ptr::null_mut() }
}

/// Gives back one reference to an allocator. Memories keep their allocator alive, so it may go
/// before they do; the handle is dead after the last reference. NULL does nothing. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_allocator_delete"))]
pub unsafe extern "C" fn wasm_memory_allocator_delete(allocator: *mut wasm_memory_allocator_t) {
    // SAFETY: the caller passes NULL or a handle from this library.
    or_default(|| unsafe { Handle::<Allocator>::new(allocator) }.release());
}

/// Makes a memory from an allocator: wasm_memory_new with that allocator's settings.
///
/// allocator: NULL means the default one. image: what the memory starts from, NULL for zeros; its bytes
/// are mapped copy-on-write; on a heap, and where the host maps no such files, copied. The rest, and the order of checks, is as for wasm_memory_new; the size
/// limit is the allocator's.
///
/// WASM_MEMORY_TYPE_ERROR: also for a bad allocator or image (INVALID_HANDLE), checked after out.
/// WASM_MEMORY_RANGE_ERROR: also, after MAXIMUM_BELOW_INITIAL, an image that does not lie within the
/// initial size, or a snapshot whose size, address type or page size is another (IMAGE_DOES_NOT_FIT);
/// after SIZE_LIMIT a size above the slots of the pool (SLOT_SIZE), the quota of memories
/// (QUOTA_MEMORIES) and of bytes (QUOTA_BYTES), the limiter (LIMITER), and a pool that is all in use
/// (POOL_EXHAUSTED). Any thread, different memories of one allocator at once.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_new_in"))]
pub unsafe extern "C" fn wasm_memory_new_in(
    allocator: *mut wasm_memory_allocator_t,
    descriptor: *const wasm_memory_descriptor_t,
    image: *const wasm_memory_image_t,
    out: *mut *mut wasm_memory_t,
) -> wasm_memory_status_t {
    let make = || {
        // SAFETY: the caller passes NULL or a handle from this library.
        let allocator = unsafe { allocator_or_default(allocator) }?;
        // SAFETY: the caller passes NULL or a handle from this library.
        let image = unsafe { image::optional(image) }?;
        // SAFETY: the caller passes NULL or a readable descriptor.
        let descriptor = unsafe { descriptor::read(descriptor) }?;
        Memory::create(allocator, &descriptor, image.as_ref())
    };
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Gives back to the host all that the allocator keeps for reuse: reservations that memories have
/// left, by whichever thread, and what free slots of a pool hold in memory.
///
/// allocator: NULL means the default one. Nothing for a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_allocator_trim"))]
pub unsafe extern "C" fn wasm_memory_allocator_trim(allocator: *mut wasm_memory_allocator_t) {
    or_default(|| {
        // SAFETY: the caller passes NULL or a handle from this library.
        match unsafe { allocator_or_default(allocator) } {
            Ok(Some(allocator)) => allocator.trim(),
            Ok(None) => Allocator::default_one().trim(),
            Err(_) => {}
        }
    });
}

/// What an allocator, or one memory, has and has done. Sizes are in bytes.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct wasm_memory_stats_t {
    /// Memories that are alive: until the last handle and buffer are gone.
    pub memories: u64,
    /// The most that ever were at once.
    pub peak_memories: u64,
    /// Address space: guards, pools and what is kept for reuse included.
    pub reserved_bytes: u64,
    /// Byte lengths of the memories.
    pub accessible_bytes: u64,
    /// The most that they ever were at once.
    pub peak_accessible_bytes: u64,
    /// Of this process's mappings, in memory now, asked of the kernel; UINT64_MAX where it cannot tell.
    pub resident_bytes: u64,
    /// In memory, in what is kept for reuse. 0 for a memory.
    pub kept_bytes: u64,
    /// Memories that were made.
    pub creations: u64,
    /// Those among them that were given what another memory had left.
    pub reuses: u64,
    /// Growths by more than 0.
    pub growths: u64,
    /// Those among them that changed the base.
    pub moves: u64,
    /// WASM_MEMORY_RANGE_ERRORs of creation, growth and reset.
    pub refusals: u64,
    /// Bytes that were discarded.
    pub discarded_bytes: u64,
    /// Zero.
    pub reserved: [u64; 8],
}

fn to_c(statistics: &Statistics) -> wasm_memory_stats_t {
    wasm_memory_stats_t {
        memories: statistics.memories,
        peak_memories: statistics.peak_memories,
        reserved_bytes: statistics.reserved_bytes,
        accessible_bytes: statistics.accessible_bytes,
        peak_accessible_bytes: statistics.peak_accessible_bytes,
        resident_bytes: statistics.resident_bytes.unwrap_or(u64::MAX),
        kept_bytes: statistics.kept_bytes,
        creations: statistics.creations,
        reuses: statistics.reuses,
        growths: statistics.growths,
        moves: statistics.moves,
        refusals: statistics.refusals,
        discarded_bytes: statistics.discarded_bytes,
        reserved: [0; 8],
    }
}

/// What an allocator has and has done.
///
/// allocator: NULL means the default one. out: where to write; NULL is allowed and does nothing; zero
/// in every field for a bad handle. Counts that other threads change meanwhile are each right at some
/// moment of the call. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_allocator_get_stats"))]
pub unsafe extern "C" fn wasm_memory_allocator_get_stats(
    allocator: *const wasm_memory_allocator_t,
    out: *mut wasm_memory_stats_t,
) {
    // SAFETY: the caller passes NULL or a writable struct.
    let out = unsafe { Out::new(out) };
    out.write(or_default(|| {
        // SAFETY: the caller passes NULL or a handle from this library.
        match unsafe { allocator_or_default(allocator) } {
            Ok(Some(allocator)) => to_c(&allocator.statistics()),
            Ok(None) => to_c(&Allocator::default_one().statistics()),
            Err(_) => wasm_memory_stats_t::default(),
        }
    }));
}

/// What one memory has and has done: memories, peak_memories and creations are 1, kept_bytes is 0.
///
/// out: where to write; NULL is allowed and does nothing; zero in every field for a bad handle. One
/// thread at a time for an unshared memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_get_stats"))]
pub unsafe extern "C" fn wasm_memory_get_stats(
    memory: *const wasm_memory_t,
    out: *mut wasm_memory_stats_t,
) {
    // SAFETY: the caller passes NULL or a writable struct.
    let out = unsafe { Out::new(out) };
    out.write(or_default(|| {
        // SAFETY: the caller passes NULL or a handle from this library, and keeps it meanwhile.
        let memory = unsafe { field(memory) };
        memory.map_or_else(wasm_memory_stats_t::default, |memory| to_c(&memory.statistics()))
    }));
}
