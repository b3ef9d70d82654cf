//! The allocators that the memories come from, and what each promises about their layout.

use crate::abi::{Layout, Verdict, boolean};
use crate::handles::{ALLOCATORS, Handle};
use crate::limits::Limits;
use crate::probe::{host_page, limited};
use crate::rules::{Allowance, DEFAULT_SIZE_LIMIT, Room, Type, bytes};
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::config::*;
use wasm_memory::capi::heap::*;
use wasm_memory::capi::status::WASM_MEMORY_OK;

/// What is set; nothing is a setter that is not called.
#[derive(Clone, Copy, Default)]
pub struct Setting {
    reservation: Option<u64>,
    guards: Option<(u64, u64)>,
    checked: bool,
    movable: bool,
    fallback: bool,
    size_limit: Option<u64>,
    pool: Option<(u32, u64)>,
    quota: Option<(u64, u64)>,
    /// The most bytes that the limiter lets a memory have.
    limiter: Option<u64>,
    /// Nothing stays in memory, and initial pages are there at once.
    thrifty: bool,
    huge: bool,
    /// Memories are blocks on the process's heap.
    pub heap: bool,
}

const DEFAULT: Setting = Setting {
    reservation: None,
    guards: None,
    checked: false,
    movable: false,
    fallback: false,
    size_limit: None,
    pool: None,
    quota: None,
    limiter: None,
    thrifty: false,
    huge: false,
    heap: false,
};

/// The first is the default allocator.
pub const SETTINGS: [Setting; 17] = [
    DEFAULT,
    Setting { reservation: Some(65536), movable: true, ..DEFAULT },
    Setting { reservation: Some(2 * 65536), ..DEFAULT },
    Setting { checked: true, ..DEFAULT },
    Setting { size_limit: Some(200_000), ..DEFAULT },
    Setting { guards: Some((65536, 1 << 20)), ..DEFAULT },
    Setting {
        reservation: Some(1),
        checked: true,
        movable: true,
        size_limit: Some(5 * 65536),
        ..DEFAULT
    },
    Setting { reservation: Some(0), guards: Some((1, 0)), movable: true, ..DEFAULT },
    Setting { pool: Some((2, 3 * 65536)), quota: Some((0, 4 * 65536)), ..DEFAULT },
    Setting { pool: Some((1, 70_000)), checked: true, movable: true, huge: true, ..DEFAULT },
    Setting {
        reservation: Some(4096),
        movable: true,
        quota: Some((3, 5 * 65536)),
        limiter: Some(4 * 65536),
        ..DEFAULT
    },
    Setting { limiter: Some(3 * 65536), quota: Some((2, 0)), thrifty: true, ..DEFAULT },
    // More than there is: what is given is the next rung.
    Setting { reservation: Some(1 << 47), fallback: true, quota: Some((4, 1 << 33)), ..DEFAULT },
    Setting {
        pool: Some((2, 4 * 65536)),
        guards: Some((65536, 1 << 17)),
        limiter: Some(3 * 65536),
        thrifty: true,
        ..DEFAULT
    },
    // The heap's come last: `creation.rs` knows how many. What does not move is allocated whole.
    Setting { heap: true, size_limit: Some(6 * 65536 + 100), ..DEFAULT },
    Setting { heap: true, movable: true, size_limit: Some(9 * 65536), ..DEFAULT },
    Setting {
        heap: true,
        movable: true,
        reservation: Some(70_000),
        size_limit: Some(7 * 65536),
        quota: Some((3, 10 * 65536)),
        limiter: Some(6 * 65536),
        ..DEFAULT
    },
];

/// How many of the settings are on the heap.
pub const ON_HEAP: usize = 3;

impl Setting {
    /// What addresses and sizes of a layout are multiples of.
    pub fn units(&self) -> Units {
        if self.heap { Units { base: 16, sizes: 1 } } else { Units::pages() }
    }

    pub fn size_limit(&self) -> u64 {
        self.size_limit.unwrap_or(DEFAULT_SIZE_LIMIT)
    }

    pub fn allowance(&self) -> Allowance {
        Allowance {
            pool: self.pool.map(|(slots, bytes)| (slots.into(), whole(bytes))),
            quota: self.quota.unwrap_or_default(),
            most: self.limiter,
        }
    }

    /// The allocator, and what its limiter looks at.
    pub fn allocator(&self) -> Verdict<(Handle<wasm_memory_allocator_t>, Option<Box<Limits>>)> {
        let config = wasm_memory_config_new();
        if let Some(reservation) = self.reservation {
            call!(wasm_memory_config_set_reservation(config, reservation));
        }
        if let Some((before, after)) = self.guards {
            call!(wasm_memory_config_set_guards(config, before, after));
        }
        if self.checked {
            call!(wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED));
        }
        if self.heap {
            call!(wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP));
        }
        if self.movable {
            // Any byte that is not zero is true.
            call!(wasm_memory_config_set_movable(config, boolean(2)));
        }
        if self.fallback {
            call!(wasm_memory_config_set_fallback(config, boolean(0x80)));
        }
        if let Some(limit) = self.size_limit {
            call!(wasm_memory_config_set_size_limit(config, limit));
        }
        if let Some((slots, bytes)) = self.pool {
            call!(wasm_memory_config_set_pool(config, slots, bytes));
        }
        if let Some((memories, bytes)) = self.quota {
            call!(wasm_memory_config_set_quota(config, memories, bytes));
        }
        if self.thrifty {
            call!(wasm_memory_config_set_keep_resident(config, 0));
            call!(wasm_memory_config_set_kept_bytes(config, 0));
            call!(wasm_memory_config_set_prefault(config, boolean(1)));
        }
        if self.huge {
            call!(wasm_memory_config_set_huge_pages(config, boolean(1)));
        }
        let limits = self.limiter.map(Limits::new);
        if let Some(limits) = &limits {
            let limiter = limits.limiter();
            call!(wasm_memory_config_set_limiter(config, &limiter));
        }
        let mut allocator = ptr::null_mut();
        ALLOCATORS.count();
        let status = call!(wasm_memory_allocator_new(config, &mut allocator));
        call!(wasm_memory_config_delete(config));
        same!(status, WASM_MEMORY_OK, "wasm_memory_allocator_new");
        Ok((Handle::new(allocator, &ALLOCATORS), limits))
    }

    /// The reservation of a memory where none is set (section 6, as far as the other sections rest
    /// on it): all that it may come to, or 4 GiB.
    fn default_reservation(&self, kind: &Type) -> u64 {
        match (kind.maximum, kind.wide) {
            (None, false) => self.most(kind).min(4 << 30),
            _ => self.most(kind),
        }
    }

    /// The most bytes that a memory may come to.
    fn most(&self, kind: &Type) -> u64 {
        let pages = kind.maximum.unwrap_or(kind.declared_limit());
        bytes(pages, kind.page).min(self.size_limit())
    }

    /// A host may refuse more than this, and the default then falls back.
    fn may_fall_back(&self, kind: &Type) -> bool {
        let set = self.reservation.is_some() || self.guards.is_some();
        let short = limited() || self.default_reservation(kind) > 4 << 30;
        self.pool.is_none() && (self.fallback || (!set && short))
    }

    /// Compares the room of a new memory with what was asked for.
    pub fn gives(&self, kind: &Type, length: u64, given: &Layout) -> Verdict {
        let Layout { reservation, .. } = *given;
        if always_moves(given) {
            // How much it has is of no use to anybody.
        } else if let Some((_, slot)) = self.pool {
            same!(reservation, whole(slot), "the slot");
        } else if self.fallback {
            same!(reservation >= length, true, "{reservation} reserved of {length}");
        } else if self.heap {
            // One that may move is as large as it has to be, any other as it can ever be.
            let moves = self.movable && !kind.shared;
            let least = if moves { length } else { self.most(kind) };
            let least = self.reservation.unwrap_or(least).max(length).max(1);
            let short = self.may_fall_back(kind) && reservation < least;
            same!(short || reservation == least, true, "the block of {reservation} for {least}");
        } else if let Some(asked) = self.reservation {
            // A base that is not NULL at size 0 takes a page of its own.
            let least = asked.max(length).max(1);
            same!(reservation, whole(least), "the reservation that was set");
        } else if !self.may_fall_back(kind) {
            let wanted = whole(self.default_reservation(kind));
            same!(reservation >= wanted, true, "{reservation} reserved of {wanted}");
        }
        if self.reservation.is_none() && (kind.wide || kind.shared) {
            let most = whole(self.size_limit());
            same!(reservation <= most, true, "{reservation} reserved past the limit {most}");
        }
        Ok(())
    }

    /// Compares the rest of a layout, which stays what it is when growth moves the memory.
    pub fn keeps(&self, kind: &Type, given: &Layout) -> Verdict {
        // Nothing lies between the slots of a pool whose engine checks bounds, or around a block.
        let none = self.heap || (self.pool.is_some() && self.checked);
        let (before, after) = self.guards.unwrap_or((0, if none { 0 } else { 65536 }));
        if always_moves(given) {
            // What growth leaves behind is as inaccessible as the guard, and told with it.
            same!(given.guard_after >= whole(after), true, "the guard after");
        } else if !self.may_fall_back(kind) {
            let guards = (given.guard_before, given.guard_after);
            same!(guards, (whole(before), whole(after)), "the guards");
        }
        let may_move = self.movable || self.may_fall_back(kind) || cfg!(feature = "stress-move");
        if kind.shared || !may_move || self.pool.is_some() {
            same!(given.movable, false, "movable");
        } else if self.movable && given.reservation < self.most(kind) {
            same!(given.movable, true, "movable, with less reserved than it may grow to");
        }
        if self.checked || self.heap {
            same!(given.exact_protection, false, "exact protection with CHECKED bounds");
        }
        Ok(())
    }
}

/// What a base, and the sizes of a layout, are multiples of.
#[derive(Clone, Copy)]
pub struct Units {
    pub base: u64,
    pub sizes: u64,
}

impl Units {
    pub fn pages() -> Self {
        Self { base: host_page(), sizes: host_page() }
    }
}

/// In whole pages of the host.
fn whole(bytes: u64) -> u64 {
    bytes.div_ceil(host_page()) * host_page()
}

/// The build for stress moves what may move at every growth, also where there is room, and keeps
/// from its layout how much there is.
fn always_moves(layout: &Layout) -> bool {
    cfg!(feature = "stress-move") && layout.movable
}

pub fn room(setting: &Setting, given: &Layout) -> Room {
    let Layout { reservation, movable, .. } = *given;
    Room { reservation, movable, hidden: always_moves(given), slot: setting.pool.is_some() }
}

/// What every layout says about itself (section 3), whatever the allocator.
pub fn truthful(kind: &Type, length: u64, units: Units, layout: &Layout) -> Verdict {
    let page = host_page();
    let Layout { reservation, guard_before, guard_after, .. } = *layout;
    same!(reservation >= length, true, "{length} bytes within the reservation {reservation}");
    same!(reservation % units.sizes, 0, "the reservation in host pages");
    same!((guard_before % page, guard_after % page), (0, 0), "the guards in host pages");
    same!(layout.reserved, [0; 4], "the reserved fields of the layout");
    // The last byte of 16 at the largest index and the offset is still in the guard.
    let reach = u128::from(reservation) + u128::from(guard_after);
    let largest = reach.checked_sub(u128::from(u32::MAX) + 16);
    let possible = layout.exact_protection && !kind.wide && kind.page >= page;
    let offset = layout.elides_i32_checks.then_some(u128::from(layout.elidable_offset));
    let expected = largest.filter(|_| possible);
    same!(offset, expected, "the offset up to which checks are elided, {layout:?}");
    if offset.is_none() {
        same!(layout.elidable_offset, 0, "the elidable offset where nothing is elided");
    }
    Ok(())
}
