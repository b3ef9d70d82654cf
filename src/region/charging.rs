//! Does it cost anything to open bytes that nobody uses yet?

use super::os::{self, Limit};
use super::proc;
use super::reservation::Reservation;
use crate::error::{Error, Result};
use crate::units;
use crate::wide::AtomicU64;
use core::sync::atomic::{AtomicU8, Ordering};

impl Reservation {
    /// Would opening far ahead of what is used take something from others? The first bytes are open, and
    /// nobody has touched them yet.
    pub(super) fn opening_costs(&self) -> bool {
        // Every writable private byte counts against RLIMIT_DATA, touched or not.
        overcommit_is_off() || os::limit(Limit::Data).is_some() || is_locked(self)
    }
}

/// Does the host charge what is open, touched or not, against a limit of all processes?
pub(crate) fn open_is_charged() -> bool {
    cfg!(windows) || overcommit_is_off()
}

/// Does the host go on charging for what was touched when it is closed? Linux lets go of the charge of
/// a mapping with its pages' history only when that mapping is replaced.
pub(super) fn closed_is_charged() -> bool {
    overcommit_is_off()
}

/// Refuses to open more bytes at once than the host has memory and swap, as a host that overcommits by
/// rule of thumb does. Regions are mapped without the kernel's own account of that: it takes a tenth
/// of the time of each growth. (A host that does not overcommit keeps its account all the same.)
///
/// # Errors
/// [`Error::Commit`].
pub(super) fn check_commit(length: usize) -> Result<()> {
    /// Never looked up.
    const UNASKED: u64 = 0;
    static MOST: AtomicU64 = AtomicU64::new(UNASKED);
    let mut available = MOST.load(Ordering::Relaxed);
    if available == UNASKED {
        available = proc::overcommit_by_rule_of_thumb()
            .filter(|by_rule| *by_rule)
            .and_then(|_| proc::memory_and_swap())
            .unwrap_or(u64::MAX);
        MOST.store(available, Ordering::Relaxed);
    }
    let requested = units::bytes(length);
    if requested > available {
        return Err(Error::Commit { requested, available, os_error: os::code::OUT_OF_MEMORY });
    }
    Ok(())
}

/// Does the host use large pages where nobody asks for them?
pub(crate) fn huge_pages_come_unasked() -> bool {
    static ALWAYS: AtomicU8 = AtomicU8::new(UNKNOWN);
    remembered(&ALWAYS, || proc::huge_pages_are_always().unwrap_or(false))
}

/// `vm.overcommit_memory`, which is not expected to change while a process runs.
fn overcommit_is_off() -> bool {
    static OFF: AtomicU8 = AtomicU8::new(UNKNOWN);
    remembered(&OFF, || proc::overcommit_is_off().unwrap_or(false))
}

const UNKNOWN: u8 = 2;

/// What `ask` answered the first time.
fn remembered(answer: &AtomicU8, ask: impl FnOnce() -> bool) -> bool {
    match answer.load(Ordering::Relaxed) {
        UNKNOWN => {
            let told = ask();
            answer.store(u8::from(told), Ordering::Relaxed);
            told
        }
        known => known == 1,
    }
}

/// After mlockall(MCL_FUTURE) opened bytes are in memory at once.
fn is_locked(region: &Reservation) -> bool {
    region.open() > 0 && os::is_resident(region.base()).unwrap_or(false)
}
