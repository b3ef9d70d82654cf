//! Keeps a fork out of what a child could not mend.
//!
//! A child has the memory of its parent as it is at one moment. Most half-done changes can be
//! mended there ([`Repair`](super::lock::Repair)), but not a body whose pages are at a new address
//! while everything still says the old one. So whoever forks waits for such changes, which are
//! short, and they wait for whoever forks.

use super::os;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// Changes in progress that a fork must not cut through.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// Threads that are about to fork.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// While it lives, nobody forks.
#[derive(Debug)]
pub(crate) struct Unforked(());

/// Waits for whoever forks, and makes those wait that want to.
pub(crate) fn hold_off() -> Unforked {
    // The handlers are there with the first lock, which every memory has taken.
    loop {
        CHANGES.fetch_add(1, Ordering::SeqCst);
        if FORKS.load(Ordering::SeqCst) == 0 {
            return Unforked(());
        }
        CHANGES.fetch_sub(1, Ordering::SeqCst);
        os::give_way();
    }
}

impl Drop for Unforked {
    fn drop(&mut self) {
        CHANGES.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for the changes in progress, but not for ever: a signal handler may fork on the very
/// thread that is in the middle of one.
pub(super) extern "C" fn before() {
    const LONG_ENOUGH: Duration = Duration::from_secs(1);
    FORKS.fetch_add(1, Ordering::SeqCst);
    let start = os::now();
    while CHANGES.load(Ordering::SeqCst) != 0 && os::now().saturating_sub(start) < LONG_ENOUGH {
        os::give_way();
    }
}

pub(super) extern "C" fn in_parent() {
    FORKS.fetch_sub(1, Ordering::SeqCst);
}

/// The threads of the parent do not exist here.
pub(super) fn in_child() {
    FORKS.store(0, Ordering::SeqCst);
    CHANGES.store(0, Ordering::SeqCst);
}
