//! System calls on files that the embedder names, and on bytes of our own. A part of the table in
//! [`os`](super), with the same gate.
//!
//! Names are UTF-8. There are no files that images are mapped from: images are copied.
#![allow(unsafe_code, reason = "this is where the host is called")]

pub(in super::super) use super::scratch::freeze;
pub(crate) use super::scratch::map_scratch;

use super::windows::check;
use super::{Call, Charge, Errno, code, gate, last_errno};
use core::ffi::{CStr, c_void};
use core::mem;
use core::ptr::{self, NonNull};
use memmap2::Mmap;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

/// An open file, closed when it is dropped.
pub(crate) type File = OwnedHandle;

/// Which file a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    volume: u32,
    number: u64,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    /// A pipe, a console, a device.
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

/// `BY_HANDLE_FILE_INFORMATION`
#[repr(C)]
struct FileInformation {
    attributes: u32,
    /// Made, read and written, each of two halves.
    times: [u32; 6],
    volume: u32,
    length_high: u32,
    length_low: u32,
    links: u32,
    number_high: u32,
    number_low: u32,
}

/// `OVERLAPPED`: where in a file to read or write.
#[repr(C)]
struct Position {
    internal: [usize; 2],
    offset_low: u32,
    offset_high: u32,
    event: *mut c_void,
}

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn CreateFileW(
        name: *const u16,
        access: u32,
        share: u32,
        security: *const c_void,
        disposition: u32,
        flags: u32,
        template: *mut c_void,
    ) -> *mut c_void;
    fn ReadFile(
        file: *mut c_void,
        to: *mut c_void,
        length: u32,
        done: *mut u32,
        at: *mut Position,
    ) -> i32;
    fn WriteFile(
        file: *mut c_void,
        from: *const c_void,
        length: u32,
        done: *mut u32,
        at: *mut Position,
    ) -> i32;
    fn GetFileInformationByHandle(file: *mut c_void, to: *mut FileInformation) -> i32;
    fn GetFileType(file: *mut c_void) -> u32;
}

/// Are there files in memory that nobody can change?
#[cfg(test)]
pub(crate) const HAS_MEMORY_FILES: bool = false;

/// There are no files in memory that nobody can change.
pub(in super::super) fn memory_file() -> Result<File, Errno> {
    gate(Call::MemoryFile)?;
    Err(code::UNSUPPORTED)
}

/// Nothing has a length without memory files.
pub(in super::super) fn set_length(_file: &File, _length: usize) -> Result<(), Errno> {
    gate(Call::Truncate)?;
    Err(code::UNSUPPORTED)
}

/// No length of a file ends a process here.
#[allow(clippy::unnecessary_wraps, reason = "other hosts refuse")]
pub(crate) const fn check_file_size(_length: u64) -> Result<(), Errno> {
    Ok(())
}

/// Without memory files there is nothing to ask of.
pub(in super::super) fn part_in_memory(
    _file: &File,
    _offset: usize,
) -> Result<Option<(usize, usize)>, Errno> {
    gate(Call::Seek)?;
    Err(code::UNSUPPORTED)
}

/// Nothing is written at a place without memory files.
///
/// # Safety
/// None is needed.
pub(in super::super) fn write_at(
    _file: &File,
    _start: *const u8,
    _length: usize,
    _offset: usize,
) -> Result<(), Errno> {
    gate(Call::Write)?;
    Err(code::UNSUPPORTED)
}

/// Reads from a file at `offset` until `buffer` is full or the file ends; answers how much.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    /// `ERROR_HANDLE_EOF`
    const END: Errno = 38;
    let mut done = 0_usize;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        gate(Call::Read)?;
        let at = offset.checked_add(crate::units::bytes(done)).ok_or(code::INVALID)?;
        let mut position = Position {
            internal: [0; 2],
            offset_low: low_half(at),
            offset_high: low_half(at.wrapping_shr(32)),
            event: ptr::null_mut(),
        };
        let (length, mut read) = (piece(rest.len()), 0);
        let to = rest.as_mut_ptr().cast();
        // SAFETY: `rest` is writable over `length`, the others are live.
        let result =
            check(unsafe { ReadFile(file.as_raw_handle(), to, length, &mut read, &mut position) });
        match result {
            Ok(()) if read > 0 => {}
            Ok(()) | Err(END) => break,
            Err(errno) => return Err(errno),
        }
        done = done.saturating_add(usize::try_from(read).unwrap_or(0));
    }
    Ok(done)
}

/// Writes all of `bytes` to a file, from where the last write ended.
pub(crate) fn write_all(file: &File, bytes: &[u8]) -> Result<(), Errno> {
    /// `ERROR_DISK_FULL`
    const FULL: Errno = 112;
    let mut rest = bytes;
    while !rest.is_empty() {
        gate(Call::Write)?;
        let (length, mut written) = (piece(rest.len()), 0);
        let (from, nowhere) = (rest.as_ptr().cast(), ptr::null_mut());
        // SAFETY: `rest` is readable over `length`, the count is live.
        check(unsafe { WriteFile(file.as_raw_handle(), from, length, &mut written, nowhere) })?;
        if written == 0 {
            return Err(FULL);
        }
        rest = rest.get(usize::try_from(written).unwrap_or(0)..).unwrap_or_default();
    }
    Ok(())
}

/// No more than this at once.
fn piece(length: usize) -> u32 {
    const MOST: u32 = 1 << 30;
    u32::try_from(length).unwrap_or(MOST).min(MOST)
}

#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "half of it is meant")]
const fn low_half(number: u64) -> u32 {
    number as u32
}

/// Opens an existing file for reading.
pub(crate) fn open(path: &CStr) -> Result<File, Errno> {
    /// Directories can be opened only so; they are told from files after.
    const BACKUP_SEMANTICS: u32 = 0x0200_0000;
    const EVERY_SHARE: u32 = 7;
    const OPEN_EXISTING: u32 = 3;
    open_as(path, GENERIC_READ, EVERY_SHARE, OPEN_EXISTING, BACKUP_SEMANTICS)
}

/// Makes or empties a file for writing.
pub(crate) fn create(path: &CStr) -> Result<File, Errno> {
    const NORMAL: u32 = 0x80;
    const READ_SHARE: u32 = 1;
    const CREATE_ALWAYS: u32 = 2;
    open_as(path, GENERIC_WRITE, READ_SHARE, CREATE_ALWAYS, NORMAL)
}

fn open_as(
    path: &CStr,
    access: u32,
    share: u32,
    disposition: u32,
    flags: u32,
) -> Result<File, Errno> {
    /// `ERROR_NO_UNICODE_TRANSLATION`
    const NOT_UTF8: Errno = 1113;
    gate(Call::Open)?;
    let path = path.to_str().map_err(|_| NOT_UTF8)?;
    let mut name: Vec<u16> = Vec::new();
    // No character takes more units than it has bytes; one more ends it.
    let length = path.len().checked_add(1).ok_or(code::INVALID)?;
    name.try_reserve_exact(length).map_err(|_| code::OUT_OF_MEMORY)?;
    name.extend(path.encode_utf16().chain([0]));
    let (nobody, nothing) = (ptr::null(), ptr::null_mut());
    // SAFETY: `name` ends in 0.
    let file =
        unsafe { CreateFileW(name.as_ptr(), access, share, nobody, disposition, flags, nothing) };
    if file.addr() == usize::MAX {
        return Err(last_errno());
    }
    // SAFETY: the system has just opened it for us.
    Ok(unsafe { OwnedHandle::from_raw_handle(file) })
}

/// Asks the system about an open file.
pub(crate) fn status(file: &impl AsRawHandle) -> Result<FileStatus, Errno> {
    /// `FILE_TYPE_DISK`
    const DISK: u32 = 1;
    const DIRECTORY: u32 = 0x10;
    gate(Call::Status)?;
    // SAFETY: the handle is open.
    let on_disk = unsafe { GetFileType(file.as_raw_handle()) } == DISK;
    // SAFETY: zero bytes are such a struct.
    let mut found: FileInformation = unsafe { mem::zeroed() };
    // SAFETY: a live struct that the call fills.
    let asked = check(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut found) });
    if on_disk {
        asked?;
    }
    let whole = |high: u32, low: u32| u64::from(high).wrapping_shl(32) | u64::from(low);
    Ok(FileStatus {
        identity: Identity {
            volume: found.volume,
            number: whole(found.number_high, found.number_low),
        },
        length: whole(found.length_high, found.length_low),
        kind: if !on_disk {
            FileKind::Other
        } else if found.attributes & DIRECTORY != 0 {
            FileKind::Directory
        } else {
            FileKind::Regular
        },
    })
}

/// Without memory files there is nothing to seal.
pub(in super::super) fn seal(_file: &File) -> Result<(), Errno> {
    gate(Call::Seal)?;
    Err(code::UNSUPPORTED)
}

/// Without memory files there is nothing to map.
pub(in super::super) fn map_file(_file: &File, _length: usize) -> Result<Mmap, Errno> {
    gate(Call::Map)?;
    Err(code::UNSUPPORTED)
}

/// Without memory files there is nothing to map.
///
/// # Safety
/// None is needed.
pub(in super::super) unsafe fn map_file_over(
    _start: NonNull<u8>,
    _length: usize,
    _file: &File,
    _charge: Charge,
) -> Result<(), Errno> {
    gate(Call::Map)?;
    Err(code::UNSUPPORTED)
}
