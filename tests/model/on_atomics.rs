//! Waiting and notifying, as far as one thread can: nobody waits, and no wait lasts.

use crate::abi::{UNTOUCHED, Verdict};
use crate::operation::{Call, Operation};
use crate::rules::Outcome;
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::atomics::*;

impl World {
    /// Waits that cannot last: the value differs, or there is hardly any time.
    pub fn wait(&mut self, operation: &Operation) -> Verdict {
        const SHORT: [i64; 3] = [0, 1, 1000];
        const ANY: [i64; 6] = [0, 1, -1, i64::MAX, i64::MIN, 1 << 53];
        let target = self.memory(operation);
        let width = if self.call == Call::Wait32 { 4 } else { 8 };
        let mut index = self.number(operation, 0, &target);
        if operation.choice(6, 2) == 0 {
            index = index / width * width;
        }
        let held = match target.good() {
            Ok(at) if self.model.bounds(at, index, width).is_ok() => {
                self.model.memories[at].bytes.read(index, width)
            }
            _ => vec![0; 8],
        };
        let mut value = [0; 8];
        value[..held.len()].copy_from_slice(&held);
        let equal = operation.choice(1, 2) == 0;
        let flipped = if equal { 0 } else { 1 << (operation.seed % (width as u32 * 8)) };
        let expected = u64::from_le_bytes(value) ^ flipped;
        let timeout = match equal {
            true => SHORT[operation.choice(10, 3) as usize],
            false => ANY[operation.choice(10, 6) as usize],
        };
        let plan = target.good().and_then(|at| self.model.wait(at, index, width, equal));
        let mut result = UNTOUCHED as u32;
        let out = if operation.choice(13, 8) == 0 { ptr::null_mut() } else { &raw mut result };
        let memory = target.pointer();
        let status = if width == 4 {
            call!(wasm_memory_atomic_wait32(memory, index, expected as u32, timeout, out))
        } else {
            call!(wasm_memory_atomic_wait64(memory, index, expected, timeout, out))
        };
        self.note(format!("wait{width}({memory:p}, {index}, {expected}, {timeout}) = {status}"));
        self.answered(plan, status, out, "the result of the wait")
    }

    pub fn notify(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let mut index = self.number(operation, 0, &target);
        if operation.choice(6, 2) == 0 {
            index = index / 4 * 4;
        }
        let plan = target.good().and_then(|at| self.model.notify(at, index));
        let count = [0, 1, u32::MAX][operation.choice(0, 3) as usize];
        let mut woken = UNTOUCHED as u32;
        let out = if operation.choice(13, 8) == 0 { ptr::null_mut() } else { &raw mut woken };
        let memory = target.pointer();
        let status = call!(wasm_memory_atomic_notify(memory, index, count, out));
        self.note(format!("notify({memory:p}, {index}, {count}) = {status}"));
        self.answered(plan, status, out, "how many were woken")
    }

    pub fn interrupt(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let mut woken = UNTOUCHED as u32;
        let out = if operation.choice(13, 8) == 0 { ptr::null_mut() } else { &raw mut woken };
        let status = call!(wasm_memory_atomic_interrupt(target.pointer(), out));
        self.note(format!("interrupt({:p}) = {status}", target.pointer()));
        self.answered(target.good().map(|_| 0), status, out, "how many were interrupted")
    }

    /// An output that is written on success only, and may be NULL.
    fn answered(&mut self, plan: Outcome<u32>, status: i32, out: *mut u32, what: &str) -> Verdict {
        let expected = self.settle(plan, status)?.unwrap_or(UNTOUCHED as u32);
        if !out.is_null() {
            same!(call!(*out), expected, "{what}");
        }
        Ok(())
    }
}
