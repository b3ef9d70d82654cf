//! The queue of waiters under the model checker: all interleavings of a few threads, with the
//! reorderings that the memory model allows. The code is the library's own; only the primitives
//! below it are the checker's.
//!
//! No wake-up may be lost, which shows as a deadlock, and none may be spurious. The checker must
//! find the lost wake-up as soon as either of the two fences is taken out.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]
// The checker itself does not compile elsewhere.
#![cfg(target_pointer_width = "64")]

#[path = "../src/atomics/queue.rs"]
mod queue;

/// The primitives of `src/atomics/sync.rs`, over those of the checker.
mod sync {
    pub(super) use loom::sync::MutexGuard as Guard;
    pub(super) use loom::sync::atomic::{AtomicU32, Ordering};
    use std::sync::atomic::AtomicBool;

    /// A model has no forks.
    pub(super) trait Repair {
        #[allow(dead_code, reason = "nothing is repaired")]
        fn repair(&mut self);
    }

    pub(super) struct Lock<T>(loom::sync::Mutex<T>);

    impl<T> Lock<T> {
        pub(super) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(super) fn lock(&self) -> Guard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    pub(super) type Word = AtomicU32;

    #[derive(Clone, Copy)]
    pub(super) struct Deadline {
        pub(super) passes: bool,
    }

    impl Deadline {
        pub(super) fn after(timeout: i64) -> Self {
            Self { passes: timeout >= 0 }
        }
    }

    loom::lazy_static! {
        /// Every sleeper sleeps here: a word that its thread has left must not be touched.
        static ref SLEEPERS: (loom::sync::Mutex<()>, loom::sync::Condvar) =
            (loom::sync::Mutex::new(()), loom::sync::Condvar::new());
    }

    pub(super) fn sleep(word: &Word, expected: u32, deadline: Deadline) -> bool {
        if deadline.passes {
            // The time may be over before or after anything that others do.
            loom::thread::yield_now();
            return false;
        }
        let mut guard = SLEEPERS.0.lock().unwrap();
        while word.load(Ordering::Relaxed) == expected {
            guard = SLEEPERS.1.wait(guard).unwrap();
        }
        true
    }

    pub(super) fn wake(_word: *const Word) {
        drop(SLEEPERS.0.lock().unwrap());
        SLEEPERS.1.notify_all();
    }

    pub(super) fn generation() -> u32 {
        0
    }

    loom::thread_local! {
        pub(super) static NOTIFIES: std::cell::Cell<bool> = std::cell::Cell::new(false);
    }

    /// Planted faults: leaves the fence of one side out.
    pub(super) static NO_WAITER_FENCE: AtomicBool = AtomicBool::new(false);
    pub(super) static NO_NOTIFIER_FENCE: AtomicBool = AtomicBool::new(false);

    pub(super) fn fence(order: Ordering) {
        let notifies = NOTIFIES.with(std::cell::Cell::get);
        let missing = if notifies { &NO_NOTIFIER_FENCE } else { &NO_WAITER_FENCE };
        if !missing.load(Ordering::Relaxed) {
            loom::sync::atomic::fence(order);
        }
    }
}

use loom::sync::Arc;
use queue::{Bucket, Ended, Queue};
use std::sync::atomic::Ordering;
use sync::{AtomicU32, Lock, NO_NOTIFIER_FENCE, NO_WAITER_FENCE, NOTIFIES};

/// Some byte address, and a memory.
const ADDRESS: usize = 64;
const MEMORY: usize = 1;
const FOR_EVER: i64 = -1;

struct Shared {
    bucket: Bucket,
    value: AtomicU32,
}

fn shared() -> Arc<Shared> {
    let bucket = Bucket::new(AtomicU32::new(0), Lock::new(Queue::new()));
    Arc::new(Shared { bucket, value: AtomicU32::new(0) })
}

impl Shared {
    fn wait(&self, timeout: i64) -> Ended {
        let differs = || self.value.load(Ordering::Relaxed) != 0;
        self.bucket.wait(ADDRESS, MEMORY, timeout, differs)
    }

    fn notify(&self, count: u32) -> u32 {
        NOTIFIES.with(|notifies| notifies.set(true));
        self.bucket.notify(ADDRESS, count)
    }
}

/// Runs all interleavings with at most three preemptions: where two threads go wrong, they do so in
/// fewer, and more would take hours.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// One waits for a value to change, another changes it and notifies.
fn change_and_notify() {
    model(|| {
        let shared = shared();
        let waiter = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || shared.wait(FOR_EVER))
        };
        shared.value.store(1, Ordering::Relaxed);
        let woken = shared.notify(u32::MAX);
        match waiter.join().unwrap() {
            Ended::Woken => assert_eq!(woken, 1),
            Ended::NotEqual => assert_eq!(woken, 0),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn no_wake_up_is_lost() {
    change_and_notify();
}

/// What the tests below run in a process of its own, since the checker ends one that goes wrong.
#[test]
#[ignore = "run by the tests of planted faults"]
fn planted() {
    let fault = std::env::var(PLANTED).unwrap();
    NO_WAITER_FENCE.store(fault == "no waiter's fence", Ordering::Relaxed);
    NO_NOTIFIER_FENCE.store(fault == "no notifier's fence", Ordering::Relaxed);
    change_and_notify();
}

const PLANTED: &str = "WASM_MEMORY_PLANTED_FAULT";

fn passes_with(fault: &str) -> bool {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--exact", "planted", "--ignored"]).env(PLANTED, fault);
    command.output().unwrap().status.success()
}

#[test]
fn the_model_fails_without_either_fence() {
    assert!(passes_with("nothing"), "the unchanged code passes the same way");
    assert!(!passes_with("no waiter's fence"), "the checker must find the lost wake-up");
    assert!(!passes_with("no notifier's fence"), "the checker must find the lost wake-up");
}

#[test]
fn as_many_wake_as_notify_says() {
    model(|| {
        let shared = shared();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || shared.wait(FOR_EVER))
            })
            .collect();
        let one = shared.notify(1);
        assert!(one <= 1);
        shared.value.store(1, Ordering::Relaxed);
        let rest = shared.notify(u32::MAX);
        let woken = waiters
            .into_iter()
            .map(|waiter| waiter.join().unwrap())
            .filter(|ended| *ended == Ended::Woken)
            .count();
        assert_eq!(u32::try_from(woken), Ok(one + rest));
    });
}

#[test]
fn a_wait_whose_time_is_over_was_woken_or_not_but_never_both() {
    model(|| {
        let shared = shared();
        let waiter = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || shared.wait(1))
        };
        let woken = shared.notify(1);
        let ended = waiter.join().unwrap();
        assert_eq!(u32::from(ended == Ended::Woken), woken, "{ended:?}");
        assert_eq!(shared.notify(1), 0, "nobody is left in the queue");
    });
}

#[test]
fn an_interrupt_ends_the_waits_of_its_memory_only() {
    model(|| {
        let shared = shared();
        let waiter = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || shared.wait(FOR_EVER))
        };
        NOTIFIES.with(|notifies| notifies.set(true));
        assert_eq!(shared.bucket.interrupt(MEMORY + 1), 0);
        shared.value.store(1, Ordering::Relaxed);
        let ended = shared.bucket.interrupt(MEMORY);
        match waiter.join().unwrap() {
            Ended::Interrupted => assert_eq!(ended, 1),
            Ended::NotEqual => assert_eq!(ended, 0),
            other => panic!("{other:?}"),
        }
    });
}
