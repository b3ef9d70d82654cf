//! Calls on buffers, and those that give one.

use crate::abi::{Verdict, poison};
use crate::fault::Fault;
use crate::handles::{BUFFERS, Target};
use crate::operation::{Call, Operation};
use crate::reach::Event;
use crate::rules::{self, LARGEST_INDEX};
use crate::world::{HeldBuffer, World};
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::buffer::*;

impl World {
    /// `buffer`, `toResizableBuffer()`, `toFixedLengthBuffer()`.
    pub fn buffer(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let missing = target.good().is_ok() && operation.choice(0, 48) == 0;
        let mut buffer = poison();
        let out = if missing { ptr::null_mut() } else { &raw mut buffer };
        let memory = target.pointer();
        BUFFERS.count();
        let call = self.call;
        let status = match call {
            Call::ToResizable => call!(wasm_memory_to_resizable_buffer(memory, out)),
            Call::ToFixed => call!(wasm_memory_to_fixed_length_buffer(memory, out)),
            _ => call!(wasm_memory_buffer(memory, out)),
        };
        self.note(format!("{call:?}({memory:p}) = {status} {buffer:p}"));
        let plan = target.good().and_then(|at| match call {
            _ if missing => Err(rules::NULL),
            Call::ToResizable => self.model.convert(at, true),
            Call::ToFixed => self.model.convert(at, false),
            _ => Ok(self.model.buffer(at)),
        });
        match self.settle(plan, status)? {
            Some(at) => self.received(at, buffer),
            None if missing => Ok(()),
            None => {
                same!(buffer, ptr::null_mut(), "the buffer after a failure");
                Ok(())
            }
        }
    }

    /// A buffer was returned, which is the model's one at `at`: the same object as before, or one
    /// that is like no other.
    fn received(&mut self, at: usize, buffer: *mut wasm_memory_buffer_t) -> Verdict {
        same!(buffer.is_null(), false, "a buffer is NULL");
        let length = self.model.buffer_length(at);
        if let Some(held) = self.buffers.get_mut(at) {
            same!(buffer, held.handle.pointer, "the buffer that was current before");
            if !self.model.wrong(Fault::ReturnAddsNothing) {
                held.handle.references += 1;
            }
        } else {
            let others = self.buffers.iter().map(|held| &held.handle);
            let taken = others.filter(|other| other.alive() || other.surely_dead());
            let twins = taken.filter(|other| other.pointer == buffer).count();
            same!(twins, 0, "earlier buffers that the new one {buffer:p} is");
            self.buffers.push(HeldBuffer::new(buffer, length));
        }
        Ok(())
    }

    /// `resize(length)` or `grow(length)`.
    pub fn resize(&mut self, operation: &Operation) -> Verdict {
        let mut target = self.buffer_handle(operation);
        if target.good().is_ok() && operation.choice(14, 2) == 0 {
            // Rather one that can be resized.
            let count = self.buffers.len();
            let from = usize::from(operation.pick) % count;
            let fits =
                |&at: &usize| self.buffers[at].handle.alive() && self.model.buffers[at].resizable;
            if let Some(at) = (from..count).chain(0..from).find(fits) {
                target = Target::Good(at, self.buffers[at].handle.pointer);
            }
        }
        let grows = match target.good() {
            // Mostly the call that goes with the kind of the buffer.
            Ok(at) if operation.choice(0, 8) != 0 => self.model.buffers[at].shared,
            _ => operation.call == Call::BufferGrow,
        };
        self.call = if grows { Call::BufferGrow } else { Call::Resize };
        let length = match target.good() {
            Ok(at) => {
                let memory = &self.model.memories[self.model.buffers[at].memory];
                let more = u64::from(operation.choice(7, 4));
                match operation.choice(4, 4) {
                    0 => LARGEST_INDEX - 1 + more,
                    1 => memory.length() + more * memory.kind.page,
                    _ => operation.numbers[0].bytes(memory),
                }
            }
            Err(_) => 0,
        };
        let plan = target.good().and_then(|at| match grows {
            true => self.model.buffer_grow(at, length),
            false => self.model.resize(at, length),
        });
        BUFFERS.count();
        let status = match grows {
            true => call!(wasm_memory_buffer_grow(target.pointer(), length)),
            false => call!(wasm_memory_buffer_resize(target.pointer(), length)),
        };
        self.note(format!("{:?}({:p}, {length}) = {status}", self.call, target.pointer()));
        let memory = target.good().map(|at| self.model.buffers[at].memory);
        let (Some(pages), Ok(memory)) = (self.settle_growth(memory, plan, status)?, memory) else {
            return Ok(());
        };
        let more = pages > self.model.memories[memory].pages;
        if grows && more && !self.model.memories[memory].resizable {
            self.reach.event(Event::AbandonedGrew);
        }
        self.grown(memory, pages)
    }

    pub fn transfer(&mut self, operation: &Operation) -> Verdict {
        let target = self.buffer_handle(operation);
        let plan = target.good().and_then(|at| self.model.transfer(at));
        let status = call!(wasm_memory_buffer_transfer(target.pointer()));
        self.note(format!("buffer_transfer({:p}) = {status}", target.pointer()));
        self.settle(plan, status)?;
        match target {
            Target::Good(..) => Ok(()),
            Target::Bad(pointer, _) => self.blank_buffer(pointer),
        }
    }

    pub fn retain_buffer(&mut self, operation: &Operation) -> Verdict {
        let target = self.buffer_handle(operation);
        let retained = call!(wasm_memory_buffer_retain(target.pointer()));
        self.note(format!("buffer_retain({:p})", target.pointer()));
        match target {
            Target::Good(at, pointer) => {
                self.buffers[at].handle.references += 1;
                same!(retained, pointer, "a retained buffer");
            }
            Target::Bad(..) => same!(retained, ptr::null_mut(), "a bad handle retained"),
        }
        Ok(())
    }

    pub fn delete_buffer(&mut self, operation: &Operation) -> Verdict {
        match self.buffer_handle(operation) {
            Target::Good(at, _) => self.give_back_buffer(at),
            Target::Bad(pointer, _) => {
                self.note(format!("surplus buffer_delete({pointer:p})"));
                call!(wasm_memory_buffer_delete(pointer));
                Ok(())
            }
        }
    }

    pub fn give_back_buffer(&mut self, at: usize) -> Verdict {
        let held = &mut self.buffers[at];
        let pointer = held.handle.pointer;
        call!(wasm_memory_buffer_delete(pointer));
        let last = held.handle.given_back();
        self.note(format!("buffer_delete({pointer:p}), the last: {last}"));
        if last {
            self.model.released(at);
            self.dead_buffer(pointer)?;
        }
        Ok(())
    }
}
