//! The C ABI: the only `extern "C"` code, a file for each part of the header. No logic.
//!
//! Every function does three things: it checks what came in, calls the safe core, and turns the
//! outcome into a status. Its documentation is the text of the header.
//!
//! * A pointer is NULL-checked, then trusted as the header says. A handle is looked at before it is
//!   trusted ([`Handle`](crate::region::slab::Handle)).
//! * Every number is answered, never trusted: enumerations are plain integers here, and a `bool`
//!   that comes in is a byte.
//! * Functions with a status run inside [`status::answer`], the one place that catches a panic and
//!   records the error. Functions that only load a field cannot panic.
//! * The exported name is written out, with the prefix of a namespaced build before it
//!   (`WASM_MEMORY_PREFIX` in the environment, empty by default).
//! * No function here calls another exported function: whoever else exports its name must not get
//!   the call.
#![allow(unsafe_code, reason = "pointers come in from C")]
#![allow(non_camel_case_types, reason = "the names of the C header")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the documentation of a C function is its contract as a whole"
)]

// The header follows the order of these modules; the empty lines keep rustfmt from sorting them.

pub mod status;

pub mod error;

pub mod descriptor;

pub mod memory;

pub mod view;

pub mod find;

pub mod buffer;

pub mod bulk;

pub mod atomics;

pub mod config;

pub mod heap;

pub mod image;

pub mod allocator;

mod pointer;

// Layouts of hosts with 64-bit pointers.
#[cfg(all(test, target_pointer_width = "64"))]
mod abi;
#[cfg(test)]
#[cfg(feature = "host")]
mod tests;
