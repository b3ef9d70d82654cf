//! The heap that the program itself allocates from.
#![allow(unsafe_code, reason = "calls the allocator")]

use super::heap::ALIGNMENT;
use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, ALIGNMENT).ok().filter(|layout| layout.size() > 0)
}

/// A block of `size` bytes that reads zero; `None` when there is none.
pub(super) fn allocate_zeroed(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: the layout is not empty.
    NonNull::new(unsafe { alloc::alloc_zeroed(layout(size)?) })
}

/// Makes a block larger, at another address maybe. `None` leaves it as it is.
///
/// # Safety
/// `block` is one of `size` bytes from here, and nobody uses it.
pub(super) unsafe fn reallocate(
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
pub(super) unsafe fn deallocate(block: NonNull<u8>, size: usize) {
    if let Some(layout) = layout(size) {
        // SAFETY: by this function's own contract.
        unsafe { alloc::dealloc(block.as_ptr(), layout) };
    }
}
