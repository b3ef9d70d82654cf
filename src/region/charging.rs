//! Does it cost anything to open bytes that nobody uses yet?

use super::os::{self, Limit};
use super::proc;
use super::unix::Region;
use core::sync::atomic::{AtomicU8, Ordering};

/// Would opening far ahead of what is used take something from others? `region` has its first
/// bytes open, and nobody has touched them yet.
pub(crate) fn opening_costs(region: &Region) -> bool {
    // Every writable private byte counts against RLIMIT_DATA, touched or not.
    overcommit_is_off() || os::limit(Limit::Data).is_some() || is_locked(region)
}

/// `vm.overcommit_memory`, which is not expected to change while a process runs.
fn overcommit_is_off() -> bool {
    static OFF: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 2;
    match OFF.load(Ordering::Relaxed) {
        UNKNOWN => {
            let off = proc::overcommit_is_off().unwrap_or(false);
            OFF.store(u8::from(off), Ordering::Relaxed);
            off
        }
        known => known == 1,
    }
}

/// After mlockall(MCL_FUTURE) opened bytes are in memory at once.
fn is_locked(region: &Region) -> bool {
    region.open() > 0 && os::is_resident(region.base()).unwrap_or(false)
}
