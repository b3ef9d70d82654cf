//! The only place that talks to the operating system, and the storage that rests on it directly.
//!
//! * [`os`], [`mod@os::files`], `pagemap`: the table of system calls. Every one that the library makes is a
//!   function there, and each passes a gate where a test can make it fail.
//! * [`Region`] (`backend`): bytes with an open part that grows. It is what the layers above see. Behind
//!   it are reservations of address space (`reservation`) and blocks on a heap (`heap`, `process_heap`).
//! * `bare`: what stands for the host in a build without one.
//! * `shape`: how large its parts are.
//! * `clean`: what a former use left in a region, found and taken away; images put on and taken off.
//! * [`frozen`]: bytes that are mapped copy-on-write.
//! * [`slots`]: the regions of a pool, in one reservation.
//! * `charging`: what opening ahead of use costs on this host.
//! * `moving`: growth into a larger reservation. `proc`: what `/proc` tells.
//! * `fork`: what a fork must not cut through.
//! * [`refusal`]: finds out why the host refused, so that the error can name the limit.
//! * [`registry`]: which region an address belongs to, for signal handlers.
//! * [`mod@unreleased`]: ranges that the host would not take back.
//! * [`span`]: guest bytes, moved and filled without a reference to them.
//! * [`lock`] and [`slab`]: mutual exclusion and type-stable objects, without the heap.
//!
//! Nothing here knows what a WebAssembly page is. All sizes are bytes and multiples of
//! [`page_size`], unless a function says otherwise.

mod backend;
#[cfg(not(feature = "host"))]
mod bare;
#[cfg(feature = "host")]
mod charging;
#[cfg(feature = "host")]
mod clean;
#[cfg(feature = "host")]
pub(crate) mod fork;
#[cfg(feature = "host")]
pub(crate) mod frozen;
pub(crate) mod heap;
pub(crate) mod lock;
#[cfg(feature = "host")]
mod moving;
#[cfg(feature = "host")]
pub(crate) mod os;
#[cfg(feature = "host")]
mod pagemap;
#[cfg(feature = "host")]
#[cfg_attr(windows, path = "proc_windows.rs")]
mod proc;
mod process_heap;
#[cfg(feature = "host")]
mod refusal;
pub(crate) mod registry;
#[cfg(feature = "host")]
mod reservation;
mod shape;
pub(crate) mod slab;
#[cfg(feature = "host")]
pub(crate) mod slots;
pub(crate) mod span;
#[cfg(feature = "host")]
mod unreleased;

pub(crate) use backend::{Backend, Old, Region};
#[cfg(not(feature = "host"))]
pub(crate) use bare::{
    Reservation, fork, frozen, huge_pages_come_unasked, open_is_charged, os, resident_bytes, slots,
};
#[cfg(feature = "host")]
pub(crate) use charging::{huge_pages_come_unasked, open_is_charged};
#[cfg(test)]
#[cfg(all(feature = "host", any(target_os = "linux", target_os = "android")))]
pub(crate) use clean::pages_are_told;
#[cfg(feature = "host")]
pub(crate) use clean::resident_bytes;
#[cfg(feature = "host")]
pub(crate) use os::files as os_files;
#[cfg(feature = "host")]
pub(crate) use reservation::Reservation;
pub(crate) use shape::Shape;
#[cfg(feature = "host")]
pub use unreleased::{Unreleased, count as unreleased};

use crate::error::{Error, Result};
use crate::units;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Zeroed memory for the library's own use, which is never given back. It begins at a host page.
#[cfg(feature = "host")]
pub(crate) fn storage(bytes: usize) -> Result<NonNull<u8>> {
    os::map(bytes, os::Access::ReadWrite, os::Charge::WhenOpened).map_err(|os_error| {
        Error::OutOfMemory { requested: units::bytes(bytes), available: 0, os_error }
    })
}

/// Zeroed memory for the library's own use, which is never given back. It begins at a multiple of 64.
#[cfg(not(feature = "host"))]
pub(crate) fn storage(bytes: usize) -> Result<NonNull<u8>> {
    const ALIGNMENT: usize = 64;
    let refused = Error::OutOfMemory { requested: units::bytes(bytes), available: 0, os_error: 0 };
    let size = bytes.checked_add(ALIGNMENT).ok_or(refused)?;
    let start = process_heap::allocate_zeroed(size).ok_or(refused)?;
    let behind = start.as_ptr().align_offset(ALIGNMENT);
    NonNull::new(start.as_ptr().wrapping_add(behind)).ok_or(refused)
}

/// Size of a page of the host in bytes.
pub(crate) fn page_size() -> usize {
    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
    #[cfg(all(feature = "host", any(test, feature = "fault-injection")))]
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
