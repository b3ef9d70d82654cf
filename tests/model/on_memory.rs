//! Calls on a memory as a whole: growth, type, references.

use crate::abi::{UNTOUCHED, Verdict, descriptor, fields, poison};
use crate::handles::{BUFFERS, Target};
use crate::operation::Operation;
use crate::rules::{self, Wish};
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::error::*;
use wasm_memory::capi::find::{wasm_memory_set_user_data, wasm_memory_user_data};
use wasm_memory::capi::memory::*;
use wasm_memory::capi::status::*;

impl World {
    pub fn grow(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let good = target.good();
        let delta = match good {
            Ok(at) => operation.numbers[0].delta(&self.model.memories[at]),
            Err(_) => 1,
        };
        let plan = good.and_then(|at| self.model.growth(at, delta));
        let mut previous = UNTOUCHED;
        let out = if operation.choice(0, 8) == 0 { ptr::null_mut() } else { &raw mut previous };
        BUFFERS.count();
        let status = call!(wasm_memory_grow(target.pointer(), delta, out));
        self.note(format!("grow({:p}, {delta}) = {status}", target.pointer()));
        let done = self.settle_growth(good, plan, status)?;
        let expected = match (done, good) {
            (Some(_), Ok(at)) if !out.is_null() => self.model.memories[at].pages,
            _ => UNTOUCHED,
        };
        same!(previous, expected, "the previous pages");
        match (done, good) {
            (Some(pages), Ok(at)) => self.grown(at, pages),
            _ => Ok(()),
        }
    }

    pub fn retain(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let retained = call!(wasm_memory_retain(target.pointer()));
        self.note(format!("retain({:p})", target.pointer()));
        match target {
            Target::Good(at, pointer) => {
                self.memories[at].handle.references += 1;
                same!(retained, pointer, "a retained memory");
            }
            Target::Bad(..) => same!(retained, ptr::null_mut(), "a bad handle retained"),
        }
        Ok(())
    }

    pub fn delete(&mut self, operation: &Operation) -> Verdict {
        match self.memory(operation) {
            Target::Good(at, _) => self.give_back(at),
            Target::Bad(pointer, _) => {
                self.note(format!("surplus delete({pointer:p})"));
                call!(wasm_memory_delete(pointer));
                Ok(())
            }
        }
    }

    pub fn give_back(&mut self, at: usize) -> Verdict {
        let held = &mut self.memories[at];
        let pointer = held.handle.pointer;
        call!(wasm_memory_delete(pointer));
        let last = held.handle.given_back();
        self.note(format!("delete({pointer:p}), the last: {last}"));
        if last {
            self.model.deleted(at);
            self.dead_memory(pointer)?;
        }
        Ok(())
    }

    pub fn send(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let plan = target.good().and_then(|at| match self.model.memories[at].kind.shared {
            true => Ok(at),
            false => Err(rules::Failure {
                status: WASM_MEMORY_DATA_CLONE_ERROR,
                reason: WASM_MEMORY_REASON_NOT_CLONEABLE,
                requested: 0,
                available: 0,
            }),
        });
        let mut sent = poison();
        let status = call!(wasm_memory_send(target.pointer(), &mut sent));
        self.note(format!("send({:p}) = {status}", target.pointer()));
        match self.settle(plan, status)? {
            Some(at) => {
                self.memories[at].handle.references += 1;
                same!(sent, target.pointer(), "the memory that was sent");
            }
            None => same!(sent, ptr::null_mut(), "the memory that was not sent"),
        }
        Ok(())
    }

    pub fn matching(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let import = match target.good() {
            Ok(at) => operation.import(&self.model.memories[at]),
            Err(_) => operation.any_wish(),
        };
        let missing = operation.choice(8, 24) == 0;
        let plan = target.good().and_then(|at| {
            if missing {
                return Err(rules::NULL);
            }
            self.model.matching(at, &import)
        });
        let given = descriptor(&import);
        let given = if missing && target.good().is_ok() { ptr::null() } else { &raw const given };
        let status = call!(wasm_memory_match(target.pointer(), given));
        self.note(format!("match({:p}, {import:?}) = {status}", target.pointer()));
        self.settle(plan, status).map(drop)
    }

    /// The failures of `get_type`; what it writes otherwise is compared after every call.
    pub fn get_type(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let plan = target.good().and(Err::<(), _>(rules::NULL));
        let untouched = Wish { initial: (UNTOUCHED, 0x5a), page_size: 3, ..Wish::default() };
        let mut out = descriptor(&untouched);
        let to = if target.good().is_ok() { ptr::null_mut() } else { &raw mut out };
        let status = call!(wasm_memory_get_type(target.pointer(), to));
        self.note(format!("get_type({:p}, {to:p}) = {status}", target.pointer()));
        self.settle(plan, status)?;
        same!(fields(&out), fields(&descriptor(&untouched)), "the type after a failure");
        match target {
            Target::Good(..) => Ok(()),
            Target::Bad(pointer, _) => self.blank_memory(pointer),
        }
    }

    pub fn user_data(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let number = operation.seed as usize;
        let data = ptr::without_provenance_mut(number);
        call!(wasm_memory_set_user_data(target.pointer(), data));
        self.note(format!("set_user_data({:p}, {number})", target.pointer()));
        match target {
            Target::Good(at, _) => self.memories[at].user_data = number,
            Target::Bad(pointer, _) => {
                let kept = call!(wasm_memory_user_data(pointer));
                same!(kept, ptr::null_mut(), "the user data of a bad handle");
            }
        }
        Ok(())
    }

    /// The message has the length that it says, and is there when a call has failed.
    pub fn message(&mut self, operation: &Operation) -> Verdict {
        let mut text = [0x5au8; 256];
        let whole = call!(wasm_memory_last_error_message(ptr::null_mut(), 0));
        let room = operation.choice(0, 64) as usize;
        let length = call!(wasm_memory_last_error_message(text.as_mut_ptr().cast(), room));
        self.note(format!("message into {room} bytes: {length}"));
        same!(length, whole, "the length of the message");
        same!(whole == 0, self.last.reason == 0, "a message without an error, or none");
        if room > 0 {
            let end = text.iter().position(|&byte| byte == 0);
            same!(end, Some(whole.min(room - 1)), "where the message ends");
        }
        same!(text[room], 0x5a, "the byte after the room for the message");
        Ok(())
    }
}
