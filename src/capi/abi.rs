//! Sizes and offsets of the structs, as c-tests/abi.h and c-tests/abi_allocators.c have them for C: what
//! programs were compiled with. docs/abi.md says what may change.

use super::allocator::*;
use super::config::*;
use super::descriptor::*;
use super::error::*;
use super::find::*;
use super::heap::*;
use super::view::*;
use core::mem::{offset_of, size_of};

macro_rules! layouts {
    ($($name:ident: $size:literal { $($field:ident: $offset:literal,)* })*) => {
        #[test]
        fn structs_are_laid_out_as_ever() {
            $(
                assert_eq!(size_of::<$name>(), $size, stringify!($name));
                $(assert_eq!(offset_of!($name, $field), $offset, stringify!($name.$field));)*
            )*
        }
    };
}

layouts! {
    wasm_memory_page_count_t: 16 {
        pages: 0,
        present: 8,
    }
    wasm_memory_descriptor_t: 64 {
        initial: 0,
        maximum: 16,
        shared: 32,
        address: 36,
        page_size: 40,
        reserved: 48,
    }
    wasm_memory_error_t: 48 {
        status: 0,
        reason: 4,
        os_error: 8,
        requested: 16,
        available: 24,
        reserved: 32,
    }
    wasm_memory_view_t: 16 {
        base: 0,
        byte_length: 8,
    }
    wasm_memory_layout_t: 72 {
        reservation: 0,
        guard_before: 8,
        guard_after: 16,
        movable: 24,
        exact_protection: 25,
        elides_i32_checks: 26,
        elidable_offset: 32,
        reserved: 40,
    }
    wasm_memory_location_t: 40 {
        memory: 0,
        offset: 8,
        zone: 16,
        reserved: 24,
    }
    wasm_memory_host_heap_t: 72 {
        context: 0,
        allocate: 8,
        reallocate: 16,
        deallocate: 24,
        finalize: 32,
        reserved: 40,
    }
    wasm_memory_limiter_t: 64 {
        context: 0,
        growing: 8,
        refused: 16,
        finalize: 24,
        reserved: 32,
    }
    wasm_memory_stats_t: 168 {
        memories: 0,
        peak_memories: 8,
        reserved_bytes: 16,
        accessible_bytes: 24,
        peak_accessible_bytes: 32,
        resident_bytes: 40,
        kept_bytes: 48,
        creations: 56,
        reuses: 64,
        growths: 72,
        moves: 80,
        refusals: 88,
        discarded_bytes: 96,
        reserved: 104,
    }
}
