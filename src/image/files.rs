//! Images from files, and files of images.

use super::Image;
use crate::error::{Error, Result};
use crate::region::frozen::FillError;
use crate::region::os::code;
use crate::region::os_files::{self, FileKind};
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
        let all = self.frozen.as_ref().map_or(&[][..], |frozen| frozen.bytes());
        let end = self.lead.saturating_add(self.length);
        let bytes = all.get(self.lead..end).unwrap_or_default();
        os_files::write_all(&file, bytes).map_err(refused)
    }
}

/// Hands the first `length` bytes of a file to `put`, in pieces. Where the file has become shorter
/// the rest is zero.
fn copy_file(
    file: &os_files::File,
    length: usize,
    mut put: impl FnMut(usize, &Span<'_>) -> core::result::Result<(), i32>,
) -> core::result::Result<(), FillError> {
    const PIECE: usize = 256 << 10;
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
