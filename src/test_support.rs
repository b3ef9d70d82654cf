//! What several tests need.
#![allow(unsafe_code, reason = "forks")]

use std::panic;

/// Runs `test` alone in a child process, where it may use up the process's limits and where no
/// other test runs meanwhile. Fails when it panics, is killed, or takes more than 20 seconds.
pub(crate) fn in_child(test: impl FnOnce() + panic::UnwindSafe) {
    // SAFETY: the child has one thread, which runs the test and exits.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork");
    if child == 0 {
        // SAFETY: a child that waits for ever is to die of it.
        unsafe { libc::alarm(20) };
        let failed = panic::catch_unwind(test).is_err();
        // SAFETY: leaves without the destructors of the test harness.
        unsafe { libc::_exit(i32::from(failed)) };
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process, and `status` can be written.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed: see its message above");
}
