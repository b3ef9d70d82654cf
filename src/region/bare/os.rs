//! The few things that are asked of a host even where there is none.

use core::hint;
use core::sync::atomic::AtomicU32;

/// What an operating system would answer; nobody does.
pub(crate) type Errno = i32;

/// Nothing is protected, so nothing need be a multiple of more.
pub(crate) const fn page_size() -> usize {
    1
}

/// Whoever waits for a lock asks again: only where the embedder has threads after all.
pub(crate) fn wait(_word: &AtomicU32, _expected: u32) {
    hint::spin_loop();
}

/// Nobody sleeps.
pub(crate) const fn wake(_word: &AtomicU32) {}
