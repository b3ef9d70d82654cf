//! Bytes that nobody changes any more, to be copied to a place in a body. They are on the process's heap.
#![allow(unsafe_code, reason = "owns a block")]

use crate::error::{Error, Result};
use crate::region::os::Errno;
use crate::region::process_heap;
use crate::region::slab::{Kind, Ref, Slab, Vacancy};
use crate::region::span::Span;
use crate::units;
use core::ptr::NonNull;

/// Frozen bytes and where in a body they belong.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// Distance from the base.
    at: usize,
    bytes: Bytes,
}

/// A block of the process's heap.
#[derive(Debug)]
struct Bytes {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the block belongs to this object alone.
unsafe impl Send for Bytes {}
// SAFETY: once it is shared nobody writes to it.
unsafe impl Sync for Bytes {}

static FROZEN: Slab<Frozen> = Slab::new();

impl Kind for Frozen {
    const TAG: u32 = u32::from_be_bytes(*b"FRZN");

    fn slab() -> &'static Slab<Self> {
        &FROZEN
    }
}

/// Where the bytes go before they are frozen.
pub(crate) struct Sink<'a>(Span<'a>);

impl Sink<'_> {
    /// Copies `bytes` to `offset`.
    ///
    /// # Errors
    /// None; a host may refuse.
    pub(crate) fn put(
        &mut self,
        offset: usize,
        bytes: &Span<'_>,
    ) -> core::result::Result<(), Errno> {
        self.0.part(offset, bytes.length()).copy_from(bytes);
        Ok(())
    }
}

/// Why bytes could not be frozen.
pub(crate) enum FillError {
    /// The place that they were to be in was refused.
    Sink(Errno),
}

impl Bytes {
    fn span(&self) -> Span<'_> {
        // SAFETY: the block is this object's.
        unsafe { Span::new(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: the block came from there and is this object's.
        unsafe { process_heap::deallocate(self.start, self.length) };
    }
}

impl Frozen {
    /// Freezes `length` bytes, which is not 0, that `fill` gives, zero where it gives none.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn make(
        at: usize,
        length: usize,
        fill: impl Fn(&mut Sink<'_>) -> core::result::Result<(), FillError>,
    ) -> Result<Ref<Self>> {
        let refused = |os_error| {
            let requested = units::bytes(length);
            Error::OutOfMemory { requested, available: 0, os_error }
        };
        let vacancy = Vacancy::take()?;
        let start = process_heap::allocate_zeroed(length).ok_or(refused(0))?;
        let bytes = Bytes { start, length };
        fill(&mut Sink(bytes.span())).map_err(|FillError::Sink(errno)| refused(errno))?;
        Ok(vacancy.fill(Self { at, bytes }))
    }

    /// Distance from the base at which the bytes belong.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Distance from the base at which the bytes end.
    pub(crate) const fn end(&self) -> usize {
        self.at.saturating_add(self.bytes.length)
    }

    /// Copies as much as `zeros` holds, where all is zero, over that.
    pub(crate) fn copy_over(&self, zeros: &Span<'_>) {
        zeros.copy_from(&self.bytes.span());
    }
}
