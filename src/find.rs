//! Which memory, and where in it, does an address belong to? For fault handlers: no lock, no
//! allocation, no thread-local.

use crate::memory::Memory;
use crate::region::registry::{self, Owner};
use crate::region::slab::Slot;
use crate::units;
use crate::view::View;
use core::ptr::NonNull;

/// Where in a memory's address space an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Zone {
    /// Below the byte length.
    Body,
    /// From the byte length to the end of the reservation.
    Reserved,
    /// After the reservation.
    GuardAfter,
    /// Before the base.
    GuardBefore,
}

/// What an address belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    /// The memory's place, which stays also when the memory goes; `None` where only buffers keep
    /// the bytes that the memory had before it moved.
    pub(crate) slot: Option<NonNull<Slot<Memory>>>,
    /// Distance from the base in bytes; negative in the guard before.
    pub(crate) offset: i64,
    pub(crate) zone: Zone,
}

/// Finds what `address` belongs to. Async-signal-safe.
pub(crate) fn locate(address: usize) -> Option<Location> {
    let found = registry::find(address)?;
    let (slot, length) = match found.owner {
        Owner::Buffers(bytes) => (None, bytes),
        Owner::Memory(owner) => {
            let slot: NonNull<Slot<Memory>> = owner.cast();
            let view = View::at(slot);
            // A memory that is just moving has no bytes at its old base any more.
            let here = view.base().addr() == found.base;
            (Some(slot), if here { view.byte_length() } else { 0 })
        }
    };
    let offset = address.wrapping_sub(found.base);
    let zone = if address < found.base {
        Zone::GuardBefore
    } else if offset < length {
        Zone::Body
    } else if offset < found.reservation {
        Zone::Reserved
    } else {
        Zone::GuardAfter
    };
    Some(Location { slot, offset: units::signed(offset), zone })
}
