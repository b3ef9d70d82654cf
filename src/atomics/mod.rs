//! Waiting and notifying: `memory.atomic.wait32`, `wait64`, `notify`.
//!
//! A waiter queues at a byte address; both widths share the queue of an address. The queue is
//! `queue.rs`, written against the few primitives of `sync.rs`, so that the model checker runs the
//! very same code over its own.

mod queue;
mod sync;

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::region::lock::Lock;
use crate::units;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use queue::{Bucket, Ended, Queue};

/// How a wait ended without an error. The numbers are those of the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// A notify woke it.
    Woken,
    /// The value was another one.
    NotEqual,
    /// The time was over.
    TimedOut,
}

/// Many addresses share a bucket; an unrelated one costs a longer walk, no more.
const BUCKETS: usize = 256;

static TABLE: [Bucket; BUCKETS] = [const { empty_bucket() }; BUCKETS];

const fn empty_bucket() -> Bucket {
    Bucket::new(AtomicU32::new(0), Lock::new(Queue::new()))
}

/// The bucket of an address.
fn bucket(address: usize) -> &'static Bucket {
    static FIRST: Bucket = empty_bucket();
    // Waits are at multiples of 4; neighbours go to different buckets.
    let spread = (address >> 2) ^ (address >> 12) ^ (address >> 20);
    TABLE.get(spread & const { BUCKETS - 1 }).unwrap_or(&FIRST)
}

impl Memory {
    /// Waits at `index` until it is notified, if the 32-bit value there is `expected`. `timeout` is
    /// in nanoseconds; a negative one is for ever.
    ///
    /// # Errors
    /// In this order: [`Error::Unaligned`], [`Error::WaitUnshared`], [`Error::OutOfBounds`],
    /// [`Error::TooManyWaiters`]; [`Error::Interrupted`] by [`Memory::interrupt`].
    pub fn wait32(&self, index: u64, expected: u32, timeout: i64) -> Result<Wait> {
        let address = self.waitable(index, 4)?;
        let differs = || load32(address) != expected;
        self.wait_at(address, timeout, differs)
    }

    /// The same for a 64-bit value.
    ///
    /// # Errors
    /// Those of [`Memory::wait32`].
    pub fn wait64(&self, index: u64, expected: u64, timeout: i64) -> Result<Wait> {
        let address = self.waitable(index, 8)?;
        let differs = || load64(address) != expected;
        self.wait_at(address, timeout, differs)
    }

    fn wait_at(&self, address: *mut u8, timeout: i64, differs: impl Fn() -> bool) -> Result<Wait> {
        // A value that differs costs no lock and no system call.
        if differs() {
            return Ok(Wait::NotEqual);
        }
        let group = core::ptr::from_ref(self).addr();
        match bucket(address.addr()).wait(address.addr(), group, timeout, differs) {
            Ended::Woken => Ok(Wait::Woken),
            Ended::NotEqual => Ok(Wait::NotEqual),
            Ended::TimedOut => Ok(Wait::TimedOut),
            Ended::Interrupted => Err(Error::Interrupted {}),
            Ended::TooMany => {
                let most = u64::from(u32::MAX);
                Err(Error::TooManyWaiters { requested: 1_u64 << 32, available: most })
            }
        }
    }

    /// Wakes at most `count` of those that wait at `index`, the longest waiting first, and answers
    /// how many. Nobody waits on an unshared memory.
    ///
    /// # Errors
    /// [`Error::Unaligned`], then [`Error::OutOfBounds`].
    pub fn notify(&self, index: u64, count: u32) -> Result<u32> {
        check_aligned(index, 4)?;
        let address = self.span(index, 4)?.address();
        if !self.memory_type().is_shared() {
            return Ok(0);
        }
        Ok(bucket(address.addr()).notify(address.addr(), count))
    }

    /// Ends every wait in progress on this memory with [`Error::Interrupted`], and answers how many.
    pub fn interrupt(&self) -> u32 {
        let group = core::ptr::from_ref(self).addr();
        TABLE.iter().fold(0, |ended, bucket| bucket.interrupt(group).saturating_add(ended))
    }

    /// The address of a value that can be waited at, checked in the order of the specification.
    fn waitable(&self, index: u64, width: u64) -> Result<*mut u8> {
        check_aligned(index, width)?;
        if !self.memory_type().is_shared() {
            return Err(Error::WaitUnshared {});
        }
        Ok(self.span(index, width)?.address())
    }
}

fn check_aligned(index: u64, width: u64) -> Result<()> {
    match index.checked_rem(width) {
        Some(0) => Ok(()),
        _ => Err(Error::Unaligned { requested: index, available: width }),
    }
}

/// The value that WebAssembly sees at an address of a shared memory.
#[allow(unsafe_code, reason = "loads guest bytes atomically")]
fn load32(address: *mut u8) -> u32 {
    // SAFETY: the address is within a shared memory, which never moves and is kept by the wait, and
    // aligned. The base is aligned to more than any width.
    let value = unsafe { AtomicU32::from_ptr(address.cast()) };
    u32::from_le(value.load(Ordering::SeqCst))
}

/// The value that WebAssembly sees at an address of a shared memory.
#[allow(unsafe_code, reason = "loads guest bytes atomically")]
fn load64(address: *mut u8) -> u64 {
    // SAFETY: as in `load32`.
    let value = unsafe { AtomicU64::from_ptr(address.cast()) };
    u64::from_le(value.load(Ordering::SeqCst))
}

/// The number of a wait's outcome as the instruction pushes it.
impl From<Wait> for u32 {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Woken => 0,
            Wait::NotEqual => 1,
            Wait::TimedOut => 2,
        }
    }
}

const _: () = assert!(BUCKETS.is_power_of_two() && units::bytes(BUCKETS) < 1 << 16);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;
    use crate::region::slab::Ref;
    use crate::test_support::in_child;
    use core::sync::atomic::AtomicBool;
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    const FOR_EVER: i64 = -1;
    /// More than any of these tests takes.
    const LONG: i64 = 60_000_000_000;

    fn shared() -> Ref<Memory> {
        let descriptor = Descriptor {
            initial: Some(1),
            maximum: Some(1),
            shared: true,
            ..Descriptor::default()
        };
        Memory::new(&descriptor).unwrap()
    }

    /// A thread that waits in `bucket`, and is in its queue when this returns.
    fn waiter(
        bucket: &'static Bucket,
        address: usize,
        group: usize,
        timeout: i64,
    ) -> JoinHandle<Ended> {
        let looked = std::sync::Arc::new(AtomicBool::new(false));
        let looks = looked.clone();
        let thread = thread::spawn(move || {
            // It looks at the value under the lock that it is queued under.
            let differs = || {
                looks.store(true, Ordering::SeqCst);
                false
            };
            bucket.wait(address, group, timeout, differs)
        });
        while !looked.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        thread
    }

    #[test]
    fn the_longest_waiting_at_the_address_are_woken_and_no_more() {
        static BUCKET: Bucket = empty_bucket();
        let [first, other, second, third] =
            [8, 16, 8, 8].map(|address| waiter(&BUCKET, address, 1, LONG));
        assert_eq!(BUCKET.notify(24, u32::MAX), 0);
        assert_eq!(BUCKET.notify(8, 0), 0);
        assert_eq!(BUCKET.notify(8, 2), 2);
        assert_eq!(first.join().unwrap(), Ended::Woken);
        assert_eq!(second.join().unwrap(), Ended::Woken);
        assert!(!third.is_finished() && !other.is_finished());
        assert_eq!(BUCKET.notify(16, u32::MAX), 1);
        assert_eq!(other.join().unwrap(), Ended::Woken);
        assert_eq!(BUCKET.notify(8, u32::MAX), 1);
        assert_eq!(third.join().unwrap(), Ended::Woken);
        assert_eq!(BUCKET.notify(8, u32::MAX), 0);
    }

    #[test]
    fn an_interrupt_ends_the_waits_of_its_group() {
        static BUCKET: Bucket = empty_bucket();
        let [one, other, two] = [1, 2, 1].map(|group| waiter(&BUCKET, 8, group, FOR_EVER));
        assert_eq!(BUCKET.interrupt(3), 0);
        assert_eq!(BUCKET.interrupt(1), 2);
        assert_eq!(one.join().unwrap(), Ended::Interrupted);
        assert_eq!(two.join().unwrap(), Ended::Interrupted);
        assert!(!other.is_finished());
        assert_eq!(BUCKET.notify(8, u32::MAX), 1);
        assert_eq!(other.join().unwrap(), Ended::Woken);
    }

    #[test]
    fn what_timed_out_is_out_of_the_queue_wherever_it_stood() {
        static BUCKET: Bucket = empty_bucket();
        for late in 0..3 {
            let started = Instant::now();
            let threads = [0, 1, 2].map(|place| {
                let timeout = if place == late { 30_000_000 } else { LONG };
                waiter(&BUCKET, 8, 1, timeout)
            });
            let mut rest = Vec::new();
            for (place, thread) in threads.into_iter().enumerate() {
                if place == late {
                    assert_eq!(thread.join().unwrap(), Ended::TimedOut);
                    assert!(started.elapsed() >= Duration::from_millis(30));
                } else {
                    rest.push(thread);
                }
            }
            assert_eq!(BUCKET.notify(8, u32::MAX), 2);
            for thread in rest {
                assert_eq!(thread.join().unwrap(), Ended::Woken);
            }
        }
    }

    #[test]
    fn nobody_waits_with_another_value_or_without_time() {
        let memory = shared();
        assert_eq!(memory.wait32(8, 1, FOR_EVER), Ok(Wait::NotEqual));
        assert_eq!(memory.wait64(8, 1 << 40, FOR_EVER), Ok(Wait::NotEqual));
        assert_eq!(memory.wait32(8, 0, 0), Ok(Wait::TimedOut));
        memory.fill(8, 7, 8).unwrap();
        assert_eq!(memory.wait32(8, 0, LONG), Ok(Wait::NotEqual));
        assert_eq!(memory.wait64(8, 0, LONG), Ok(Wait::NotEqual));
        assert_eq!(memory.wait32(8, 0x0707_0707, 0), Ok(Wait::TimedOut));
        assert_eq!(memory.wait64(8, 0x0707_0707_0707_0707, 0), Ok(Wait::TimedOut));
        assert_eq!(memory.notify(8, u32::MAX), Ok(0));
        // The value is looked at once more under the lock.
        static BUCKET: Bucket = empty_bucket();
        assert_eq!(BUCKET.wait(8, 1, FOR_EVER, || true), Ended::NotEqual);
        assert_eq!(BUCKET.notify(8, 1), 0);
    }

    #[test]
    fn a_wait_on_a_memory_is_woken_or_interrupted_there() {
        let (memory, other) = (shared(), shared());
        for wide in [false, true] {
            let waits = memory.clone();
            let thread = thread::spawn(move || match wide {
                false => waits.wait32(16, 0, LONG),
                true => waits.wait64(16, 0, LONG),
            });
            while memory.notify(16, 1) == Ok(0) {
                assert!(!thread.is_finished());
                thread::yield_now();
            }
            assert_eq!(thread.join().unwrap(), Ok(Wait::Woken));
        }
        let waits = memory.clone();
        let thread = thread::spawn(move || waits.wait32(4, 0, LONG));
        while memory.interrupt() == 0 {
            assert_eq!(other.interrupt(), 0);
            assert!(!thread.is_finished());
            thread::yield_now();
        }
        assert_eq!(thread.join().unwrap(), Err(Error::Interrupted {}));
    }

    #[test]
    fn a_child_has_none_of_the_waiters() {
        static BUCKET: Bucket = empty_bucket();
        let thread = waiter(&BUCKET, 8, 1, LONG);
        in_child(|| {
            assert_eq!(BUCKET.notify(8, u32::MAX), 0);
            assert_eq!(BUCKET.wait(8, 1, 1, || false), Ended::TimedOut);
            in_child(|| assert_eq!(BUCKET.interrupt(1), 0));
        });
        assert_eq!(BUCKET.notify(8, u32::MAX), 1);
        assert_eq!(thread.join().unwrap(), Ended::Woken);
    }

    #[test]
    fn addresses_a_word_a_page_and_a_mebibyte_apart_are_in_different_buckets() {
        let count = |address: fn(usize) -> usize| {
            let found = (0..BUCKETS).map(|at| core::ptr::from_ref(bucket(address(at))).addr());
            found.collect::<std::collections::BTreeSet<usize>>().len()
        };
        assert_eq!(count(|at| at << 2), BUCKETS);
        assert_eq!(count(|at| at << 12 | 0x3fc), BUCKETS);
        assert_eq!(count(|at| at << 20 | 0x3fc), BUCKETS);
    }

    #[test]
    fn an_outcome_has_the_number_of_the_instruction() {
        assert_eq!([Wait::Woken, Wait::NotEqual, Wait::TimedOut].map(u32::from), [0, 1, 2]);
    }
}
