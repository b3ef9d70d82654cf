//! Faulting addresses, and what an embedder keeps with a memory.

use super::memory::{field, handle, wasm_memory_t};
use super::pointer::{Out, or_default};
use crate::find::{self, Zone};
use core::ffi::c_void;
use core::ptr;

/// wasm_memory_location_t.zone: below the byte length.
pub const WASM_MEMORY_ZONE_BODY: u32 = 0;
/// wasm_memory_location_t.zone: from the byte length to the end of the reservation.
pub const WASM_MEMORY_ZONE_RESERVED: u32 = 1;
/// wasm_memory_location_t.zone: in the guard after the reservation.
pub const WASM_MEMORY_ZONE_GUARD_AFTER: u32 = 2;
/// wasm_memory_location_t.zone: in the guard before the base.
pub const WASM_MEMORY_ZONE_GUARD_BEFORE: u32 = 3;

/// Where an address lies.
#[repr(C)]
pub struct wasm_memory_location_t {
    /// The memory: it identifies and is no reference. NULL when only a buffer keeps the bytes.
    pub memory: *const wasm_memory_t,
    /// Distance from the base in bytes; negative in the guard before.
    pub offset: i64,
    /// One of WASM_MEMORY_ZONE_*.
    pub zone: u32,
    /// Zero.
    pub reserved: [u64; 2],
}

/// Which memory, and where in it, does an address belong to?
///
/// address: any address; it is not read. out: receives the answer; may be NULL; written only when
/// the result is true. Returns whether the address lies in the body, the reservation or a guard of
/// a memory. Ranges that the library keeps for reuse are not found.
///
/// Async-signal-safe: a fault handler may call it while any thread, the interrupted one included, is
/// inside any function of this library. It takes no lock, allocates nothing, touches no thread-local
/// and leaves errno and the last error alone. A memory that another thread deletes meanwhile may be
/// found or not.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_find"))]
pub unsafe extern "C" fn wasm_memory_find(
    address: *const c_void,
    out: *mut wasm_memory_location_t,
) -> bool {
    let Some(location) = find::locate(address.addr()) else { return false };
    let memory: *const wasm_memory_t =
        location.slot.map_or(ptr::null(), |slot| slot.as_ptr().cast_const().cast());
    // SAFETY: the registry holds places of memories.
    let live = unsafe { handle(memory) }.is_live();
    // SAFETY: the caller passes NULL or a writable struct.
    unsafe { Out::new(out) }.write(wasm_memory_location_t {
        memory: if live { memory } else { ptr::null() },
        offset: location.offset,
        zone: match location.zone {
            Zone::Body => WASM_MEMORY_ZONE_BODY,
            Zone::Reserved => WASM_MEMORY_ZONE_RESERVED,
            Zone::GuardAfter => WASM_MEMORY_ZONE_GUARD_AFTER,
            Zone::GuardBefore => WASM_MEMORY_ZONE_GUARD_BEFORE,
        },
        reserved: [0; 2],
    });
    true
}

/// Keeps an address of the embedder's with a memory, to be had back in a fault handler.
///
/// user_data: never looked at; NULL at first. Nothing happens for a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_set_user_data"))]
pub unsafe extern "C" fn wasm_memory_set_user_data(
    memory: *mut wasm_memory_t,
    user_data: *mut c_void,
) {
    or_default(|| {
        // SAFETY: the caller passes a handle from this library.
        if let Ok(memory) = unsafe { handle(memory) }.acquire() {
            memory.set_user_data(user_data.cast());
        }
    });
}

/// The address that wasm_memory_set_user_data was last given; NULL for a bad handle.
///
/// Async-signal-safe. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_user_data"))]
pub unsafe extern "C" fn wasm_memory_user_data(memory: *const wasm_memory_t) -> *mut c_void {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(memory) }.map_or(ptr::null_mut(), |memory| memory.user_data().cast())
}
