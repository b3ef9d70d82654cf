//! Makes the n-th operating-system call of the current thread fail, and the host's pages larger
//! than they are, for tests.
//!
//! Only in builds for tests (`cfg(test)` or the feature `fault-injection`).

pub use crate::region::os::Call;
use core::cell::Cell;
use core::panic::Location;

/// Which calls to refuse, counted from the start of [`with`].
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The first call that is refused; 1 is the next one.
    pub nth: u32,
    /// Counts and refuses only calls of this kind.
    pub call: Option<Call>,
    /// Refuses all calls of this kind besides.
    pub also: Option<Call>,
    /// What the refused call answers.
    pub errno: i32,
    /// Whether all later ones are refused too.
    pub forever: bool,
}

impl Fault {
    /// Refuses the `nth` call, whichever it is, with ENOMEM.
    #[must_use]
    pub const fn nth(nth: u32) -> Self {
        let errno = crate::region::os::code::OUT_OF_MEMORY;
        Self { nth, call: None, also: None, errno, forever: false }
    }
}

#[derive(Clone, Copy)]
struct Plan {
    fault: Fault,
    seen: u32,
    refused: u32,
    sites: Sites,
}

/// Where calls were refused, the first few of different ones.
type Sites = [Option<&'static Location<'static>>; 16];

std::thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
}

/// Runs `scenario` with calls of this thread refused as `fault` says.
pub fn with<R>(fault: Fault, scenario: impl FnOnce() -> R) -> R {
    PLAN.set(Some(Plan { fault, seen: 0, refused: 0, sites: [None; 16] }));
    let result = scenario();
    PLAN.set(None);
    result
}

/// Runs `look` with no call of this thread refused or counted, in the middle of [`with`] too.
pub fn suspended<R>(look: impl FnOnce() -> R) -> R {
    let plan = PLAN.take();
    let result = look();
    PLAN.set(plan);
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

/// How many calls that the fault is about were made since the start of the running [`with`], refused
/// ones included.
#[must_use]
pub fn seen() -> u32 {
    PLAN.get().map_or(0, |plan| plan.seen)
}

/// Where in the source calls were refused since the start of the running [`with`]: the first few places.
pub fn sites() -> impl Iterator<Item = &'static Location<'static>> {
    PLAN.get().map_or([None; 16], |plan| plan.sites).into_iter().flatten()
}

#[track_caller]
pub(crate) fn gate(call: Call) -> Result<(), i32> {
    let Some(mut plan) = PLAN.get() else { return Ok(()) };
    let Fault { nth, forever, errno, .. } = plan.fault;
    let also = plan.fault.also == Some(call);
    if !also && plan.fault.call.is_some_and(|only| only != call) {
        return Ok(());
    }
    if !also {
        plan.seen = plan.seen.saturating_add(1);
    }
    let reached = plan.seen == nth || (forever && plan.seen > nth);
    if also || reached {
        plan.refused = plan.refused.saturating_add(1);
        let here = Location::caller();
        let place = plan.sites.iter_mut().find(|site| site.is_none_or(|site| site == here));
        if let Some(place) = place {
            *place = Some(here);
        }
    }
    PLAN.set(Some(plan));
    if also || reached { Err(errno) } else { Ok(()) }
}
