//! Creation, growth and the rest of `WebAssembly.Memory`.

use super::descriptor::{self, wasm_memory_descriptor_t};
use super::pointer::{self, Out, or_default};
use super::status::{self, wasm_memory_status_t};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::region::slab::Handle;
use crate::units;
use core::ptr;

/// A linear memory: what `WebAssembly.Memory` is to JavaScript. Made by wasm_memory_new and
/// wasm_memory_new_in, given back by wasm_memory_delete.
///
/// A shared memory may be used by any thread at once; of an unshared memory one thread at a time.
/// wasm_memory_retain and wasm_memory_delete are safe from any thread meanwhile. A handle that was
/// deleted, or of another kind, is answered with WASM_MEMORY_TYPE_ERROR
/// (WASM_MEMORY_REASON_INVALID_HANDLE), or NULL, 0 or false from a function without a status.
pub struct wasm_memory_t {
    _private: [u8; 0],
}

/// # Safety
/// `memory` is NULL or came from this library.
pub(super) const unsafe fn handle(memory: *const wasm_memory_t) -> Handle<Memory> {
    // SAFETY: by this function's own contract.
    unsafe { Handle::new(memory) }
}

/// The memory of a handle, for calls that only load a field.
///
/// # Safety
/// `memory` is NULL or came from this library, and is not deleted before the last use of the answer.
#[inline(always)]
pub(super) unsafe fn field(memory: *const wasm_memory_t) -> Option<&'static Memory> {
    // SAFETY: by this function's own contract.
    let handle = unsafe { handle(memory) };
    // SAFETY: by this function's own contract.
    unsafe { handle.get() }
}

/// The memory of a handle, for a call that must not pay for a reference count. The caller's handle
/// keeps it.
///
/// # Safety
/// `memory` is NULL or came from this library, and is not deleted before the call returns.
#[inline(always)]
pub(super) unsafe fn used(memory: *const wasm_memory_t) -> Result<&'static Memory> {
    // SAFETY: by this function's own contract.
    let used = unsafe { field(memory) };
    used.ok_or_else(|| {
        // SAFETY: by this function's own contract.
        unsafe { handle(memory) }.error()
    })
}

/// Makes a memory, zero-filled, from the default allocator: `new WebAssembly.Memory(descriptor)`.
///
/// descriptor: read once, not kept. out: receives the new memory, one reference that the caller
/// gives back with wasm_memory_delete; NULL after a failure.
///
/// WASM_MEMORY_TYPE_ERROR, checked in this order: out is NULL, descriptor is NULL (NULL_ARGUMENT);
/// a reserved field is not zero (RESERVED_FIELD); the address type is unknown (ADDRESS_TYPE); initial
/// is absent (INITIAL_MISSING); initial, then maximum, is outside the integer type of the address
/// type (COUNT_OUTSIDE_TYPE); shared without a maximum (SHARED_WITHOUT_MAXIMUM).
/// WASM_MEMORY_RANGE_ERROR, after those and in this order: the page size is not 1 or 65536
/// (PAGE_SIZE); initial, then maximum, is above the limit: 65536 pages for i32, 2^37 - 1 for i64,
/// and with pages of 1 byte 2^32 - 1 for i32 (ABOVE_LIMIT); maximum is below initial
/// (MAXIMUM_BELOW_INITIAL); initial is above 16 GiB (SIZE_LIMIT); the host refuses (ADDRESS_SPACE,
/// COMMIT, MAP_COUNT, OUT_OF_MEMORY). Nothing is left behind by a failure.
///
/// What an earlier memory has left may be used again: it reads zero.
///
/// Any thread. Specification: JS API, the Memory constructor.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_new"))]
pub unsafe extern "C" fn wasm_memory_new(
    descriptor: *const wasm_memory_descriptor_t,
    out: *mut *mut wasm_memory_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a readable descriptor.
    let make = || Memory::new(&unsafe { descriptor::read(descriptor) }?);
    // SAFETY: the caller passes NULL or a writable pointer.
    unsafe { pointer::answer_handle(out, make) }
}

/// Grows a memory by delta_pages pages, which read zero: `memory.grow(delta)`.
///
/// delta_pages: pages of the memory's own page size; 0 is allowed and succeeds. previous_pages:
/// receives the size before in pages; may be NULL.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle (NULL_ARGUMENT, INVALID_HANDLE); delta_pages is outside the
/// integer type of an i32 memory (COUNT_OUTSIDE_TYPE). WASM_MEMORY_RANGE_ERROR, in this order: past
/// the declared maximum (MAXIMUM_EXCEEDED), past what the address type can index (ABOVE_LIMIT),
/// past the size limit (SIZE_LIMIT), past the reservation of a memory that may not move
/// (RESERVATION_EXCEEDED), refused by the host (ADDRESS_SPACE, COMMIT, MAP_COUNT, OUT_OF_MEMORY). A
/// failure changes nothing: size, base, contents and *previous_pages are what they were.
///
/// The base stays where it is, unless wasm_memory_get_layout says that the memory is movable. Any
/// thread may grow a shared memory; growths are totally ordered, every success has a different
/// previous size, and the new length is published after the pages can be used.
/// Specification: JS API, Memory.prototype.grow.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_grow"))]
pub unsafe extern "C" fn wasm_memory_grow(
    memory: *mut wasm_memory_t,
    delta_pages: u64,
    previous_pages: *mut u64,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library.
        let memory = unsafe { handle(memory) }.acquire()?;
        let previous = memory.grow(delta_pages)?;
        // SAFETY: the caller passes NULL or a writable number.
        unsafe { Out::new(previous_pages) }.write(previous);
        Ok(())
    })
}

/// The base of a memory: the address of byte 0.
///
/// Returns an address that is aligned to the host page (on a heap: to 16 bytes) and not NULL also at
/// size 0; NULL for a bad handle. The bytes up to wasm_memory_byte_length can be read and written for as long as the
/// memory lives; the base changes only when a movable memory grows (wasm_memory_get_layout). Whoever
/// changes the protection or kernel advice of these pages himself puts it back before he deletes the
/// memory: the next memory of the allocator may be there.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_data"))]
pub unsafe extern "C" fn wasm_memory_data(memory: *const wasm_memory_t) -> *mut u8 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(memory) }.map_or(ptr::null_mut(), |memory| memory.view().base())
}

/// The size of a memory in pages of its own page size; 0 for a bad handle.
///
/// Any thread, also while another grows a shared memory. Specification: memory.size.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_size"))]
pub unsafe extern "C" fn wasm_memory_size(memory: *const wasm_memory_t) -> u64 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(memory) }.map_or(0, Memory::size)
}

/// The size of a memory in bytes; 0 for a bad handle.
///
/// Any thread, also while another grows a shared memory: all bytes up to the answer can be used.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_byte_length"))]
pub unsafe extern "C" fn wasm_memory_byte_length(memory: *const wasm_memory_t) -> u64 {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(memory) }.map_or(0, |memory| units::bytes(memory.look().byte_length()))
}

/// Gives back one reference to a memory. With the last one the handle is dead. As soon as no buffer is
/// held and no wait runs any more, the bytes are cleaned and the address space is kept for the next
/// memory of the allocator, or goes back to the host; wasm_memory_allocator_trim gives back what is kept.
///
/// memory: NULL, a dead handle and one of another kind do nothing. Never fails; where the host will
/// not take the address space back it is emptied, closed and offered again later. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_delete"))]
pub unsafe extern "C" fn wasm_memory_delete(memory: *mut wasm_memory_t) {
    // SAFETY: the caller passes NULL or a handle from this library.
    or_default(|| unsafe { handle(memory) }.release());
}

/// Counts one more reference to a memory, to be given back with wasm_memory_delete.
///
/// Returns the same pointer; NULL for a bad handle: a dead one is never revived. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_retain"))]
pub unsafe extern "C" fn wasm_memory_retain(memory: *mut wasm_memory_t) -> *mut wasm_memory_t {
    // SAFETY: the caller passes NULL or a handle from this library.
    if unsafe { handle(memory) }.retain() { memory } else { ptr::null_mut() }
}

/// The type of a memory: `memory.type()`.
///
/// out: receives the type. Its initial is the current size in pages, its maximum the declared one
/// (absent and 0 pages when none was), its page size 1 or 65536.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// Specification: JS type reflection.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_get_type"))]
pub unsafe extern "C" fn wasm_memory_get_type(
    memory: *const wasm_memory_t,
    out: *mut wasm_memory_descriptor_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a writable descriptor.
    let out = unsafe { Out::new(out) };
    status::answer(|| {
        out.required()?;
        // SAFETY: the caller passes a handle from this library.
        let memory = unsafe { handle(memory) }.acquire()?;
        out.write(descriptor::to_c(&memory.descriptor()));
        Ok(())
    })
}

/// Does a memory match what an import asks for?
///
/// import: its initial and maximum are the declared limits, which are compared and not validated;
/// an absent initial counts as 0.
///
/// WASM_MEMORY_TYPE_ERROR: a bad handle or import is NULL (NULL_ARGUMENT, INVALID_HANDLE), a
/// reserved field is not zero (RESERVED_FIELD), the address type (ADDRESS_TYPE) or page size
/// (UNKNOWN_VALUE) is unknown. WASM_MEMORY_LINK_ERROR, in this order: another address type
/// (IMPORT_ADDRESS), another page size (IMPORT_PAGE_SIZE), shared against unshared (IMPORT_SHARED),
/// the current size is less than initial (IMPORT_INITIAL), the import has a maximum and the memory
/// has none or a larger one (IMPORT_MAXIMUM).
/// Specification: core, import matching of memory types.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_match"))]
pub unsafe extern "C" fn wasm_memory_match(
    memory: *const wasm_memory_t,
    import: *const wasm_memory_descriptor_t,
) -> wasm_memory_status_t {
    status::answer(|| {
        // SAFETY: the caller passes a handle from this library.
        let memory = unsafe { handle(memory) }.acquire()?;
        // SAFETY: the caller passes NULL or a readable descriptor.
        let import = unsafe { descriptor::read(import) }?;
        memory.matches(&import)
    })
}

/// What posting a memory to another agent does: a shared memory is retained, an unshared one
/// cannot be sent.
///
/// out: receives memory itself with one more reference, to be given back with wasm_memory_delete;
/// NULL after a failure.
///
/// WASM_MEMORY_TYPE_ERROR: out is NULL or a bad handle (NULL_ARGUMENT, INVALID_HANDLE).
/// WASM_MEMORY_DATA_CLONE_ERROR: the memory is unshared (NOT_CLONEABLE). Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_send"))]
pub unsafe extern "C" fn wasm_memory_send(
    memory: *mut wasm_memory_t,
    out: *mut *mut wasm_memory_t,
) -> wasm_memory_status_t {
    // SAFETY: the caller passes NULL or a writable pointer.
    let out = unsafe { Out::new(out) };
    out.write(ptr::null_mut());
    status::answer(|| {
        out.required()?;
        // SAFETY: the caller passes a handle from this library.
        let handle = unsafe { handle(memory) };
        handle.acquire()?.check_send()?;
        if !handle.retain() {
            // Another thread gave the last reference back meanwhile.
            return Err(Error::InvalidHandle { requested: units::bytes(memory.addr()) });
        }
        out.write(memory);
        Ok(())
    })
}
