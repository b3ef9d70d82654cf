//! Address space that the host would not take back.
//!
//! `munmap` can be refused: at the limit of mappings, a range that the kernel merged with its
//! neighbours can only be cut out by making one mapping more. Such a range has been emptied and
//! closed by then; it is kept here, counted, and offered to the host again later.
#![allow(unsafe_code, reason = "gives ranges back to the host")]

use super::lock::{Lock, Repair};
use super::os;
use crate::units;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What the host would not take back so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreleased {
    /// How many ranges.
    pub ranges: u64,
    /// Bytes of address space over all of them. They hold no memory.
    pub bytes: u64,
}

#[derive(Clone, Copy)]
struct Range {
    start: NonNull<u8>,
    length: usize,
}

/// More than this many at a time are still counted, and no longer offered again.
const REMEMBERED: usize = 256;

struct Ranges {
    list: [Option<Range>; REMEMBERED],
    count: Unreleased,
}

// SAFETY: the ranges are only addresses that nothing else uses.
unsafe impl Send for Ranges {}

impl Repair for Ranges {
    /// What the parent knew is not sure: the ranges stay the child's, and are not offered.
    fn repair(&mut self) {
        self.list = [None; REMEMBERED];
        WAITING.store(0, Ordering::Relaxed);
    }
}

static RANGES: Lock<Ranges> =
    Lock::new(Ranges { list: [None; REMEMBERED], count: Unreleased { ranges: 0, bytes: 0 } });

/// How many ranges are remembered, so that nobody takes the lock while there are none.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// What the host would not take back so far.
#[must_use]
pub fn count() -> Unreleased {
    RANGES.lock().count
}

/// Keeps a range that was emptied and closed.
pub(super) fn keep(start: NonNull<u8>, length: usize) {
    let mut ranges = RANGES.lock();
    ranges.count.ranges = ranges.count.ranges.saturating_add(1);
    ranges.count.bytes = ranges.count.bytes.saturating_add(units::bytes(length));
    if let Some(place) = ranges.list.iter_mut().find(|place| place.is_none()) {
        *place = Some(Range { start, length });
        WAITING.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a range that may be somebody else's by now, and so is never touched again.
pub(super) fn give_up(length: usize) {
    let mut ranges = RANGES.lock();
    ranges.count.ranges = ranges.count.ranges.saturating_add(1);
    ranges.count.bytes = ranges.count.bytes.saturating_add(units::bytes(length));
}

/// Offers what is kept to the host once more. Called where it may have room again.
pub(super) fn offer_again() {
    if WAITING.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut ranges = RANGES.lock();
    let Ranges { list, count } = &mut *ranges;
    for place in list.iter_mut() {
        // Forgotten first: a fork in between must not leave a child that unmaps it again.
        let Some(range) = place.take() else { continue };
        // SAFETY: the range was given up by its owner, and nothing uses it.
        if unsafe { os::unmap(range.start, range.length) }.is_err() {
            *place = Some(range);
            break;
        }
        count.ranges = count.ranges.saturating_sub(1);
        count.bytes = count.bytes.saturating_sub(units::bytes(range.length));
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}
