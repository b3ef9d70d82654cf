//! Bytes of our own that are filled and then frozen, the same on every host. A part of the table in
//! [`os`](super), with the same gate.

use super::{Call, Errno, code, gate};
use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps `length` fresh bytes that can be written until they are frozen.
pub(crate) fn map_scratch(length: usize) -> Result<MmapMut, Errno> {
    gate(Call::Map)?;
    MmapOptions::new().len(length).map_anon().map_err(|error| errno_of(&error))
}

/// Lets nobody write to a mapping any more.
pub(in super::super) fn freeze(bytes: MmapMut) -> Result<Mmap, Errno> {
    gate(Call::Protect)?;
    bytes.make_read_only().map_err(|error| errno_of(&error))
}

/// The error of a call that memmap2 made.
pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().unwrap_or(code::OUT_OF_MEMORY)
}
