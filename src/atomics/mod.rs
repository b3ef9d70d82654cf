//! Waiting and notifying: `memory.atomic.wait32`, `wait64`, `notify`.
//!
//! A waiter queues at a byte address; both widths share the queue of an address. The queues are in
//! `table.rs`. One is `queue.rs`, written against the few primitives of `sync.rs`, so that the model
//! checker runs the very same code over its own.

#[cfg(feature = "host")]
mod queue;
#[cfg(feature = "host")]
mod sync;
#[cfg_attr(not(feature = "host"), path = "no_table.rs")]
mod table;

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::wide::AtomicU64;
use core::sync::atomic::{AtomicU32, Ordering};
use table::Ended;

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
        match table::wait(address.addr(), group, timeout, differs) {
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
        Ok(table::notify(address.addr(), count))
    }

    /// Ends every wait in progress on this memory with [`Error::Interrupted`], and answers how many.
    pub fn interrupt(&self) -> u32 {
        table::interrupt(core::ptr::from_ref(self).addr())
    }

    /// The address of a value that can be waited at, checked in the order of the specification.
    fn waitable(&self, index: u64, width: u64) -> Result<*mut u8> {
        check_aligned(index, width)?;
        // Where no thread can be suspended a wait is refused, as in such an agent of JavaScript.
        if !self.memory_type().is_shared() || !table::SUSPENDS {
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

#[cfg(test)]
#[cfg(feature = "host")]
mod tests;
