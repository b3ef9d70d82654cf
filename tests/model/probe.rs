//! Can an address be read and written? Asked of the kernel, which answers with an error where the
//! processor would fault.

use std::cell::OnceCell;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

thread_local! {
    static PIPE: OnceCell<(i32, i32)> = const { OnceCell::new() };
}

fn pipe() -> (i32, i32) {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two.
    let status = unsafe { libc::pipe(ends.as_mut_ptr()) };
    assert_eq!(status, 0, "a pipe");
    (ends[0], ends[1])
}

/// Does the byte take a write, of what it holds already, and a read?
pub fn usable(address: *mut u8) -> bool {
    let (reads, writes) = PIPE.with(|pipe_of| *pipe_of.get_or_init(pipe));
    let address = address.cast();
    // SAFETY: the kernel reads one byte, or says that it cannot.
    if unsafe { libc::write(writes, address, 1) } != 1 {
        return false;
    }
    // SAFETY: the kernel writes the byte that is there, or says that it cannot.
    if unsafe { libc::read(reads, address, 1) } == 1 {
        return true;
    }
    let mut dropped = 0u8;
    // SAFETY: one byte, of ours.
    let read = unsafe { libc::read(reads, (&raw mut dropped).cast(), 1) };
    assert_eq!(read, 1, "the byte is still in the pipe");
    false
}

/// Does a limit on address space make the host refuse what it would grant otherwise?
pub fn limited() -> bool {
    static LIMITED: OnceLock<bool> = OnceLock::new();
    *LIMITED.get_or_init(|| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is where to write.
        let status = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
        status != 0 || limit.rlim_cur != libc::RLIM_INFINITY
    })
}

pub fn host_page() -> u64 {
    // SAFETY: a question without arguments.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

/// A regular file that is on no disk, and has a path.
pub struct Scratch {
    file: File,
    path: CString,
}

impl Scratch {
    pub fn new(content: &[u8]) -> Self {
        // SAFETY: a name that ends.
        let descriptor = unsafe { libc::memfd_create(c"model".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(descriptor >= 0, "a file in memory");
        // SAFETY: it is open, and nobody else's.
        let mut file = unsafe { File::from_raw_fd(descriptor) };
        file.write_all(content).unwrap();
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        Self { file, path }
    }

    pub fn path(&self) -> &CString {
        &self.path
    }

    /// Changes every byte, and then takes them away.
    pub fn overwrite(&self) {
        let length = self.file.metadata().unwrap().len() as usize;
        self.file.write_all_at(&vec![0xee; length], 0).unwrap();
        self.file.set_len(0).unwrap();
    }

    pub fn read(&self) -> Vec<u8> {
        let length = self.file.metadata().unwrap().len() as usize;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }
}

/// What a sequence must not leave behind: address space that cannot be accessed, and descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    pub reserved: u64,
    pub descriptors: usize,
}

impl Host {
    pub fn now() -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let reserved = maps.lines().filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (range, access) = (fields.next()?, fields.next()?);
            let (start, end) = range.split_once('-')?;
            let number = |digits| u64::from_str_radix(digits, 16).ok();
            access.starts_with("---").then(|| Some(number(end)? - number(start)?))?
        });
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
        Self { reserved: reserved.sum(), descriptors }
    }

    /// How much more than before.
    pub fn since(self, before: Self) -> Self {
        Self {
            reserved: self.reserved.saturating_sub(before.reserved),
            descriptors: self.descriptors.saturating_sub(before.descriptors),
        }
    }
}
