//! The table of system calls: every one that the library makes is a function here.
//!
//! Each asks [`gate`] first. In a build for tests the gate can refuse the n-th call with an errno
//! of the test's choice; in any other build it is nothing.
#![allow(unsafe_code, reason = "this is where the host is called")]

use crate::units;
use core::ffi::{CStr, c_int, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU32;
use core::time::Duration;

/// The calls, by the name that a test refuses them under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `mmap`
    Map,
    /// `mprotect`
    Protect,
    /// `munmap`
    Unmap,
    /// `mremap`
    Remap,
    /// `madvise`
    Advise,
    /// `open`
    Open,
    /// `read`
    Read,
    /// `getrlimit`
    Limit,
    /// The ioctl that asks for one mapping
    Query,
    /// `mincore`
    Resident,
    /// A futex wait of `memory.atomic.wait`.
    Wait,
    /// `memfd_create`
    MemoryFile,
    /// `ftruncate`
    Truncate,
    /// `write` and `pwrite`
    Write,
    /// `fcntl` that seals
    Seal,
    /// `fstat`
    Status,
    /// The ioctl that finds pages in memory
    Scan,
}

/// An `errno`.
pub(crate) type Errno = i32;

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

impl Access {
    const fn bits(self) -> c_int {
        match self {
            Self::None => libc::PROT_NONE,
            Self::Read => libc::PROT_READ,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }
    }
}

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
    // Reading errno through std needs no unsafe and no heap.
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
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

/// Whether bytes that become usable count against what the host lets be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// When they are opened, so that a host without the memory refuses there.
    WhenOpened,
    /// Only when they are touched, where the host allows that.
    Never,
}

impl Charge {
    /// The flag of a mapping that is charged this way.
    pub(super) const fn flag(self) -> c_int {
        match self {
            Self::WhenOpened => 0,
            Self::Never => libc::MAP_NORESERVE,
        }
    }
}

/// Maps `length` fresh private bytes anywhere; they read zero.
pub(crate) fn map(length: usize, access: Access, charge: Charge) -> Result<NonNull<u8>, Errno> {
    gate(Call::Map)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | charge.flag();
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice disturbs nothing.
    let address = unsafe { libc::mmap(ptr::null_mut(), length, access.bits(), flags, -1, 0) };
    check_address(address)
}

/// Maps `[start, start + length)` inaccessible if nothing at all is mapped there.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn map_hole(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    gate(Call::Map)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
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

/// Without pages that move there are no holes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn map_hole(_start: NonNull<u8>, _length: usize) -> Result<(), Errno> {
    Err(libc::ENOSYS)
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

/// How the vacated range is left after [`remap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vacated {
    /// Still mapped and still the caller's; it reads zero.
    Mapped,
    /// A hole: another thread's mapping may be there as soon as the call returns.
    Hole,
}

/// Moves the pages of `[from, from + length)` to `to`, whose mapping they replace.
///
/// # Safety
/// Both ranges are page-aligned, mapped, disjoint, belong to the caller, and no Rust reference into
/// either exists. `from` is one mapping.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) unsafe fn remap(
    from: NonNull<u8>,
    length: usize,
    to: NonNull<u8>,
    vacated: Vacated,
) -> Result<(), Errno> {
    gate(Call::Remap)?;
    let flags = libc::MREMAP_MAYMOVE
        | libc::MREMAP_FIXED
        | if vacated == Vacated::Mapped { libc::MREMAP_DONTUNMAP } else { 0 };
    let old = from.as_ptr().cast();
    let new: *mut c_void = to.as_ptr().cast();
    // SAFETY: the caller owns both ranges, and nothing refers into them.
    check_address(unsafe { libc::mremap(old, length, length, flags, new) }).map(|_| ())
}

/// Can this host move pages at all?
pub(crate) const MOVES_PAGES: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Without mremap nothing is moved and nothing is touched.
///
/// # Safety
/// None is needed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) unsafe fn remap(
    _from: NonNull<u8>,
    _length: usize,
    _to: NonNull<u8>,
    _vacated: Vacated,
) -> Result<(), Errno> {
    gate(Call::Remap)?;
    Err(libc::ENOSYS)
}

/// Advice that makes the kernel drop the pages of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Drop the pages; private anonymous ones read zero after. Refused where one is locked.
    DontNeed,
    /// The same, for locked pages as well (Linux 5.18).
    DontNeedLocked,
    /// Use large pages.
    HugePages,
    /// Use no large pages.
    NoHugePages,
    /// Make the pages present and writable (Linux 5.14).
    Populate,
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
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let advice = match advice {
        Advice::DontNeed => libc::MADV_DONTNEED,
        Advice::DontNeedLocked => libc::MADV_DONTNEED_LOCKED,
        Advice::HugePages => libc::MADV_HUGEPAGE,
        Advice::NoHugePages => libc::MADV_NOHUGEPAGE,
        Advice::Populate => libc::MADV_POPULATE_WRITE,
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let advice = match advice {
        Advice::DontNeed => libc::MADV_DONTNEED,
        _ => return Err(libc::EINVAL),
    };
    // SAFETY: the caller owns the range, and does without what is in it where the advice says so.
    check(unsafe { libc::madvise(start.as_ptr().cast(), length, advice) })
}

/// Size of a page of the host in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
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
    FileSize,
}

/// The limit in bytes, or `None` where there is none or it cannot be told.
#[allow(clippy::unnecessary_cast, reason = "rlim_t is not u64 on every host")]
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

/// What the kernel says of one mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// The mapping that `address` lies in, asked for by PROCMAP_QUERY (Linux 6.11): `Err(ENOTTY)` where
/// the kernel does not know that, `Err(ENOENT)` where nothing is mapped.
#[cfg(any(target_os = "linux", target_os = "android"))]
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
        check(unsafe { libc::ioctl(file, PROCMAP_QUERY.into(), &raw mut query) })
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

/// Only Linux has it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn query_mapping(_address: usize) -> Result<Mapping, Errno> {
    Err(libc::ENOTTY)
}

/// Sleeps until [`wake`] is called for `word`, unless `word` is no longer `expected`; may also
/// return for no reason.
#[cfg(any(target_os = "linux", target_os = "android"))]
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

/// Wakes one thread that waits for `word`.
pub(crate) fn wake(word: &AtomicU32) {
    wake_address(word);
}

/// Wakes one thread that waits for the word at an address, which may be no word any more: then
/// whoever waits there wakes for no reason.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn wake_address(word: *const AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel takes `word` for an address and does not read it.
    unsafe { libc::syscall(libc::SYS_futex, word, operation, 1) };
}

/// Sleeps while `word` is `expected`, until `deadline` on the clock of [`now`]: false when that has
/// passed. May return true for no reason.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    // The bitset form takes an absolute time, so that an interrupted wait goes on for the rest.
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    let since = deadline;
    let deadline = deadline.map(|deadline| {
        // SAFETY: zero bytes are a timespec; some hosts pad it.
        let mut time: libc::timespec = unsafe { core::mem::zeroed() };
        time.tv_sec = deadline.as_secs().try_into().unwrap_or(libc::time_t::MAX);
        time.tv_nsec = nanoseconds(deadline);
        time
    });
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
        Err(libc::ETIMEDOUT) => false,
        Ok(()) | Err(libc::EINTR | libc::EAGAIN) => true,
        // A host that denies futexes: look again now and then, and keep to the time.
        Err(_) => {
            nap();
            time_left(since)
        }
    }
}

/// What the host's type for nanoseconds takes, whatever its width.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(clippy::as_conversions, reason = "less than 10^9 fits every width")]
const fn nanoseconds(time: Duration) -> libc::c_long {
    time.subsec_nanos() as libc::c_long
}

/// Without a futex a waiter looks again after giving up its turn.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Duration>) -> bool {
    wait(word, expected);
    time_left(deadline)
}

fn time_left(deadline: Option<Duration>) -> bool {
    deadline.is_none_or(|deadline| now() < deadline)
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

/// Without a futex a waiter looks again after giving up its turn.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn wait(_word: &AtomicU32, _expected: u32) {
    // SAFETY: sched_yield has no preconditions.
    unsafe { libc::sched_yield() };
}

/// Nothing sleeps where [`wait`] only gives up its turn.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn wake_address(_word: *const AtomicU32) {}

/// Seconds since some moment, from a clock that is read without a system call and may lag by a few
/// milliseconds.
pub(crate) fn coarse_seconds() -> u32 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
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
    reason = "an integer or a pointer, by host; any bits will do"
)]
pub(crate) fn thread_number() -> usize {
    // SAFETY: pthread_self has no preconditions.
    unsafe { libc::pthread_self() as usize }
}

/// A function that is called around a fork.
pub(crate) type AtFork = unsafe extern "C" fn();

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
#[cfg(any(target_os = "linux", target_os = "android"))]
fn nap() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // SAFETY: `time` is a live timespec; what is left of an interrupted nap is not wanted.
    if unsafe { libc::nanosleep(&time, ptr::null_mut()) } != 0 {
        give_way();
    }
}
