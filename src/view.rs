//! What is read of a memory first: by compiled code where its bytes are, and by fault handlers also of a
//! memory that may be gone.

use crate::memory::Memory;
use crate::region::slab::Slot;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use core::marker::PhantomPinned;
use core::ptr::NonNull;

/// Base and length as compiled code reads them. Part of the C ABI: `wasm_memory_view_t`.
#[derive(Debug)]
#[repr(C)]
pub struct View {
    base: AtomicPtr<u8>,
    byte_length: AtomicUsize,
}

impl View {
    /// The view of the memory in `slot`, alive or not: the place of a memory is never used for
    /// anything else. What is read of one that is just being made anew is of no use, and no harm.
    #[allow(unsafe_code, reason = "reads the view of a memory that may be gone")]
    pub(crate) fn at(slot: NonNull<Slot<Memory>>) -> &'static Self {
        // SAFETY: slots are never unmapped.
        let slot = unsafe { slot.as_ref() };
        // SAFETY: the place of a memory.
        let front = unsafe { Front::at(slot.value_address()) };
        // Whoever asks knows an address in the memory.
        front.written.store(true, Ordering::Relaxed);
        &front.view
    }

    /// Address of byte 0.
    #[inline]
    #[must_use]
    pub fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Acquire)
    }

    /// Length in bytes. All of them can be used by whoever has seen the length.
    #[inline]
    #[must_use]
    pub fn byte_length(&self) -> usize {
        // Sequentially consistent, as memory.size of a shared memory is.
        self.byte_length.load(Ordering::SeqCst)
    }

    /// From here on byte 0 is there.
    pub(crate) fn set_base(&self, base: NonNull<u8>) {
        self.base.store(base.as_ptr(), Ordering::Release);
    }

    /// From here on so many bytes can be used.
    pub(crate) fn set_byte_length(&self, length: usize) {
        self.byte_length.store(length, Ordering::SeqCst);
    }
}

/// The beginning of a memory.
///
/// [`View::at`] reads and marks it also while its memory is being made or is going: it is only ever
/// written by atomic stores, into the zero bytes of a fresh place as well.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Front {
    view: View,
    /// Somebody may have written to the bytes: the base was given out, or a write was asked for.
    written: AtomicBool,
    /// The destructor's mutable reference to the memory is not the only way to this.
    _pinned: PhantomPinned,
}

impl Front {
    pub(crate) const fn new(base: NonNull<u8>, byte_length: usize) -> Self {
        Self {
            view: View {
                base: AtomicPtr::new(base.as_ptr()),
                byte_length: AtomicUsize::new(byte_length),
            },
            written: AtomicBool::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// The front of the memory that is, was or will be at `place`.
    ///
    /// # Safety
    /// `place` is one of the slab of memories.
    #[allow(unsafe_code, reason = "reads the front of a memory that may be gone")]
    pub(crate) unsafe fn at(place: *const Memory) -> &'static Self {
        // SAFETY: places are never unmapped, a memory begins with its front (repr(C)), and any bytes
        // are valid pointers and numbers; `written` only ever is zero, or what `bool` has.
        unsafe { &*place.cast::<Self>() }
    }

    /// Makes `place` what this is, which nobody else has seen yet.
    pub(crate) fn copy_to(&mut self, place: &Self) {
        place.view.base.store(*self.view.base.get_mut(), Ordering::Relaxed);
        place.view.byte_length.store(*self.view.byte_length.get_mut(), Ordering::Relaxed);
        place.written.store(*self.written.get_mut(), Ordering::Relaxed);
    }

    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    /// Somebody may write to the bytes from here on.
    #[inline]
    pub(crate) fn set_written(&self) {
        // A load is free where a store would take the cache line from other threads.
        if !self.is_written() {
            self.written.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }
}
