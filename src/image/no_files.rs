//! There are no files in a build without a host.

use super::Image;
use crate::error::{Error, Result};
use crate::region::slab::Ref;
use core::ffi::CStr;

impl Image {
    /// An image of the bytes of a file, which there is not.
    ///
    /// # Errors
    /// [`Error::File`], always.
    pub const fn from_file(_path: &CStr, _index: u64) -> Result<Ref<Self>> {
        Err(Error::File { requested: 0, available: 0, os_error: 0 })
    }

    /// Writes the bytes to a file, which there is not.
    ///
    /// # Errors
    /// [`Error::File`], always.
    pub const fn write_file(&self, _path: &CStr) -> Result<()> {
        let requested = crate::units::bytes(self.length);
        Err(Error::File { requested, available: 0, os_error: 0 })
    }
}
