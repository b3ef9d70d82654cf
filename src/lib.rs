//! The linear memory of a WebAssembly engine, as a library with a C ABI.
//!
//! Data flows one way: a call from C enters through [`capi`], which checks handles and turns
//! errors into statuses; `memory` is the semantics; `allocator` decides where bytes come from;
//! `region` is the only place that talks to the operating system. Nothing knows what is above it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`capi`] | the C ABI, and nothing else |
//! | `memory` | the memory object: size, growth, type, matching |
//! | `buffer` | buffers that detach, and those that grow |
//! | `bulk` | ranges: read, write, fill, copy, init, discard |
//! | `atomics` | wait and notify |
//! | `image` | images, snapshots, reset |
//! | `find` | which memory a faulting address belongs to |
//! | `descriptor` | limits, and the order in which a descriptor is checked |
//! | `allocator` | settings, reservations and the way down when the host has too little; reuse, pools, quotas, counts |
//! | `error` | every cause of refusal, with its class and figures |
//! | `units` | all arithmetic on sizes |
//! | `sync` | the primitives that several threads meet at, which the model checker replaces |
//! | `panic_handler` | what a panic does in a build without a host |
//! | `wide` | atomic words of 64 bits |
//! | `region` | address space, the table of system calls, locks and object storage |
//!
//! Rust programs use [`Memory`], [`Allocator`] and [`Descriptor`]; everyone else the C header
//! `include/wasm_memory.h`.

// A hosted target has the standard library's panic handler, unless the library brings its own.
#![cfg_attr(
    all(not(feature = "host"), not(test), any(feature = "panic-handler", target_os = "none")),
    no_std
)]
#![cfg_attr(not(feature = "host"), allow(dead_code, reason = "some things only a host needs"))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        clippy::disallowed_types,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::multiple_unsafe_ops_per_block,
        reason = "a test may panic and allocate"
    )
)]

mod allocator;
mod atomics;
mod buffer;
mod bulk;
pub mod capi;
mod descriptor;
mod error;
#[cfg(all(feature = "host", any(test, feature = "fault-injection")))]
pub mod faults;
mod find;
mod image;
mod memory;
mod region;
mod sync;
#[cfg(test)]
mod test_support;
mod units;
mod view;
mod wide;

#[cfg(all(feature = "panic-handler", not(feature = "host"), not(test)))]
mod panic_handler;

pub use allocator::{Allocator, Bounds, Config, Statistics};
pub use atomics::Wait;
pub use buffer::Buffer;
pub use descriptor::{AddressType, Descriptor, MemoryType};
pub use error::{Class, Error, Figures, Result};
pub use find::Zone;
pub use image::Image;
pub use memory::{Layout, Memory};
pub use region::slab::Ref;
#[cfg(feature = "host")]
pub use region::{Unreleased, unreleased};
pub use view::View;
