//! The primitives of what several threads use at once: atomics, a fence, and the lock.
//!
//! `models` has a module of this name over the primitives of a model checker, and compiles the very
//! same registry, slots, slabs, caches, memories and buffers against it.

pub(crate) use crate::region::lock::{Guard, Lock};
pub(crate) use crate::region::storage;
pub(crate) use crate::wide::AtomicU64;
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence,
};

/// Logarithm of the places in the first table of the registry.
pub(crate) const FIRST_TABLE_LOG2: usize = if cfg!(feature = "host") { 9 } else { 4 };
