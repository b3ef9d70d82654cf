//! The heap that the program itself allocates from.
#![allow(unsafe_code, reason = "calls the allocator")]

use super::heap::ALIGNMENT;
use core::ptr::NonNull;

pub(super) use imp::{allocate_zeroed, deallocate, reallocate};

/// The allocator of the Rust program that the library is a part of; the C library's where it is a library
/// of its own.
#[cfg(feature = "host")]
mod imp {
    use super::{ALIGNMENT, NonNull};
    use core::alloc::Layout;
    use std::alloc;

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size, ALIGNMENT).ok().filter(|layout| layout.size() > 0)
    }

    /// A block of `size` bytes that reads zero; `None` when there is none.
    pub(crate) fn allocate_zeroed(size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { alloc::alloc_zeroed(layout(size)?) })
    }

    /// Makes a block larger, at another address maybe. `None` leaves it as it is.
    ///
    /// # Safety
    /// `block` is one of `size` bytes from here, and nobody uses it.
    pub(crate) unsafe fn reallocate(
        block: NonNull<u8>,
        size: usize,
        larger: usize,
    ) -> Option<NonNull<u8>> {
        let new = layout(larger)?;
        // SAFETY: by this function's own contract; the new size was found to be one of a layout.
        NonNull::new(unsafe { alloc::realloc(block.as_ptr(), layout(size)?, new.size()) })
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` is one of `size` bytes from here, and nobody uses it.
    pub(crate) unsafe fn deallocate(block: NonNull<u8>, size: usize) {
        if let Some(layout) = layout(size) {
            // SAFETY: by this function's own contract.
            unsafe { alloc::dealloc(block.as_ptr(), layout) };
        }
    }
}

/// The C library's, which aligns to less than is needed on small hosts: every block begins a little behind
/// what C gave, and the byte before it tells how far.
#[cfg(not(feature = "host"))]
mod imp {
    use super::{ALIGNMENT, NonNull};
    use core::ffi::c_void;
    use core::ptr;

    unsafe extern "C" {
        fn calloc(count: usize, size: usize) -> *mut c_void;
        fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
        fn free(block: *mut c_void);
    }

    /// The block within what C gave at `start`, and how far behind it. There is room for the byte before.
    fn block_in(start: *mut u8) -> (*mut u8, u8) {
        const MASK: usize = ALIGNMENT - 1;
        let behind = ALIGNMENT.wrapping_sub(start.addr() & MASK);
        (start.wrapping_add(behind), u8::try_from(behind).unwrap_or(0))
    }

    fn finish(start: *mut u8) -> Option<NonNull<u8>> {
        let (block, behind) = block_in(start);
        // SAFETY: the block is at least a byte behind the start of what C gave.
        unsafe { block.wrapping_sub(1).write(behind) };
        NonNull::new(block)
    }

    /// How far behind what C gave a block is.
    ///
    /// # Safety
    /// `block` is from here.
    unsafe fn behind(block: NonNull<u8>) -> usize {
        // SAFETY: `finish` wrote it there.
        usize::from(unsafe { block.as_ptr().wrapping_sub(1).read() })
    }

    /// A block of `size` bytes that reads zero; `None` when there is none.
    pub(crate) fn allocate_zeroed(size: usize) -> Option<NonNull<u8>> {
        let size = size.checked_add(ALIGNMENT)?;
        // SAFETY: any numbers are.
        let start: *mut u8 = unsafe { calloc(1, size) }.cast();
        if start.is_null() { None } else { finish(start) }
    }

    /// Makes a block larger, at another address maybe. `None` leaves it as it is.
    ///
    /// # Safety
    /// `block` is one of `size` bytes from here, and nobody uses it.
    pub(crate) unsafe fn reallocate(
        block: NonNull<u8>,
        size: usize,
        larger: usize,
    ) -> Option<NonNull<u8>> {
        let larger = larger.checked_add(ALIGNMENT)?;
        // SAFETY: by this function's own contract.
        let before = unsafe { behind(block) };
        let old = block.as_ptr().wrapping_sub(before);
        // SAFETY: the start of what C gave.
        let start: *mut u8 = unsafe { realloc(old.cast(), larger) }.cast();
        if start.is_null() {
            return None;
        }
        let (new, after) = block_in(start);
        if usize::from(after) != before {
            let from = start.wrapping_add(before);
            // SAFETY: the bytes that C has moved, and as many in the larger block.
            unsafe { ptr::copy(from, new, size) };
        }
        finish(start)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` is from here, and nobody uses it.
    pub(crate) unsafe fn deallocate(block: NonNull<u8>, _size: usize) {
        // SAFETY: by this function's own contract.
        let before = unsafe { behind(block) };
        // SAFETY: the start of what C gave.
        unsafe { free(block.as_ptr().wrapping_sub(before).cast()) };
    }
}
