//! How the tests call C functions, and what they read back, as values that can be compared.

use wasm_memory::capi::descriptor::{Bool, wasm_memory_descriptor_t, wasm_memory_page_count_t};
use wasm_memory::capi::error::{wasm_memory_error_t, wasm_memory_last_error};
use wasm_memory::capi::memory::wasm_memory_t;
use wasm_memory::capi::view::{wasm_memory_get_layout, wasm_memory_layout_t};

use crate::rules::{Failure, Wish};

/// Calls a function of the C ABI. Handles may be anything that the library returned once: looking
/// at them before trusting them is what it promises. All other pointers are those of live objects
/// of the caller, of the sizes that the call says, or NULL.
#[macro_export]
macro_rules! call {
    ($($call:tt)*) => {{
        // SAFETY: as the macro's documentation says.
        unsafe { $($call)* }
    }};
}

/// Fails the step, unless two values are the same.
#[macro_export]
macro_rules! same {
    ($got:expr, $expected:expr, $($what:tt)*) => {
        match (&$got, &$expected) {
            (got, expected) => {
                if got != expected {
                    let what = format!($($what)*);
                    return Err(format!("{what}: expected {expected:?}, got {got:?}"));
                }
            }
        }
    };
}

/// Nothing, or how the library differs from the model.
pub type Verdict<T = ()> = Result<T, String>;

/// What an output is set to before a call that must not write it.
pub const UNTOUCHED: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// A pointer that no call returns, to see that a failed one sets its output to NULL.
pub fn poison<T>() -> *mut T {
    std::ptr::without_provenance_mut(0x5a50)
}

/// A `bool` of C, which may be any byte.
pub fn boolean(byte: u8) -> Bool {
    // SAFETY: a transparent byte (design.md, section 2), for which every value is fine.
    unsafe { std::mem::transmute::<u8, Bool>(byte) }
}

pub fn byte_of(boolean: Bool) -> u8 {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<Bool, u8>(boolean) }
}

pub fn descriptor(wish: &Wish) -> wasm_memory_descriptor_t {
    let count = |(pages, present)| wasm_memory_page_count_t { pages, present: boolean(present) };
    wasm_memory_descriptor_t {
        initial: count(wish.initial),
        maximum: count(wish.maximum),
        shared: boolean(wish.shared),
        address: wish.address,
        page_size: wish.page_size,
        reserved: wish.reserved,
    }
}

/// Every field of a descriptor.
pub type Fields = ((u64, u8), (u64, u8), u8, u32, u32, [u64; 2]);

pub fn fields(of: &wasm_memory_descriptor_t) -> Fields {
    let count = |count: &wasm_memory_page_count_t| (count.pages, byte_of(count.present));
    let (initial, maximum) = (count(&of.initial), count(&of.maximum));
    (initial, maximum, byte_of(of.shared), of.address, of.page_size, of.reserved)
}

/// Every field of `wasm_memory_error_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastError {
    pub status: i32,
    pub reason: u32,
    pub os_error: i32,
    pub requested: u64,
    pub available: u64,
    pub reserved: [u64; 2],
}

impl From<Failure> for LastError {
    fn from(failure: Failure) -> Self {
        let Failure { status, reason, requested, available } = failure;
        Self { status, reason, requested, available, ..Self::default() }
    }
}

pub fn last_error() -> LastError {
    let mut error = wasm_memory_error_t {
        status: -1,
        reason: u32::MAX,
        os_error: -1,
        requested: UNTOUCHED,
        available: UNTOUCHED,
        reserved: [UNTOUCHED; 2],
    };
    call!(wasm_memory_last_error(&mut error));
    let wasm_memory_error_t { status, reason, os_error, requested, available, reserved } = error;
    LastError { status, reason, os_error, requested, available, reserved }
}

/// Every field of `wasm_memory_layout_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub reservation: u64,
    pub guard_before: u64,
    pub guard_after: u64,
    pub movable: bool,
    pub exact_protection: bool,
    pub elides_i32_checks: bool,
    pub elidable_offset: u64,
    pub reserved: [u64; 4],
}

pub fn layout(memory: *const wasm_memory_t) -> Layout {
    let untouched = wasm_memory_layout_t::default();
    let mut of = wasm_memory_layout_t {
        reservation: UNTOUCHED,
        movable: true,
        reserved: [UNTOUCHED; 4],
        ..untouched
    };
    call!(wasm_memory_get_layout(memory, &mut of));
    Layout {
        reservation: of.reservation,
        guard_before: of.guard_before,
        guard_after: of.guard_after,
        movable: of.movable,
        exact_protection: of.exact_protection,
        elides_i32_checks: of.elides_i32_checks,
        elidable_offset: of.elidable_offset,
        reserved: of.reserved,
    }
}
