//! Sleeping on an address on FreeBSD: `_umtx_op`.
#![allow(unsafe_code, reason = "this is where the host is called")]

use super::unix::{nanoseconds, nap};
use super::{Call, Errno, gate, last_errno, time_left};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// Sleeps until [`wake_address`] is called for `word`, unless `word` is no longer `expected`, and no
/// longer than `until`; may also return for no reason.
fn sleep(word: &AtomicU32, expected: u32, until: Option<Duration>) -> Result<(), Errno> {
    // SAFETY: zero bytes are such a time.
    let mut time: libc::_umtx_time = unsafe { core::mem::zeroed() };
    time._flags = libc::UMTX_ABSTIME;
    time._clockid = libc::CLOCK_MONOTONIC.unsigned_abs();
    if let Some(until) = until {
        time._timeout.tv_sec = until.as_secs().try_into().unwrap_or(libc::time_t::MAX);
        time._timeout.tv_nsec = nanoseconds(until);
    }
    // The length of the time stands where another operation has a pointer.
    let length: *mut c_void = ptr::without_provenance_mut(size_of::<libc::_umtx_time>());
    let (length, time) = match until {
        None => (ptr::null_mut(), ptr::null_mut()),
        Some(_) => (length, (&raw mut time).cast()),
    };
    let operation = libc::UMTX_OP_WAIT_UINT_PRIVATE;
    // SAFETY: `word` is a live aligned word, and `time` NULL or a live time of that length.
    let result =
        unsafe { libc::_umtx_op(word.as_ptr().cast(), operation, expected.into(), length, time) };
    if result == -1 { Err(last_errno()) } else { Ok(()) }
}

/// Sleeps until [`wake`](super::wake) is called for `word`, unless `word` is no longer `expected`;
/// may also return for no reason.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    match sleep(word, expected, None) {
        Ok(()) | Err(libc::EINTR) => {}
        Err(_) => nap(),
    }
}

/// Sleeps while `word` is `expected`, until `deadline` on the clock of [`now`](super::now): false
/// when that has passed. May return true for no reason.
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    match gate(Call::Wait).and_then(|()| sleep(word, expected, deadline)) {
        Ok(()) | Err(libc::EINTR) => true,
        Err(libc::ETIMEDOUT) => false,
        Err(_) => {
            nap();
            time_left(deadline)
        }
    }
}

/// Wakes one thread that waits for the word at an address, which may be no word any more: then
/// whoever waits there wakes for no reason.
pub(crate) fn wake_address(word: *const AtomicU32) {
    let (address, operation) = (word.cast_mut().cast(), libc::UMTX_OP_WAKE_PRIVATE);
    // SAFETY: the kernel takes `word` for an address and does not read it.
    unsafe { libc::_umtx_op(address, operation, 1, ptr::null_mut(), ptr::null_mut()) };
}
