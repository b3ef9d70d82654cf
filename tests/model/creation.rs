//! Creation of memories, and the allocators that they come from.

use crate::abi::{Verdict, descriptor, poison};
use crate::handles::MEMORIES;
use crate::operation::Operation;
use crate::reach::Event;
use crate::rules::{self, Outcome, Type, Wish};
use crate::setting::{SETTINGS, room, truthful};
use crate::spec::Memory;
use crate::world::{HeldMemory, World};
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::memory::*;

/// An allocator to make a memory from.
struct Source {
    setting: usize,
    pointer: *mut wasm_memory_allocator_t,
    usable: Outcome,
}

/// The pointer that a creation does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    Out,
    Descriptor,
}

impl World {
    /// The allocator of a setting, made when it is first asked for; the default one where its
    /// place may have been given out again since it was deleted.
    fn source(&mut self, setting: usize) -> Verdict<Source> {
        if setting > 0 && self.allocators[setting].is_none() {
            self.allocators[setting] = Some(SETTINGS[setting].allocator()?);
        }
        Ok(match &self.allocators[setting] {
            Some(handle) if handle.alive() => {
                Source { setting, pointer: handle.pointer, usable: Ok(()) }
            }
            Some(handle) if handle.surely_dead() => {
                let failure = rules::invalid_handle(handle.pointer.addr());
                Source { setting, pointer: handle.pointer, usable: Err(failure) }
            }
            _ => Source { setting: 0, pointer: ptr::null_mut(), usable: Ok(()) },
        })
    }

    pub fn create(&mut self, operation: &Operation, wish: Wish) -> Verdict {
        // The default one a little more often than the others.
        let setting = (usize::from(operation.pick) % (SETTINGS.len() + 2)).saturating_sub(2);
        let mut source = self.source(setting)?;
        if let (0, Some(&other)) = (operation.choice(2, 64), self.alive().first()) {
            source.pointer = self.memories[other].handle.pointer.cast();
            source.usable = Err(rules::invalid_handle(source.pointer.addr()));
        }
        let without = match operation.choice(10, 64) {
            0 => Without::Out,
            1 | 2 => Without::Descriptor,
            _ => Without::Nothing,
        };
        // Out comes first, then the allocator, then the descriptor.
        let plan = match without {
            Without::Out => Err(rules::NULL),
            _ => source.usable.and_then(|()| match without {
                Without::Descriptor => Err(rules::NULL),
                _ => {
                    let size_limit = SETTINGS[source.setting].size_limit();
                    rules::create(&wish, size_limit, self.model.fault)
                }
            }),
        };
        let mut memory = poison();
        let out = if without == Without::Out { ptr::null_mut() } else { &raw mut memory };
        let wanted = descriptor(&wish);
        let wanted = if without == Without::Descriptor { ptr::null() } else { &raw const wanted };
        let allocator = source.pointer;
        MEMORIES.count();
        let status = if allocator.is_null() && operation.choice(20, 2) == 0 {
            call!(wasm_memory_new(wanted, out))
        } else {
            call!(wasm_memory_new_in(allocator, wanted, ptr::null(), out))
        };
        self.note(format!(
            "new({allocator:p} of setting {setting}, {wish:?}, without {without:?}) = {status} {memory:p}"
        ));
        let length = plan.as_ref().map_or(0, |(kind, pages)| rules::bytes(*pages, kind.page));
        match self.settle_with_host(plan, status, length)? {
            Some((kind, initial)) => self.created(memory, kind, initial, source.setting),
            None if without == Without::Out => Ok(()),
            None => {
                same!(memory, ptr::null_mut(), "the memory after a failure");
                Ok(())
            }
        }
    }

    fn created(
        &mut self,
        memory: *mut wasm_memory_t,
        kind: Type,
        initial: u64,
        setting: usize,
    ) -> Verdict {
        same!(memory.is_null(), false, "a new memory is NULL");
        let known = self.memories.iter().map(|held| &held.handle);
        let taken = known.filter(|known| known.alive() || known.surely_dead());
        let twins = taken.filter(|known| known.pointer == memory).count();
        same!(twins, 0, "earlier memories that the new one {memory:p} is");
        let held = HeldMemory::new(memory, setting);
        let given = held.layout;
        let length = rules::bytes(initial, kind.page);
        SETTINGS[setting].gives(&kind, length, &given)?;
        SETTINGS[setting].keeps(&kind, &given)?;
        truthful(&kind, length, &given)?;
        if length > 4 << 30 {
            self.reach.event(Event::Huge);
        }
        let limit = SETTINGS[setting].size_limit();
        self.model.memories.push(Memory::new(kind, initial, limit, room(&given)));
        self.memories.push(held);
        Ok(())
    }

    pub fn delete_allocator(&mut self, operation: &Operation) -> Verdict {
        let at = 1 + operation.choice(0, SETTINGS.len() as u32 - 1) as usize;
        let Some(handle) = &mut self.allocators[at] else {
            return Ok(());
        };
        let pointer = handle.pointer;
        if handle.alive() {
            if operation.choice(9, 3) == 0 {
                let retained = call!(wasm_memory_allocator_retain(pointer));
                same!(retained, pointer, "a retained allocator");
                handle.references += 1;
            } else {
                call!(wasm_memory_allocator_delete(pointer));
                handle.given_back();
            }
        } else if handle.surely_dead() {
            call!(wasm_memory_allocator_delete(pointer));
            let retained = call!(wasm_memory_allocator_retain(pointer));
            same!(retained, ptr::null_mut(), "a dead allocator retained");
        }
        self.note(format!("allocator {at} retained or deleted ({pointer:p})"));
        Ok(())
    }
}
