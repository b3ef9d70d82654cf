//! Descriptors as C writes and reads them.

use super::pointer;
use crate::descriptor::Descriptor;
use crate::error::Result;

/// A `bool` as it comes in from C: true when the byte is not zero, whatever else it is.
/// In the header it is `bool`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Bool(u8);

impl Bool {
    pub(super) const fn is_true(self) -> bool {
        self.0 != 0
    }

    pub(super) fn from(value: bool) -> Self {
        Self(u8::from(value))
    }
}

/// The address type of 32-bit indexes: "i32".
pub const WASM_MEMORY_ADDRESS_I32: u32 = 0;
/// The address type of 64-bit indexes: "i64".
pub const WASM_MEMORY_ADDRESS_I64: u32 = 1;

/// A count of WebAssembly pages that may be absent (a WebIDL optional). Zeroed it is absent, and 0
/// pages can still be said: WASM_MEMORY_PAGES(0).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_memory_page_count_t {
    /// The count in pages of the memory's own page size.
    pub pages: u64,
    /// Whether there is a count. Any byte that is not zero means true.
    pub present: Bool,
}

/// What a memory is to be, or is. Zeroed it is JavaScript's `{}`; a NULL pointer to one is "not an
/// object".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_memory_descriptor_t {
    /// Size at creation in pages; required.
    pub initial: wasm_memory_page_count_t,
    /// Most pages that it may ever have; required when shared.
    pub maximum: wasm_memory_page_count_t,
    /// Whether several threads may use it at once. Any byte that is not zero means true.
    pub shared: Bool,
    /// WASM_MEMORY_ADDRESS_I32 or WASM_MEMORY_ADDRESS_I64.
    pub address: u32,
    /// Bytes of a page: 1 or 65536; 0 means 65536.
    pub page_size: u32,
    /// Must be zero.
    pub reserved: [u64; 2],
}

impl wasm_memory_page_count_t {
    fn to_option(self) -> Option<u64> {
        self.present.is_true().then_some(self.pages)
    }

    fn from_option(count: Option<u64>) -> Self {
        Self { pages: count.unwrap_or(0), present: Bool::from(count.is_some()) }
    }
}

/// Reads a descriptor.
///
/// # Safety
/// `address` is NULL or readable.
pub(super) unsafe fn read(address: *const wasm_memory_descriptor_t) -> Result<Descriptor> {
    // SAFETY: by this function's own contract.
    let raw = unsafe { pointer::read(address) }?;
    Ok(Descriptor {
        initial: raw.initial.to_option(),
        maximum: raw.maximum.to_option(),
        shared: raw.shared.is_true(),
        address: raw.address,
        page_size: raw.page_size,
        reserved: raw.reserved,
    })
}

/// The descriptor as C reads it.
pub(super) fn to_c(descriptor: &Descriptor) -> wasm_memory_descriptor_t {
    wasm_memory_descriptor_t {
        initial: wasm_memory_page_count_t::from_option(descriptor.initial),
        maximum: wasm_memory_page_count_t::from_option(descriptor.maximum),
        shared: Bool::from(descriptor.shared),
        address: descriptor.address,
        page_size: descriptor.page_size,
        reserved: descriptor.reserved,
    }
}
