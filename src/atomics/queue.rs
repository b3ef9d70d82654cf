//! Queues of waiters, first in first out, without allocation: a waiter is a node on its own stack.
//!
//! No wake-up is lost. A waiter counts itself, passes a fence and then looks at the value; a
//! notifier's program stores the value, and the notifier passes a fence and then looks at the
//! count. Of two sequentially consistent fences one comes first: either the notifier sees the
//! waiter's count, or the waiter sees the new value. (The model test fails when either fence is
//! taken out.) So a notify that finds nobody costs a fence and a load.
//!
//! None is spurious: a waiter sleeps until its node says that it was taken out of the queue.
#![allow(unsafe_code, reason = "links nodes that live on the stacks of waiting threads")]

use super::sync::{
    AtomicU32, Deadline, Guard, Lock, Ordering, Repair, Word, fence, generation, sleep, wake,
};
use core::cell::Cell;
use core::ptr;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Woken,
    NotEqual,
    TimedOut,
    Interrupted,
    /// As many wait here as can be counted.
    TooMany,
}

const WAITING: u32 = 0;
const WOKEN: u32 = 1;
const INTERRUPTED: u32 = 2;

/// One that waits. It lives on the stack of its thread, which leaves only after the node was taken
/// out of the queue.
struct Waiter {
    address: usize,
    /// What an interrupt ends together.
    group: usize,
    /// One of the above. Written under the bucket's lock, slept on without it.
    word: Word,
    /// Neighbours in the queue, under the bucket's lock.
    next: Cell<*const Waiter>,
    previous: Cell<*const Waiter>,
}

impl Waiter {
    /// How the wait has ended, if it has.
    fn ended(&self) -> Option<Ended> {
        match self.word.load(Ordering::Acquire) {
            WOKEN => Some(Ended::Woken),
            INTERRUPTED => Some(Ended::Interrupted),
            _ => None,
        }
    }
}

/// The waiters of some addresses.
pub(super) struct Bucket {
    /// How many wait or are about to look at the value. Read without the lock.
    count: AtomicU32,
    queue: Lock<Queue>,
}

pub(super) struct Queue {
    /// The longest waiting.
    first: *const Waiter,
    last: *const Waiter,
    /// The process generation that the waiters belong to.
    generation: u32,
}

// SAFETY: the nodes are only touched under the bucket's lock, apart from their words, which are
// atomic.
unsafe impl Send for Queue {}

impl Repair for Queue {
    /// The generation tells that it is to be emptied.
    fn repair(&mut self) {}
}

impl Queue {
    /// No waiters, of process generation 0.
    pub(super) const fn new() -> Self {
        Self { first: ptr::null(), last: ptr::null(), generation: 0 }
    }

    /// Puts a waiter of the calling thread at the end.
    fn append(&mut self, waiter: &Waiter) {
        waiter.previous.set(self.last);
        waiter.next.set(ptr::null());
        // SAFETY: a waiter in the queue has not left.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(waiter),
            None => self.first = waiter,
        }
        self.last = waiter;
    }

    /// Takes a waiter out that is in the queue.
    fn unlink(&mut self, waiter: &Waiter) {
        let (previous, next) = (waiter.previous.get(), waiter.next.get());
        // SAFETY: a waiter in the queue has not left.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => self.last = previous,
        }
    }
}

impl Bucket {
    /// A bucket out of primitives that were made elsewhere, where they can be made constant.
    pub(super) const fn new(count: AtomicU32, queue: Lock<Queue>) -> Self {
        Self { count, queue }
    }

    fn lock(&self) -> Guard<'_, Queue> {
        let mut queue = self.queue.lock();
        let generation = generation();
        if queue.generation != generation {
            // The waiters are threads of the parent process.
            *queue = Queue { generation, ..Queue::new() };
            self.count.store(0, Ordering::Relaxed);
        }
        queue
    }

    /// Waits at `address` unless `differs`, for at most `timeout` nanoseconds if that is not
    /// negative.
    pub(super) fn wait(
        &self,
        address: usize,
        group: usize,
        timeout: i64,
        differs: impl Fn() -> bool,
    ) -> Ended {
        let deadline = Deadline::after(timeout);
        let waiter = Waiter {
            address,
            group,
            word: Word::new(WAITING),
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
        };
        let mut queue = self.lock();
        if self.count.load(Ordering::Relaxed) == u32::MAX {
            return Ended::TooMany;
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if differs() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Ended::NotEqual;
        }
        if timeout == 0 {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Ended::TimedOut;
        }
        queue.append(&waiter);
        let mut queued_in = queue.generation;
        drop(queue);
        loop {
            let in_time = sleep(&waiter.word, WAITING, deadline);
            if let Some(ended) = waiter.ended() {
                return ended;
            }
            // A signal handler may have forked in the middle of the sleep: this is the child, whose
            // queue does not know this waiter.
            let queued = generation() == queued_in;
            if in_time && queued {
                continue;
            }
            let mut queue = self.lock();
            if let Some(ended) = waiter.ended() {
                return ended;
            }
            if !in_time {
                if queued {
                    queue.unlink(&waiter);
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
                return Ended::TimedOut;
            }
            self.count.fetch_add(1, Ordering::Relaxed);
            queue.append(&waiter);
            queued_in = queue.generation;
        }
    }

    /// Wakes at most `most` of those that wait at `address`, the longest waiting first.
    pub(super) fn notify(&self, address: usize, most: u32) -> u32 {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 || most == 0 {
            return 0;
        }
        self.end(WOKEN, most, |waiter| waiter.address == address)
    }

    /// Ends every wait of `group`.
    pub(super) fn interrupt(&self, group: usize) -> u32 {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.end(INTERRUPTED, u32::MAX, |waiter| waiter.group == group)
    }

    /// Takes at most `most` of the waiters out that `chosen` says, and tells them why.
    fn end(&self, why: u32, most: u32, chosen: impl Fn(&Waiter) -> bool) -> u32 {
        let mut ended = 0_u32;
        let mut queue = self.lock();
        let mut next = queue.first;
        while ended < most {
            // SAFETY: a waiter in the queue has not left.
            let Some(waiter) = (unsafe { next.as_ref() }) else { break };
            next = waiter.next.get();
            if chosen(waiter) {
                let word: *const Word = &raw const waiter.word;
                queue.unlink(waiter);
                self.count.fetch_sub(1, Ordering::Relaxed);
                // The thread may leave as soon as it sees this; what follows is only its address.
                waiter.word.store(why, Ordering::Release);
                wake(word);
                ended = ended.saturating_add(1);
            }
        }
        ended
    }
}
