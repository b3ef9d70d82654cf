//! Faults that a library could have, planted in the middle of a scenario: each must turn its point red.

use crate::host;
use crate::world::{World, bytes, layout_of};
use std::hint::black_box;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A byte of a memory is lost.
    Byte,
    /// A mapping is left behind.
    Mapping,
    /// A descriptor is left behind.
    Descriptor,
    /// A page behind the end stays open.
    Page,
    /// A refusal is counted twice.
    Count,
    /// The heap is used.
    Allocation,
    /// A wrong reason is told.
    Reason,
}

impl Planted {
    /// Each with a word of what must be said of it.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Byte, "must be"),
        (Self::Mapping, "new mappings [("),
        (Self::Descriptor, "descriptors"),
        (Self::Page, "behind its end can be read"),
        (Self::Count, "counts of allocator"),
        (Self::Allocation, "heap"),
        (Self::Reason, "reason"),
    ];

    pub fn spoil(self, world: &mut World<'_>) {
        let Some(known) = world.memories.first() else { return };
        let memory = known.memory;
        match self {
            Self::Byte => bytes(memory)[7] ^= 1,
            Self::Mapping => {
                let access = libc::PROT_READ | libc::PROT_EXEC;
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                // SAFETY: a fresh mapping.
                unsafe { libc::mmap(std::ptr::null_mut(), 12288, access, flags, -1, 0) };
            }
            // SAFETY: a new descriptor.
            Self::Descriptor => drop(black_box(unsafe { libc::dup(0) })),
            Self::Page => {
                if layout_of(memory).exact_protection {
                    let end = bytes(memory).as_mut_ptr_range().end;
                    let length = host::page() as usize;
                    // SAFETY: the first page of the memory's own reservation that is not open.
                    unsafe { libc::mprotect(end.cast(), length, libc::PROT_READ) };
                }
            }
            Self::Count => world.allocators[0].1.refusals += 1,
            Self::Allocation | Self::Reason => {}
        }
    }
}

/// What a library that uses the heap would do.
pub fn allocate() {
    let mut block = Vec::<u8>::new();
    let _ = block.try_reserve(64);
    black_box(&block);
}
