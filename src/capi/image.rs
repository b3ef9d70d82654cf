//! Images and snapshots.

use super::descriptor::{self, wasm_memory_descriptor_t};
use super::memory::{handle, used, wasm_memory_t};
use super::pointer::{self, Out, or_default};
use super::status::{self, wasm_memory_status_t};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::region::slab::{Handle, Ref};
use crate::region::span::Span;
use core::ffi::{CStr, c_char};
use core::ptr;

/// A frozen run of bytes that a new memory can start from, and an unshared one come back to. Made by
/// wasm_memory_image_new, wasm_memory_image_from_file and wasm_memory_snapshot, given back by
/// wasm_memory_image_delete. Memories that started from it keep the bytes. Any thread, at once.
pub struct wasm_memory_image_t {
    _private: [u8; 0],
}

/// The image of a handle, or `None` for NULL.
///
/// # Safety
/// `image` is NULL or came from this library.
pub(super) unsafe fn optional(image: *const wasm_memory_image_t) -> Result<Option<Ref<Image>>> {
    if image.is_null() {
        return Ok(None);
    }
    // SAFETY: by this function's own contract.
    unsafe { Handle::new(image) }.acquire().map(Some)
}

/// The path that C passes.
///
/// # Safety
/// `path` is NULL or a NUL-terminated string that stays for as long as the answer is used.
unsafe fn path_of<'a>(path: *const c_char) -> Result<&'a CStr> {
    if path.is_null() {
        return Err(Error::NullArgument {});
    }
    // SAFETY: not NULL, and by this function's own contract.
    Ok(unsafe { CStr::from_ptr(path) })
}

/// Makes an image of a copy of bytes.
///
/// bytes: length of them, read before the call returns; NULL is fine when length is 0. index: the byte
/// of a memory at which they belong; any. out: receives the image, one reference that the caller gives
/// back with wasm_memory_image_delete; NULL after a failure.
///
/// WASM_MEMORY_TYPE_ERROR: out or bytes is NULL (NULL_ARGUMENT). WASM_MEMORY_RANGE_ERROR: no memory of
/// this host ends at index + length (IMAGE_DOES_NOT_FIT), no memory for the bytes (OUT_OF_MEMORY). Any
/// thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_new"))]
pub unsafe extern "C" fn wasm_memory_image_new(
    bytes: *const u8,
    length: usize,
    index: u64,
    out: *mut *mut wasm_memory_image_t,
) -> wasm_memory_status_t {
    let make = || {
        if bytes.is_null() && length > 0 {
            return Err(Error::NullArgument {});
        }
        // SAFETY: the caller passes readable bytes; they are only copied from.
        let bytes = unsafe { Span::new(bytes.cast_mut(), length) };
        Image::of_span(&bytes, index)
    };
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Makes an image of the bytes that a file has now. The file is read and not mapped: what becomes of
/// it later does not matter.
///
/// path: NUL-terminated, of a regular file; in UTF-8 on Windows. index, out: as for wasm_memory_image_new.
///
/// WASM_MEMORY_TYPE_ERROR: out or path is NULL (NULL_ARGUMENT). WASM_MEMORY_HOST_ERROR: the file cannot
/// be read (FILE, with errno). WASM_MEMORY_RANGE_ERROR: as for wasm_memory_image_new. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_from_file"))]
pub unsafe extern "C" fn wasm_memory_image_from_file(
    path: *const c_char,
    index: u64,
    out: *mut *mut wasm_memory_image_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a string.
    let make = || Image::from_file(unsafe { path_of(path) }?, index);
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Makes an image of the whole of an unshared memory as it is now, its size included.
///
/// out: receives the image, one reference that the caller gives back with wasm_memory_image_delete;
/// NULL after a failure. It outlives the memory.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE), a shared memory
/// (SHARED_MEMORY). WASM_MEMORY_RANGE_ERROR: no memory for the bytes (OUT_OF_MEMORY). One thread at a
/// time uses the memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_snapshot"))]
pub unsafe extern "C" fn wasm_memory_snapshot(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_image_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a handle from this library.
    let make = || Image::snapshot(&*unsafe { handle(memory) }.acquire()?);
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Brings an unshared memory back in place. The base stays; every buffer of the memory is detached.
///
/// image: a snapshot of a memory of the same address type and page size brings back its size and
/// bytes. Another image, or NULL for zeros, brings back the size that the memory was created with.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle or image (NULL_ARGUMENT, INVALID_HANDLE), a shared memory
/// (SHARED_MEMORY). WASM_MEMORY_RANGE_ERROR: the image does not lie within that size, or is a snapshot
/// of another type (IMAGE_DOES_NOT_FIT); where the memory becomes larger, what wasm_memory_grow
/// refuses: the maximum, limits, quota and limiter; what the host refuses (COMMIT, MAP_COUNT). A
/// failure changes nothing. Where the memory becomes smaller, bytes past the new size fault (in GUARDED
/// bounds), also through the pointer of a buffer. One thread at a time uses the memory.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_reset"))]
pub unsafe extern "C" fn wasm_memory_reset(
    memory: *mut wasm_memory_t,
    image: *const wasm_memory_image_t,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
        let memory = unsafe { used(memory) }?;
        // SAFETY: the caller passes NULL or a handle from this library.
        let image = unsafe { optional(image) }?;
        memory.reset(image.as_deref())
    })
}

/// Writes the bytes of an image to a file, without their index. The file is made or replaced.
///
/// path: NUL-terminated; in UTF-8 on Windows.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle, or path is NULL (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_HOST_ERROR: the file cannot be written (FILE, with errno); it may be incomplete. Any
/// thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_write_file"))]
pub unsafe extern "C" fn wasm_memory_image_write_file(
    image: *const wasm_memory_image_t,
    path: *const c_char,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library.
        let image = unsafe { Handle::<Image>::new(image) }.acquire()?;
        // SAFETY: the caller passes NULL or a string.
        image.write_file(unsafe { path_of(path) }?)
    })
}

/// Counts one more reference to an image, to be given back with wasm_memory_image_delete.
///
/// Returns the same pointer; NULL for NULL and a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_retain"))]
pub unsafe extern "C" fn wasm_memory_image_retain(
    image: *mut wasm_memory_image_t,
) -> *mut wasm_memory_image_t {
    // SAFETY: the caller passes NULL or a handle from this library.
    let retained = unsafe { Handle::<Image>::new(image) }.retain();
    if retained { image } else { ptr::null_mut() }
}

/// The type of the memory that an image is a snapshot of: a descriptor that wasm_memory_new_in takes
/// with this image.
///
/// out: receives the type, with the size that the memory had as initial. For an image that is no
/// snapshot every field is zero, so initial is absent.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE). Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_get_type"))]
pub unsafe extern "C" fn wasm_memory_image_get_type(
    image: *const wasm_memory_image_t,
    out: *mut wasm_memory_descriptor_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a writable descriptor.
    let out = unsafe { Out::new(out) };
    status::answer(|| {
        out.required()?;
        // SAFETY: the caller passes a handle from this library.
        let image = unsafe { Handle::<Image>::new(image) }.acquire()?;
        out.write(descriptor::to_c(&image.descriptor().unwrap_or_default()));
        Ok(())
    })
}

/// Gives back one reference to an image. Memories that started from it keep their bytes. NULL does
/// nothing. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_image_delete"))]
pub unsafe extern "C" fn wasm_memory_image_delete(image: *mut wasm_memory_image_t) {
    // SAFETY: the caller passes NULL or a handle from this library.
    or_default(|| unsafe { Handle::<Image>::new(image) }.release());
}
