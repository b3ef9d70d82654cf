//! Why the host refused: the limit that was met, with its figure.
//!
//! The kernel answers ENOMEM for nearly everything. What it meant is found by asking it for its
//! limits and for what this process uses. That reads files, and is done only after a refusal. A
//! limit that cannot be asked for (no `/proc`) leaves the general reason without a figure.

use super::os::{self, Errno, Limit};
use super::proc;
use crate::error::Error;
use crate::units;
use core::sync::atomic::{AtomicU8, Ordering};

/// A reservation of `requested` bytes was refused.
pub(super) fn of_reservation(requested: usize, os_error: Errno) -> Error {
    let requested = units::bytes(requested);
    // A fresh mapping is refused once there are more than the limit allows.
    if let Some(error) = map_count(os_error, 1, |count, limit| count > limit) {
        return error;
    }
    let limit = match os_error {
        libc::ENOMEM => {
            exceeded(Limit::AddressSpace, proc::usage().map(|usage| usage.total), requested)
        }
        // With mlockall(MCL_FUTURE) every new mapping counts as locked.
        libc::EAGAIN => os::limit(Limit::Locked),
        _ => None,
    };
    Error::AddressSpace { requested, available: limit.unwrap_or(0), os_error }
}

/// Opening `requested` bytes of a reservation was refused.
pub(super) fn of_commit(requested: usize, os_error: Errno) -> Error {
    let requested = units::bytes(requested);
    // Opening splits a mapping, which is refused once the limit is reached.
    if let Some(error) = map_count(os_error, 1, |count, limit| count >= limit) {
        return error;
    }
    let limit = match os_error {
        libc::ENOMEM => exceeded(Limit::Data, proc::usage().map(|usage| usage.data), requested)
            .or_else(commit_limit),
        libc::EAGAIN => os::limit(Limit::Locked),
        _ => None,
    };
    Error::Commit { requested, available: limit.unwrap_or(0), os_error }
}

/// Moving pages was refused: the kernel wants a few mappings in hand for that.
pub(super) fn of_move(requested: usize, os_error: Errno) -> Error {
    const IN_HAND: u64 = 3;
    map_count(os_error, IN_HAND, |count, limit| count.saturating_add(IN_HAND) >= limit)
        .unwrap_or_else(|| of_commit(requested, os_error))
}

fn map_count(os_error: Errno, more: u64, met: impl Fn(u64, u64) -> bool) -> Option<Error> {
    if os_error != libc::ENOMEM {
        return None;
    }
    let limit = proc::read_number(c"/proc/sys/vm/max_map_count")?;
    let count = proc::count_mappings()?;
    met(count, limit).then(|| Error::MapCount {
        requested: count.saturating_add(more),
        available: limit,
        os_error,
    })
}

/// `limit`, when `used` and `requested` together are above it.
fn exceeded(limit: Limit, used: Option<u64>, requested: u64) -> Option<u64> {
    let limit = os::limit(limit)?;
    // Without the figure of what is used, a finite limit is the likeliest cause.
    used.is_none_or(|used| used.saturating_add(requested) > limit).then_some(limit)
}

/// Does the host charge for bytes that are only opened, so that opening far ahead costs others?
pub(crate) fn opening_is_charged() -> bool {
    static OVERCOMMIT_OFF: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 2;
    let overcommit_off = match OVERCOMMIT_OFF.load(Ordering::Relaxed) {
        UNKNOWN => {
            let off = proc::read_number(c"/proc/sys/vm/overcommit_memory") == Some(NO_OVERCOMMIT);
            OVERCOMMIT_OFF.store(u8::from(off), Ordering::Relaxed);
            off
        }
        known => known == 1,
    };
    // Every writable private byte counts against RLIMIT_DATA, touched or not.
    overcommit_off || os::limit(Limit::Data).is_some()
}

/// `vm.overcommit_memory` of a host that holds to its limit.
const NO_OVERCOMMIT: u64 = 2;

/// The limit of what all processes may commit, where the host holds to one.
fn commit_limit() -> Option<u64> {
    if proc::read_number(c"/proc/sys/vm/overcommit_memory")? != NO_OVERCOMMIT {
        return None;
    }
    proc::commit_limit()
}
