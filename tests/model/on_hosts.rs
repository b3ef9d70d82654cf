//! Settings that nobody means, addresses of nothing, and what is kept given back.

use crate::abi::{UNTOUCHED, Verdict, boolean, descriptor, last_error, layout, poison};
use crate::handles::{ALLOCATORS, MEMORIES};
use crate::limits::Limits;
use crate::operation::Operation;
use crate::reach::Event;
use crate::rules::{self, Failure, PAGE, Type, Wish, type_error};
use crate::setting::{SETTINGS, Units, truthful};
use crate::statistics::{allocator_statistics, blank, memory_statistics};
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::bulk::{wasm_memory_read, wasm_memory_write};
use wasm_memory::capi::config::*;
use wasm_memory::capi::error::*;
use wasm_memory::capi::find::*;
use wasm_memory::capi::memory::*;
use wasm_memory::capi::status::*;

impl World {
    /// An address near a memory, or anywhere.
    pub fn find_any(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let number = self.number(operation, 0, &target);
        let distance = match operation.choice(0, 4) {
            0 => number.wrapping_neg(),
            _ => number,
        };
        let base = target.good().map_or(ptr::null_mut(), |at| self.memories[at].base);
        let address = base.wrapping_add(distance as usize);
        let mut location = wasm_memory_location_t {
            memory: poison(),
            offset: UNTOUCHED as i64,
            zone: u32::MAX,
            reserved: [UNTOUCHED; 2],
        };
        let out = if operation.choice(4, 8) == 0 { ptr::null_mut() } else { &raw mut location };
        let found = call!(wasm_memory_find(address.cast_const().cast(), out));
        self.note(format!("find({address:p}, {out:p}) = {found}"));
        if !found || out.is_null() {
            same!(location.offset, UNTOUCHED as i64, "the location of nothing");
            same!(location.zone, u32::MAX, "the zone of nothing");
        } else {
            same!(location.reserved, [0; 2], "the reserved fields of a location");
        }
        let Ok(at) = target.good() else { return Ok(()) };
        let (length, reservation) =
            (self.model.memories[at].length(), self.memories[at].layout.reservation);
        if distance < reservation {
            same!(found, true, "byte {distance} of memory {at}, found");
            if !out.is_null() {
                let zone = match distance < length {
                    true => WASM_MEMORY_ZONE_BODY,
                    false => WASM_MEMORY_ZONE_RESERVED,
                };
                let wanted = (self.memories[at].handle.pointer.cast_const(), distance as i64, zone);
                same!((location.memory, location.offset, location.zone), wanted, "byte {distance}");
            }
        }
        Ok(())
    }

    pub fn trim(&mut self, operation: &Operation) -> Verdict {
        let setting = operation.choice(0, SETTINGS.len() as u32) as usize;
        let other = self.alive().first().map(|&at| self.memories[at].handle.pointer.cast());
        let pointer = match &self.allocators[setting] {
            _ if setting == 0 => ptr::null_mut(),
            Some(handle) if handle.alive() || handle.surely_dead() => handle.pointer,
            _ => other.unwrap_or(ptr::null_mut()),
        };
        call!(wasm_memory_allocator_trim(pointer));
        self.note(format!("trim({pointer:p})"));
        let alive = self.allocators[setting].as_ref().is_some_and(|handle| handle.alive());
        if alive || pointer.is_null() {
            let kept = allocator_statistics(pointer).kept_bytes;
            same!(kept, 0, "what is kept after a trim of setting {setting}");
        } else {
            blank(&allocator_statistics(pointer))?;
            blank(&memory_statistics(pointer.cast_const().cast()).clone())
                .or_else(|differs| if other == Some(pointer) { Ok(()) } else { Err(differs) })?;
        }
        Ok(())
    }

    /// Any settings at all: an allocator that works, or a refusal that leaves nothing behind.
    pub fn configure(&mut self, operation: &Operation) -> Verdict {
        const SLOTS: [u32; 8] = [0, 1, 3, 64, 1000, 65536, 1 << 20, u32::MAX];
        let [first, second, third] = operation.numbers.map(|number| number.count());
        let has = |bit: u32| operation.seed >> bit & 1 == 1;
        let limits = Limits::new(second);
        let mut limiter = limits.limiter();
        let config = wasm_memory_config_new();
        same!(config.is_null(), false, "a new config is NULL");
        let mut plan = Ok(());
        if has(0) {
            call!(wasm_memory_config_set_reservation(config, first));
        }
        if has(1) {
            call!(wasm_memory_config_set_guards(config, second, third));
        }
        if has(2) && has(3) {
            let slots = SLOTS[operation.choice(20, 8) as usize];
            call!(wasm_memory_config_set_pool(config, slots, third));
            if slots == 0 {
                plan = type_error(WASM_MEMORY_REASON_SETTINGS_CONFLICT, 0, third);
            }
        }
        let bounds = [0, 0, 1, 1, 1, 2, u32::MAX, 0][operation.choice(4, 8) as usize];
        call!(wasm_memory_config_set_bounds(config, bounds));
        if bounds > 1 {
            plan = type_error(WASM_MEMORY_REASON_UNKNOWN_VALUE, bounds.into(), 0);
        }
        call!(wasm_memory_config_set_movable(config, boolean(operation.pick)));
        if has(7) {
            call!(wasm_memory_config_set_fallback(config, boolean(operation.pick >> 1)));
        }
        if has(8) && has(9) {
            call!(wasm_memory_config_set_size_limit(config, first));
        }
        if has(10) {
            call!(wasm_memory_config_set_keep_resident(config, second));
        }
        if has(11) {
            call!(wasm_memory_config_set_kept_bytes(config, third));
        }
        call!(wasm_memory_config_set_huge_pages(config, boolean(u8::from(has(12)))));
        call!(wasm_memory_config_set_prefault(config, boolean(u8::from(has(13)))));
        if has(14) && has(15) {
            call!(wasm_memory_config_set_quota(config, third, first));
        }
        let limited = has(16) && has(17);
        if has(16) && !has(17) {
            call!(wasm_memory_config_set_limiter(config, ptr::null()));
        }
        if limited {
            if has(18) && has(19) {
                limiter.reserved[1] = ptr::without_provenance_mut(0x123);
                plan = type_error(WASM_MEMORY_REASON_RESERVED_FIELD, 0x123, 0);
            }
            call!(wasm_memory_config_set_limiter(config, &limiter));
        }
        let mut allocator = poison();
        ALLOCATORS.count();
        let status = call!(wasm_memory_allocator_new(config, &mut allocator));
        let set = operation.seed;
        self.note(format!("configure({set:#x}, {first}, {second}, {third}) = {status}"));
        let host = WASM_MEMORY_REASON_ADDRESS_SPACE..=WASM_MEMORY_REASON_MAP_COUNT;
        let host = host.contains(&last_error().reason);
        let refused = plan.is_ok() && status == WASM_MEMORY_RANGE_ERROR && host;
        if refused {
            self.last = last_error();
        } else if self.settle(plan, status)?.is_some() {
            self.reach.event(Event::Configured);
            self.try_allocator(allocator)?;
        }
        if status != WASM_MEMORY_OK {
            self.reach.event(Event::ConfigRefused);
            same!(allocator, ptr::null_mut(), "the allocator after a failure");
        }
        call!(wasm_memory_config_delete(config));
        call!(wasm_memory_allocator_delete(allocator));
        let bad = limited && !limiter.reserved[1].is_null();
        let finalized = u64::from(limited && !bad);
        same!(limits.finalized(), finalized, "how often the limiter was finalized");
        self.dead_config(config)
    }

    /// A dead config, which no setter changes and no allocator is made from.
    fn dead_config(&mut self, config: *mut wasm_memory_config_t) -> Verdict {
        call!(wasm_memory_config_delete(config));
        call!(wasm_memory_config_set_pool(config, 0, 0));
        call!(wasm_memory_config_set_limiter(config, ptr::null()));
        call!(wasm_memory_config_set_bounds(config, 7));
        let mut allocator = poison();
        ALLOCATORS.count();
        let status = call!(wasm_memory_allocator_new(config, &mut allocator));
        let plan: Result<(), Failure> = Err(rules::invalid_handle(config.addr()));
        self.settle(plan, status)?;
        same!(allocator, ptr::null_mut(), "the allocator of a dead config");
        Ok(())
    }

    /// One memory of an allocator that nobody means: refused, or one that works.
    fn try_allocator(&mut self, allocator: *mut wasm_memory_allocator_t) -> Verdict {
        const TEXT: [u8; 5] = *b"bytes";
        let wish = Wish { initial: (1, 1), ..Wish::default() };
        let wanted = descriptor(&wish);
        let mut memory = poison();
        MEMORIES.count();
        let status = call!(wasm_memory_new_in(allocator, &wanted, ptr::null(), &mut memory));
        self.note(format!("new of it = {status} {memory:p}"));
        self.last = last_error();
        if status != WASM_MEMORY_OK {
            same!(status, WASM_MEMORY_RANGE_ERROR, "a memory of hostile settings");
            same!(memory, ptr::null_mut(), "the memory after a failure");
            return Ok(());
        }
        let kind = Type { wide: false, page: PAGE, shared: false, maximum: None };
        truthful(&kind, PAGE, Units::pages(), &layout(memory))?;
        let mut read = [1; 6];
        let last = PAGE - 5;
        same!(call!(wasm_memory_read(memory, last - 1, read.as_mut_ptr().cast(), 6)), 0, "read");
        same!(read, [0; 6], "the bytes of a new memory");
        same!(call!(wasm_memory_write(memory, last, TEXT.as_ptr().cast(), 5)), 0, "write");
        let grown = call!(wasm_memory_grow(memory, 1, ptr::null_mut()));
        if grown == WASM_MEMORY_OK {
            truthful(&kind, 2 * PAGE, Units::pages(), &layout(memory))?;
        } else {
            same!(grown, WASM_MEMORY_RANGE_ERROR, "growth with hostile settings");
            self.last = last_error();
        }
        same!(call!(wasm_memory_read(memory, last, read.as_mut_ptr().cast(), 5)), 0, "read");
        same!(read[..5], TEXT, "the bytes after growth");
        let of = allocator_statistics(allocator);
        same!((of.memories, of.creations), (1, 1), "memories of hostile settings");
        call!(wasm_memory_delete(memory));
        same!(allocator_statistics(allocator).memories, 0, "memories after the delete");
        Ok(())
    }
}
