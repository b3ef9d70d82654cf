//! Why the host refused: the limit that was met, with its figure.
//!
//! The kernel answers ENOMEM for nearly everything. What it meant is found by asking it for its
//! limits and for what this process uses. That reads files, and is done only after a refusal. A
//! limit that cannot be asked for (no `/proc`) leaves the general reason without a figure.

use super::os::{self, Cause, Errno, Limit};
use super::proc;
use crate::error::Error;
use crate::units;

/// A reservation of `requested` bytes was refused.
pub(super) fn of_reservation(requested: usize, os_error: Errno) -> Error {
    let requested = units::bytes(requested);
    // A fresh mapping is refused once there are more than the limit allows.
    if let Some(error) = map_count(os_error, |count, limit| count > limit) {
        return error;
    }
    let limit = match Cause::of(os_error) {
        Cause::NoMemory => {
            exceeded(Limit::AddressSpace, proc::usage().map(|usage| usage.total), requested)
        }
        Cause::Locked => os::limit(Limit::Locked),
        Cause::Other => None,
    };
    Error::AddressSpace { requested, available: limit.unwrap_or(0), os_error }
}

/// Opening `requested` bytes of a reservation was refused; `splits` tells whether that needed a
/// mapping more, and did not only move the border between two.
pub(super) fn of_commit(requested: usize, os_error: Errno, splits: bool) -> Error {
    let requested = units::bytes(requested);
    // A split is refused once the limit is reached.
    if splits {
        if let Some(error) = map_count(os_error, |count, limit| count >= limit) {
            return error;
        }
    }
    let limit = match Cause::of(os_error) {
        Cause::NoMemory => exceeded(Limit::Data, proc::usage().map(|usage| usage.data), requested)
            .or_else(commit_limit),
        Cause::Locked => os::limit(Limit::Locked),
        Cause::Other => None,
    };
    Error::Commit { requested, available: limit.unwrap_or(0), os_error }
}

fn map_count(os_error: Errno, met: impl Fn(u64, u64) -> bool) -> Option<Error> {
    if Cause::of(os_error) != Cause::NoMemory {
        return None;
    }
    let limit = proc::most_mappings()?;
    let count = proc::count_mappings()?;
    met(count, limit).then(|| Error::MapCount {
        requested: count.saturating_add(1),
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

/// The limit of what all processes may commit, where the host holds to one.
fn commit_limit() -> Option<u64> {
    if !proc::overcommit_is_off()? {
        return None;
    }
    proc::commit_limit()
}
