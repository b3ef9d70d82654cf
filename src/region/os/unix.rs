//! What all hosts with `mmap` have in common.
#![allow(unsafe_code, reason = "this is where the host is called")]

use super::{Access, AtFork, Call, Cause, Charge, Errno, Limit, gate, last_errno};
use core::ffi::{CStr, c_int, c_void};
use core::ptr::{self, NonNull};
use core::time::Duration;

/// The numbers that this library itself answers or looks for.
pub(crate) mod code {
    use super::Errno;

    pub(crate) const INVALID: Errno = libc::EINVAL;
    pub(crate) const IS_DIRECTORY: Errno = libc::EISDIR;
    pub(crate) const NOT_SEEKABLE: Errno = libc::ESPIPE;
    pub(crate) const OUT_OF_MEMORY: Errno = libc::ENOMEM;
    pub(crate) const UNSUPPORTED: Errno = libc::ENOSYS;
}

impl Cause {
    pub(crate) const fn of(errno: Errno) -> Self {
        match errno {
            libc::ENOMEM => Self::NoMemory,
            // With mlockall(MCL_FUTURE) every new mapping counts as locked.
            libc::EAGAIN => Self::Locked,
            _ => Self::Other,
        }
    }
}

impl Access {
    pub(super) const fn bits(self) -> c_int {
        match self {
            Self::None => libc::PROT_NONE,
            Self::Read => libc::PROT_READ,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }
    }
}

impl Charge {
    /// The flag of a mapping that is charged this way.
    pub(super) const fn flag(self) -> c_int {
        // FreeBSD has no such flag any more: what is not touched is charged only by an option of it.
        #[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
        const NEVER: c_int = 0;
        #[cfg(not(any(target_os = "freebsd", target_os = "dragonfly")))]
        const NEVER: c_int = libc::MAP_NORESERVE;
        match self {
            Self::WhenOpened => 0,
            Self::Never => NEVER,
        }
    }
}

/// The errno of a call that answers 0 or -1.
pub(super) fn check(result: c_int) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// The address that `mmap` or `mremap` answered.
pub(super) fn check_address(address: *mut c_void) -> Result<NonNull<u8>, Errno> {
    if address == libc::MAP_FAILED {
        return Err(last_errno());
    }
    // A mapping at address 0 would be possible only for a fixed request, which is never made there.
    NonNull::new(address.cast()).ok_or(libc::ENOMEM)
}

/// Maps `length` fresh private bytes anywhere; they read zero.
pub(crate) fn map(length: usize, access: Access, charge: Charge) -> Result<NonNull<u8>, Errno> {
    gate(Call::Map)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | charge.flag();
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice disturbs nothing.
    let address = unsafe { libc::mmap(ptr::null_mut(), length, access.bits(), flags, -1, 0) };
    check_address(address)
}

/// Is the page at `start` in memory? `None` when the host cannot tell.
pub(crate) fn is_resident(start: NonNull<u8>) -> Option<bool> {
    gate(Call::Resident).ok()?;
    let mut page = 0;
    // SAFETY: the kernel answers one byte for one page; it is not touched.
    let result = unsafe { libc::mincore(start.as_ptr().cast(), 1, &raw mut page) };
    (result == 0).then_some(page & 1 == 1)
}

/// Replaces `[start, start + length)` by fresh private bytes that read zero.
///
/// # Safety
/// The range is page-aligned, belongs to the caller, and no Rust reference into it exists.
pub(crate) unsafe fn map_over(
    start: NonNull<u8>,
    length: usize,
    access: Access,
    charge: Charge,
) -> Result<(), Errno> {
    gate(Call::Map)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | charge.flag();
    // SAFETY: the caller owns the range that is replaced.
    let address = unsafe { libc::mmap(start.as_ptr().cast(), length, access.bits(), flags, -1, 0) };
    check_address(address).map(|_| ())
}

/// Changes what may be done with `[start, start + length)`.
///
/// # Safety
/// The range is page-aligned, mapped, belongs to the caller, and no Rust reference into it exists.
pub(crate) unsafe fn protect(
    start: NonNull<u8>,
    length: usize,
    access: Access,
) -> Result<(), Errno> {
    gate(Call::Protect)?;
    // SAFETY: the caller owns the range.
    check(unsafe { libc::mprotect(start.as_ptr().cast(), length, access.bits()) })
}

/// Gives `[start, start + length)` back.
///
/// # Safety
/// The range is page-aligned, belongs to the caller, and nothing uses it from here on.
pub(crate) unsafe fn unmap(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    gate(Call::Unmap)?;
    // SAFETY: the caller owns the range and gives it up.
    check(unsafe { libc::munmap(start.as_ptr().cast(), length) })
}

/// Size of a page of the host in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

/// The limit in bytes, or `None` where there is none or it cannot be told.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "rlim_t is not u64 on every host, and no limit is negative"
)]
pub(crate) fn limit(limit: Limit) -> Option<u64> {
    gate(Call::Limit).ok()?;
    let resource = match limit {
        Limit::AddressSpace => libc::RLIMIT_AS,
        Limit::Data => libc::RLIMIT_DATA,
        Limit::Locked => libc::RLIMIT_MEMLOCK,
        Limit::FileSize => libc::RLIMIT_FSIZE,
    };
    let mut value = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `value` is a live rlimit that the call fills.
    check(unsafe { libc::getrlimit(resource, &mut value) }).ok()?;
    (value.rlim_cur != libc::RLIM_INFINITY).then_some(value.rlim_cur as u64)
}

/// Reads the file at `path` from its start, in pieces of at most `buffer`'s length, and hands each
/// to `each`. Answers false when the file cannot be read to its end.
pub(crate) fn read_file(path: &CStr, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> bool {
    if gate(Call::Open).is_err() {
        return false;
    }
    // SAFETY: `path` is a C string.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return false;
    }
    let whole = loop {
        if gate(Call::Read).is_err() {
            break false;
        }
        // SAFETY: `buffer` is writable over the length that is given.
        let length = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
        if length == -1 && last_errno() == libc::EINTR {
            continue;
        }
        let Ok(length) = usize::try_from(length) else { break false };
        match buffer.get(..length) {
            None | Some([]) => break length == 0,
            Some(piece) => each(piece),
        }
    };
    // SAFETY: `file` is a descriptor of ours. What close answers changes nothing here.
    unsafe { libc::close(file) };
    whole
}

/// Time since some moment before the process began.
pub(crate) fn now() -> Duration {
    // SAFETY: zero bytes are a timespec; some hosts pad it.
    let mut time: libc::timespec = unsafe { core::mem::zeroed() };
    // SAFETY: `time` is a live timespec that the call fills. This clock exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or(0));
    seconds.saturating_add(Duration::from_nanos(time.tv_nsec.try_into().unwrap_or(0)))
}

/// Seconds since some moment, from a clock that is read without a system call and may lag by a few
/// milliseconds.
pub(crate) fn coarse_seconds() -> u32 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(target_os = "freebsd")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_FAST;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    // SAFETY: zero bytes are a timespec; some hosts pad it.
    let mut time: libc::timespec = unsafe { core::mem::zeroed() };
    // SAFETY: `time` is a live timespec that the call fills.
    unsafe { libc::clock_gettime(CLOCK, &mut time) };
    u32::try_from(time.tv_sec).unwrap_or(0)
}

/// A number that differs between threads that live at the same time. Needs no thread-local of ours.
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integer or a pointer, by host; any bits will do"
)]
pub(crate) fn thread_number() -> usize {
    // SAFETY: pthread_self has no preconditions.
    unsafe { libc::pthread_self() as usize }
}

/// Has these called around every `fork` from here on: before it, and after it in parent and child.
/// Answers false when the host cannot promise that. (`_Fork`, `vfork` and `clone` call nothing.)
pub(crate) fn at_fork(before: AtFork, parent: AtFork, child: AtFork) -> bool {
    // SAFETY: the library is never unloaded (-z nodelete), so the functions stay callable.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) == 0 }
}

/// Lets other threads run.
pub(crate) fn give_way() {
    // SAFETY: sched_yield has no preconditions.
    unsafe { libc::sched_yield() };
}

/// Sleeps for about a millisecond, where there is nothing to be woken by.
pub(super) fn nap() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // SAFETY: `time` is a live timespec; what is left of an interrupted nap is not wanted.
    if unsafe { libc::nanosleep(&time, ptr::null_mut()) } != 0 {
        give_way();
    }
}

/// What a machine word takes, whatever its width.
#[allow(clippy::as_conversions, reason = "less than 10^9 fits every width")]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) const fn nanoseconds(time: Duration) -> libc::c_long {
    time.subsec_nanos() as libc::c_long
}
