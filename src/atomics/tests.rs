//! Waiting, notifying and interrupting by real threads.

use super::queue::Bucket;
use super::table::{BUCKETS, Ended, bucket, empty_bucket};
use super::*;
use crate::descriptor::Descriptor;
use crate::region::slab::Ref;
use core::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const FOR_EVER: i64 = -1;
/// More than any of these tests takes.
const LONG: i64 = 60_000_000_000;

fn shared() -> Ref<Memory> {
    let descriptor =
        Descriptor { initial: Some(1), maximum: Some(1), shared: true, ..Descriptor::default() };
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
    assert_eq!(memory.notify(8, u32::MAX), Ok(0));
    memory.fill(8, 7, 8).unwrap();
    assert_eq!(memory.wait32(8, 0, LONG), Ok(Wait::NotEqual));
    assert_eq!(memory.wait64(8, 0, LONG), Ok(Wait::NotEqual));
    assert_eq!(memory.wait32(8, 0x0707_0707, 0), Ok(Wait::TimedOut));
    assert_eq!(memory.wait64(8, 0x0707_0707_0707_0707, 0), Ok(Wait::TimedOut));
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

#[cfg(unix)]
#[test]
fn a_child_has_none_of_the_waiters() {
    use crate::test_support::in_child;
    static BUCKET: Bucket = empty_bucket();
    let thread = waiter(&BUCKET, 8, 1, LONG);
    in_child(|| {
        assert_eq!(BUCKET.notify(8, u32::MAX), 0);
        assert_eq!(BUCKET.wait(8, 1, 1, || false), Ended::TimedOut);
        in_child(|| assert_eq!(BUCKET.interrupt(1), 0));
        // And it keeps its own.
        let own = waiter(&BUCKET, 8, 1, LONG);
        assert_eq!(BUCKET.notify(8, u32::MAX), 1);
        assert_eq!(own.join().unwrap(), Ended::Woken);
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
