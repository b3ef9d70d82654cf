//! The library's gate before each call to the operating system. Here none is refused; openings are
//! counted, in a number that promises nothing but what the library's own order promises.

pub use crate::region::os::Call;
use crate::sync::{AtomicUsize, Ordering};

/// How often pages were opened. The count rises right before the call.
static OPENINGS: AtomicUsize = AtomicUsize::new(0);

/// How many openings this thread must have seen.
pub fn openings() -> usize {
    OPENINGS.load(Ordering::Relaxed)
}

pub(crate) fn gate(call: Call) -> Result<(), i32> {
    if call == Call::Protect {
        OPENINGS.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

pub(crate) fn page_size() -> Option<usize> {
    None
}
