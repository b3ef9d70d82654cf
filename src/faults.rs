//! Makes the n-th operating-system call of the current thread fail, and the host's pages larger
//! than they are, for tests.
//!
//! Only in builds for tests (`cfg(test)` or the feature `fault-injection`).

pub use crate::region::os::Call;
use core::cell::Cell;

/// Which calls to refuse, counted from the start of [`with`].
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The first call that is refused; 1 is the next one.
    pub nth: u32,
    /// Counts and refuses only calls of this kind.
    pub call: Option<Call>,
    /// What the refused call answers.
    pub errno: i32,
    /// Whether all later ones are refused too.
    pub forever: bool,
}

impl Fault {
    /// Refuses the `nth` call, whichever it is, with ENOMEM.
    #[must_use]
    pub const fn nth(nth: u32) -> Self {
        Self { nth, call: None, errno: crate::region::os::code::OUT_OF_MEMORY, forever: false }
    }
}

#[derive(Clone, Copy)]
struct Plan {
    fault: Fault,
    seen: u32,
    refused: u32,
}

std::thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
}

/// Runs `scenario` with calls of this thread refused as `fault` says.
pub fn with<R>(fault: Fault, scenario: impl FnOnce() -> R) -> R {
    PLAN.set(Some(Plan { fault, seen: 0, refused: 0 }));
    let result = scenario();
    PLAN.set(None);
    result
}

std::thread_local! {
    static PAGE_SIZE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `scenario` on this thread as if the host's pages had `size` bytes, a multiple of what they
/// have.
pub fn with_page_size<R>(size: usize, scenario: impl FnOnce() -> R) -> R {
    PAGE_SIZE.set(Some(size));
    let result = scenario();
    PAGE_SIZE.set(None);
    result
}

pub(crate) fn page_size() -> Option<usize> {
    PAGE_SIZE.get()
}

/// How many calls were refused since the start of the running [`with`].
#[must_use]
pub fn refused() -> u32 {
    PLAN.get().map_or(0, |plan| plan.refused)
}

pub(crate) fn gate(call: Call) -> Result<(), i32> {
    let Some(mut plan) = PLAN.get() else { return Ok(()) };
    if plan.fault.call.is_some_and(|only| only != call) {
        return Ok(());
    }
    plan.seen = plan.seen.saturating_add(1);
    let refuse = plan.seen == plan.fault.nth || (plan.fault.forever && plan.seen > plan.fault.nth);
    plan.refused = plan.refused.saturating_add(u32::from(refuse));
    PLAN.set(Some(plan));
    if refuse { Err(plan.fault.errno) } else { Ok(()) }
}
