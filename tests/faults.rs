//! Every system call refused, one at a time and from one on, under every function that makes any.
//!
//! A *fault point* is one process: a scenario in which the n-th call of a kind is refused with an
//! errno, once or for good, in a process that has never used the library (cold) or has used it a lot
//! (warm). n goes up until nothing is left to refuse. After each refusal: the status and the reason are
//! ones that this call allows, all that can be seen is as it was, the next call works; and at the end
//! the process has the mappings and descriptors that it had. The library must not touch the heap.
//!
//! Which functions reach the host, which kinds of call there are and where they are made is read from
//! the header and the sources, and compared with what was seen. `cargo xtask check faults` runs every
//! errno in every way.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_unsafe,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::macro_metavars_in_unsafe,
    clippy::multiple_unsafe_ops_per_block,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test"
)]

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/heap.rs"]
mod heap;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/host.rs"]
mod host;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/planted.rs"]
mod planted;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/points.rs"]
mod points;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/rules.rs"]
mod rules;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/scenarios.rs"]
mod scenarios;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/shared.rs"]
mod shared;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/sources.rs"]
mod sources;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[path = "faults/world.rs"]
mod world;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn main() -> std::process::ExitCode {
    points::main()
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn main() {
    println!("not here: faults are injected on 64-bit Linux");
}
