//! Creation of memories, and the allocators that they come from.

use crate::abi::{Verdict, descriptor, poison};
use crate::handles::{MEMORIES, Target};
use crate::operation::Operation;
use crate::reach::Event;
use crate::rules::{self, Outcome, Type, Wish};
use crate::setting::{ON_HEAP, SETTINGS, room, truthful};
use crate::spec::Memory;
use crate::statistics::memory_statistics;
use crate::world::{HeldMemory, World};
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::error::{WASM_MEMORY_REASON_LIMITER, WASM_MEMORY_REASON_POOL_EXHAUSTED};
use wasm_memory::capi::memory::*;
use wasm_memory::capi::status::WASM_MEMORY_RANGE_ERROR;

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
            let (handle, limits) = SETTINGS[setting].allocator()?;
            (self.allocators[setting], self.limits[setting]) = (Some(handle), limits);
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

    pub fn create(&mut self, operation: &Operation, mut wish: Wish) -> Verdict {
        let image = (!self.images.is_empty() && operation.choice(14, 3) == 0)
            .then(|| self.image(operation.seed.to_le_bytes()[1]));
        if let Some(Target::Good(at, _)) = image {
            let snapshot = self.model.images[at].snapshot;
            if let Some((kind, pages)) = snapshot.filter(|_| operation.choice(6, 4) != 0) {
                wish = Wish {
                    initial: (pages + u64::from(operation.choice(9, 8) == 0), 1),
                    maximum: (kind.maximum.unwrap_or(0), u8::from(kind.maximum.is_some())),
                    address: u32::from(kind.wide),
                    page_size: kind.page as u32,
                    ..Wish::default()
                };
            }
        }
        // The default one a little more often than the others, and one that has memories already, so
        // that limits over all of them are met.
        const VIRTUAL: usize = SETTINGS.len() - ON_HEAP;
        let mut setting = match usize::from(operation.pick) {
            pick @ 240.. => VIRTUAL + pick % ON_HEAP,
            pick => (pick % (VIRTUAL + 2)).saturating_sub(2),
        };
        if let (0, Some(last)) = (operation.choice(23, 3), self.memories.last()) {
            setting = last.setting;
        }
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
        // Out comes first, then the allocator, the image and the descriptor.
        let handle = image.as_ref().map_or(ptr::null_mut(), Target::pointer);
        let start = image.as_ref().filter(|_| !handle.is_null()).map(Target::good);
        let setting = source.setting;
        let mut asks = None;
        let plan = match without {
            Without::Out => Err(rules::NULL),
            _ => source.usable.and_then(|()| {
                let start = start.transpose()?;
                if without == Without::Descriptor {
                    return Err(rules::NULL);
                }
                let (kind, pages) = rules::create(&wish, self.model.fault)?;
                if let Some(image) = start {
                    self.model.fits(image, &kind, pages)?;
                }
                let length = rules::bytes(pages, kind.page);
                rules::within(SETTINGS[setting].size_limit(), length)?;
                let admitted = self.model.admit(setting, length);
                let refused = admitted.map_err(|failure| failure.reason);
                let last = [WASM_MEMORY_REASON_LIMITER, WASM_MEMORY_REASON_POOL_EXHAUSTED];
                if refused.err().is_none_or(|reason| last.contains(&reason)) {
                    asks = Some((length, kind));
                }
                admitted?;
                Ok((kind, pages, start))
            }),
        };
        let mut memory = poison();
        let out = if without == Without::Out { ptr::null_mut() } else { &raw mut memory };
        let wanted = descriptor(&wish);
        let wanted = if without == Without::Descriptor { ptr::null() } else { &raw const wanted };
        let allocator = source.pointer;
        MEMORIES.count();
        let plain = allocator.is_null() && handle.is_null() && operation.choice(20, 2) == 0;
        let status = if plain {
            call!(wasm_memory_new(wanted, out))
        } else {
            call!(wasm_memory_new_in(allocator, wanted, handle, out))
        };
        self.note(format!(
            "new({allocator:p} of setting {setting}, {wish:?}, {handle:p}, without {without:?}) = {status} {memory:p}"
        ));
        if status == WASM_MEMORY_RANGE_ERROR {
            self.model.tallies[setting].refusals += 1;
        }
        if let Some((length, kind)) = asks {
            self.asked(setting, 0, length, &kind)?;
        }
        let length = plan.as_ref().map_or(0, |(kind, pages, _)| rules::bytes(*pages, kind.page));
        match self.settle_with_host(plan, status, length)? {
            Some((kind, initial, start)) => {
                if start.is_some() {
                    self.reach.event(Event::Started);
                }
                self.created(memory, kind, initial, setting, start)
            }
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
        image: Option<usize>,
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
        truthful(&kind, length, SETTINGS[setting].units(), &given)?;
        if SETTINGS[setting].heap {
            self.reach.event(Event::OnHeap);
        }
        if length > 4 << 30 {
            self.reach.event(Event::Huge);
        }
        self.model.tallies[setting].reuses += memory_statistics(memory).reuses;
        let room = room(&SETTINGS[setting], &given);
        self.model.created(Memory::new(kind, initial, setting, room), image);
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
