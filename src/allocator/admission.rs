//! May a memory become as large as it asks? What no host is asked about: the slot of a pool, quotas,
//! and the embedder's own say, in that order.

use super::Allocator;
use crate::descriptor::MemoryType;
use crate::error::{Error, Result};
use crate::units;

/// What was counted for a memory that is about to be, or to grow. Dropped, it is counted no more,
/// unless it was [kept](Admitted::keep).
#[must_use]
pub(crate) struct Admitted<'a> {
    allocator: &'a Allocator,
    memories: bool,
    bytes: u64,
}

impl Admitted<'_> {
    /// The memory has what it was admitted for.
    pub(crate) fn keep(mut self) {
        self.memories = false;
        self.bytes = 0;
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.memories {
            self.allocator.counters.take_memory();
        }
        if self.bytes > 0 {
            self.allocator.counters.take_bytes(self.bytes);
        }
    }
}

impl Allocator {
    /// May there be a memory of `bytes` bytes? No lock of the library may be held.
    ///
    /// # Errors
    /// In this order: [`Error::SlotSize`], [`Error::QuotaMemories`], [`Error::QuotaBytes`],
    /// [`Error::Limiter`].
    pub(crate) fn admit(&self, memory_type: &MemoryType, bytes: u64) -> Result<Admitted<'_>> {
        if let Some(available) = self.slot_bytes().filter(|slot| *slot < bytes) {
            return Err(Error::SlotSize { requested: bytes, available });
        }
        self.counters.add_memory(&self.settings)?;
        let mut admitted = Admitted { allocator: self, memories: true, bytes: 0 };
        self.counters.add_bytes(&self.settings, bytes)?;
        admitted.bytes = bytes;
        self.ask_limiter(memory_type, 0, bytes)?;
        Ok(admitted)
    }

    /// May a memory grow from `current` to `desired` bytes? No lock of the library may be held, unless
    /// nobody [is asked](Allocator::asks).
    ///
    /// # Errors
    /// [`Error::QuotaBytes`], then [`Error::Limiter`].
    pub(crate) fn admit_growth(
        &self,
        memory_type: &MemoryType,
        current: u64,
        desired: u64,
    ) -> Result<Admitted<'_>> {
        let bytes = desired.saturating_sub(current);
        self.counters.add_bytes(&self.settings, bytes)?;
        let admitted = Admitted { allocator: self, memories: false, bytes };
        self.ask_limiter(memory_type, current, desired)?;
        Ok(admitted)
    }

    /// A memory has become smaller by so many bytes.
    pub(crate) fn shrunk(&self, bytes: u64) {
        self.counters.take_bytes(bytes);
    }

    /// Is the embedder asked before each creation and growth?
    pub(crate) const fn asks(&self) -> bool {
        self.limiter.is_some()
    }

    fn ask_limiter(&self, memory_type: &MemoryType, current: u64, desired: u64) -> Result<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let maximum = memory_type.maximum().map_or(u64::MAX, |pages| memory_type.bytes(pages));
        if limiter.allows(current, desired, maximum) {
            Ok(())
        } else {
            Err(Error::Limiter { requested: desired, available: 0 })
        }
    }

    /// Bytes of a slot, where memories come from a pool.
    fn slot_bytes(&self) -> Option<u64> {
        let slot = self.pool.as_ref()?.shape().reservation();
        Some(units::bytes(slot))
    }
}
