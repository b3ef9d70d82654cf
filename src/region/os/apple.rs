//! Sleeping on an address on macOS and its relatives.
//!
//! The public functions came with macOS 14.4. Before it the system's own libraries have used
//! `__ulock_wait` since 10.12. Neither is linked, so that a program starts wherever one is missing:
//! they are looked up once, and without them a waiter looks again every millisecond.
#![allow(unsafe_code, reason = "this is where the host is called")]

use super::unix::nap;
use super::{Call, Errno, gate, last_errno, now, time_left};
use core::ffi::{CStr, c_int, c_void};
use core::mem;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;

type SyncWait = unsafe extern "C" fn(*mut c_void, u64, usize, u32) -> c_int;
type SyncWaitFor = unsafe extern "C" fn(*mut c_void, u64, usize, u32, u32, u64) -> c_int;
type SyncWake = unsafe extern "C" fn(*mut c_void, usize, u32) -> c_int;
type LockWait = unsafe extern "C" fn(u32, *mut c_void, u64, u32) -> c_int;
type LockWake = unsafe extern "C" fn(u32, *mut c_void, u64) -> c_int;

/// The functions that this system has.
#[derive(Clone, Copy)]
enum Functions {
    Sync { wait: SyncWait, wait_for: SyncWaitFor, wake: SyncWake },
    Lock { wait: LockWait, wake: LockWake },
    Neither,
}

/// The address of a function of the system, kept in `place`; 0 where there is none.
fn look_up(name: &CStr, place: &AtomicUsize) -> usize {
    /// Not looked up yet. No function is there.
    const UNASKED: usize = 0;
    const MISSING: usize = 1;
    let mut address = place.load(Ordering::Relaxed);
    if address == UNASKED {
        // SAFETY: `name` is a C string.
        address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.addr().max(MISSING);
        place.store(address, Ordering::Relaxed);
    }
    if address == MISSING { 0 } else { address }
}

impl Functions {
    fn of_this_system() -> Self {
        static ADDRESSES: [AtomicUsize; 5] = [const { AtomicUsize::new(0) }; 5];
        let [wait, wait_for, wake, lock_wait, lock_wake] = &ADDRESSES;
        let wait = look_up(c"os_sync_wait_on_address", wait);
        let wait_for = look_up(c"os_sync_wait_on_address_with_timeout", wait_for);
        let wake = look_up(c"os_sync_wake_by_address_any", wake);
        if wait != 0 && wait_for != 0 && wake != 0 {
            // SAFETY: the system's function of that name has this type.
            let wait = unsafe { mem::transmute::<usize, SyncWait>(wait) };
            // SAFETY: as above.
            let wait_for = unsafe { mem::transmute::<usize, SyncWaitFor>(wait_for) };
            // SAFETY: as above.
            let wake = unsafe { mem::transmute::<usize, SyncWake>(wake) };
            return Self::Sync { wait, wait_for, wake };
        }
        let wait = look_up(c"__ulock_wait", lock_wait);
        let wake = look_up(c"__ulock_wake", lock_wake);
        if wait != 0 && wake != 0 {
            // SAFETY: the system's function of that name has this type.
            let wait = unsafe { mem::transmute::<usize, LockWait>(wait) };
            // SAFETY: as above.
            let wake = unsafe { mem::transmute::<usize, LockWake>(wake) };
            return Self::Lock { wait, wake };
        }
        Self::Neither
    }
}

/// `UL_COMPARE_AND_WAIT`
const COMPARE_AND_WAIT: u32 = 1;

/// `OS_CLOCK_MACH_ABSOLUTE_TIME`
const CLOCK: u32 = 32;

/// Sleeps until [`wake_address`] is called for `word`, unless `word` is no longer `expected`, and no
/// longer than `most`; may also return for no reason.
fn sleep(word: &AtomicU32, expected: u32, most: Option<Duration>) -> Result<(), Errno> {
    let (address, value) = (word.as_ptr().cast(), u64::from(expected));
    let length = size_of::<AtomicU32>();
    let result = match (Functions::of_this_system(), most) {
        (Functions::Sync { wait, .. }, None) => {
            // SAFETY: `word` is a live aligned word of this length.
            unsafe { wait(address, value, length, 0) }
        }
        (Functions::Sync { wait_for, .. }, Some(most)) => {
            let nanoseconds = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).max(1);
            // SAFETY: as above.
            unsafe { wait_for(address, value, length, 0, CLOCK, nanoseconds) }
        }
        (Functions::Lock { wait, .. }, most) => {
            // No time at all is for ever.
            let microseconds =
                most.map_or(0, |most| u32::try_from(most.as_micros()).unwrap_or(u32::MAX).max(1));
            // SAFETY: as above.
            unsafe { wait(COMPARE_AND_WAIT, address, value, microseconds) }
        }
        (Functions::Neither, _) => {
            nap();
            0
        }
    };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Sleeps until [`wake`](super::wake) is called for `word`, unless `word` is no longer `expected`;
/// may also return for no reason.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    match sleep(word, expected, None) {
        Ok(()) | Err(libc::EINTR | libc::EFAULT) => {}
        Err(_) => nap(),
    }
}

/// Sleeps while `word` is `expected`, until `deadline` on the clock of [`now`]: false when that has
/// passed. May return true for no reason.
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    let left = deadline.map(|deadline| deadline.saturating_sub(now()));
    if left.is_some_and(|left| left.is_zero()) {
        return false;
    }
    match gate(Call::Wait).and_then(|()| sleep(word, expected, left)) {
        Ok(()) | Err(libc::EINTR | libc::EFAULT) => return true,
        // The sleep has a clock of its own.
        Err(libc::ETIMEDOUT) => {}
        Err(_) => nap(),
    }
    time_left(deadline)
}

/// Wakes one thread that waits for the word at an address, which may be no word any more: then
/// whoever waits there wakes for no reason.
pub(crate) fn wake_address(word: *const AtomicU32) {
    let address = word.cast_mut().cast();
    match Functions::of_this_system() {
        Functions::Sync { wake, .. } => {
            // SAFETY: the kernel takes `word` for an address and does not read it.
            unsafe { wake(address, size_of::<AtomicU32>(), 0) };
        }
        Functions::Lock { wake, .. } => {
            // SAFETY: as above.
            unsafe { wake(COMPARE_AND_WAIT, address, 0) };
        }
        Functions::Neither => {}
    }
}
