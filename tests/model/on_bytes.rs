//! Calls on the bytes of memories.

use crate::abi::Verdict;
use crate::handles::Target;
use crate::operation::Operation;
use crate::rules::{self, Outcome};
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::bulk::*;
use wasm_memory::capi::memory::wasm_memory_t;

/// Ranges that are in bounds are cut to this, so that a memory of gigabytes is not written whole.
/// A multiple of every page size.
const MOST: u64 = 256 << 10;

/// Bytes that tell where they were written from.
pub fn pattern(seed: u32, length: u64) -> Vec<u8> {
    let mut state = u64::from(seed) | 1;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length as usize);
    bytes
}

impl World {
    /// The number as a byte index or length of the memory, whatever it is of a bad handle.
    pub fn number(
        &self,
        operation: &Operation,
        which: usize,
        target: &Target<wasm_memory_t>,
    ) -> u64 {
        match target.good() {
            Ok(at) => operation.numbers[which].bytes(&self.model.memories[at]),
            Err(_) => 0,
        }
    }

    /// A range of a memory: index, length, and whether it is in bounds. A third is made to be.
    fn range(&self, operation: &Operation, target: &Target<wasm_memory_t>) -> (u64, u64, Outcome) {
        let index = self.number(operation, 0, target);
        let mut length = self.number(operation, 1, target);
        let Ok(at) = target.good() else {
            return (index, length.min(MOST), target.good().map(drop));
        };
        let end = self.model.memories[at].length();
        if index <= end && operation.choice(6, 3) == 0 {
            length = length.min(end - index);
        }
        if index.checked_add(length).is_some_and(|sum| sum <= end) {
            length = length.min(MOST);
        }
        (index, length, self.model.bounds(at, index, length))
    }

    /// Stores as an engine makes them, within bounds.
    fn store(&mut self, memory: usize, index: u64, bytes: &[u8]) {
        let to = self.memories[memory].base.wrapping_add(index as usize);
        self.note(format!("{} bytes at {index} of memory {memory}", bytes.len()));
        call!(to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()));
        self.model.memories[memory].bytes.write(index, bytes);
    }

    pub fn read(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let (index, length, mut plan) = self.range(operation, &target);
        let missing = target.good().is_ok() && operation.choice(0, 8) == 0;
        if missing && length > 0 {
            plan = Err(rules::NULL);
        }
        // Out of bounds nothing is written, however long the range.
        let untouched = pattern(operation.seed, length.min(MOST));
        let mut bytes = untouched.clone();
        let to = if missing { ptr::null_mut() } else { bytes.as_mut_ptr() };
        let memory = target.pointer();
        let status = call!(wasm_memory_read(memory, index, to.cast(), length as usize));
        self.note(format!("read({memory:p}, {index}, {to:p}, {length}) = {status}"));
        match (self.settle(plan, status)?, target) {
            (Some(()), Target::Good(at, _)) => {
                let expected = match length {
                    0 => Vec::new(),
                    _ => self.model.memories[at].bytes.read(index, length),
                };
                same!(bytes == expected, true, "the bytes that were read are the expected ones");
            }
            _ => same!(bytes == untouched, true, "the destination after a failure is untouched"),
        }
        Ok(())
    }

    pub fn write(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let (index, length, mut plan) = self.range(operation, &target);
        let missing = target.good().is_ok() && operation.choice(0, 8) == 0;
        if missing && length > 0 {
            plan = Err(rules::NULL);
        }
        let bytes = pattern(operation.seed, length.min(MOST));
        let from = if missing { ptr::null() } else { bytes.as_ptr() };
        let memory = target.pointer();
        let status = call!(wasm_memory_write(memory, index, from.cast(), length as usize));
        self.note(format!("write({memory:p}, {index}, {from:p}, {length}) = {status}"));
        if let (Some(()), Target::Good(at, _)) = (self.settle(plan, status)?, target) {
            self.model.memories[at].bytes.write(index, &bytes);
        }
        Ok(())
    }

    /// A read or write whose other end lies in a memory as well.
    pub fn move_bytes(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let (index, length, plan) = self.range(operation, &target);
        let alive = self.alive();
        let (Ok(at), Ok(()), false) = (target.good(), plan, alive.is_empty()) else {
            return Ok(());
        };
        let other = alive[operation.choice(2, alive.len() as u32) as usize];
        let room = self.model.memories[other].length();
        let length = length.min(room);
        let place = operation.numbers[2].bytes(&self.model.memories[other]) % (room - length + 1);
        let byte = self.memories[other].base.wrapping_add(place as usize);
        let memory = target.pointer();
        let reads = operation.choice(9, 2) == 0;
        let status = match reads {
            true => call!(wasm_memory_read(memory, index, byte.cast(), length as usize)),
            false => call!(wasm_memory_write(memory, index, byte.cast(), length as usize)),
        };
        let name = if reads { "read" } else { "write" };
        self.note(format!(
            "{name}({memory:p}, {index}, {place} of memory {other}, {length}) = {status}"
        ));
        if self.settle(plan, status)?.is_some() && length > 0 {
            let (here, there) = ((at, index), (other, place));
            match reads {
                true => self.model.copied(there, here, length),
                false => self.model.copied(here, there, length),
            }
        }
        Ok(())
    }

    pub fn fill(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let (index, length, plan) = self.range(operation, &target);
        let value = operation.seed as u8;
        let memory = target.pointer();
        let status = call!(wasm_memory_bulk_fill(memory, index, value, length));
        self.note(format!("fill({memory:p}, {index}, {value}, {length}) = {status}"));
        if let (Some(()), Target::Good(at, _)) = (self.settle(plan, status)?, target) {
            self.model.memories[at].bytes.fill(index, value, length);
        }
        Ok(())
    }

    pub fn copy(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let alive = self.alive();
        let (index, mut length, _) = self.range(operation, &target);
        let same = target.good().ok().filter(|_| operation.choice(5, 2) == 0);
        let from = same.or_else(|| {
            alive.get(operation.choice(2, alive.len().max(1) as u32) as usize).copied()
        });
        let Some(from) = from else {
            return Ok(());
        };
        let memory = &self.model.memories[from];
        let mut from_index = operation.numbers[2].bytes(memory);
        // Half of them begin near one another, so that ranges overlap.
        let near = same.is_some() && operation.choice(12, 2) == 0;
        if near {
            from_index = index.wrapping_add_signed(i64::from(operation.seed as i8));
        }
        if from_index <= memory.length() && (near || operation.choice(15, 2) == 0) {
            length = length.min(memory.length() - from_index);
        }
        let filled = memory.length().saturating_sub(from_index).min(64);
        if near && filled > 0 {
            self.store(from, from_index, &pattern(operation.seed, filled));
        }
        let plan = |world: &Self, length| {
            target.good().and_then(|to| world.model.copy((to, index), (from, from_index), length))
        };
        if plan(self, length).is_ok() {
            length = length.min(MOST);
        }
        let plan = plan(self, length);
        let (memory, source) = (target.pointer(), self.memories[from].handle.pointer);
        // The source may be the bad one of the two just as well.
        let bad = operation.choice(18, 24) == 0 && target.good().is_ok();
        let (source, plan) = match bad {
            true => (ptr::null_mut(), Err(rules::NULL)),
            false => (source, plan),
        };
        let status = call!(wasm_memory_bulk_copy(memory, index, source, from_index, length));
        self.note(format!(
            "copy({memory:p}, {index}, {source:p}, {from_index}, {length}) = {status}"
        ));
        match (self.settle(plan, status)?, target) {
            (Some(()), Target::Good(to, _)) if length > 0 => {
                self.model.copied((to, index), (from, from_index), length);
            }
            _ => (),
        }
        Ok(())
    }

    pub fn init(&mut self, operation: &Operation) -> Verdict {
        const SEGMENTS: [u64; 8] = [0, 0, 1, 5, 64, 100, 4097, 10_000];
        let target = self.memory(operation);
        let segment_length = SEGMENTS[operation.choice(0, 8) as usize];
        let segment = pattern(operation.seed, segment_length);
        let mut from = self.number(operation, 2, &target);
        if operation.choice(3, 4) != 0 {
            from %= segment_length + 2;
        }
        let (index, mut length, _) = self.range(operation, &target);
        if operation.choice(8, 2) == 0 {
            length = length.min(segment_length.saturating_sub(from));
        }
        let missing = operation.choice(11, 4) == 0;
        let plan = target.good().and_then(|at| {
            if missing && segment_length > 0 {
                return Err(rules::NULL);
            }
            self.model.init(at, index, segment_length, from, length)
        });
        let bytes = if missing { ptr::null() } else { segment.as_ptr() };
        let memory = target.pointer();
        let size = segment_length as usize;
        let status = call!(wasm_memory_bulk_init(memory, index, bytes, size, from, length));
        self.note(format!(
            "init({memory:p}, {index}, {bytes:p}, {size}, {from}, {length}) = {status}"
        ));
        match (self.settle(plan, status)?, target) {
            (Some(()), Target::Good(at, _)) if length > 0 => {
                let bytes = &segment[from as usize..(from + length) as usize];
                self.model.memories[at].bytes.write(index, bytes);
            }
            _ => (),
        }
        Ok(())
    }

    pub fn discard(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let (mut index, mut length, _) = self.range(operation, &target);
        if let (Ok(at), true) = (target.good(), operation.choice(0, 2) == 0) {
            let page = self.model.memories[at].kind.page;
            (index, length) = (index / page * page, length / page * page);
        }
        let plan = target.good().and_then(|at| self.model.discard(at, index, length));
        let memory = target.pointer();
        let status = call!(wasm_memory_discard(memory, index, length));
        self.note(format!("discard({memory:p}, {index}, {length}) = {status}"));
        if let (Some(()), Target::Good(at, _)) = (self.settle(plan, status)?, target) {
            let it = &mut self.model.memories[at];
            it.tally.discarded += length;
            self.model.tallies[it.setting].discarded += length;
            it.bytes.fill(index, 0, length);
        }
        Ok(())
    }

    /// A store as an engine makes it: through the view, or through the data of a buffer.
    pub fn poke(&mut self, operation: &Operation) -> Verdict {
        let through = match (operation.choice(4, 2), self.memory(operation)) {
            (0, Target::Good(at, _)) => {
                Some((at, self.memories[at].base, self.model.memories[at].length()))
            }
            _ => match self.buffer_handle(operation) {
                Target::Good(at, _) if !self.model.buffers[at].detached => {
                    let (data, length) = self.buffers[at].taken;
                    Some((self.model.buffers[at].memory, data, length))
                }
                _ => None,
            },
        };
        let Some((at, base, length)) = through.filter(|&(_, _, length)| length > 0) else {
            return Ok(());
        };
        let index = operation.numbers[0].bytes(&self.model.memories[at]) % length;
        let value = operation.seed as u8;
        self.note(format!("{base:p}[{index}] = {value}"));
        call!(base.wrapping_add(index as usize).write_volatile(value));
        self.model.memories[at].bytes.write(index, &[value]);
        Ok(())
    }
}
