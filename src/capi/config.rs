//! The settings of an allocator to be.

use super::descriptor::Bool;
use super::error::{self, wasm_memory_error_t};
use super::pointer::{self, or_default};
use crate::allocator::Config;
use crate::allocator::limiter::{Callbacks, Refused};
use crate::error::{Error, Result};
use crate::region::slab::{Handle, Ref};
use core::ffi::c_void;
use core::ptr;

/// The settings of an allocator to be. Made by wasm_memory_config_new with the defaults, one setter
/// for each setting, given back by wasm_memory_config_delete. One thread at a time. A setter with
/// NULL, a deleted config or a handle of another kind does nothing.
pub struct wasm_memory_config_t {
    _private: [u8; 0],
}

/// Changes a config.
///
/// # Safety
/// `config` is NULL or came from this library.
pub(super) unsafe fn set(config: *mut wasm_memory_config_t, change: impl FnOnce(&Config)) {
    or_default(|| {
        // SAFETY: by this function's own contract.
        if let Ok(config) = unsafe { Handle::new(config) }.acquire() {
            change(&config);
        }
    });
}

/// Sets what a struct of functions of the embedder's says, or that there is none where it is NULL. One that
/// is not in order is handed on as its error.
///
/// # Safety
/// `config` is NULL or came from this library, and `functions` is NULL or readable.
pub(super) unsafe fn set_functions<F: Copy, C>(
    config: *mut wasm_memory_config_t,
    functions: *const F,
    convert: impl FnOnce(&F) -> Result<C>,
    change: impl FnOnce(&Config, Result<Option<C>>),
) {
    let read = |config: &Config| {
        // SAFETY: by this function's own contract.
        let functions = unsafe { pointer::read(functions) }.ok();
        change(config, functions.map(|functions| convert(&functions)).transpose());
    };
    // SAFETY: as above.
    unsafe { set(config, read) }
}

/// Makes a config with the defaults: bounds GUARDED, reservation the least of the maximum and the size limit
/// (4 GiB for i32 without a maximum), guards 0 before and 65536 after, not movable, with fallback,
/// backend VIRTUAL, no pool, 1 MiB of a memory written over when it is cleaned (16 MiB at a reset), 64 MiB kept for reuse, no large pages,
/// no prefault, size limit 16 GiB, no quota, no limiter.
///
/// Returns a config to be given back with wasm_memory_config_delete; NULL when there is no memory
/// for one.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_new"))]
pub extern "C" fn wasm_memory_config_new() -> *mut wasm_memory_config_t {
    let config = pointer::caught_result(Config::new).ok().and_then(Ref::into_handle);
    config.map_or(ptr::null_mut(), |handle| handle.as_ptr().cast())
}

/// Gives a config back. Allocators made from it stay as they are. NULL does nothing. A limiter that no
/// allocator uses is finalized.
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

/// Sets a pool: memories are slots of one reservation, which wasm_memory_allocator_new makes. A memory
/// whose initial size is more than a slot is WASM_MEMORY_RANGE_ERROR, SLOT_SIZE, and so is growth past
/// it; when all slots are in use, creation is POOL_EXHAUSTED. A slot is free again when the last handle
/// and buffer of its memory are gone; it is then cleaned, and as a rule goes to the next memory that
/// starts from the same image.
///
/// slots: 0 is an error of wasm_memory_allocator_new. slot_bytes: bytes of each, rounded up to the host
/// page; it is the reservation in the layout of every memory. Between two slots lies the longer of the
/// two guards, which serves both. With WASM_MEMORY_BOUNDS_CHECKED, and unless guards are set, there are
/// none between them, and all slots are one mapping. A pool never moves a memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_pool"))]
pub unsafe extern "C" fn wasm_memory_config_set_pool(
    config: *mut wasm_memory_config_t,
    slots: u32,
    slot_bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_pool(slots, slot_bytes)) }
}

/// Sets up to how many bytes of a memory are written over, and so stay in memory, when it is reset or
/// cleaned for the next one. Where more than that was used, the kernel drops all of it. Default: 1 MiB
/// for the next one, 16 MiB at a reset.
///
/// bytes: 0 has the kernel drop the pages always.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_keep_resident"))]
pub unsafe extern "C" fn wasm_memory_config_set_keep_resident(
    config: *mut wasm_memory_config_t,
    bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_keep_resident(bytes)) }
}

/// Sets whether the host is asked for large pages. Where it is, a byte that is touched may take
/// 2 MiB. Default: no; pools and memories with WASM_MEMORY_BOUNDS_CHECKED then get none even where the
/// host gives them unasked.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_huge_pages"))]
pub unsafe extern "C" fn wasm_memory_config_set_huge_pages(
    config: *mut wasm_memory_config_t,
    wanted: Bool,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_huge_pages(wanted.is_true())) }
}

/// Sets whether the initial pages of a memory are made resident at creation, which is cheaper than a
/// fault for each and costs the memory even where they are never used. As far as it can be had: no
/// creation fails for want of it. Default: no.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_prefault"))]
pub unsafe extern "C" fn wasm_memory_config_set_prefault(
    config: *mut wasm_memory_config_t,
    wanted: Bool,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_prefault(wanted.is_true())) }
}

/// Sets the most bytes that stay in memory over all that waits for reuse: the reservations that
/// memories have left, or the free slots of a pool. Default: 64 MiB. What lies for ten seconds is given
/// back by later calls, all of it by wasm_memory_allocator_trim.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_kept_bytes"))]
pub unsafe extern "C" fn wasm_memory_config_set_kept_bytes(
    config: *mut wasm_memory_config_t,
    bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_kept_bytes(bytes)) }
}

/// Sets how many memories of the allocator there may be at once, and how many bytes they may have
/// together. Byte lengths are counted, at creation and growth, until the bytes are gone: a deleted
/// memory counts as long as a buffer keeps it. Past it, creation is WASM_MEMORY_RANGE_ERROR,
/// QUOTA_MEMORIES; creation and growth are QUOTA_BYTES.
///
/// memories, bytes: 0 is no limit, the default.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_quota"))]
pub unsafe extern "C" fn wasm_memory_config_set_quota(
    config: *mut wasm_memory_config_t,
    memories: u64,
    bytes: u64,
) {
    // SAFETY: the caller passes NULL or a handle from this library.
    unsafe { set(config, |config| config.set_quota(memories, bytes)) }
}

/// The embedder's own say in how large memories become. The functions may run on any thread and at
/// once, must not unwind or longjmp, and may call the library: none of its locks is held.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_memory_limiter_t {
    /// Handed to each function.
    pub context: *mut c_void,
    /// May a memory of current_bytes become one of desired_bytes? Asked last, after every limit of the
    /// library's own, before each creation (current_bytes is 0) and each growth by more than 0;
    /// maximum_bytes is the declared maximum, UINT64_MAX without one. False refuses:
    /// WASM_MEMORY_RANGE_ERROR, LIMITER. NULL allows everything.
    pub growing: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            current_bytes: u64,
            desired_bytes: u64,
            maximum_bytes: u64,
        ) -> Bool,
    >,
    /// Told of each WASM_MEMORY_RANGE_ERROR of creation, growth and an enlarging reset, whatever its
    /// cause. error is valid during the call. May be NULL.
    pub refused:
        Option<unsafe extern "C" fn(context: *mut c_void, error: *const wasm_memory_error_t)>,
    /// Called once, when the config and every allocator made from it are gone, or the setting was
    /// replaced and no allocator uses it. May be NULL.
    pub finalize: Option<unsafe extern "C" fn(context: *mut c_void)>,
    /// NULL.
    pub reserved: [*mut c_void; 4],
}

type RefusedFunction = unsafe extern "C" fn(*mut c_void, *const wasm_memory_error_t);

/// Hands an error to the embedder's function at `function`.
///
/// # Safety
/// `function` is a [`RefusedFunction`] that can be called with `context`.
unsafe fn tell(function: *const c_void, context: *mut c_void, error: &Error) {
    let told = error::error_to_c(Some(*error));
    // SAFETY: by this function's own contract.
    let function: RefusedFunction = unsafe { core::mem::transmute(function) };
    // SAFETY: as above; `told` lives until the call returns.
    unsafe { function(context, &told) };
}

/// Sets who is asked before each creation and growth, and told of each refusal.
///
/// limiter: copied; NULL sets none, the default. One whose reserved fields are not NULL (RESERVED_FIELD),
/// or for which there is no memory (OUT_OF_MEMORY), is not set and not finalized: it is an error of
/// wasm_memory_allocator_new.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_config_set_limiter"))]
pub unsafe extern "C" fn wasm_memory_config_set_limiter(
    config: *mut wasm_memory_config_t,
    limiter: *const wasm_memory_limiter_t,
) {
    // SAFETY: the caller passes NULL or a handle from this library, and NULL or a readable struct.
    unsafe { set_functions(config, limiter, callbacks, Config::set_limiter) }
}

fn callbacks(limiter: &wasm_memory_limiter_t) -> Result<Callbacks> {
    pointer::check_reserved(&limiter.reserved)?;
    let refused = limiter.refused.map(|function| {
        let function: RefusedFunction = function;
        #[allow(clippy::as_conversions, reason = "a function's address")]
        Refused { function: function as *const c_void, tell }
    });
    let growing = limiter.growing.map(|growing| {
        // SAFETY: a Bool is a transparent byte, so both types of function are the same in C.
        unsafe { core::mem::transmute::<Growing, crate::allocator::limiter::Growing>(growing) }
    });
    Ok(Callbacks { context: limiter.context, growing, refused, finalize: limiter.finalize })
}

type Growing = unsafe extern "C" fn(*mut c_void, u64, u64, u64) -> Bool;
