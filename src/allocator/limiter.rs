//! The embedder's own say in how large memories become.
#![allow(unsafe_code, reason = "calls the embedder's functions")]

use crate::error::Error;
use crate::region::slab::{Kind, Slab};
use core::ffi::c_void;

/// `growing` of the C interface: may a memory of so many bytes become one of so many, whose declared
/// maximum is so many bytes? A byte that is not zero is a yes.
pub(crate) type Growing = unsafe extern "C" fn(*mut c_void, u64, u64, u64) -> u8;

/// The functions of a limiter. Nobody holds a lock of the library when one is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callbacks {
    pub(crate) context: *mut c_void,
    pub(crate) growing: Option<Growing>,
    /// Tells the embedder of a refusal, in the form that the C interface has for it.
    pub(crate) refused: Option<Refused>,
    pub(crate) finalize: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// A function of the embedder's, and how an error is handed to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// The address of the embedder's function.
    pub(crate) function: *const c_void,
    /// Calls it.
    ///
    /// Safety: with the function that it stands beside, and its context.
    pub(crate) tell: unsafe fn(*const c_void, *mut c_void, &Error),
}

/// A limiter as the config that it was set on and every allocator made from that keep it.
#[derive(Debug)]
pub(crate) struct Limiter {
    callbacks: Callbacks,
}

// SAFETY: whoever sets a limiter promises that its functions may run on any thread, and at once.
unsafe impl Send for Limiter {}
// SAFETY: as above.
unsafe impl Sync for Limiter {}

static LIMITERS: Slab<Limiter> = Slab::new();

impl Kind for Limiter {
    const TAG: u32 = u32::from_be_bytes(*b"LIMR");

    fn slab() -> &'static Slab<Self> {
        &LIMITERS
    }
}

impl Limiter {
    pub(crate) const fn new(callbacks: Callbacks) -> Self {
        Self { callbacks }
    }

    /// May a memory of `current` bytes become one of `desired`?
    pub(crate) fn allows(&self, current: u64, desired: u64, maximum: u64) -> bool {
        let Callbacks { context, growing, .. } = self.callbacks;
        // SAFETY: whoever set the limiter promises that the function can be called.
        growing.is_none_or(|growing| unsafe { growing(context, current, desired, maximum) } != 0)
    }

    /// Tells of a refusal.
    pub(crate) fn refused(&self, error: &Error) {
        if let Some(Refused { function, tell }) = self.callbacks.refused {
            // SAFETY: whoever set the limiter promises that the function can be called.
            unsafe { tell(function, self.callbacks.context, error) };
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(finalize) = self.callbacks.finalize {
            // SAFETY: whoever set the limiter promises that the function can be called, once.
            unsafe { finalize(self.callbacks.context) };
        }
    }
}
