//! Images from files, and files of images.

use super::Image;
use crate::error::{Error, Result};
use crate::region::frozen::FillError;
use crate::region::os::{Errno, code};
use crate::region::os_files::{self, File, FileKind};
use crate::region::slab::Ref;
use crate::region::span::Span;
use crate::units;
use core::ffi::CStr;

impl Image {
    /// An image of the bytes that the file at `path` has now.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read, and those of [`Image::new`].
    pub fn from_file(path: &CStr, index: u64) -> Result<Ref<Self>> {
        let refused = |os_error| Error::File { requested: 0, available: 0, os_error };
        let file = os_files::open(path).map_err(refused)?;
        let status = os_files::status(&file).map_err(refused)?;
        match status.kind {
            FileKind::Regular => {}
            FileKind::Directory => return Err(refused(code::IS_DIRECTORY)),
            FileKind::Other => return Err(refused(code::NOT_SEEKABLE)),
        }
        let too_large = Error::ImageDoesNotFit { requested: status.length, available: u64::MAX };
        let length = units::host(status.length).ok_or(too_large)?;
        Self::make(index, length, None, |sink, lead| {
            copy_file(&file, length, |offset, bytes| sink.put(lead.saturating_add(offset), bytes))
        })
    }

    /// Writes the bytes, without their index, to the file at `path`, which is made or replaced.
    ///
    /// # Errors
    /// [`Error::File`]; the file may then be incomplete.
    pub fn write_file(&self, path: &CStr) -> Result<()> {
        let requested = units::bytes(self.length);
        let refused = |os_error| Error::File { requested, available: 0, os_error };
        // Past that limit a signal would end the process.
        os_files::check_file_size(requested).map_err(refused)?;
        let file = os_files::create(path).map_err(refused)?;
        self.write_to(&file).map_err(refused)
    }

    /// Writes the bytes. Pages that are in no memory are not read for it.
    fn write_to(&self, file: &File) -> core::result::Result<(), Errno> {
        let Some(frozen) = &self.frozen else { return Ok(()) };
        let (all, end) = (frozen.bytes(), self.lead.saturating_add(self.length));
        let mut done = self.lead;
        frozen.each_part(|from, length| {
            let (from, until) = (from.max(done), from.saturating_add(length).min(end));
            write_zeros(file, from.saturating_sub(done))?;
            os_files::write_all(file, all.get(from..until).unwrap_or_default())?;
            done = until.max(from);
            Ok::<(), Errno>(())
        })?;
        write_zeros(file, end.saturating_sub(done))
    }
}

/// What is read or written at once, in bytes.
const PIECE: usize = 256 << 10;

fn write_zeros(file: &File, length: usize) -> core::result::Result<(), Errno> {
    if length == 0 {
        return Ok(());
    }
    let zeros = os_files::map_scratch(length.min(PIECE))?;
    let mut rest = length;
    while let Some(piece) = zeros.get(..rest.min(PIECE)).filter(|piece| !piece.is_empty()) {
        os_files::write_all(file, piece)?;
        rest = rest.saturating_sub(piece.len());
    }
    Ok(())
}

/// Hands the first `length` bytes of a file to `put`, in pieces. Where the file has become shorter
/// the rest is zero.
fn copy_file(
    file: &File,
    length: usize,
    mut put: impl FnMut(usize, &Span<'_>) -> core::result::Result<(), Errno>,
) -> core::result::Result<(), FillError> {
    let mut piece = os_files::map_scratch(PIECE).map_err(FillError::Sink)?;
    let mut offset = 0_usize;
    while offset < length {
        let most = length.saturating_sub(offset).min(PIECE);
        let buffer = piece.get_mut(..most).unwrap_or_default();
        let read = os_files::read_at(file, buffer, units::bytes(offset)).map_err(|os_error| {
            let requested = units::bytes(length);
            FillError::Source(Error::File { requested, available: units::bytes(offset), os_error })
        })?;
        if read == 0 {
            break;
        }
        let bytes = Span::of(buffer).part(0, read);
        put(offset, &bytes).map_err(FillError::Sink)?;
        offset = offset.saturating_add(read);
    }
    Ok(())
}
