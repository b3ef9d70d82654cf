//! What Linux has and other hosts do not: refused here, and done another way above.
#![allow(unsafe_code, reason = "the functions are unsafe where others call the host")]

#[cfg(unix)]
use super::Mapping;
use super::{Advice, Call, Errno, Vacated, code, gate};
use core::ptr::NonNull;

/// Can this host move pages at all?
pub(crate) const MOVES_PAGES: bool = false;

/// Without pages that move there are no holes.
pub(crate) fn map_hole(_start: NonNull<u8>, _length: usize) -> Result<(), Errno> {
    gate(Call::Map)?;
    Err(code::UNSUPPORTED)
}

/// Without mremap nothing is moved and nothing is touched.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn remap(
    _from: NonNull<u8>,
    _length: usize,
    _to: NonNull<u8>,
    _vacated: Vacated,
) -> Result<(), Errno> {
    gate(Call::Remap)?;
    Err(code::UNSUPPORTED)
}

/// No advice here promises what is asked for: after MADV_DONTNEED, MADV_FREE and MEM_RESET the old bytes
/// may be there still, so whoever wants zeros gets them another way; and large pages come by themselves or
/// not for a part of a reservation.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn advise(
    _start: NonNull<u8>,
    _length: usize,
    _advice: Advice,
) -> Result<(), Errno> {
    gate(Call::Advise)?;
    Err(code::UNSUPPORTED)
}

/// Nobody tells of single mappings.
#[cfg(unix)]
pub(crate) fn query_mapping(_address: usize) -> Result<Mapping, Errno> {
    gate(Call::Query)?;
    Err(code::UNSUPPORTED)
}
