//! What is counted: compared with the model's own count.

use crate::abi::{UNTOUCHED, Verdict};
use crate::setting::SETTINGS;
use crate::spec::Tally;
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::memory::wasm_memory_t;

fn untouched() -> wasm_memory_stats_t {
    wasm_memory_stats_t {
        memories: UNTOUCHED,
        kept_bytes: UNTOUCHED,
        reserved: [UNTOUCHED; 8],
        ..wasm_memory_stats_t::default()
    }
}

pub fn allocator_statistics(allocator: *const wasm_memory_allocator_t) -> wasm_memory_stats_t {
    let mut of = untouched();
    call!(wasm_memory_allocator_get_stats(allocator, &mut of));
    of
}

pub fn memory_statistics(memory: *const wasm_memory_t) -> wasm_memory_stats_t {
    let mut of = untouched();
    call!(wasm_memory_get_stats(memory, &mut of));
    of
}

/// Every field of the statistics of a bad handle is zero.
pub fn blank(of: &wasm_memory_stats_t) -> Verdict {
    let fields = [of.memories, of.peak_memories, of.reserved_bytes, of.accessible_bytes];
    same!(fields, [0; 4], "the statistics of a bad handle");
    let fields = [of.peak_accessible_bytes, of.resident_bytes, of.kept_bytes, of.creations];
    same!(fields, [0; 4], "the statistics of a bad handle");
    let fields = [of.reuses, of.growths, of.moves, of.refusals, of.discarded_bytes];
    same!(fields, [0; 5], "the statistics of a bad handle");
    same!(of.reserved, [0; 8], "the reserved fields of a bad handle's statistics");
    Ok(())
}

/// The counts that only rise.
fn counts(of: &wasm_memory_stats_t) -> [u64; 5] {
    [of.creations, of.growths, of.moves, of.refusals, of.discarded_bytes]
}

fn expected(of: &Tally) -> [u64; 5] {
    [of.creations, of.growths, of.moves, of.refusals, of.discarded]
}

impl World {
    pub fn observe_statistics(&self) -> Verdict {
        for setting in 0..SETTINGS.len() {
            let pointer = match &self.allocators[setting] {
                _ if setting == 0 => ptr::null_mut(),
                Some(handle) if handle.alive() => handle.pointer,
                _ => continue,
            };
            let tally = &self.model.tallies[setting];
            let given = allocator_statistics(pointer);
            let before = if setting == 0 { self.before } else { wasm_memory_stats_t::default() };
            let used = (
                given.memories - before.memories,
                given.accessible_bytes - before.accessible_bytes,
            );
            same!(used, self.model.used(setting), "memories and bytes of setting {setting}");
            let former = counts(&before);
            let since: [u64; 5] = std::array::from_fn(|at| counts(&given)[at] - former[at]);
            same!(
                since,
                expected(tally),
                "creations, growths, moves, refusals, discarded bytes of setting {setting}"
            );
            if setting > 0 {
                let peaks = (given.peak_memories, given.peak_accessible_bytes);
                let wanted = (tally.peak_memories, tally.peak_bytes);
                same!(peaks, wanted, "the peaks of setting {setting}");
            }
            let enough = given.reserved_bytes >= given.accessible_bytes;
            same!(enough, true, "bytes reserved for setting {setting}");
            let reuses = given.reuses - before.reuses;
            same!(reuses, tally.reuses, "reuses of setting {setting}");
            same!(given.reserved, [0; 8], "the reserved fields of setting {setting}");
            if let Some(limits) = &self.limits[setting] {
                same!(limits.told(), tally.refusals, "what the limiter was told");
                same!(limits.finalized(), 0, "how often the limiter was finalized");
            }
        }
        for at in self.alive() {
            let model = &self.model.memories[at];
            let given = memory_statistics(self.memories[at].handle.pointer);
            let ones = [given.memories, given.peak_memories, given.creations];
            same!(ones, [1; 3], "what memory {at} counts of itself");
            let wanted = Tally { creations: 1, ..model.tally };
            same!(counts(&given), expected(&wanted), "what memory {at} counts");
            let bytes = (given.accessible_bytes, given.peak_accessible_bytes);
            same!(bytes, (model.length(), model.tally.peak_bytes), "the bytes of memory {at}");
            same!((given.kept_bytes, given.reserved), (0, [0; 8]), "no fields of memory {at}");
            same!(given.reuses <= 1, true, "the reuses of memory {at}");
            let enough = given.reserved_bytes >= self.memories[at].layout.reservation;
            same!(enough, true, "bytes reserved for memory {at}");
        }
        Ok(())
    }
}
