//! Can an address be read and written? Asked of the kernel, which answers with an error where the
//! processor would fault.

use std::cell::OnceCell;
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
