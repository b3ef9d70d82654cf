//! What only Linux and Android have.
#![allow(unsafe_code, reason = "this is where the host is called")]

use super::unix::{check, check_address, nanoseconds, nap};
use super::{Advice, Call, Errno, Mapping, Vacated, gate, last_errno, time_left};
use crate::units;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// Can this host move pages at all?
pub(crate) const MOVES_PAGES: bool = true;

#[cfg(not(target_os = "android"))]
use libc::{MAP_FIXED_NOREPLACE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, mremap};

/// What the crate `libc` leaves out there. The numbers are the kernel's, the same on every machine.
#[cfg(target_os = "android")]
mod bionic {
    use core::ffi::{c_int, c_void};

    pub(super) const MAP_FIXED_NOREPLACE: c_int = 0x10_0000;
    pub(super) const MREMAP_MAYMOVE: c_int = 1;
    pub(super) const MREMAP_FIXED: c_int = 2;
    pub(super) const MREMAP_DONTUNMAP: c_int = 4;

    unsafe extern "C" {
        pub(super) fn mremap(
            old: *mut c_void,
            old_length: usize,
            new_length: usize,
            flags: c_int,
            ...
        ) -> *mut c_void;
    }
}
#[cfg(target_os = "android")]
use bionic::{MAP_FIXED_NOREPLACE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, mremap};

/// The number of an ioctl, in the type that the C library of this host has for it.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    reason = "an unsigned long or an int, by host"
)]
pub(in super::super) const fn ioctl_number(number: u32) -> libc::Ioctl {
    number as libc::Ioctl
}

/// Maps `[start, start + length)` inaccessible if nothing at all is mapped there.
pub(crate) fn map_hole(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    gate(Call::Map)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    let wanted = start.as_ptr().cast();
    // SAFETY: this flag replaces no mapping. A kernel that does not know it takes the address for a
    // hint, and may answer another one.
    let address = unsafe { libc::mmap(wanted, length, libc::PROT_NONE, flags, -1, 0) };
    let address = check_address(address)?;
    if address == start {
        return Ok(());
    }
    // SAFETY: the mapping was made just now and nobody knows of it.
    let _ = unsafe { libc::munmap(address.as_ptr().cast(), length) };
    Err(libc::EEXIST)
}

/// Moves the pages of `[from, from + length)` to `to`, whose mapping they replace.
///
/// # Safety
/// Both ranges are page-aligned, mapped, disjoint, belong to the caller, and no Rust reference into
/// either exists. `from` is one mapping.
pub(crate) unsafe fn remap(
    from: NonNull<u8>,
    length: usize,
    to: NonNull<u8>,
    vacated: Vacated,
) -> Result<(), Errno> {
    gate(Call::Remap)?;
    let flags = MREMAP_MAYMOVE
        | MREMAP_FIXED
        | if vacated == Vacated::Mapped { MREMAP_DONTUNMAP } else { 0 };
    let old = from.as_ptr().cast();
    let new: *mut c_void = to.as_ptr().cast();
    // SAFETY: the caller owns both ranges, and nothing refers into them.
    check_address(unsafe { mremap(old, length, length, flags, new) }).map(|_| ())
}

/// Tells the kernel what will become of `[start, start + length)`.
///
/// # Safety
/// The range is page-aligned, mapped, belongs to the caller, and no Rust reference into it exists.
/// With `DontNeed` and `DontNeedLocked` its contents are no longer wanted.
pub(crate) unsafe fn advise(
    start: NonNull<u8>,
    length: usize,
    advice: Advice,
) -> Result<(), Errno> {
    gate(Call::Advise)?;
    let advice = match advice {
        Advice::DontNeed => libc::MADV_DONTNEED,
        Advice::DontNeedLocked => libc::MADV_DONTNEED_LOCKED,
        Advice::WipeOnFork => libc::MADV_WIPEONFORK,
        Advice::HugePages => libc::MADV_HUGEPAGE,
        Advice::NoHugePages => libc::MADV_NOHUGEPAGE,
        Advice::Populate => libc::MADV_POPULATE_WRITE,
    };
    // SAFETY: the caller owns the range, and does without what is in it where the advice says so.
    check(unsafe { libc::madvise(start.as_ptr().cast(), length, advice) })
}

/// The mapping that `address` lies in, asked for by PROCMAP_QUERY (Linux 6.11): `Err(ENOTTY)` where
/// the kernel does not know that, `Err(ENOENT)` where nothing is mapped.
pub(crate) fn query_mapping(address: usize) -> Result<Mapping, Errno> {
    /// `struct procmap_query` of the kernel.
    #[repr(C)]
    #[derive(Default)]
    struct Query {
        size: u64,
        flags: u64,
        address: u64,
        start: u64,
        end: u64,
        access: u64,
        page_size: u64,
        offset: u64,
        inode: u64,
        device: [u32; 2],
        name_size: u32,
        build_id_size: u32,
        name_address: u64,
        build_id_address: u64,
    }
    /// `_IOWR('f', 17, struct procmap_query)`.
    const PROCMAP_QUERY: u32 = 0xc068_6611;
    const READABLE: u64 = 1;
    const WRITABLE: u64 = 2;

    // A host without /proc says ENOENT here, which is no answer about the address.
    gate(Call::Open).map_err(|_| libc::ENOSYS)?;
    let path = c"/proc/self/maps";
    // SAFETY: `path` is a C string.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return Err(libc::ENOSYS);
    }
    let mut query = Query {
        size: units::bytes(size_of::<Query>()),
        address: units::bytes(address),
        ..Query::default()
    };
    let outcome = gate(Call::Query).and_then(|()| {
        // SAFETY: `query` is a live struct of the size that it says, which the kernel fills.
        check(unsafe { libc::ioctl(file, ioctl_number(PROCMAP_QUERY), &raw mut query) })
    });
    // SAFETY: `file` is a descriptor of ours. What close answers changes nothing here.
    unsafe { libc::close(file) };
    outcome?;
    Ok(Mapping {
        start: units::low_bits(query.start),
        end: units::low_bits(query.end),
        readable: query.access & READABLE != 0,
        writable: query.access & WRITABLE != 0,
    })
}

/// Sleeps until [`wake`](super::wake) is called for `word`, unless `word` is no longer `expected`;
/// may also return for no reason.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let no_timeout = ptr::null::<libc::timespec>();
    // SAFETY: `word` is a live aligned word.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, no_timeout) };
    if result == -1 && !matches!(last_errno(), libc::EINTR | libc::EAGAIN) {
        nap();
    }
}

/// Wakes one thread that waits for the word at an address, which may be no word any more: then
/// whoever waits there wakes for no reason.
pub(crate) fn wake_address(word: *const AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel takes `word` for an address and does not read it.
    unsafe { libc::syscall(libc::SYS_futex, word, operation, 1) };
}

/// Sleeps while `word` is `expected`, until `deadline` on the clock of [`now`](super::now): false when
/// that has passed. May return true for no reason.
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    // The bitset form takes an absolute time, so that an interrupted wait goes on for the rest.
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    let since = deadline;
    let deadline = deadline.map(FutexTime::of);
    let timeout = deadline.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (unused, every) = (ptr::null::<u32>(), u32::MAX);
    let outcome = gate(Call::Wait).and_then(|()| {
        // SAFETY: `word` is a live aligned word and `timeout` NULL or a live time.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                operation,
                expected,
                timeout,
                unused,
                every,
            )
        };
        if result == -1 { Err(last_errno()) } else { Ok(()) }
    });
    match outcome {
        // Where the time had to be cut short it is not over yet.
        Err(libc::ETIMEDOUT) => time_left(since),
        Ok(()) | Err(libc::EINTR | libc::EAGAIN) => true,
        // A host that denies futexes: look again now and then, and keep to the time.
        Err(_) => {
            nap();
            time_left(since)
        }
    }
}

/// The time that a futex takes: two machine words, whatever the C library's `timespec` is.
#[repr(C)]
struct FutexTime {
    seconds: libc::c_long,
    nanoseconds: libc::c_long,
}

impl FutexTime {
    fn of(time: Duration) -> Self {
        let seconds = libc::c_long::try_from(time.as_secs()).unwrap_or(libc::c_long::MAX);
        Self { seconds, nanoseconds: nanoseconds(time) }
    }
}
