//! Regions without virtual memory: blocks of the embedder's heap, or of the process's.
//!
//! A block is all that its memory can become without moving. Nothing protects what lies around it, so
//! whoever uses it checks bounds. A heap need not hand out zeros: bytes become zero when they are
//! opened, not when the block is made.
#![allow(unsafe_code, reason = "owns blocks of a heap")]

use super::Old;
use super::frozen::Frozen;
use super::process_heap;
use super::registry::{Group, Registration};
use super::shape::Shape;
use super::slab::{Kind, Ref, Slab};
use super::span::Span;
use crate::error::{Error, Result};
use crate::units;
use core::ffi::c_void;
use core::mem::{self, ManuallyDrop};
use core::ptr::NonNull;

/// What the address of a block is a multiple of, in bytes: the widest access of WebAssembly.
pub(super) const ALIGNMENT: usize = 16;

/// `allocate`, `reallocate` and `deallocate` of the C interface.
pub(crate) type Allocate = unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void;
/// See [`Allocate`].
pub(crate) type Reallocate =
    unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize, usize) -> *mut c_void;
/// See [`Allocate`].
pub(crate) type Deallocate = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize);

/// The functions of an embedder's heap. Nobody holds a lock of the library when one is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callbacks {
    pub(crate) context: *mut c_void,
    pub(crate) allocate: Allocate,
    pub(crate) reallocate: Option<Reallocate>,
    pub(crate) deallocate: Deallocate,
    pub(crate) finalize: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// An embedder's heap as the config that it was set on, every allocator made from that, and every
/// block of it keep it.
#[derive(Debug)]
pub(crate) struct HostHeap {
    callbacks: Callbacks,
}

// SAFETY: whoever sets a heap promises that its functions may run on any thread, and at once.
unsafe impl Send for HostHeap {}
// SAFETY: as above.
unsafe impl Sync for HostHeap {}

static HOST_HEAPS: Slab<HostHeap> = Slab::new();

impl Kind for HostHeap {
    const TAG: u32 = u32::from_be_bytes(*b"HEAP");

    fn slab() -> &'static Slab<Self> {
        &HOST_HEAPS
    }
}

impl HostHeap {
    pub(crate) const fn new(callbacks: Callbacks) -> Self {
        Self { callbacks }
    }
}

impl Drop for HostHeap {
    fn drop(&mut self) {
        if let Some(finalize) = self.callbacks.finalize {
            // SAFETY: whoever set the heap promises that the function can be called, once.
            unsafe { finalize(self.callbacks.context) };
        }
    }
}

/// Where blocks come from.
#[derive(Clone, Debug)]
pub(crate) enum Heap {
    /// What the program itself allocates from.
    Process,
    /// The embedder's own.
    Host(Ref<HostHeap>),
}

impl Heap {
    /// Does it call functions of the embedder's?
    pub(crate) const fn calls_out(&self) -> bool {
        matches!(self, Self::Host(_))
    }

    /// A block of `size` bytes, which is not 0, and whether it reads zero.
    fn allocate(&self, size: usize) -> Option<(NonNull<u8>, bool)> {
        let host = match self {
            Self::Process => return process_heap::allocate_zeroed(size).map(|block| (block, true)),
            Self::Host(host) => host,
        };
        let Callbacks { context, allocate, .. } = host.callbacks;
        // SAFETY: whoever set the heap promises that the function can be called.
        let block = NonNull::new(unsafe { allocate(context, size, ALIGNMENT) })?.cast();
        if !is_aligned(block) {
            // Not what was asked for, so of no use.
            self.deallocate(block, size);
            return None;
        }
        Some((block, false))
    }

    /// Makes a block larger, where it is or elsewhere; the old one is then gone. `None`, also where the heap
    /// has no function for that, leaves all as it is.
    ///
    /// # Safety
    /// `block` is one of `size` bytes that this heap gave, and nobody uses it.
    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        size: usize,
        larger: usize,
    ) -> Option<NonNull<u8>> {
        match self {
            // SAFETY: by this function's own contract.
            Self::Process => unsafe { process_heap::reallocate(block, size, larger) },
            Self::Host(host) => {
                let Callbacks { context, reallocate, .. } = host.callbacks;
                let old = block.as_ptr().cast();
                // SAFETY: whoever set the heap promises that the function can be called; the block is as
                // this function's contract says.
                let new = unsafe { reallocate?(context, old, size, larger, ALIGNMENT) };
                let new = NonNull::new(new.cast())?;
                Some(self.aligned(new, size, larger))
            }
        }
    }

    /// A block of `larger` bytes with the first `size` of `block`, which is given back where it is not
    /// aligned and another one can be had.
    fn aligned(&self, block: NonNull<u8>, size: usize, larger: usize) -> NonNull<u8> {
        if is_aligned(block) {
            return block;
        }
        let Some((other, _)) = self.allocate(larger) else { return block };
        // SAFETY: both are blocks of this heap, of `larger` bytes, and nobody else uses them.
        let to = unsafe { Span::new(other.as_ptr(), size) };
        // SAFETY: as above.
        to.copy_from(&unsafe { Span::new(block.as_ptr(), size) });
        self.deallocate(block, larger);
        other
    }

    /// Takes a block of `size` bytes back, which it gave and nobody uses.
    fn deallocate(&self, block: NonNull<u8>, size: usize) {
        match self {
            // SAFETY: the callers are this file's, and give back what they have.
            Self::Process => unsafe { process_heap::deallocate(block, size) },
            Self::Host(host) => {
                let Callbacks { context, deallocate, .. } = host.callbacks;
                // SAFETY: whoever set the heap promises that the function can be called.
                unsafe { deallocate(context, block.as_ptr().cast(), size, ALIGNMENT) };
            }
        }
    }
}

/// A block and the open part at its base. Dropped, it goes back to its heap.
///
/// Invariants:
/// 1. `[base, base + reservation)` belongs to this block alone and can be read and written.
/// 2. `[base, base + open)` reads zero where nobody wrote; what is behind it does as well when
///    `rest_is_zero`.
#[derive(Debug)]
pub(crate) struct Block {
    base: NonNull<u8>,
    shape: Shape,
    open: usize,
    rest_is_zero: bool,
    /// The open part may hold what is not zero.
    written: bool,
    heap: Heap,
    registration: ManuallyDrop<Registration>,
}

// SAFETY: a block is the only owner of its range, and an address means the same to every thread.
unsafe impl Send for Block {}

impl Block {
    /// Takes a block of the size that `shape` says.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn allocate(shape: Shape, group: Group, heap: &Heap) -> Result<Self> {
        let place = Registration::reserve()?;
        let size = shape.reservation();
        let (base, rest_is_zero) = heap.allocate(size).ok_or_else(|| refused(size))?;
        let registration = ManuallyDrop::new(place.fill(base, size, base, size, group));
        let heap = heap.clone();
        Ok(Self { base, shape, open: 0, rest_is_zero, written: false, heap, registration })
    }

    pub(super) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) const fn open(&self) -> usize {
        self.open
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    /// `bytes`, when that is within the block.
    pub(super) fn end_of_open(&self, bytes: u64) -> Result<usize> {
        let available = units::bytes(self.shape.reservation());
        units::host(bytes)
            .filter(|_| bytes <= available)
            .ok_or(Error::ReservationExceeded { requested: bytes, available })
    }

    /// Makes the first `bytes` bytes usable, zero where they were not yet.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] past the block.
    pub(super) fn open_to(&mut self, bytes: u64) -> Result<()> {
        let end = self.end_of_open(bytes)?;
        if let Some(more) = end.checked_sub(self.open).filter(|more| *more > 0) {
            if !self.rest_is_zero {
                self.part(self.open, more).fill(0);
            }
            self.open = end;
        }
        Ok(())
    }

    /// Gives up what is behind the first `bytes` bytes: it is zero when it is opened again.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] past the block.
    pub(super) fn close_to(&mut self, bytes: u64) -> Result<()> {
        let end = self.end_of_open(bytes)?;
        if end < self.open {
            self.open = end;
            self.rest_is_zero = false;
        }
        Ok(())
    }

    /// `[from, from + length)` of the block.
    fn part(&self, from: usize, length: usize) -> Span<'_> {
        // SAFETY: all of the block can be read and written (invariant 1).
        unsafe { Span::new(self.base.as_ptr(), self.shape.reservation()) }.part(from, length)
    }

    pub(super) const fn set_written(&mut self) {
        self.written = true;
    }

    /// Sets every open byte to zero where any may be something else.
    pub(super) fn clean(&mut self) {
        if self.written {
            self.part(0, self.open).fill(0);
            self.written = false;
        }
    }

    /// Copies an image over the clean open part.
    pub(super) fn put_image_on(&mut self, image: &Frozen) {
        // An image comes in whole host pages; what it has behind the open part is zero.
        let length = image.end().min(self.open).saturating_sub(image.at());
        self.written = true;
        image.copy_over(&self.part(image.at(), length));
    }

    /// Sets `[from, from + length)` of the open part to zero.
    pub(super) fn discard(&self, from: usize, length: usize) {
        self.part(from, length).fill(0);
    }

    /// Touches the first `bytes` bytes, so that what the heap gives only in name is there.
    pub(super) fn populate(&self, bytes: usize) {
        if !self.written {
            self.part(0, bytes.min(self.open)).fill(0);
        }
    }

    /// Becomes a block of the size that `shape` says whose first `bytes` bytes are open, found as the
    /// same owner's. The answer is the old block where it still exists. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] when that is more than `shape` holds, [`Error::OutOfMemory`].
    pub(super) fn move_to(&mut self, shape: Shape, bytes: u64, old: Old) -> Result<Option<Self>> {
        let bytes = bytes.max(units::bytes(self.open));
        let available = units::bytes(shape.reservation());
        if bytes > available {
            return Err(Error::ReservationExceeded { requested: bytes, available });
        }
        let larger = shape.reservation() > self.shape.reservation();
        // Where it is refused there may still be room for a block of that size elsewhere.
        if larger && old == Old::Unused && self.reallocate(shape)? {
            self.open_to(bytes)?;
            return Ok(None);
        }
        let mut new = Self::allocate(shape, self.registration.group(), &self.heap)?;
        new.open_to(bytes)?;
        new.written = self.written;
        new.part(0, self.open).copy_from(&self.part(0, self.open));
        new.registration.set_owner(self.registration.owner());
        Ok(Some(mem::replace(self, new)))
    }

    /// Has the heap make the block larger, at another address maybe. False when it would not.
    fn reallocate(&mut self, shape: Shape) -> Result<bool> {
        let place = Registration::reserve()?;
        let (owner, group) = (self.registration.owner(), self.registration.group());
        // From here on the old place may be somebody else's.
        self.registration.set_owner(None);
        let (old, size) = (self.shape.reservation(), shape.reservation());
        // SAFETY: the block came from this heap and is this object's own; a memory that moves is used by
        // one thread, which is here.
        let Some(base) = (unsafe { self.heap.reallocate(self.base, old, size) }) else {
            self.registration.set_owner(owner);
            return Ok(false);
        };
        let registration = place.fill(base, size, base, size, group);
        registration.set_owner(owner);
        drop(mem::replace(&mut *self.registration, registration));
        (self.base, self.shape) = (base, shape);
        // Nobody says what the new bytes are.
        self.rest_is_zero = false;
        Ok(true)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // First: an address must not be found once it may be somebody else's.
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.registration) };
        self.heap.deallocate(self.base, self.shape.reservation());
    }
}

fn is_aligned(block: NonNull<u8>) -> bool {
    block.addr().get() & const { ALIGNMENT - 1 } == 0
}

fn refused(size: usize) -> Error {
    Error::OutOfMemory { requested: units::bytes(size), available: 0, os_error: 0 }
}
