//! Windows: address space is reserved, and memory committed and decommitted within it.
//!
//! | here | there |
//! |---|---|
//! | map inaccessible | reserve |
//! | open | commit: charged at once, reads zero |
//! | close, and map over inaccessible | decommit: the bytes are gone, the charge is given back |
//! | map over open | decommit and commit |
//! | unmap | release, only ever of a whole reservation |
//!
//! Reservations start at multiples of 64 KiB (the allocation granularity); everything within one goes by
//! pages. There is no fork, no advice that leaves zeros, and no file that is mapped copy-on-write into
//! a part of a reservation: images are copied.
#![allow(unsafe_code, reason = "this is where the host is called")]

use super::{Access, AtFork, Call, Cause, Charge, Errno, Limit, Mapping, gate, last_errno};
use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

/// The numbers that this library itself answers or looks for.
pub(crate) mod code {
    use super::Errno;

    /// `ERROR_INVALID_PARAMETER`
    pub(crate) const INVALID: Errno = 87;
    /// `ERROR_DIRECTORY_NOT_SUPPORTED`
    pub(crate) const IS_DIRECTORY: Errno = 336;
    /// `ERROR_SEEK_ON_DEVICE`
    pub(crate) const NOT_SEEKABLE: Errno = 132;
    /// `ERROR_NOT_ENOUGH_MEMORY`
    pub(crate) const OUT_OF_MEMORY: Errno = 8;
    /// `ERROR_NOT_SUPPORTED`
    pub(crate) const UNSUPPORTED: Errno = 50;
}

/// `ERROR_OUTOFMEMORY`, `ERROR_COMMITMENT_MINIMUM`, `ERROR_COMMITMENT_LIMIT`, `ERROR_NO_SYSTEM_RESOURCES`
const NO_MEMORY: [Errno; 4] = [14, 635, 1455, 1450];

/// `ERROR_WORKING_SET_QUOTA`
const WORKING_SET_QUOTA: Errno = 1453;

impl Cause {
    pub(crate) fn of(errno: Errno) -> Self {
        match errno {
            code::OUT_OF_MEMORY => Self::NoMemory,
            WORKING_SET_QUOTA => Self::Locked,
            other if NO_MEMORY.contains(&other) => Self::NoMemory,
            _ => Self::Other,
        }
    }
}

/// `MEMORYSTATUSEX`
#[repr(C)]
#[derive(Default)]
struct MemoryStatus {
    length: u32,
    load: u32,
    total_physical: u64,
    available_physical: u64,
    total_page_file: u64,
    available_page_file: u64,
    total_virtual: u64,
    available_virtual: u64,
    available_extended_virtual: u64,
}

/// `PROCESS_MEMORY_COUNTERS_EX`
#[repr(C)]
#[derive(Default)]
struct MemoryCounters {
    length: u32,
    page_faults: u32,
    /// Eight figures that are not asked for.
    others: [usize; 8],
    private_usage: usize,
}

/// `SYSTEM_INFO`
#[repr(C)]
struct SystemInfo {
    architecture: u32,
    page_size: u32,
    minimum_address: *mut c_void,
    maximum_address: *mut c_void,
    processor_mask: usize,
    processors: u32,
    processor_type: u32,
    granularity: u32,
    processor_level: u16,
    processor_revision: u16,
}

/// `MEMORY_BASIC_INFORMATION`
#[repr(C)]
struct MemoryInformation {
    base: *mut c_void,
    allocation_base: *mut c_void,
    allocation_protect: u32,
    #[cfg(target_pointer_width = "64")]
    partition: u32,
    length: usize,
    state: u32,
    protect: u32,
    kind: u32,
}

const MEM_COMMIT: u32 = 0x1000;
const MEM_RESERVE: u32 = 0x2000;
const MEM_DECOMMIT: u32 = 0x4000;
const MEM_RELEASE: u32 = 0x8000;
const PAGE_NOACCESS: u32 = 0x01;
const PAGE_READONLY: u32 = 0x02;
const PAGE_READWRITE: u32 = 0x04;
const INFINITE: u32 = u32::MAX;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn VirtualAlloc(start: *mut c_void, length: usize, kind: u32, protect: u32) -> *mut c_void;
    fn VirtualFree(start: *mut c_void, length: usize, kind: u32) -> i32;
    fn VirtualProtect(start: *mut c_void, length: usize, protect: u32, old: *mut u32) -> i32;
    fn VirtualQuery(address: *const c_void, to: *mut MemoryInformation, length: usize) -> usize;
    fn GetSystemInfo(to: *mut SystemInfo);
    fn GlobalMemoryStatusEx(to: *mut MemoryStatus) -> i32;
    fn K32GetProcessMemoryInfo(process: *mut c_void, to: *mut MemoryCounters, length: u32) -> i32;
    fn GetCurrentProcess() -> *mut c_void;
    fn GetCurrentThreadId() -> u32;
    fn QueryPerformanceCounter(to: *mut i64) -> i32;
    fn QueryPerformanceFrequency(to: *mut i64) -> i32;
    fn GetTickCount64() -> u64;
    fn SwitchToThread() -> i32;
    fn Sleep(milliseconds: u32);
}

#[link(name = "synchronization")]
unsafe extern "system" {
    fn WaitOnAddress(
        address: *const c_void,
        compare: *const c_void,
        length: usize,
        milliseconds: u32,
    ) -> i32;
    fn WakeByAddressSingle(address: *const c_void);
}

/// What a call answers that is 0 when it was refused.
pub(super) fn check(result: i32) -> Result<(), Errno> {
    if result == 0 { Err(last_errno()) } else { Ok(()) }
}

/// Maps `length` fresh private bytes anywhere; they read zero. What is open is always charged here.
pub(crate) fn map(length: usize, access: Access, _charge: Charge) -> Result<NonNull<u8>, Errno> {
    gate(Call::Map)?;
    let (kind, protect) = match access {
        Access::None => (MEM_RESERVE, PAGE_NOACCESS),
        Access::Read => (MEM_RESERVE | MEM_COMMIT, PAGE_READONLY),
        Access::ReadWrite => (MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
    };
    // SAFETY: a fresh reservation at an address of the system's choice disturbs nothing.
    let address = unsafe { VirtualAlloc(ptr::null_mut(), length, kind, protect) };
    NonNull::new(address.cast()).ok_or_else(last_errno)
}

/// Nothing is locked in memory here unless somebody asked for those very pages.
pub(crate) fn is_resident(_start: NonNull<u8>) -> Option<bool> {
    gate(Call::Resident).ok()?;
    None
}

/// # Safety
/// As that of [`protect`].
unsafe fn commit(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller owns the range. What is committed already stays as it is.
    let address =
        unsafe { VirtualAlloc(start.as_ptr().cast(), length, MEM_COMMIT, PAGE_READWRITE) };
    if address.is_null() { Err(last_errno()) } else { Ok(()) }
}

/// # Safety
/// As that of [`protect`]; the contents are given up.
unsafe fn decommit(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: the caller owns the range. What is not committed stays so.
    check(unsafe { VirtualFree(start.as_ptr().cast(), length, MEM_DECOMMIT) })
}

/// Closes `[start, start + length)` and gives its bytes up. Open bytes are not replaced: between giving
/// them up and committing fresh ones they would fault for other threads, and the commit could be
/// refused when nothing is left to go back to. Whoever asks for that writes zeros.
///
/// # Safety
/// The range is page-aligned, belongs to the caller, and no Rust reference into it exists.
pub(crate) unsafe fn map_over(
    start: NonNull<u8>,
    length: usize,
    access: Access,
    _charge: Charge,
) -> Result<(), Errno> {
    gate(Call::Map)?;
    match access {
        // SAFETY: as the caller says.
        Access::None => unsafe { decommit(start, length) },
        Access::Read | Access::ReadWrite => Err(code::UNSUPPORTED),
    }
}

/// Changes what may be done with `[start, start + length)`. Closed bytes are given up, and read zero
/// when they are opened again.
///
/// # Safety
/// The range is page-aligned, mapped, belongs to the caller, and no Rust reference into it exists.
pub(crate) unsafe fn protect(
    start: NonNull<u8>,
    length: usize,
    access: Access,
) -> Result<(), Errno> {
    gate(Call::Protect)?;
    match access {
        // SAFETY: as the caller says.
        Access::None => unsafe { decommit(start, length) },
        // SAFETY: as the caller says.
        Access::ReadWrite => unsafe { commit(start, length) },
        Access::Read => {
            let mut old = 0;
            // SAFETY: as the caller says.
            check(unsafe { VirtualProtect(start.as_ptr().cast(), length, PAGE_READONLY, &mut old) })
        }
    }
}

/// Gives `[start, start + length)` back.
///
/// # Safety
/// The range is a whole reservation, belongs to the caller, and nothing uses it from here on.
pub(crate) unsafe fn unmap(start: NonNull<u8>, _length: usize) -> Result<(), Errno> {
    gate(Call::Unmap)?;
    // SAFETY: the caller owns the reservation and gives it up.
    check(unsafe { VirtualFree(start.as_ptr().cast(), 0, MEM_RELEASE) })
}

/// Size of a page of the host in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: zero bytes are such a struct.
    let mut information: SystemInfo = unsafe { mem::zeroed() };
    // SAFETY: a live struct that the call fills.
    unsafe { GetSystemInfo(&mut information) };
    let size = usize::try_from(information.page_size).unwrap_or(0);
    if size.is_power_of_two() { size } else { 4096 }
}

fn memory_status() -> Option<MemoryStatus> {
    let length = u32::try_from(size_of::<MemoryStatus>()).ok()?;
    let mut status = MemoryStatus { length, ..MemoryStatus::default() };
    // SAFETY: a live struct of the length that it says, which the call fills.
    check(unsafe { GlobalMemoryStatusEx(&mut status) }).ok()?;
    Some(status)
}

/// The limit in bytes, or `None` where there is none or it cannot be told. Address space is what the
/// kind of process has.
pub(crate) fn limit(limit: Limit) -> Option<u64> {
    gate(Call::Limit).ok()?;
    match limit {
        Limit::AddressSpace => memory_status().map(|status| status.total_virtual),
        Limit::Data | Limit::Locked | Limit::FileSize => None,
    }
}

/// The address space that this process uses, and its private memory, touched or not; in bytes.
pub(crate) fn usage() -> Option<(u64, u64)> {
    let status = memory_status()?;
    let length = u32::try_from(size_of::<MemoryCounters>()).ok()?;
    let mut counters = MemoryCounters { length, ..MemoryCounters::default() };
    // SAFETY: stands for this process, and is not closed.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: a live struct of the length that is said, which the call fills.
    check(unsafe { K32GetProcessMemoryInfo(process, &mut counters, length) }).ok()?;
    let total = status.total_virtual.checked_sub(status.available_virtual)?;
    Some((total, crate::units::bytes(counters.private_usage)))
}

/// The limit of what all processes may commit, in bytes; where this process has a lower one, that.
pub(crate) fn commit_limit() -> Option<u64> {
    memory_status().map(|status| status.total_page_file)
}

/// The run of alike pages that `address` lies in. Reserved pages are inaccessible; where nothing is
/// reserved the answer is [`code::INVALID`].
pub(crate) fn query_mapping(address: usize) -> Result<Mapping, Errno> {
    gate(Call::Query)?;
    const MEM_FREE: u32 = 0x10000;
    const WRITABLE: u32 = 0x04 | 0x08 | 0x40 | 0x80;
    const READABLE: u32 = WRITABLE | 0x02 | 0x20;
    const PAGE_GUARD: u32 = 0x100;
    // SAFETY: zero bytes are such a struct.
    let mut found: MemoryInformation = unsafe { mem::zeroed() };
    // SAFETY: a live struct of the length that is said; `address` is only looked up.
    let length = unsafe {
        VirtualQuery(ptr::without_provenance(address), &mut found, size_of::<MemoryInformation>())
    };
    if length == 0 {
        return Err(last_errno());
    }
    if found.state == MEM_FREE {
        return Err(code::INVALID);
    }
    let usable = found.state == MEM_COMMIT && found.protect & PAGE_GUARD == 0;
    let start = found.base.addr();
    Ok(Mapping {
        start,
        end: start.saturating_add(found.length),
        readable: usable && found.protect & READABLE != 0,
        writable: usable && found.protect & WRITABLE != 0,
    })
}

/// Sleeps until [`wake_address`] is called for `word`, unless `word` is no longer `expected`; for
/// `milliseconds` at the longest. May also return for no reason.
fn sleep(word: &AtomicU32, expected: u32, milliseconds: u32) {
    /// `ERROR_TIMEOUT`
    const TIMED_OUT: Errno = 1460;
    let (address, compare) = (word.as_ptr().cast(), ptr::from_ref(&expected).cast());
    // SAFETY: `word` and `expected` are live and of this length.
    let result = unsafe { WaitOnAddress(address, compare, size_of::<AtomicU32>(), milliseconds) };
    if result == 0 && last_errno() != TIMED_OUT {
        nap();
    }
}

/// Sleeps until [`wake`](super::wake) is called for `word`, unless `word` is no longer `expected`;
/// may also return for no reason.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    sleep(word, expected, INFINITE);
}

/// Sleeps while `word` is `expected`, until `deadline` on the clock of [`now`]: false when that has
/// passed. May return true for no reason.
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    let milliseconds = match deadline.map(|deadline| deadline.saturating_sub(now())) {
        None => INFINITE,
        Some(Duration::ZERO) => return false,
        // Rounded up, so that it is over when the sleep is; a longer one is taken up again.
        Some(left) => {
            let milliseconds = left.as_nanos().div_ceil(1_000_000);
            u32::try_from(milliseconds).unwrap_or(INFINITE).min(INFINITE.wrapping_sub(1))
        }
    };
    match gate(Call::Wait) {
        Ok(()) => sleep(word, expected, milliseconds),
        Err(_) => nap(),
    }
    deadline.is_none_or(|deadline| now() < deadline)
}

/// Wakes one thread that waits for the word at an address, which may be no word any more: then
/// whoever waits there wakes for no reason.
pub(crate) fn wake_address(word: *const AtomicU32) {
    // SAFETY: the system takes `word` for an address and does not read it.
    unsafe { WakeByAddressSingle(word.cast()) };
}

/// Time since some moment before the process began.
pub(crate) fn now() -> Duration {
    /// Never asked for.
    const UNASKED: u64 = 0;
    const NANOSECONDS: u64 = 1_000_000_000;
    static FREQUENCY: AtomicU64 = AtomicU64::new(UNASKED);
    let mut frequency = FREQUENCY.load(Ordering::Relaxed);
    if frequency == UNASKED {
        let mut asked = 0;
        // SAFETY: a live number that the call fills. It succeeds on every system.
        unsafe { QueryPerformanceFrequency(&mut asked) };
        frequency = u64::try_from(asked).unwrap_or(1).max(1);
        FREQUENCY.store(frequency, Ordering::Relaxed);
    }
    let mut count = 0;
    // SAFETY: as above.
    unsafe { QueryPerformanceCounter(&mut count) };
    let count = u64::try_from(count).unwrap_or(0);
    let seconds = count.checked_div(frequency).unwrap_or(0);
    let rest = count.checked_rem(frequency).unwrap_or(0);
    // The frequency is some 10^7, at most that of the processor: the product fits.
    let rest = rest.saturating_mul(NANOSECONDS).checked_div(frequency).unwrap_or(0);
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos(rest))
}

/// Seconds since some moment, from a clock that is read without a system call and may lag by a few
/// milliseconds.
pub(crate) fn coarse_seconds() -> u32 {
    // SAFETY: no preconditions.
    let milliseconds = unsafe { GetTickCount64() };
    u32::try_from(milliseconds.wrapping_div(1000)).unwrap_or(u32::MAX)
}

/// A number that differs between threads that live at the same time. Needs no thread-local of ours.
pub(crate) fn thread_number() -> usize {
    // SAFETY: no preconditions.
    usize::try_from(unsafe { GetCurrentThreadId() }).unwrap_or(0)
}

/// Nobody forks here.
pub(crate) fn at_fork(_before: AtFork, _parent: AtFork, _child: AtFork) -> bool {
    true
}

/// Lets other threads run.
pub(crate) fn give_way() {
    // SAFETY: no preconditions.
    unsafe { SwitchToThread() };
}

/// Sleeps for about a millisecond, where there is nothing to be woken by.
fn nap() {
    // SAFETY: no preconditions.
    unsafe { Sleep(1) };
}
