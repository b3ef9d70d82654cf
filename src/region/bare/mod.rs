//! What stands for the host in a build without one (the feature `host` is off): no virtual memory, no
//! threads, no files, no fork.
//!
//! Everything that needs a host is a type without values here, so that whoever handles it compiles to
//! nothing and needs no conditions of its own.

pub(crate) mod fork;
pub(crate) mod frozen;
pub(crate) mod os;
mod reservation;
pub(crate) mod slots;

pub(crate) use reservation::Reservation;

/// Bytes of a range that are in memory: nobody tells.
pub(crate) const fn resident_bytes(_start: usize, _length: usize) -> Option<u64> {
    None
}

/// Does the host charge what is open? Opening is only arithmetic here.
pub(crate) const fn open_is_charged() -> bool {
    false
}

/// Does the host use large pages where nobody asks for them?
pub(crate) const fn huge_pages_come_unasked() -> bool {
    false
}
