//! Bytes that compiled code, C and other threads may read and write at any moment.
//!
//! No Rust reference to such bytes is ever made, and no copy loop of ours touches them: a racing
//! plain access would be undefined behaviour in Rust. They are moved and filled by libc's memmove
//! and memset, called through a pointer that the compiler cannot see through, so it may not take
//! the call for its own intrinsic and assume that nobody else uses the bytes. A race then has the
//! outcome that WebAssembly gives it: each byte is an old or a new one.
#![allow(unsafe_code, reason = "moves guest bytes")]

use core::ffi::{c_int, c_void};
use core::hint::black_box;
use core::marker::PhantomData;

// Every host has these, also one that has no other part of a C library: the compiler needs them too.
#[cfg(not(miri))]
unsafe extern "C" {
    fn memmove(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void;
    fn memset(start: *mut c_void, value: c_int, length: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, length: usize) -> c_int;
}

#[cfg(miri)]
use interpreted::{memcmp, memmove, memset};

/// What Miri does not know of C.
#[cfg(miri)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "as in C"
)]
mod interpreted {
    use super::{c_int, c_void};
    use core::{ptr, slice};

    pub(super) unsafe extern "C" fn memmove(
        to: *mut c_void,
        from: *const c_void,
        length: usize,
    ) -> *mut c_void {
        // SAFETY: the contract is the same.
        unsafe { ptr::copy(from.cast::<u8>(), to.cast::<u8>(), length) };
        to
    }

    pub(super) unsafe extern "C" fn memset(
        start: *mut c_void,
        value: c_int,
        length: usize,
    ) -> *mut c_void {
        // SAFETY: the contract is the same.
        unsafe { ptr::write_bytes(start.cast::<u8>(), value as u8, length) };
        start
    }

    pub(super) unsafe extern "C" fn memcmp(
        one: *const c_void,
        other: *const c_void,
        length: usize,
    ) -> c_int {
        // SAFETY: the contract is the same.
        let one = unsafe { slice::from_raw_parts(one.cast::<u8>(), length) };
        // SAFETY: as above.
        let other = unsafe { slice::from_raw_parts(other.cast::<u8>(), length) };
        c_int::from(one != other)
    }
}

/// A run of bytes that can be read and written, and may change under our hands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    start: *mut u8,
    length: usize,
    /// The bytes are there for so long.
    bytes: PhantomData<&'a ()>,
}

impl<'a> Span<'a> {
    /// # Safety
    /// While the span lives, `[start, start + length)` can be read, and written if it is ever the
    /// target of an operation. `start` may be anything when `length` is 0.
    #[inline]
    pub(crate) const unsafe fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length, bytes: PhantomData }
    }

    /// The bytes of a slice that nobody else uses meanwhile.
    pub(crate) const fn of(bytes: &'a mut [u8]) -> Self {
        Self { start: bytes.as_mut_ptr(), length: bytes.len(), bytes: PhantomData }
    }

    /// Bytes that are only ever copied from.
    pub(crate) const fn of_frozen(bytes: &'a [u8]) -> Self {
        Self { start: bytes.as_ptr().cast_mut(), length: bytes.len(), bytes: PhantomData }
    }

    /// Is every byte zero?
    pub(crate) fn is_zero(&self) -> bool {
        type Memcmp = unsafe extern "C" fn(*const c_void, *const c_void, usize) -> c_int;
        const MOST: usize = 4096;
        static ZEROS: [u8; MOST] = [0; MOST];
        let compare: Memcmp = black_box(memcmp);
        let mut at = 0;
        while at < self.length {
            let part = self.part(at, MOST);
            // SAFETY: both hold so many bytes.
            if unsafe { compare(part.start.cast(), ZEROS.as_ptr().cast(), part.length) } != 0 {
                return false;
            }
            at = at.saturating_add(MOST);
        }
        true
    }

    /// How many bytes.
    #[inline]
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Address of the first byte.
    pub(crate) const fn address(&self) -> *mut u8 {
        self.start
    }

    /// The part of `length` bytes from `offset` on; shorter where there is less.
    #[inline]
    pub(crate) fn part(&self, offset: usize, length: usize) -> Self {
        let offset = offset.min(self.length);
        let length = length.min(self.length.wrapping_sub(offset));
        Self { start: self.start.wrapping_add(offset), length, bytes: PhantomData }
    }

    /// Copies as many bytes from `source` as both hold. They may overlap.
    #[inline]
    pub(crate) fn copy_from(&self, source: &Span<'_>) {
        type Memmove = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
        let length = self.length.min(source.length);
        if length > 0 {
            let copy: Memmove = black_box(memmove);
            // SAFETY: both hold `length` bytes (see `new`), and memmove allows any overlap.
            unsafe { copy(self.start.cast(), source.start.cast(), length) };
        }
    }

    /// Sets every byte to `value`.
    #[inline]
    pub(crate) fn fill(&self, value: u8) {
        type Memset = unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
        if self.length > 0 {
            let set: Memset = black_box(memset);
            // SAFETY: `length` bytes can be written (see `new`).
            unsafe { set(self.start.cast(), c_int::from(value), self.length) };
        }
    }
}
