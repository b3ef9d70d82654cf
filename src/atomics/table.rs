//! Which queue an address has.

use super::queue::{Bucket, Queue};
use crate::region::lock::Lock;
use crate::units;
use core::sync::atomic::AtomicU32;

pub(super) use super::queue::Ended;

/// Can a thread be suspended here?
pub(super) const SUSPENDS: bool = true;

/// Many addresses share a bucket; an unrelated one costs a longer walk, no more.
pub(super) const BUCKETS: usize = 256;

static TABLE: [Bucket; BUCKETS] = [const { empty_bucket() }; BUCKETS];

pub(super) const fn empty_bucket() -> Bucket {
    Bucket::new(AtomicU32::new(0), Lock::new(Queue::new()))
}

/// The bucket of an address.
pub(super) fn bucket(address: usize) -> &'static Bucket {
    static FIRST: Bucket = empty_bucket();
    // Waits are at multiples of 4; neighbours go to different buckets.
    let spread = (address >> 2) ^ (address >> 12) ^ (address >> 20);
    TABLE.get(spread & const { BUCKETS - 1 }).unwrap_or(&FIRST)
}

/// Waits at `address` as one of `group`, unless the value there `differs`.
pub(super) fn wait(
    address: usize,
    group: usize,
    timeout: i64,
    differs: impl Fn() -> bool,
) -> Ended {
    bucket(address).wait(address, group, timeout, differs)
}

/// Wakes at most `count` of those that wait at `address`, and answers how many.
pub(super) fn notify(address: usize, count: u32) -> u32 {
    bucket(address).notify(address, count)
}

/// Ends every wait of `group`, and answers how many.
pub(super) fn interrupt(group: usize) -> u32 {
    TABLE.iter().fold(0, |ended, bucket| bucket.interrupt(group).saturating_add(ended))
}

const _: () = assert!(BUCKETS.is_power_of_two() && units::bytes(BUCKETS) < 1 << 16);
