//! Where nobody can sleep on an address: a waiter looks again every millisecond.

use super::unix::nap;
use super::{Call, gate, time_left};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// Returns after about a millisecond, or at once where `word` is no longer `expected`.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    if word.load(Ordering::Acquire) == expected {
        nap();
    }
}

/// The same; false when `deadline` on the clock of [`now`](super::now) has passed.
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    // A refusal changes nothing: a nap is not refused.
    let _ = gate(Call::Wait);
    wait(word, expected);
    time_left(deadline)
}

/// Whoever naps looks again by itself.
pub(crate) fn wake_address(_word: *const AtomicU32) {}
