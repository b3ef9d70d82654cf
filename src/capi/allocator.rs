//! Allocators: where memories come from.

use super::descriptor::{self, Bool, wasm_memory_descriptor_t};
use super::memory::wasm_memory_t;
use super::pointer::{self, or_default};
use super::status::wasm_memory_status_t;
use crate::allocator::{Allocator, Config};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::region::slab::{Handle, Ref};
use crate::units;
use core::ptr;

/// The settings of an allocator to be. Made by wasm_memory_config_new with the defaults, one setter
/// for each setting, given back by wasm_memory_config_delete. One thread at a time. A setter with
/// NULL, a deleted config or a handle of another kind does nothing.
pub struct wasm_memory_config_t {
    _private: [u8; 0],
}

/// Makes memories that follow the same settings. Made by wasm_memory_allocator_new, given back by
/// wasm_memory_allocator_delete. Any thread, at once. A NULL allocator means the default one
/// everywhere.
pub struct wasm_memory_allocator_t {
    _private: [u8; 0],
}

/// A frozen run of bytes that a new memory can start from.
pub struct wasm_memory_image_t {
    _private: [u8; 0],
}

/// Changes a config.
///
/// # Safety
/// `config` is NULL or came from this library.
unsafe fn set(config: *mut wasm_memory_config_t, change: impl FnOnce(&Config)) {
    or_default(|| {
        // SAFETY: by this function's own contract.
        if let Ok(config) = unsafe { Handle::new(config) }.acquire() {
            change(&config);
        }
    });
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

/// Makes a config with the defaults: bounds GUARDED, reservation the least of the maximum and the size limit
/// (4 GiB for i32 without a maximum), guards 0 before and 65536 after, not movable, with fallback,
/// size limit 16 GiB.
///
/// Returns a config to be given back with wasm_memory_config_delete; NULL when there is no memory
/// for one.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_new"))]
pub extern "C" fn wasm_memory_config_new() -> *mut wasm_memory_config_t {
    let config = pointer::caught_result(Config::new).ok().and_then(Ref::into_handle);
    config.map_or(ptr::null_mut(), |handle| handle.as_ptr().cast())
}

/// Gives a config back. Allocators made from it stay as they are. NULL does nothing.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_delete"))]
pub unsafe extern "C" fn wasm_memory_config_delete(config: *mut wasm_memory_config_t) {
    // SAFETY: the caller passes NULL or a handle from this library.
    or_default(|| unsafe { Handle::<Config>::new(config) }.release());
}

/// Sets the address space of each memory, instead of the default.
///
/// bytes: from the base, rounded up to the host page; never less than a memory's initial size. It
/// may be more than the memory's maximum. From here on a refused reservation is an error and not
/// retried smaller, unless wasm_memory_config_set_fallback(config, true) is called too.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_reservation"))]
pub unsafe extern "C" fn wasm_memory_config_set_reservation(
    config: *mut wasm_memory_config_t,
    bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_reservation(bytes)) }
}

/// Sets how many bytes before the base and after the reservation are inaccessible, also at size 0.
///
/// before, after: bytes, each rounded up to the host page. From here on a refused reservation is an
/// error and not retried smaller, unless wasm_memory_config_set_fallback(config, true) is called
/// too.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_guards"))]
pub unsafe extern "C" fn wasm_memory_config_set_guards(
    config: *mut wasm_memory_config_t,
    before: u64,
    after: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_guards(before, after)) }
}

/// Bounds: growth changes the protection of pages, and an access past the byte length faults.
pub const WASM_MEMORY_BOUNDS_GUARDED: u32 = 0;
/// Bounds: the engine compares every access with the byte length. The reservation is opened ahead
/// of the length, so that growth is as a rule only arithmetic and a store.
pub const WASM_MEMORY_BOUNDS_CHECKED: u32 = 1;

/// Sets who sees to it that no access passes the byte length: WASM_MEMORY_BOUNDS_GUARDED (the
/// default) or WASM_MEMORY_BOUNDS_CHECKED. Another number is an error of
/// wasm_memory_allocator_new.
///
/// With CHECKED all of the reservation is opened at once where the host charges only for bytes that
/// are touched, and in large growing steps where it charges for what is open (overcommit off,
/// RLIMIT_DATA). The layout then has no exact_protection and elides no checks; the guards are there.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_bounds"))]
pub unsafe extern "C" fn wasm_memory_config_set_bounds(
    config: *mut wasm_memory_config_t,
    bounds: u32,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_bounds(bounds)) }
}

/// Sets whether growth past the reservation may change the base of an unshared memory. Without it
/// such a growth is WASM_MEMORY_RANGE_ERROR, RESERVATION_EXCEEDED.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_movable"))]
pub unsafe extern "C" fn wasm_memory_config_set_movable(
    config: *mut wasm_memory_config_t,
    movable: Bool,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_movable(movable.is_true())) }
}

/// Sets whether a reservation that the host refuses may be retried smaller: with the memory's
/// maximum, then with what it needs now and some slack, then without slack. An unshared memory that
/// got less than its maximum is movable. wasm_memory_get_layout tells what a memory was given.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_fallback"))]
pub unsafe extern "C" fn wasm_memory_config_set_fallback(
    config: *mut wasm_memory_config_t,
    fallback: Bool,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_fallback(fallback.is_true())) }
}

/// Sets the most bytes that a memory may have, at creation and after growth. Default: 16 GiB, the
/// limit of the JavaScript interface.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_size_limit"))]
pub unsafe extern "C" fn wasm_memory_config_set_size_limit(
    config: *mut wasm_memory_config_t,
    bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_size_limit(bytes)) }
}

/// Makes an allocator.
///
/// config: its settings, copied; NULL means the defaults. out: receives the allocator, one
/// reference that the caller gives back with wasm_memory_allocator_delete; NULL after a failure.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL (NULL_ARGUMENT), a bad config (INVALID_HANDLE), unknown bounds
/// (UNKNOWN_VALUE).
/// WASM_MEMORY_RANGE_ERROR: reservation and guards together are more than any host has
/// (ADDRESS_SPACE), no memory for the allocator (OUT_OF_MEMORY). Any thread.
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
/// allocator: NULL means the default one. image: NULL for zeros. The rest, and the order of checks,
/// is as for wasm_memory_new; the size limit is the allocator's.
///
/// WASM_MEMORY_TYPE_ERROR: also for a bad allocator or image (INVALID_HANDLE), checked after out.
/// Any thread, different memories of one allocator at once.
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
        if !image.is_null() {
            // No function of this version returns an image, so there is none to be had.
            return Err(Error::InvalidHandle { requested: units::bytes(image.addr()) });
        }
        // SAFETY: the caller passes NULL or a readable descriptor.
        let descriptor = unsafe { descriptor::read(descriptor) }?;
        Memory::create(allocator, &descriptor)
    };
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}
