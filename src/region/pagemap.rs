//! Which pages of a range are in memory? The kernel tells by one ioctl (`PAGEMAP_SCAN`, Linux 6.7)
//! on `/proc/self/pagemap`.
//!
//! The descriptor stands for the process that opened it: in a child of a fork it would still tell of
//! the parent. So it is kept in a page that the kernel wipes in every child, however that was made.
//! Somebody may also close it, and the number may be another file's by now: its identity is
//! compared before each use. Whatever is wrong, the answer is that nothing is known, and whoever
//! asked does without.
#![allow(unsafe_code, reason = "this is where the host is called")]

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{is_known, scan};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use nowhere::{is_known, scan};

/// Which pages to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those that are not as the mapping began: written to, or read where no file is mapped. In
    /// memory or swapped out.
    Own,
    /// Those, and pages of a mapped file as runs of their own.
    OwnAndFile,
    /// All that are in memory.
    Present,
}

/// Neighbouring pages `[start, end)` by address, as the kernel fills them in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) end: u64,
    categories: u64,
}

impl Run {
    /// Pages of the file, which nobody has written to? Told for [`Wanted::OwnAndFile`].
    pub(super) const fn is_file(&self) -> bool {
        self.categories & FILE != 0
    }
}

/// `PAGE_IS_FILE`
const FILE: u64 = 1 << 2;

/// What one look found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    /// How many runs were filled in.
    pub(super) runs: usize,
    /// The address at which the look ended.
    pub(super) end: u64,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::super::lock::{Lock, Repair};
    use super::super::os::{Advice, Call, Errno, advise, gate, ioctl_number, last_errno};
    use super::super::os_files::{self, Identity};
    use super::super::{page_size, storage};
    use super::{FILE, Run, Scan, Wanted};
    use crate::units;
    use crate::wide::AtomicU64;
    use core::ptr;
    use core::sync::atomic::{AtomicPtr, Ordering};
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

    /// `struct pm_scan_arg` of the kernel.
    #[repr(C)]
    #[derive(Default)]
    struct Request {
        size: u64,
        flags: u64,
        start: u64,
        end: u64,
        walk_end: u64,
        runs: u64,
        runs_length: u64,
        max_pages: u64,
        category_inverted: u64,
        category_mask: u64,
        category_anyof_mask: u64,
        return_mask: u64,
    }

    /// `_IOWR('f', 16, struct pm_scan_arg)`.
    const PAGEMAP_SCAN: u32 = 0xc060_6610;
    const PRESENT: u64 = 1 << 3;
    const SWAPPED: u64 = 1 << 4;

    /// The descriptor, in a page that is zero in every child of a fork.
    #[repr(C)]
    struct Page {
        /// [`UNOPENED`], [`UNKNOWN`], or a descriptor and [`OPEN`].
        state: AtomicU64,
        identity: Lock<Option<Identity>>,
    }

    const UNOPENED: u64 = 0;
    const UNKNOWN: u64 = 1;
    const OPEN: u64 = 1 << 32;

    impl Repair for Option<Identity> {
        fn repair(&mut self) {}
    }

    static PAGE: AtomicPtr<Page> = AtomicPtr::new(ptr::null_mut());

    /// A number of a descriptor that is not ours to close.
    struct Borrowed(RawFd);

    impl AsRawFd for Borrowed {
        fn as_raw_fd(&self) -> RawFd {
            self.0
        }
    }

    fn page() -> Option<&'static Page> {
        let mut page = PAGE.load(Ordering::Acquire);
        if page.is_null() {
            let fresh = storage(page_size()).ok()?;
            // SAFETY: a fresh page of our own.
            let wiped = unsafe { advise(fresh.cast(), page_size(), Advice::WipeOnFork) };
            let fresh: *mut Page = fresh.cast().as_ptr();
            if wiped.is_err() {
                // SAFETY: as above; zero bytes are a Page.
                unsafe { (*fresh).state.store(UNKNOWN, Ordering::Relaxed) };
            }
            // Two threads may both come here; the page of the later one is left alone for good.
            page = match PAGE.compare_exchange(
                ptr::null_mut(),
                fresh,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => fresh,
                Err(first) => first,
            };
        }
        // SAFETY: the page is never unmapped, and zero bytes are an unopened one.
        unsafe { page.as_ref() }
    }

    /// Opens the descriptor, once in this process unless it is lost.
    fn descriptor(page: &Page) -> Option<Borrowed> {
        let mut state = page.state.load(Ordering::Acquire);
        if state == UNOPENED {
            let mut identity = page.identity.lock();
            state = page.state.load(Ordering::Acquire);
            if state == UNOPENED {
                state = UNKNOWN;
                match os_files::open(c"/proc/self/pagemap") {
                    Ok(file) => {
                        if let Ok(status) = os_files::status(&file) {
                            *identity = Some(status.identity);
                            state =
                                OPEN | u64::try_from(out_of_the_way(file).into_raw_fd()).ok()?;
                        }
                    }
                    // For now; the next look may find what this one lacked.
                    Err(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => return None,
                    Err(_) => {}
                }
                page.state.store(state, Ordering::Release);
            }
        }
        let number = i32::try_from(state.checked_sub(OPEN)?).ok()?;
        Some(Borrowed(number))
    }

    /// Away from the small numbers, which programs close and reopen by habit.
    fn out_of_the_way(file: OwnedFd) -> OwnedFd {
        const LEAST: libc::c_int = 512;
        if gate(Call::Open).is_err() {
            return file;
        }
        // SAFETY: the descriptor is open.
        let copy = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, LEAST) };
        if copy < 0 {
            return file;
        }
        // SAFETY: the kernel has just opened it for us.
        unsafe { OwnedFd::from_raw_fd(copy) }
    }

    /// Does the descriptor still stand for what was opened?
    fn is_ours(page: &Page, file: &Borrowed) -> bool {
        let status = os_files::status(file);
        status.is_ok_and(|status| *page.identity.lock() == Some(status.identity))
    }

    /// Looks for pages in `[start, end)` until `runs` are full or `max_pages` were found.
    pub(in super::super) fn scan(
        start: u64,
        end: u64,
        wanted: Wanted,
        runs: &mut [Run],
        max_pages: u64,
    ) -> Result<Scan, Errno> {
        let page = page().ok_or(libc::ENOSYS)?;
        let file = descriptor(page).ok_or(libc::ENOSYS)?;
        if !is_ours(page, &file) {
            // Not ours to close. The next look opens another.
            page.state.store(UNOPENED, Ordering::Release);
            return Err(libc::EBADF);
        }
        let mut request = Request {
            size: units::bytes(size_of::<Request>()),
            start,
            end,
            runs: units::bytes(runs.as_mut_ptr().addr()),
            runs_length: units::bytes(runs.len()),
            max_pages,
            return_mask: PRESENT,
            ..Request::default()
        };
        match wanted {
            Wanted::Own => {
                request.category_inverted = FILE;
                request.category_mask = FILE;
                request.category_anyof_mask = PRESENT | SWAPPED;
            }
            Wanted::OwnAndFile => {
                request.category_anyof_mask = PRESENT | SWAPPED;
                request.return_mask = FILE;
            }
            Wanted::Present => request.category_mask = PRESENT,
        }
        gate(Call::Scan)?;
        // SAFETY: `request` and `runs` are live and of the lengths that they say.
        let found =
            unsafe { libc::ioctl(file.as_raw_fd(), ioctl_number(PAGEMAP_SCAN), &raw mut request) };
        match usize::try_from(found) {
            Ok(found) => Ok(Scan { runs: found.min(runs.len()), end: request.walk_end }),
            Err(_) => {
                let errno = last_errno();
                if matches!(errno, libc::ENOTTY | libc::EPERM | libc::ENOSYS) {
                    // This host will not tell, now or later.
                    page.state.store(UNKNOWN, Ordering::Release);
                }
                Err(errno)
            }
        }
    }

    /// May a scan tell anything here?
    pub(in super::super) fn is_known() -> bool {
        page().is_some_and(|page| page.state.load(Ordering::Relaxed) != UNKNOWN)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod nowhere {
    use super::super::os::{Call, Errno, code, gate};
    use super::{Run, Scan, Wanted};

    pub(in super::super) fn scan(
        _start: u64,
        _end: u64,
        _wanted: Wanted,
        _runs: &mut [Run],
        _max_pages: u64,
    ) -> Result<Scan, Errno> {
        gate(Call::Scan)?;
        Err(code::UNSUPPORTED)
    }

    pub(in super::super) const fn is_known() -> bool {
        false
    }
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use super::super::os::Call;
    use super::{Run, Wanted, is_known, scan};
    use crate::faults::{self, Fault};
    use crate::test_support::in_child;

    #[test]
    fn what_is_lacking_for_now_is_asked_for_again() {
        for (errno, again) in [
            (libc::EMFILE, true),
            (libc::ENFILE, true),
            (libc::ENOMEM, true),
            (libc::EACCES, false),
        ] {
            // In a child nobody has looked yet.
            in_child(|| {
                if !is_known() {
                    // This host does not wipe a page in children, so nobody looks.
                    return;
                }
                let look = || scan(0, 4096, Wanted::Own, &mut [Run::default()], 0);
                let fault = Fault { call: Some(Call::Open), errno, ..Fault::nth(1) };
                assert!(faults::with(fault, look).is_err());
                assert_eq!(is_known(), again, "{errno}");
                // Where the host knows such looks at all, the next one opens what this one could not.
                let next = look();
                assert!(again || next.is_err(), "{errno}");
                assert!(!again || next.is_ok() || !is_known(), "{errno} {next:?}");
            });
        }
    }
}
