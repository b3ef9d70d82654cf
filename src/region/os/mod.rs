//! The table of system calls: every one that the library makes is a function here.
//!
//! Each asks [`gate`] first. In a build for tests the gate can refuse the n-th call with an error of
//! the test's choice; in any other build it is nothing.
//!
//! A host is one module with the functions that the others have too:
//!
//! | module | hosts |
//! |---|---|
//! | `unix` | what Linux, Android, macOS and the BSDs have in common |
//! | `linux` | what only Linux and Android have: pages that move, futexes, questions about mappings |
//! | `without_linux` | the same questions where the answer is that it cannot be had |
//! | `apple`, `freebsd`, `patience` | how a thread sleeps on an address without a futex |
//! | `windows` | reserve, commit, decommit, release |
//! | `scratch` | bytes that are frozen, on every host |
//!
//! What a host cannot do at all it refuses with [`code::UNSUPPORTED`], and whoever asked does it
//! another way.

#[cfg(unix)]
#[path = "files_unix.rs"]
pub(crate) mod files;
#[cfg(windows)]
#[path = "files_windows.rs"]
pub(crate) mod files;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
mod scratch;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(target_vendor = "apple", path = "apple.rs")]
#[cfg_attr(target_os = "freebsd", path = "freebsd.rs")]
#[cfg_attr(not(any(target_vendor = "apple", target_os = "freebsd")), path = "patience.rs")]
mod sleeping;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod without_linux;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::*;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use sleeping::{wait, wait_until, wake_address};
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use without_linux::*;

use core::sync::atomic::AtomicU32;
#[cfg(not(windows))]
use core::time::Duration;

/// The calls, by the name that a test refuses them under; in brackets what Windows has in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `mmap` (`VirtualAlloc` of a new range)
    Map,
    /// `mprotect` (`VirtualAlloc`, `VirtualProtect` and `VirtualFree` within a range)
    Protect,
    /// `munmap` (`VirtualFree` of a range)
    Unmap,
    /// `mremap`
    Remap,
    /// `madvise`
    Advise,
    /// `open`, and `fcntl` that copies a descriptor (`CreateFileW`)
    Open,
    /// `read` and `pread` (`ReadFile`)
    Read,
    /// `getrlimit` (`GlobalMemoryStatusEx`)
    Limit,
    /// The ioctl that asks for one mapping
    Query,
    /// `mincore`
    Resident,
    /// A futex wait of `memory.atomic.wait`, or what stands for it.
    Wait,
    /// `memfd_create`
    MemoryFile,
    /// `ftruncate`
    Truncate,
    /// `write` and `pwrite` (`WriteFile`)
    Write,
    /// `fcntl` that seals
    Seal,
    /// `fstat` (`GetFileSizeEx` and its like)
    Status,
    /// The ioctl that finds pages in memory
    Scan,
    /// `lseek` that finds what a file holds
    Seek,
}

/// An `errno`; on Windows what `GetLastError` answers.
pub(crate) type Errno = i32;

/// What a refusal may mean: this much is told from the host's number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There is no address space, or no memory behind it.
    NoMemory,
    /// More would be locked in memory than this process may.
    Locked,
    /// Anything else.
    Other,
}

/// What may be done with mapped bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Every access faults; the host charges nothing.
    None,
    /// Load.
    Read,
    /// Load and store.
    ReadWrite,
}

/// Whether bytes that become usable count against what the host lets be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// When they are opened, so that a host without the memory refuses there.
    WhenOpened,
    /// Only when they are touched, where the host allows that.
    Never,
}

/// How the vacated range is left after [`remap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vacated {
    /// Still mapped and still the caller's; it reads zero.
    Mapped,
    /// A hole: another thread's mapping may be there as soon as the call returns.
    Hole,
}

/// Advice on the pages of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Drop the pages; private anonymous ones read zero after. Refused where one is locked, and on
    /// every host but Linux: elsewhere such advice may leave the old bytes, and fresh ones are mapped.
    DontNeed,
    /// The same, for locked pages as well (Linux 5.18).
    DontNeedLocked,
    /// Use large pages.
    HugePages,
    /// Use no large pages.
    NoHugePages,
    /// Make the pages present and writable (Linux 5.14).
    Populate,
    /// Zero them in every child of a fork (Linux 4.14).
    #[cfg(any(target_os = "linux", target_os = "android"))]
    WipeOnFork,
}

/// Which limit of this process to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `RLIMIT_AS`: address space.
    AddressSpace,
    /// `RLIMIT_DATA`: private writable memory.
    Data,
    /// `RLIMIT_MEMLOCK`: locked memory.
    Locked,
    /// `RLIMIT_FSIZE`: the length of a file. Passing it raises a signal.
    #[cfg_attr(windows, allow(dead_code, reason = "no such limit there"))]
    FileSize,
}

/// What the kernel says of one mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// A function that is called around a fork.
pub(crate) type AtFork = unsafe extern "C" fn();

#[cfg(not(any(test, feature = "fault-injection")))]
#[allow(clippy::unnecessary_wraps, reason = "its twin for tests refuses")]
pub(super) const fn gate(_call: Call) -> Result<(), Errno> {
    Ok(())
}

#[cfg(any(test, feature = "fault-injection"))]
#[track_caller]
pub(super) fn gate(call: Call) -> Result<(), Errno> {
    crate::faults::gate(call)
}

pub(super) fn last_errno() -> Errno {
    // Reading it through std needs no unsafe and no heap.
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Wakes one thread that waits for `word`.
pub(crate) fn wake(word: &AtomicU32) {
    wake_address(word);
}

/// Has `deadline` on the clock of [`now`] not passed yet?
#[cfg(not(windows))]
fn time_left(deadline: Option<Duration>) -> bool {
    deadline.is_none_or(|deadline| now() < deadline)
}
