//! A lock that a fork cannot freeze.
//!
//! A thread that holds a lock while another thread forks does not exist in the child, so the child
//! would wait for ever. The word of this lock names the process generation that took it: a child
//! sees that the holder belongs to its parent, takes the lock over, and has the value repaired
//! ([`Repair`]), since it may be half changed.
//!
//! It is not fair, does not poison, and never allocates.
#![allow(unsafe_code, reason = "hands out exclusive access to the value")]

#[cfg(feature = "host")]
use super::fork;
use super::os;
use core::cell::UnsafeCell;
use core::fmt;
use core::hint;
use core::ops::{Deref, DerefMut};
#[cfg(feature = "host")]
use core::sync::atomic::AtomicBool;
use core::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
const HELD_WITH_WAITERS: u32 = 2;
/// The low bits hold one of the states above, the rest the generation of the holder.
const STATE: u32 = 3;
const GENERATION_STEP: u32 = 4;

/// Rises in every child of a fork, so that a holder in the parent can be told from one here.
#[cfg(feature = "host")]
static GENERATION: AtomicU32 = AtomicU32::new(0);

#[cfg(feature = "host")]
extern "C" fn in_child() {
    GENERATION.fetch_add(GENERATION_STEP, Ordering::Relaxed);
    fork::in_child();
}

/// A number that differs in every child of a fork.
#[cfg(not(feature = "host"))]
pub(crate) const fn generation() -> u32 {
    0
}

/// A number that differs in every child of a fork.
#[cfg(feature = "host")]
pub(crate) fn generation() -> u32 {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.load(Ordering::Acquire) && os::at_fork(fork::before, fork::in_parent, in_child) {
        // Two threads may both come here: the handlers do no harm twice.
        WATCHED.store(true, Ordering::Release);
    }
    GENERATION.load(Ordering::Relaxed)
}

/// Mends a value whose holder was lost in a fork, in the child.
pub(crate) trait Repair {
    /// Called with the lock held, before anybody else sees the value.
    fn repair(&mut self);
}

/// Mutual exclusion around a value.
pub(crate) struct Lock<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives access to one thread at a time, so sharing it only moves the value.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { word: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// The value, while nobody else can have the lock.
    pub(crate) const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    fn unlock(&self) {
        if self.word.swap(FREE, Ordering::Release) & STATE == HELD_WITH_WAITERS {
            os::wake(&self.word);
        }
    }
}

impl<T: Repair> Lock<T> {
    /// Waits until the value is free and takes it.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let held = generation() | HELD;
        let taken =
            self.word.compare_exchange(FREE, held, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let abandoned = !taken && self.lock_contended();
        let mut guard = Guard { lock: self };
        if abandoned {
            guard.repair();
        }
        guard
    }

    /// Takes the lock the slow way. True when its holder was lost in a fork.
    #[cold]
    fn lock_contended(&self) -> bool {
        const SPINS: u32 = 100;
        for _ in 0..SPINS {
            if self.word.load(Ordering::Relaxed) == FREE {
                break;
            }
            hint::spin_loop();
        }
        let generation = generation();
        let with_waiters = generation | HELD_WITH_WAITERS;
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            let abandoned = seen & STATE != FREE && seen & !STATE != generation;
            if seen == FREE || abandoned {
                // Whoever had to wait leaves the mark for others that may wait too.
                let taken = self.word.compare_exchange_weak(
                    seen,
                    with_waiters,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                );
                if taken.is_ok() {
                    return abandoned;
                }
            } else if seen == with_waiters
                || self
                    .word
                    .compare_exchange_weak(seen, with_waiters, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
            {
                os::wait(&self.word, with_waiters);
            }
        }
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the value: a debugger's print must not wait for a lock.
        formatter.debug_struct("Lock").finish_non_exhaustive()
    }
}

/// Access to the value of a [`Lock`] until it is dropped.
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so nobody else refers to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock, so nobody else refers to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that counts how often it was repaired.
    struct Counted {
        value: u64,
        repaired: u32,
    }

    impl Repair for Counted {
        fn repair(&mut self) {
            self.repaired += 1;
        }
    }

    #[test]
    fn one_thread_at_a_time() {
        const EACH: u64 = if cfg!(miri) { 100 } else { 20_000 };
        static COUNT: Lock<Counted> = Lock::new(Counted { value: 0, repaired: 0 });
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    for _ in 0..EACH {
                        COUNT.lock().value += 1;
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(COUNT.lock().value, 4 * EACH);
    }

    #[cfg(all(unix, feature = "host"))]
    #[test]
    fn a_child_takes_over_what_a_lost_thread_held() {
        use crate::test_support::in_child;
        static LOCK: Lock<Counted> = Lock::new(Counted { value: 7, repaired: 0 });
        let held = LOCK.lock();
        in_child(|| {
            let guard = LOCK.lock();
            assert_eq!((guard.value, guard.repaired), (7, 1));
        });
        drop(held);
        assert_eq!(LOCK.lock().repaired, 0);
    }
}
