//! What several tests need.
#![allow(unsafe_code, reason = "forks, and asks the host about addresses")]

/// A memory's bytes as whoever has the base sees them.
#[cfg(feature = "host")]
#[allow(clippy::mut_from_ref, reason = "guest bytes are not the memory's to borrow")]
pub(crate) fn bytes(memory: &crate::Memory) -> &mut [u8] {
    let view = memory.view();
    // SAFETY: the memory of one test, whose bytes are open up to its length.
    unsafe { core::slice::from_raw_parts_mut(view.base(), view.byte_length()) }
}

/// Runs `test` alone in a child process, where it may use up the process's limits and where no
/// other test runs meanwhile. Fails when it panics, is killed, or takes more than 20 seconds.
#[cfg(unix)]
pub(crate) fn in_child(test: impl FnOnce() + std::panic::UnwindSafe) {
    // SAFETY: the child has one thread, which runs the test and exits.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork");
    if child == 0 {
        // SAFETY: a child that waits for ever is to die of it.
        unsafe { libc::alarm(20) };
        let failed = std::panic::catch_unwind(test).is_err();
        if std::env::var_os("LLVM_PROFILE_FILE").is_some() {
            // What was covered is written at the end of a process.
            std::process::exit(i32::from(failed));
        }
        // SAFETY: leaves without the destructors of the test harness.
        unsafe { libc::_exit(i32::from(failed)) };
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process, and `status` can be written.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed: see its message above");
}

/// The same where nobody forks: this program is run anew, for the calling test alone.
#[cfg(windows)]
pub(crate) fn in_child(test: impl FnOnce() + std::panic::UnwindSafe) {
    const INSIDE: &str = "WASM_MEMORY_TEST_IN_CHILD";
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    // The harness gives the thread of a test its name.
    let thread = std::thread::current();
    let name = thread.name().unwrap().to_owned();
    let program = std::env::current_exe().unwrap();
    let mut child = std::process::Command::new(program)
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success(), "the child failed: see its message above");
}

/// Can the byte at `address` be read? Asked of the kernel, which answers instead of a fault.
#[cfg(unix)]
pub(crate) fn can_read(address: *const u8) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut byte = 0_u8;
        let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let there = libc::iovec { iov_base: address.cast_mut().cast(), iov_len: 1 };
        // SAFETY: reads one byte of this process by its address, if it can be read.
        let read = unsafe { libc::process_vm_readv(libc::getpid(), &here, 1, &there, 1, 0) };
        // An emulator may not know that call.
        if read == 1 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT) {
            return read == 1;
        }
    }
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the kernel checks the address itself.
    let written = unsafe { libc::write(ends[1], address.cast(), 1) };
    for end in ends {
        // SAFETY: a descriptor of this function.
        unsafe { libc::close(end) };
    }
    written == 1
}

/// The same: the system tells of its pages.
#[cfg(windows)]
pub(crate) fn can_read(address: *const u8) -> bool {
    crate::region::os::query_mapping(address.addr()).is_ok_and(|mapping| mapping.readable)
}

/// Does advice to drop pages do that, also where they are locked? Some emulators of a processor answer
/// that they took it and take none; what rests on a refused call is told wrongly then.
#[cfg(unix)]
#[cfg(feature = "host")]
pub(crate) fn advice_is_taken() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use crate::region::os::{self, Access, Advice, Charge};
        let length = crate::region::page_size();
        let page = os::map(length, Access::ReadWrite, Charge::WhenOpened).unwrap();
        // SAFETY: a page of this function alone.
        unsafe {
            page.write(1);
            let advised = os::advise(page, length, Advice::DontNeedLocked);
            let left = page.read();
            os::unmap(page, length).unwrap();
            if advised.is_ok() && left != 0 {
                return false;
            }
        }
    }
    true
}

/// Nothing here rests on advice.
#[cfg(windows)]
pub(crate) const fn advice_is_taken() -> bool {
    true
}

/// Ends a test that means nothing where [`advice_is_taken`] says no.
#[cfg(feature = "host")]
macro_rules! needs_advice {
    () => {
        if !crate::test_support::advice_is_taken() {
            println!("skipped: this host answers advice that it does not take");
            return;
        }
    };
}
#[cfg(feature = "host")]
pub(crate) use needs_advice;
