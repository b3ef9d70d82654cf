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
    AtomicU32, Deadline, Guard, Lock, Ordering, Word, fence, generation, sleep, wake,
};
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
    next: *mut Waiter,
    previous: *mut Waiter,
}

/// The waiters of some addresses.
pub(super) struct Bucket {
    /// How many wait or are about to look at the value. Read without the lock.
    count: AtomicU32,
    queue: Lock<Queue>,
}

pub(super) struct Queue {
    /// The longest waiting.
    first: *mut Waiter,
    last: *mut Waiter,
    /// The process generation that the waiters belong to.
    generation: u32,
}

// SAFETY: the nodes are only touched under the bucket's lock, apart from their words, which are
// atomic.
unsafe impl Send for Queue {}

impl Queue {
    /// No waiters, of process generation 0.
    pub(super) const fn new() -> Self {
        Self { first: ptr::null_mut(), last: ptr::null_mut(), generation: 0 }
    }

    /// Puts a waiter of the calling thread at the end.
    fn append(&mut self, waiter: *mut Waiter) {
        // SAFETY: the node is on the stack of the calling thread, and no other knows it yet.
        if let Some(node) = unsafe { waiter.as_mut() } {
            node.previous = self.last;
        }
        // SAFETY: a waiter in the queue has not left.
        match unsafe { self.last.as_mut() } {
            Some(last) => last.next = waiter,
            None => self.first = waiter,
        }
        self.last = waiter;
    }

    /// Takes a waiter out. It is in the queue.
    fn unlink(&mut self, waiter: *mut Waiter) {
        // SAFETY: a waiter in the queue has not left.
        let Some(node) = (unsafe { waiter.as_ref() }) else { return };
        let (previous, next) = (node.previous, node.next);
        // SAFETY: as above.
        match unsafe { previous.as_mut() } {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_mut() } {
            Some(next) => next.previous = previous,
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
        let mut waiter = Waiter {
            address,
            group,
            word: Word::new(WAITING),
            next: ptr::null_mut(),
            previous: ptr::null_mut(),
        };
        // Other threads reach the node through this pointer, so from here on it is the only way.
        let waiter: *mut Waiter = &raw mut waiter;
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
        queue.append(waiter);
        drop(queue);
        // SAFETY: the node lives until this function returns.
        let word = unsafe { &(*waiter).word };
        loop {
            let in_time = sleep(word, WAITING, deadline);
            match word.load(Ordering::Acquire) {
                WOKEN => return Ended::Woken,
                INTERRUPTED => return Ended::Interrupted,
                _ if in_time => {}
                _ => return self.give_up(waiter),
            }
        }
    }

    /// The time of a waiter is over: takes it out, unless somebody was quicker.
    fn give_up(&self, waiter: *mut Waiter) -> Ended {
        let mut queue = self.lock();
        // SAFETY: the node is the calling thread's own.
        match unsafe { (*waiter).word.load(Ordering::Relaxed) } {
            WOKEN => Ended::Woken,
            INTERRUPTED => Ended::Interrupted,
            _ => {
                queue.unlink(waiter);
                self.count.fetch_sub(1, Ordering::Relaxed);
                Ended::TimedOut
            }
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
            let waiter = next;
            // SAFETY: a waiter in the queue has not left.
            let Some(seen) = (unsafe { waiter.as_ref() }) else { break };
            next = seen.next;
            if chosen(seen) {
                let word: *const Word = &raw const seen.word;
                queue.unlink(waiter);
                self.count.fetch_sub(1, Ordering::Relaxed);
                // The thread may leave as soon as it sees this; what follows is only its address.
                // SAFETY: it cannot have left before.
                unsafe { (*word).store(why, Ordering::Release) };
                wake(word);
                ended = ended.saturating_add(1);
            }
        }
        ended
    }
}
