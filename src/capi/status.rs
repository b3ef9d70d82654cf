//! What every fallible function of the C ABI returns.

use super::{error, pointer};
use crate::error::{Class, Result};
use core::ffi::{CStr, c_char};

/// Whether a call succeeded, and if not, which JavaScript exception it corresponds to: one of the
/// WASM_MEMORY_OK, _TYPE_ERROR, … below. wasm_memory_last_error tells why.
pub type wasm_memory_status_t = i32;

/// The call did what it says.
pub const WASM_MEMORY_OK: wasm_memory_status_t = 0;
/// JavaScript TypeError: an argument has the wrong shape or is outside its integer type.
pub const WASM_MEMORY_TYPE_ERROR: wasm_memory_status_t = 1;
/// JavaScript RangeError: a value fits its integer type but is not allowed, or the host refused.
pub const WASM_MEMORY_RANGE_ERROR: wasm_memory_status_t = 2;
/// WebAssembly.LinkError: an import does not match.
pub const WASM_MEMORY_LINK_ERROR: wasm_memory_status_t = 3;
/// WebAssembly.RuntimeError: a trap.
pub const WASM_MEMORY_RUNTIME_ERROR: wasm_memory_status_t = 4;
/// DataCloneError: an unshared memory cannot be sent to another agent.
pub const WASM_MEMORY_DATA_CLONE_ERROR: wasm_memory_status_t = 5;
/// A fault of the library itself, caught at the boundary.
pub const WASM_MEMORY_INTERNAL_ERROR: wasm_memory_status_t = 6;
/// The host refused what has no JavaScript counterpart: a file that cannot be read or written.
pub const WASM_MEMORY_HOST_ERROR: wasm_memory_status_t = 7;

/// The status of a class of errors.
pub(super) const fn of(class: Class) -> wasm_memory_status_t {
    match class {
        Class::Type => WASM_MEMORY_TYPE_ERROR,
        Class::Range => WASM_MEMORY_RANGE_ERROR,
        Class::Link => WASM_MEMORY_LINK_ERROR,
        Class::Runtime => WASM_MEMORY_RUNTIME_ERROR,
        Class::DataClone => WASM_MEMORY_DATA_CLONE_ERROR,
        Class::Internal => WASM_MEMORY_INTERNAL_ERROR,
        Class::Host => WASM_MEMORY_HOST_ERROR,
    }
}

/// Runs the body of a function with a status: records the error, and catches a panic.
pub(super) fn answer(body: impl FnOnce() -> Result<()>) -> wasm_memory_status_t {
    match pointer::caught_result(body) {
        Ok(()) => WASM_MEMORY_OK,
        Err(error) => {
            error::record(error);
            of(error.class())
        }
    }
}

/// The name of a status: "OK", or the JavaScript exception ("TypeError", "RangeError", …).
///
/// status: any number. Returns a static NUL-terminated string, never NULL; "unknown" for a number
/// that is no status. Never fails. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_status_name"))]
pub extern "C" fn wasm_memory_status_name(status: wasm_memory_status_t) -> *const c_char {
    let name: &CStr = match status {
        WASM_MEMORY_OK => c"OK",
        WASM_MEMORY_TYPE_ERROR => c"TypeError",
        WASM_MEMORY_RANGE_ERROR => c"RangeError",
        WASM_MEMORY_LINK_ERROR => c"LinkError",
        WASM_MEMORY_RUNTIME_ERROR => c"RuntimeError",
        WASM_MEMORY_DATA_CLONE_ERROR => c"DataCloneError",
        WASM_MEMORY_INTERNAL_ERROR => c"InternalError",
        WASM_MEMORY_HOST_ERROR => c"HostError",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// Number of the C ABI that this header describes: raised when a function, struct or constant
/// changes incompatibly, and part of the shared library's SONAME.
pub const WASM_MEMORY_ABI_VERSION: u32 = 1;

/// The version of the library that is running, as "major.minor.patch".
///
/// Returns a static NUL-terminated string. Never fails. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_version"))]
pub extern "C" fn wasm_memory_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The number of the C ABI of the library that is running. It works with a program that was
/// compiled against a header with the same WASM_MEMORY_ABI_VERSION.
///
/// Never fails. Any thread.
#[unsafe(export_name = concat!(env!("WASM_MEMORY_PREFIX"), "wasm_memory_abi_version"))]
pub extern "C" fn wasm_memory_abi_version() -> u32 {
    WASM_MEMORY_ABI_VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_classes() {
        for class in [
            Class::Type,
            Class::Range,
            Class::Link,
            Class::Runtime,
            Class::DataClone,
            Class::Internal,
            Class::Host,
        ] {
            let name = wasm_memory_status_name(of(class));
            // SAFETY: a static C string.
            assert_eq!(unsafe { CStr::from_ptr(name) }.to_str(), Ok(class.name()));
        }
        // SAFETY: a static C string.
        let unknown = unsafe { CStr::from_ptr(wasm_memory_status_name(-1)) };
        assert_eq!(unknown, c"unknown");
    }

    #[test]
    fn the_soname_carries_the_abi_version() {
        assert_eq!(env!("WASM_MEMORY_ABI_VERSION"), wasm_memory_abi_version().to_string());
    }

    #[cfg(feature = "host")]
    #[test]
    fn a_panic_becomes_an_internal_error() {
        assert_eq!(answer(|| panic!("planted")), WASM_MEMORY_INTERNAL_ERROR);
        assert_eq!(error::recorded().map(|error| error.reason()), Some(90));
    }
}
