//! Why the host refused: the limit that was met, with its figure.
//!
//! The kernel answers ENOMEM for nearly everything. What it meant is found by asking it for its
//! limits and for what this process uses. That reads files, and is done only after a refusal. A
//! limit that cannot be asked for (no `/proc`) leaves the general reason without a figure.

use super::os::{self, Errno, Limit};
use super::page_size;
use crate::error::Error;
use crate::units;
use core::ffi::CStr;
use core::sync::atomic::{AtomicU8, Ordering};

/// A reservation of `requested` bytes was refused.
pub(super) fn of_reservation(requested: usize, os_error: Errno) -> Error {
    let requested = units::bytes(requested);
    // A fresh mapping is refused once there are more than the limit allows.
    if let Some(error) = map_count(os_error, 1, |count, limit| count > limit) {
        return error;
    }
    let limit = match os_error {
        libc::ENOMEM => exceeded(Limit::AddressSpace, usage().map(|usage| usage.total), requested),
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
        libc::ENOMEM => {
            exceeded(Limit::Data, usage().map(|usage| usage.data), requested).or_else(commit_limit)
        }
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
    let limit = read_number(c"/proc/sys/vm/max_map_count")?;
    let count = count_mappings()?;
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
            let off = read_number(c"/proc/sys/vm/overcommit_memory") == Some(NO_OVERCOMMIT);
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
    if read_number(c"/proc/sys/vm/overcommit_memory")? != NO_OVERCOMMIT {
        return None;
    }
    let mut limit = None;
    each_line(c"/proc/meminfo", |line| {
        if let Some(rest) = line.strip_prefix(b"CommitLimit:") {
            limit = first_number(rest).and_then(|kibibytes| kibibytes.checked_mul(1024));
        }
    })?;
    limit
}

/// What this process uses, in bytes.
struct Usage {
    total: u64,
    data: u64,
}

fn usage() -> Option<Usage> {
    let mut usage = None;
    each_line(c"/proc/self/statm", |line| {
        let page = units::bytes(page_size());
        let field = |index: usize| {
            let text = line.split(|byte| *byte == b' ').nth(index)?;
            first_number(text)?.checked_mul(page)
        };
        usage = field(0).zip(field(5)).map(|(total, data)| Usage { total, data });
    })?;
    usage
}

/// How many mappings this process has, as the kernel counts them against its limit.
fn count_mappings() -> Option<u64> {
    let mut count = 0_u64;
    each_line(c"/proc/self/maps", |line| {
        // The page of the kernel's own that is shown with 16 digits is no mapping of the process.
        let digits = line.iter().take_while(|byte| **byte != b'-').count();
        if digits < 16 {
            count = count.saturating_add(1);
        }
    })?;
    Some(count)
}

fn read_number(path: &CStr) -> Option<u64> {
    let mut number = None;
    each_line(path, |line| number = number.or_else(|| first_number(line)))?;
    number
}

fn first_number(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(u8::is_ascii_digit)?;
    let digits = text.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits.into_iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

/// Hands the beginning of each line of a file to `each`. `None` when the file cannot be read.
fn each_line(path: &CStr, mut each: impl FnMut(&[u8])) -> Option<()> {
    // Every figure that is looked for stands in the first bytes of its line. Small buffers: this
    // runs on whatever stack the caller has.
    let mut start = [0_u8; 80];
    let mut kept = 0_usize;
    let mut buffer = [0_u8; 1024];
    let whole = os::read_file(path, &mut buffer, |piece| {
        for byte in piece {
            if *byte == b'\n' {
                each(start.get(..kept).unwrap_or_default());
                kept = 0;
            } else if let Some(place) = start.get_mut(kept) {
                *place = *byte;
                kept = kept.saturating_add(1);
            }
        }
    });
    whole.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernel() {
        let mappings = count_mappings().unwrap();
        assert!((10..60_000).contains(&mappings), "{mappings}");
        assert!(read_number(c"/proc/sys/vm/max_map_count").unwrap() > mappings);
        let usage = usage().unwrap();
        assert!(usage.total > usage.data && usage.data > 0);
        assert_eq!(read_number(c"/proc/none/such"), None);
    }

    #[test]
    fn numbers_are_found_and_never_wrap() {
        assert_eq!(first_number(b"  65530\n"), Some(65530));
        assert_eq!(first_number(b"none"), None);
        assert_eq!(first_number(b"99999999999999999999"), None);
    }
}
