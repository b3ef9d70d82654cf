//! What an allocator counts: against its quotas, and for whoever asks.

use super::config::Settings;
use crate::error::{Error, Result};
use crate::sync::{AtomicU64, Ordering};

/// Counts over all memories of an allocator. What changes together is in one cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Counters {
    memories: AtomicU64,
    /// Byte lengths of memories, counted until the bytes are gone.
    bytes: AtomicU64,
    peak_memories: AtomicU64,
    peak_bytes: AtomicU64,
    /// Memories that were given something new, and those that were given what another one had left.
    fresh: AtomicU64,
    reuses: AtomicU64,
    growths: AtomicU64,
    moves: AtomicU64,
    refusals: AtomicU64,
    discarded: AtomicU64,
}

/// What an allocator, or one memory, has and has done. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Memories that are alive.
    pub memories: u64,
    /// The most that ever were.
    pub peak_memories: u64,
    /// Address space, guards and what is kept for reuse included.
    pub reserved_bytes: u64,
    /// Byte lengths of the memories.
    pub accessible_bytes: u64,
    /// The most that they ever were.
    pub peak_accessible_bytes: u64,
    /// Bytes in memory, as the kernel tells; `None` where it does not.
    pub resident_bytes: Option<u64>,
    /// Bytes in memory that are kept for reuse.
    pub kept_bytes: u64,
    /// Memories that were made.
    pub creations: u64,
    /// Those among them that were given what another one had left.
    pub reuses: u64,
    /// Growths by more than nothing.
    pub growths: u64,
    /// Those among them that changed the base.
    pub moves: u64,
    /// Range errors of creation, growth and reset.
    pub refusals: u64,
    /// Bytes that were discarded.
    pub discarded_bytes: u64,
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn raise(peak: &AtomicU64, value: u64) {
    if peak.load(Ordering::Relaxed) < value {
        peak.fetch_max(value, Ordering::Relaxed);
    }
}

/// Adds where the sum stays within `limit`; 0 is no limit. Otherwise answers the sum that it would have
/// been.
fn add_within(counter: &AtomicU64, amount: u64, limit: u64) -> core::result::Result<(), u64> {
    if limit == 0 {
        add(counter, amount);
        return Ok(());
    }
    let sum = |count: u64| count.saturating_add(amount);
    let within = |count| Some(sum(count)).filter(|sum| *sum <= limit);
    match counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within) {
        Ok(_) => Ok(()),
        Err(before) => Err(sum(before)),
    }
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            memories: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            peak_memories: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            fresh: AtomicU64::new(0),
            reuses: AtomicU64::new(0),
            growths: AtomicU64::new(0),
            moves: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
        }
    }

    /// Counts a memory against the quota.
    ///
    /// # Errors
    /// [`Error::QuotaMemories`].
    pub(super) fn add_memory(&self, settings: &Settings) -> Result<()> {
        let available = settings.quota_memories;
        add_within(&self.memories, 1, available)
            .map_err(|requested| Error::QuotaMemories { requested, available })?;
        Ok(())
    }

    /// Counts bytes against the quota.
    ///
    /// # Errors
    /// [`Error::QuotaBytes`].
    pub(super) fn add_bytes(&self, settings: &Settings, bytes: u64) -> Result<()> {
        let available = settings.quota_bytes;
        add_within(&self.bytes, bytes, available)
            .map_err(|requested| Error::QuotaBytes { requested, available })?;
        Ok(())
    }

    /// What was counted is there.
    pub(super) fn raise_peaks(&self) {
        raise(&self.peak_memories, self.memories.load(Ordering::Relaxed));
        raise(&self.peak_bytes, self.bytes.load(Ordering::Relaxed));
    }

    pub(super) fn take_memory(&self) {
        self.memories.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn take_bytes(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn created(&self, reused: bool) {
        add(if reused { &self.reuses } else { &self.fresh }, 1);
    }

    pub(super) fn grown(&self, moved: bool) {
        add(&self.growths, 1);
        if moved {
            add(&self.moves, 1);
        }
    }

    pub(super) fn refused(&self) {
        add(&self.refusals, 1);
    }

    pub(super) fn discarded(&self, bytes: u64) {
        add(&self.discarded, bytes);
    }

    /// What is counted here.
    pub(super) fn statistics(&self) -> Statistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (memories, bytes) = (get(&self.memories), get(&self.bytes));
        Statistics {
            memories,
            // Another thread may have counted a memory whose peak it has not raised yet.
            peak_memories: get(&self.peak_memories).max(memories),
            accessible_bytes: bytes,
            peak_accessible_bytes: get(&self.peak_bytes).max(bytes),
            creations: get(&self.fresh).saturating_add(get(&self.reuses)),
            reuses: get(&self.reuses),
            growths: get(&self.growths),
            moves: get(&self.moves),
            refusals: get(&self.refusals),
            discarded_bytes: get(&self.discarded),
            ..Statistics::default()
        }
    }
}
