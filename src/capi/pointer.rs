//! Pointers as C passes them.

use super::error;
use super::status::{self, wasm_memory_status_t};
use crate::error::{Error, Result};
use crate::region::slab::{Kind, Ref};
use crate::units;
use core::ffi::c_void;
use core::ptr;

/// Where a C function writes a result.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `address` is NULL or writable as a `T` until the function returns.
    pub(super) const unsafe fn new(address: *mut T) -> Self {
        Self(address)
    }

    /// Refuses NULL.
    pub(super) fn required(&self) -> Result<()> {
        if self.0.is_null() { Err(Error::NullArgument {}) } else { Ok(()) }
    }

    /// Writes the result, unless the caller does not want it.
    pub(super) fn write(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, and writable by the contract of `new`. The place may be
            // uninitialized, so nothing is dropped.
            unsafe { self.0.write(value) };
        }
    }
}

/// Runs a function that returns a new handle through `out`, which is NULL after any failure.
///
/// # Safety
/// `out` is NULL or writable; `H` is the C type of handles to `T`.
pub(super) unsafe fn answer_handle<T: Kind, H>(
    out: *mut *mut H,
    make: impl FnOnce() -> Result<Ref<T>>,
) -> wasm_memory_status_t {
    // SAFETY: by this function's own contract.
    let out = unsafe { Out::new(out) };
    out.write(ptr::null_mut());
    status::answer(|| {
        out.required()?;
        let uncounted = Error::OutOfMemory { requested: 0, available: 0, os_error: 0 };
        out.write(make()?.into_handle().ok_or(uncounted)?.as_ptr().cast());
        Ok(())
    })
}

/// Refuses a struct whose reserved fields are not all NULL.
pub(super) fn check_reserved(fields: &[*mut c_void]) -> Result<()> {
    match fields.iter().find(|field| !field.is_null()) {
        Some(field) => Err(Error::ReservedField { requested: units::bytes(field.addr()) }),
        None => Ok(()),
    }
}

/// Reads a struct that C passes by pointer, once: another thread of the caller's may write to it.
///
/// # Safety
/// `address` is NULL or readable as a `T`.
pub(super) unsafe fn read<T: Copy>(address: *const T) -> Result<T> {
    if address.is_null() {
        return Err(Error::NullArgument {});
    }
    // SAFETY: not NULL, and readable by this function's own contract.
    Ok(unsafe { address.read() })
}

/// Runs a function without a status whose failure is only a NULL.
pub(super) fn caught_result<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    error::caught(body).and_then(|outcome| outcome)
}

/// The answer of a function without a status when the library itself is at fault.
pub(super) fn or_default<R: Default>(body: impl FnOnce() -> R) -> R {
    error::caught(body).unwrap_or_default()
}
