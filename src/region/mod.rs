//! The only place that talks to the operating system, and the storage that rests on it directly.
//!
//! * [`os`], [`mod@os::files`], `pagemap`: the table of system calls. Every one that the library makes is a
//!   function there, and each passes a gate where a test can make it fail.
//! * [`Region`]: one reservation of address space with an open part that grows. It is what the
//!   layers above see; which host calls stand behind it is `unix.rs`.
//! * `clean`: what a former use left in a region, found and taken away; images put on and taken off.
//! * [`frozen`]: bytes that are mapped copy-on-write.
//! * [`slots`]: the regions of a pool, in one reservation.
//! * `charging`: what opening ahead of use costs on this host.
//! * `fork`: what a fork must not cut through.
//! * [`refusal`]: finds out why the host refused, so that the error can name the limit.
//! * [`registry`]: which region an address belongs to, for signal handlers.
//! * [`mod@unreleased`]: ranges that the host would not take back.
//! * [`span`]: guest bytes, moved and filled without a reference to them.
//! * [`lock`] and [`slab`]: mutual exclusion and type-stable objects, without the heap.
//!
//! Nothing here knows what a WebAssembly page is. All sizes are bytes and multiples of
//! [`page_size`], unless a function says otherwise.

mod charging;
mod clean;
pub(crate) mod fork;
pub(crate) mod frozen;
pub(crate) mod lock;
mod moving;
pub(crate) mod os;
mod pagemap;
#[cfg_attr(windows, path = "proc_windows.rs")]
mod proc;
mod refusal;
pub(crate) mod registry;
pub(crate) mod slab;
pub(crate) mod slots;
pub(crate) mod span;
mod unix;
mod unreleased;

pub(crate) use charging::{huge_pages_come_unasked, open_is_charged, opening_costs};
pub(crate) use clean::resident_bytes;
pub(crate) use moving::Old;
pub(crate) use os::files as os_files;
pub(crate) use unix::{Region, Shape};
pub use unreleased::{Unreleased, count as unreleased};

use crate::error::{Error, Result};
use crate::units;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Zeroed memory for the library's own use, which is never given back.
fn storage(bytes: usize) -> Result<NonNull<u8>> {
    os::map(bytes, os::Access::ReadWrite, os::Charge::WhenOpened).map_err(|os_error| {
        Error::OutOfMemory { requested: units::bytes(bytes), available: 0, os_error }
    })
}

/// Size of a page of the host in bytes.
pub(crate) fn page_size() -> usize {
    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
    #[cfg(any(test, feature = "fault-injection"))]
    if let Some(size) = crate::faults::page_size() {
        return size;
    }
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => {
            let size = os::page_size();
            PAGE_SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}
