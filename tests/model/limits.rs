//! The limiter of an allocator: it refuses what is more than a number of bytes, and remembers what it
//! was asked and told.

use crate::abi::boolean;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use wasm_memory::capi::config::wasm_memory_limiter_t;
use wasm_memory::capi::descriptor::Bool;
use wasm_memory::capi::error::wasm_memory_error_t;

/// Lives in one place for as long as the allocator and its memories do.
pub struct Limits {
    most: u64,
    asked: AtomicU64,
    /// What it was asked last: current, desired and maximum bytes.
    last: [AtomicU64; 3],
    told: AtomicU64,
    finalized: AtomicU64,
}

impl Limits {
    pub fn new(most: u64) -> Box<Self> {
        Box::new(Self {
            most,
            asked: AtomicU64::new(0),
            last: Default::default(),
            told: AtomicU64::new(0),
            finalized: AtomicU64::new(0),
        })
    }

    pub fn limiter(&self) -> wasm_memory_limiter_t {
        wasm_memory_limiter_t {
            context: ptr::from_ref(self).cast_mut().cast(),
            growing: Some(growing),
            refused: Some(refused),
            finalize: Some(finalize),
            reserved: [ptr::null_mut(); 4],
        }
    }

    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub fn last(&self) -> [u64; 3] {
        self.last.each_ref().map(|last| last.load(Ordering::Relaxed))
    }

    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    pub fn finalized(&self) -> u64 {
        self.finalized.load(Ordering::Relaxed)
    }
}

/// The limits of a context.
///
/// # Safety
/// `context` is the address of limits that are alive.
unsafe fn limits<'a>(context: *mut c_void) -> &'a Limits {
    // SAFETY: as this function asks for.
    unsafe { &*context.cast::<Limits>() }
}

unsafe extern "C" fn growing(
    context: *mut c_void,
    current: u64,
    desired: u64,
    maximum: u64,
) -> Bool {
    // SAFETY: the context of `Limits::limiter`, which outlives the allocator.
    let limits = unsafe { limits(context) };
    limits.asked.fetch_add(1, Ordering::Relaxed);
    for (last, number) in limits.last.iter().zip([current, desired, maximum]) {
        last.store(number, Ordering::Relaxed);
    }
    boolean(if desired <= limits.most { 0x40 } else { 0 })
}

unsafe extern "C" fn refused(context: *mut c_void, _: *const wasm_memory_error_t) {
    // SAFETY: as in `growing`.
    unsafe { limits(context) }.told.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn finalize(context: *mut c_void) {
    // SAFETY: as in `growing`.
    unsafe { limits(context) }.finalized.fetch_add(1, Ordering::Relaxed);
}
