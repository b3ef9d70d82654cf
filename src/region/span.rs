//! Bytes that compiled code, C and other threads may read and write at any moment.
//!
//! No Rust reference to such bytes is ever made, and no copy loop of ours touches them: a racing
//! plain access would be undefined behaviour in Rust. They are moved and filled by libc's memmove
//! and memset, called through a pointer that the compiler cannot see through, so it may not take
//! the call for its own intrinsic and assume that nobody else uses the bytes. A race then has the
//! outcome that WebAssembly gives it: each byte is an old or a new one.
#![allow(unsafe_code, reason = "moves guest bytes")]

use super::os::{self, Access, Advice};
use super::page_size;
use core::ffi::{c_int, c_void};
use core::hint::black_box;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A run of bytes that can be read and written, and may change under our hands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    start: *mut u8,
    length: usize,
    /// The bytes are there for so long.
    bytes: PhantomData<&'a ()>,
}

impl Span<'_> {
    /// # Safety
    /// While the span lives, `[start, start + length)` can be read, and written if it is ever the
    /// target of an operation. `start` may be anything when `length` is 0.
    #[inline]
    pub(crate) const unsafe fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length, bytes: PhantomData }
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
            let memmove: Memmove = black_box(libc::memmove);
            // SAFETY: both hold `length` bytes (see `new`), and memmove allows any overlap.
            unsafe { memmove(self.start.cast(), source.start.cast(), length) };
        }
    }

    /// Sets every byte to `value`.
    #[inline]
    pub(crate) fn fill(&self, value: u8) {
        type Memset = unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
        if self.length > 0 {
            let memset: Memset = black_box(libc::memset);
            // SAFETY: `length` bytes can be written (see `new`).
            unsafe { memset(self.start.cast(), c_int::from(value), self.length) };
        }
    }

    /// Sets every byte to zero and gives the host the pages that lie wholly inside.
    ///
    /// # Safety
    /// The bytes lie in the open part of one region, which is private memory without a file.
    pub(crate) unsafe fn discard(&self) {
        let page = page_size();
        let head = self.start.align_offset(page).min(self.length);
        let pages = self.length.wrapping_sub(head) & !page.wrapping_sub(1);
        self.part(0, head).fill(0);
        let inner = self.part(head, pages);
        // SAFETY: by this function's own contract.
        if !unsafe { inner.drop_pages() } {
            inner.fill(0);
        }
        self.part(head.wrapping_add(pages), self.length).fill(0);
    }

    /// Makes the host forget whole pages, which then read zero. False when it would not.
    ///
    /// # Safety
    /// As [`Span::discard`], and the span is whole pages.
    unsafe fn drop_pages(&self) -> bool {
        let Some(start) = NonNull::new(self.start).filter(|_| self.length > 0) else { return true };
        // SAFETY: the pages are the region's, and their contents are given up.
        unsafe { os::advise(start, self.length, Advice::DontNeed) }
            // Locked pages are not dropped by the ordinary advice.
            // SAFETY: as above.
            .or_else(|_| unsafe { os::advise(start, self.length, Advice::DontNeedLocked) })
            // SAFETY: as above.
            .or_else(|_| unsafe { os::map_over(start, self.length, Access::ReadWrite) })
            .is_ok()
    }
}
