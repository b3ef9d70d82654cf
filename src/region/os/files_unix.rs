//! System calls on files: those that hold an image's bytes, and those that the embedder names. A part
//! of the table in [`os`](super), with the same gate.
#![allow(unsafe_code, reason = "this is where the host is called")]

pub(in super::super) use super::scratch::freeze;
pub(crate) use super::scratch::map_scratch;

use super::scratch::errno_of;
use super::unix::{check, check_address, limit};
use super::{Call, Charge, Errno, Limit, gate, last_errno};
use crate::units;
use core::ffi::{CStr, c_int};
use core::ptr::NonNull;
use memmap2::{Mmap, MmapOptions};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// An open file, closed when it is dropped.
pub(crate) type File = OwnedFd;

/// Which file a descriptor stands for. A descriptor that somebody closed behind our back may stand
/// for another one by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    number: u64,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    /// A pipe, a terminal, a device.
    Other,
}

/// What is known of an open file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileStatus {
    pub(crate) identity: Identity,
    /// Length in bytes.
    pub(crate) length: u64,
    pub(crate) kind: FileKind,
}

fn owned(descriptor: c_int) -> Result<OwnedFd, Errno> {
    if descriptor < 0 {
        return Err(last_errno());
    }
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Are there files in memory that nobody can change?
#[cfg(test)]
pub(crate) const HAS_MEMORY_FILES: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A new file without a name, in memory, that can be sealed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in super::super) fn memory_file() -> Result<OwnedFd, Errno> {
    gate(Call::MemoryFile)?;
    // Android's C library has no function for it before version 11.
    let create = |name: *const libc::c_char, flags: libc::c_uint| {
        // SAFETY: `name` is a C string.
        let descriptor = unsafe { libc::syscall(libc::SYS_memfd_create, name, flags) };
        c_int::try_from(descriptor).unwrap_or(-1)
    };
    let name = c"wasm_memory image".as_ptr();
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let descriptor = create(name, flags | libc::MFD_NOEXEC_SEAL);
    if descriptor == -1 && last_errno() == libc::EINVAL {
        // A kernel before 6.3 does not know the last flag.
        return owned(create(name, flags));
    }
    owned(descriptor)
}

/// Only Linux has such files.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in super::super) fn memory_file() -> Result<OwnedFd, Errno> {
    gate(Call::MemoryFile)?;
    Err(libc::ENOSYS)
}

/// Makes a file `length` bytes long.
pub(in super::super) fn set_length(file: &OwnedFd, length: usize) -> Result<(), Errno> {
    // Past this limit the kernel would raise a signal that ends the process.
    check_file_size(units::bytes(length))?;
    gate(Call::Truncate)?;
    let length = libc::off_t::try_from(length).map_err(|_| libc::EFBIG)?;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::ftruncate(file.as_raw_fd(), length) })
}

/// Refuses a length that the host lets no file of this process have.
pub(crate) fn check_file_size(length: u64) -> Result<(), Errno> {
    match limit(Limit::FileSize) {
        Some(most) if length > most => Err(libc::EFBIG),
        _ => Ok(()),
    }
}

/// Writes `[start, start + length)` to a file, at `offset`.
///
/// # Safety
/// None for the caller's memory: the kernel reads it and answers EFAULT where that cannot be.
pub(in super::super) fn write_at(
    file: &OwnedFd,
    start: *const u8,
    length: usize,
    offset: usize,
) -> Result<(), Errno> {
    let mut done = 0_usize;
    while done < length {
        gate(Call::Write)?;
        let at = offset.checked_add(done).and_then(|at| libc::off_t::try_from(at).ok());
        let at = at.ok_or(libc::EFBIG)?;
        let rest = length.wrapping_sub(done);
        // SAFETY: the kernel reads the bytes and checks the range itself.
        let written =
            unsafe { libc::pwrite(file.as_raw_fd(), start.wrapping_add(done).cast(), rest, at) };
        done = done.saturating_add(progress(written)?);
    }
    Ok(())
}

/// The bytes that a call moved; 0 when it is to be tried again.
fn progress(result: isize) -> Result<usize, Errno> {
    match usize::try_from(result) {
        // A disk that is full, as most hosts say it.
        Ok(0) => Err(libc::ENOSPC),
        Ok(moved) => Ok(moved),
        Err(_) if last_errno() == libc::EINTR => Ok(0),
        Err(_) => Err(last_errno()),
    }
}

/// Reads from a file at `offset` until `buffer` is full or the file ends; answers how much.
pub(crate) fn read_at(file: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut done = 0_usize;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        gate(Call::Read)?;
        let at = offset.checked_add(units::bytes(done)).and_then(|at| at.try_into().ok());
        let at: libc::off_t = at.ok_or(libc::EFBIG)?;
        // SAFETY: `rest` is writable over its length.
        let read =
            unsafe { libc::pread(file.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len(), at) };
        if read == 0 {
            break;
        }
        done = done.saturating_add(progress(read)?);
    }
    Ok(done)
}

/// Writes all of `bytes` to a file, from where the last write ended.
pub(crate) fn write_all(file: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        gate(Call::Write)?;
        // SAFETY: `rest` is readable over its length.
        let written = unsafe { libc::write(file.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
        rest = rest.get(progress(written)?..).unwrap_or_default();
    }
    Ok(())
}

/// Opens an existing file for reading.
pub(crate) fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    gate(Call::Open)?;
    // SAFETY: `path` is a C string.
    owned(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK) })
}

/// Makes or empties a file for writing.
pub(crate) fn create(path: &CStr) -> Result<OwnedFd, Errno> {
    const MODE: libc::c_uint = 0o666;
    gate(Call::Open)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC;
    // SAFETY: `path` is a C string.
    owned(unsafe { libc::open(path.as_ptr(), flags, MODE) })
}

/// Asks the kernel about an open file.
pub(crate) fn status(file: &impl AsRawFd) -> Result<FileStatus, Errno> {
    gate(Call::Status)?;
    // SAFETY: zero bytes are a stat.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `status` is a live stat that the call fills.
    check(unsafe { libc::fstat(file.as_raw_fd(), &mut status) })?;
    #[allow(
        clippy::unnecessary_cast,
        clippy::as_conversions,
        clippy::cast_sign_loss,
        reason = "their types differ by host, and only bits are compared"
    )]
    let identity = Identity { device: status.st_dev as u64, number: status.st_ino as u64 };
    Ok(FileStatus {
        identity,
        length: u64::try_from(status.st_size).unwrap_or(0),
        kind: match status.st_mode & libc::S_IFMT {
            libc::S_IFREG => FileKind::Regular,
            libc::S_IFDIR => FileKind::Directory,
            _ => FileKind::Other,
        },
    })
}

/// Lets nobody change a memory file any more, neither its bytes nor its length.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in super::super) fn seal(file: &OwnedFd) -> Result<(), Errno> {
    gate(Call::Seal)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is open.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })
}

/// Without memory files there is nothing to seal.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in super::super) fn seal(_file: &OwnedFd) -> Result<(), Errno> {
    gate(Call::Seal)?;
    Err(libc::ENOSYS)
}

/// The first part of a memory file, from `offset` on, that is in memory: where it begins and ends. `None`
/// where there is none. All else reads zero.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in super::super) fn part_in_memory(
    file: &OwnedFd,
    offset: usize,
) -> Result<Option<(usize, usize)>, Errno> {
    let seek = |offset: usize, what| {
        gate(Call::Seek)?;
        let offset = libc::off_t::try_from(offset).map_err(|_| libc::EOVERFLOW)?;
        // SAFETY: the descriptor is open. Nobody uses the position that this sets.
        let found = unsafe { libc::lseek(file.as_raw_fd(), offset, what) };
        usize::try_from(found).map_err(|_| last_errno())
    };
    match seek(offset, libc::SEEK_DATA) {
        Ok(start) => Ok(Some((start, seek(start, libc::SEEK_HOLE)?))),
        Err(libc::ENXIO) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Without memory files there is nothing to ask of.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in super::super) fn part_in_memory(
    _file: &OwnedFd,
    _offset: usize,
) -> Result<Option<(usize, usize)>, Errno> {
    gate(Call::Seek)?;
    Err(libc::ENOSYS)
}

/// Maps the first `length` bytes of a sealed file, readable.
pub(in super::super) fn map_file(file: &OwnedFd, length: usize) -> Result<Mmap, Errno> {
    gate(Call::Map)?;
    // SAFETY: the file is sealed: neither its bytes nor its length can change under the mapping.
    unsafe { MmapOptions::new().len(length).map_copy_read_only(file) }
        .map_err(|error| errno_of(&error))
}

/// Replaces `[start, start + length)` by the first bytes of a sealed file, copy-on-write.
///
/// # Safety
/// The range is page-aligned, belongs to the caller, and no Rust reference into it exists.
pub(in super::super) unsafe fn map_file_over(
    start: NonNull<u8>,
    length: usize,
    file: &OwnedFd,
    charge: Charge,
) -> Result<(), Errno> {
    gate(Call::Map)?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | charge.flag();
    let wanted = start.as_ptr().cast();
    // SAFETY: the caller owns the range that is replaced.
    let address = unsafe { libc::mmap(wanted, length, access, flags, file.as_raw_fd(), 0) };
    check_address(address).map(|_| ())
}
