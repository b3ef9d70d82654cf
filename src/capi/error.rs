//! Why the last call of this thread failed.

use super::pointer::{Out, or_default};
use super::status::{self, wasm_memory_status_t};
use crate::error::Error;
use core::ffi::c_char;
use core::fmt::{self, Write as _};

pub(super) use imp::{caught, record, recorded};

#[cfg(feature = "host")]
mod imp {
    use crate::error::{Error, Result};
    use core::cell::Cell;
    use std::panic::{self, AssertUnwindSafe};

    std::thread_local! {
        // A plain value without a destructor: setting it allocates nothing and a thread's exit needs
        // nothing.
        static LAST: Cell<Option<Error>> = const { Cell::new(None) };
    }

    pub(in crate::capi) fn record(error: Error) {
        LAST.set(Some(error));
    }

    pub(in crate::capi) fn recorded() -> Option<Error> {
        LAST.get()
    }

    /// Runs `body` and turns a panic, which no input should be able to cause, into an error.
    pub(in crate::capi) fn caught<R>(body: impl FnOnce() -> R) -> Result<R> {
        panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
            // Dropping a payload may panic again, and there is nothing left to catch that.
            core::mem::forget(payload);
            Error::Panic {}
        })
    }
}

/// Without a host there is one error for all, and a panic ends in the panic handler.
#[cfg(not(feature = "host"))]
mod imp {
    use crate::error::{Error, Result};
    use crate::region::lock::{Lock, Repair};

    struct Last(Option<Error>);

    impl Repair for Last {
        fn repair(&mut self) {}
    }

    static LAST: Lock<Last> = Lock::new(Last(None));

    pub(in crate::capi) fn record(error: Error) {
        LAST.lock().0 = Some(error);
    }

    pub(in crate::capi) fn recorded() -> Option<Error> {
        LAST.lock().0
    }

    #[allow(clippy::unnecessary_wraps, reason = "its twin catches panics")]
    pub(in crate::capi) fn caught<R>(body: impl FnOnce() -> R) -> Result<R> {
        Ok(body())
    }
}

/// Why a call failed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_memory_error_t {
    /// What the failed call returned.
    pub status: wasm_memory_status_t,
    /// One of WASM_MEMORY_REASON_*: a stable number for each distinguishable cause.
    pub reason: u32,
    /// errno (or GetLastError) of the operating-system call that refused, or 0.
    pub os_error: i32,
    /// What was asked for, in the unit that the reason names; UINT64_MAX where it is more.
    pub requested: u64,
    /// The limit that it met, in the same unit, or 0 where none is known.
    pub available: u64,
    /// Zero.
    pub reserved: [u64; 2],
}

/// No call of this thread has failed.
pub const WASM_MEMORY_REASON_NONE: u32 = 0;
/// A required pointer is NULL.
pub const WASM_MEMORY_REASON_NULL_ARGUMENT: u32 = 1;
/// A handle was deleted or is of another kind. requested: its address.
pub const WASM_MEMORY_REASON_INVALID_HANDLE: u32 = 2;
/// A reserved field is not zero. requested: its value.
pub const WASM_MEMORY_REASON_RESERVED_FIELD: u32 = 3;
/// A number names no known value. requested: the number.
pub const WASM_MEMORY_REASON_UNKNOWN_VALUE: u32 = 4;
/// Two settings exclude each other. requested and available: their values.
pub const WASM_MEMORY_REASON_SETTINGS_CONFLICT: u32 = 5;
/// The descriptor has no initial size.
pub const WASM_MEMORY_REASON_INITIAL_MISSING: u32 = 10;
/// The address type is neither i32 nor i64. requested: its number.
pub const WASM_MEMORY_REASON_ADDRESS_TYPE: u32 = 11;
/// A shared memory without a maximum.
pub const WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM: u32 = 12;
/// A page count outside the integer type of the address type. Pages.
pub const WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE: u32 = 13;
/// A page size other than 1 and 65536. Bytes.
pub const WASM_MEMORY_REASON_PAGE_SIZE: u32 = 14;
/// A page count above the limit of the address type. Pages.
pub const WASM_MEMORY_REASON_ABOVE_LIMIT: u32 = 15;
/// The maximum is below the initial size. Pages.
pub const WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL: u32 = 16;
/// Growth past the declared maximum: the size it would reach, and the maximum. Pages.
pub const WASM_MEMORY_REASON_MAXIMUM_EXCEEDED: u32 = 20;
/// A size above the size limit of the allocator. Bytes.
pub const WASM_MEMORY_REASON_SIZE_LIMIT: u32 = 21;
/// The quota in bytes of the allocator. Bytes.
pub const WASM_MEMORY_REASON_QUOTA_BYTES: u32 = 22;
/// The limiter of the allocator refused. Bytes.
pub const WASM_MEMORY_REASON_LIMITER: u32 = 23;
/// A size above what a slot of the pool holds. Bytes.
pub const WASM_MEMORY_REASON_SLOT_SIZE: u32 = 24;
/// Growth past the reservation of a memory that may not move. Bytes.
pub const WASM_MEMORY_REASON_RESERVATION_EXCEEDED: u32 = 25;
/// The quota of memories of the allocator. Memories.
pub const WASM_MEMORY_REASON_QUOTA_MEMORIES: u32 = 26;
/// Every slot of the pool is in use. Memories.
pub const WASM_MEMORY_REASON_POOL_EXHAUSTED: u32 = 27;
/// The host refused address space (mmap, RLIMIT_AS). Bytes.
pub const WASM_MEMORY_REASON_ADDRESS_SPACE: u32 = 30;
/// The host refused to make bytes usable (a protection change or commit, RLIMIT_DATA). Bytes.
pub const WASM_MEMORY_REASON_COMMIT: u32 = 31;
/// The library could not get memory for its own use, or a heap has no block for a memory. Bytes.
pub const WASM_MEMORY_REASON_OUT_OF_MEMORY: u32 = 32;
/// The host's limit on the mappings of one process (vm.max_map_count). Mappings.
pub const WASM_MEMORY_REASON_MAP_COUNT: u32 = 33;
/// The buffer is detached.
pub const WASM_MEMORY_REASON_DETACHED: u32 = 40;
/// Not possible on a buffer of this kind.
pub const WASM_MEMORY_REASON_BUFFER_KIND: u32 = 41;
/// A buffer cannot shrink. Bytes.
pub const WASM_MEMORY_REASON_WOULD_SHRINK: u32 = 42;
/// A resize by a part of a page. Bytes.
pub const WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE: u32 = 43;
/// A memory without a maximum has no resizable buffer.
pub const WASM_MEMORY_REASON_NO_MAXIMUM: u32 = 44;
/// A resize past the maximum length of the buffer. Bytes.
pub const WASM_MEMORY_REASON_MAX_BYTE_LENGTH: u32 = 45;
/// The buffer of a memory cannot be transferred.
pub const WASM_MEMORY_REASON_NOT_TRANSFERABLE: u32 = 46;
/// The import asks for another address type: its number, and the memory's.
pub const WASM_MEMORY_REASON_IMPORT_ADDRESS: u32 = 50;
/// The import asks for another page size. Bytes.
pub const WASM_MEMORY_REASON_IMPORT_PAGE_SIZE: u32 = 51;
/// The import asks for the other kind of sharing: 0 or 1, and the memory's.
pub const WASM_MEMORY_REASON_IMPORT_SHARED: u32 = 52;
/// The memory is smaller than the import asks. Pages.
pub const WASM_MEMORY_REASON_IMPORT_INITIAL: u32 = 53;
/// The memory may become larger than the import allows. Pages.
pub const WASM_MEMORY_REASON_IMPORT_MAXIMUM: u32 = 54;
/// An access past the end: where it ends, and the byte length. Bytes.
pub const WASM_MEMORY_REASON_OUT_OF_BOUNDS: u32 = 60;
/// An address that is not a multiple of the access width. Bytes.
pub const WASM_MEMORY_REASON_UNALIGNED: u32 = 61;
/// A wait on a memory that is not shared.
pub const WASM_MEMORY_REASON_WAIT_UNSHARED: u32 = 62;
/// More waiters than an address can have.
pub const WASM_MEMORY_REASON_TOO_MANY_WAITERS: u32 = 63;
/// The wait was interrupted.
pub const WASM_MEMORY_REASON_INTERRUPTED: u32 = 64;
/// An unshared memory cannot be sent to another agent.
pub const WASM_MEMORY_REASON_NOT_CLONEABLE: u32 = 70;
/// Not possible on a shared memory.
pub const WASM_MEMORY_REASON_SHARED_MEMORY: u32 = 71;
/// The image does not fit the memory. Bytes.
pub const WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT: u32 = 80;
/// A file that cannot be read or written. Bytes.
pub const WASM_MEMORY_REASON_FILE: u32 = 81;
/// A fault of the library itself, caught at the boundary.
pub const WASM_MEMORY_REASON_PANIC: u32 = 90;

/// Why the last failed call of this thread failed, as errno would tell it.
///
/// out: where to write; NULL is allowed and does nothing. Zero in every field when no call of this
/// thread has failed. Only a call that returns a status other than WASM_MEMORY_OK changes it:
/// success and functions without a status leave it alone. Each thread has its own; a binding whose
/// tasks change threads fetches it in the same foreign call.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_last_error"))]
pub unsafe extern "C" fn wasm_memory_last_error(out: *mut wasm_memory_error_t) {
    // SAFETY: the caller passes NULL or a writable struct.
    let out = unsafe { Out::new(out) };
    out.write(error_to_c(recorded()));
}

/// An error as C reads it.
pub(super) fn error_to_c(error: Option<Error>) -> wasm_memory_error_t {
    let figures = error.map(|error| error.figures()).unwrap_or_default();
    wasm_memory_error_t {
        status: error.map_or(status::WASM_MEMORY_OK, |error| status::of(error.class())),
        reason: error.map_or(WASM_MEMORY_REASON_NONE, |error| error.reason()),
        os_error: figures.os_error,
        requested: figures.requested,
        available: figures.available,
        reserved: [0; 2],
    }
}

/// The same in English, as snprintf writes it.
///
/// buffer: where to write, at most capacity bytes with the terminating NUL; NULL is allowed and
/// writes nothing. Returns the length of the whole message in bytes without the NUL, so a result
/// of capacity or more means that it was cut off. The text is not part of the ABI; empty when no
/// call of this thread has failed. Never fails; leaves the error as it is.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_last_error_message"))]
pub unsafe extern "C" fn wasm_memory_last_error_message(
    buffer: *mut c_char,
    capacity: usize,
) -> usize {
    let capacity = if buffer.is_null() { 0 } else { capacity };
    let mut text = Text { buffer: buffer.cast(), capacity, length: 0 };
    or_default(|| {
        if let Some(error) = recorded() {
            // Writing a Text never fails.
            let _ = write!(text, "{error}");
        }
        text.terminate();
        text.length
    })
}

/// Text in the caller's buffer, cut off at its end.
struct Text {
    buffer: *mut u8,
    /// Bytes of the buffer, the terminating NUL included.
    capacity: usize,
    /// Length of the whole text.
    length: usize,
}

impl Text {
    fn put(&mut self, index: usize, byte: u8) {
        if index < self.capacity {
            // SAFETY: the caller's buffer is writable over `capacity` bytes.
            let place = unsafe { self.buffer.add(index) };
            // SAFETY: as above.
            unsafe { place.write(byte) };
        }
    }

    fn terminate(&mut self) {
        if let Some(last) = self.capacity.checked_sub(1) {
            self.put(self.length.min(last), 0);
        }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.put(self.length, byte);
            self.length = self.length.saturating_add(1);
        }
        Ok(())
    }
}
