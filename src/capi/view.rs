//! What an engine reads: base and length in memory, and what the address space looks like.

use super::memory::{field, wasm_memory_t};
use super::pointer::{Out, or_default};
use crate::memory::Memory;
use crate::region::slab::Handle;
use crate::view::View;
use core::mem::{align_of, offset_of, size_of};
use core::ptr;

/// Base and byte length of a memory, at one address for as long as the memory lives: compiled code
/// may load through it. Read only. For a shared memory byte_length changes under other threads:
/// read it with an atomic load, acquire or sequentially consistent.
#[repr(C)]
pub struct wasm_memory_view_t {
    /// Address of byte 0; changes only when a movable memory grows.
    pub base: *mut u8,
    /// Length in bytes, published only after the bytes can be used.
    pub byte_length: usize,
}

// The view that C sees is the one that the memory keeps.
const _: () = assert!(
    size_of::<wasm_memory_view_t>() == size_of::<View>()
        && align_of::<wasm_memory_view_t>() == align_of::<View>()
        && offset_of!(wasm_memory_view_t, byte_length) == size_of::<*mut u8>()
);

/// What the address space around a memory looks like: what compiled code may rely on. Constant for
/// the life of a memory, unless growth moves it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct wasm_memory_layout_t {
    /// Bytes from the base within which the base never moves; a multiple of the host page, but on a heap.
    pub reservation: u64,
    /// Inaccessible bytes before the base.
    pub guard_before: u64,
    /// Inaccessible bytes after the reservation.
    pub guard_after: u64,
    /// Growth past the reservation may change the base.
    pub movable: bool,
    /// Every byte at or past the byte length, rounded up to the host page, faults.
    pub exact_protection: bool,
    /// An access of at most 16 bytes at any 32-bit index plus a static offset up to the next field
    /// is in bounds or faults, so compiled code needs no check.
    pub elides_i32_checks: bool,
    /// The largest such static offset; 0 when there is none.
    pub elidable_offset: u64,
    /// Zero.
    pub reserved: [u64; 4],
}

/// The base and byte length of a memory where compiled code can load them.
///
/// Returns an address that is the same for as long as the memory lives; NULL for a bad handle. Any
/// thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_view"))]
pub unsafe extern "C" fn wasm_memory_view(
    memory: *const wasm_memory_t,
) -> *const wasm_memory_view_t {
    // SAFETY: the caller passes a handle from this library and does not delete it meanwhile.
    unsafe { field(memory) }.map_or(ptr::null(), |memory| ptr::from_ref(memory.view()).cast())
}

/// What the address space around a memory looks like.
///
/// out: receives the layout; NULL does nothing. Zero in every field for a bad handle. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_get_layout"))]
pub unsafe extern "C" fn wasm_memory_get_layout(
    memory: *const wasm_memory_t,
    out: *mut wasm_memory_layout_t,
) {
    // SAFETY: the caller passes NULL or a writable struct.
    let out = unsafe { Out::new(out) };
    let layout = or_default(|| {
        // SAFETY: the caller passes a handle from this library.
        unsafe { Handle::<Memory>::new(memory) }.acquire().map_or_else(
            |_| wasm_memory_layout_t::default(),
            |memory| {
                let layout = memory.layout();
                wasm_memory_layout_t {
                    reservation: layout.reservation,
                    guard_before: layout.guard_before,
                    guard_after: layout.guard_after,
                    movable: layout.movable,
                    exact_protection: layout.exact_protection,
                    elides_i32_checks: layout.elidable_offset.is_some(),
                    elidable_offset: layout.elidable_offset.unwrap_or(0),
                    reserved: [0; 4],
                }
            },
        )
    });
    out.write(layout);
}
