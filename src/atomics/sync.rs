//! The primitives that the queue of waiters is built on. The model checker's test has a module of
//! the same shape over its own primitives.

pub(super) use crate::region::lock::{Guard, Lock, Repair};
pub(super) use core::sync::atomic::{AtomicU32, Ordering, fence};

use crate::region::os;
use core::time::Duration;

/// When a wait is over.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Option<Duration>);

impl Deadline {
    /// `timeout` nanoseconds from now; never, for a negative one.
    pub(super) fn after(timeout: i64) -> Self {
        // A sum past the end of the clock is later than any machine lives.
        let timeout = u64::try_from(timeout).map(Duration::from_nanos).ok();
        Self(timeout.map(|timeout| os::now().saturating_add(timeout)))
    }
}

/// What one thread sleeps on.
pub(super) type Word = AtomicU32;

/// Sleeps while `word` is `expected`, until the deadline: false when that has passed. May also
/// return true for no reason.
pub(super) fn sleep(word: &Word, expected: u32, deadline: Deadline) -> bool {
    os::wait_until(word, expected, deadline.0)
}

/// Wakes the thread that sleeps on `word`, which may be gone by now.
pub(super) fn wake(word: *const Word) {
    os::wake_address(word);
}

/// A number that differs in every child of a fork: waiters of the parent do not exist there.
pub(super) fn generation() -> u32 {
    crate::region::lock::generation()
}
