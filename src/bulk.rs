//! Reading, writing, filling, copying and discarding ranges of memories.
//!
//! Not part of the Rust interface: nothing there keeps two threads from using one unshared memory,
//! and growth may move its bytes meanwhile. The C interface asks that of its callers.
//!
//! The whole range is checked first, in unbounded arithmetic; a trap writes nothing. A length of 0
//! past the end traps too.

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::region::span::Span;
use crate::units;

impl Memory {
    /// The bytes `[index, index + length)`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`].
    #[inline]
    pub(crate) fn span(&self, index: u64, length: u64) -> Result<Span<'_>> {
        // One look at the length: another thread may grow the memory meanwhile.
        let whole = self.whole();
        let (start, length) = checked(index, length, whole.length())?;
        Ok(whole.part(start, length))
    }

    /// The same, to be written to.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`].
    #[inline]
    pub(crate) fn target(&self, index: u64, length: u64) -> Result<Span<'_>> {
        self.set_written();
        self.span(index, length)
    }

    /// Fills a range with a byte: `memory.fill`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`].
    pub(crate) fn fill(&self, index: u64, value: u8, length: u64) -> Result<()> {
        self.target(index, length)?.fill(value);
        Ok(())
    }

    /// Copies a range of `from`, which may be this memory, over one of this memory: `memory.copy`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], of the target first.
    pub(crate) fn copy(&self, index: u64, from: &Self, from_index: u64, length: u64) -> Result<()> {
        let target = self.target(index, length)?;
        target.copy_from(&from.span(from_index, length)?);
        Ok(())
    }

    /// Copies a part of a segment over a range: `memory.init`. A segment that was dropped has no
    /// bytes.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], of the memory first.
    pub(crate) fn init(
        &self,
        index: u64,
        segment: &Span<'_>,
        segment_length: usize,
        segment_index: u64,
        length: u64,
    ) -> Result<()> {
        let target = self.target(index, length)?;
        let (start, length) = checked(segment_index, length, segment_length)?;
        target.copy_from(&segment.part(start, length));
        Ok(())
    }

    /// Sets a range to zero and gives its host pages back: `memory.discard`.
    ///
    /// # Errors
    /// [`Error::Unaligned`] when index or length is not a multiple of the page size, checked before
    /// [`Error::OutOfBounds`].
    pub(crate) fn discard(&self, index: u64, length: u64) -> Result<()> {
        let page = self.memory_type().page_size();
        for number in [index, length] {
            if number.checked_rem(page) != Some(0) {
                return Err(Error::Unaligned { requested: number, available: page });
            }
        }
        let (start, length) = checked(index, length, self.look().byte_length())?;
        self.discard_range(start, length)
    }
}

/// A range as host lengths, when it ends at or before `available`.
#[inline]
fn checked(index: u64, length: u64, available: usize) -> Result<(usize, usize)> {
    let end = index.checked_add(length);
    match end.filter(|end| *end <= units::bytes(available)) {
        // Both are at most `available`, so neither is cut short.
        Some(_) => Ok((units::low_bits(index), units::low_bits(length))),
        None => Err(Error::OutOfBounds {
            requested: end.unwrap_or(u64::MAX),
            available: units::bytes(available),
        }),
    }
}
