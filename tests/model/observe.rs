//! Everything that can be observed, compared with the model.

use crate::abi::{Layout, UNTOUCHED, Verdict, descriptor, fields, last_error, layout, poison};
use crate::bytes::CHUNK;
use crate::probe::{host_page, usable};
use crate::rules::{self, Wish};
use crate::setting::SETTINGS;
use crate::spec::Memory;
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::buffer::*;
use wasm_memory::capi::bulk::wasm_memory_bulk_fill;
use wasm_memory::capi::find::*;
use wasm_memory::capi::memory::*;
use wasm_memory::capi::status::*;
use wasm_memory::capi::view::*;

impl World {
    /// Compares every handle that is alive, and the bytes behind it: all of them, or the first few.
    pub fn observe(&mut self, whole: bool) -> Verdict {
        for at in 0..self.memories.len() {
            if self.memories[at].handle.alive() {
                self.observe_memory(at)?;
            }
        }
        for at in 0..self.buffers.len() {
            if self.buffers[at].handle.alive() {
                self.observe_buffer(at)?;
            }
        }
        for at in 0..self.memories.len() {
            self.observe_place(at, whole)?;
        }
        same!(last_error(), self.last, "the last error after looking around");
        Ok(())
    }

    fn observe_memory(&self, at: usize) -> Verdict {
        let (held, model) = (&self.memories[at], &self.model.memories[at]);
        let memory = held.handle.pointer;
        let length = model.length();
        same!(call!(wasm_memory_size(memory)), model.pages, "pages of memory {at}");
        same!(call!(wasm_memory_byte_length(memory)), length, "bytes of memory {at}");
        same!(call!(wasm_memory_data(memory)), held.base, "base of memory {at}");
        let aligned = SETTINGS[held.setting].units().base;
        same!(held.base.addr() as u64 % aligned, 0, "alignment of memory {at}");
        same!(held.base.is_null(), false, "memory {at} is at NULL");
        let view = call!(wasm_memory_view(memory));
        same!(view, held.view, "the view of memory {at}");
        same!(call!((*view).base), held.base, "base in the view of memory {at}");
        same!(call!((*view).byte_length) as u64, length, "bytes in the view of memory {at}");
        same!(layout(memory), held.layout, "layout of memory {at}");
        let data = call!(wasm_memory_user_data(memory));
        same!(data.addr(), held.user_data, "user data of memory {at}");
        let maximum = model.kind.maximum;
        let expected = Wish {
            initial: (self.model.minimum(at), 1),
            maximum: (maximum.unwrap_or(0), u8::from(maximum.is_some())),
            shared: u8::from(model.kind.shared),
            address: u32::from(model.kind.wide),
            page_size: model.kind.page as u32,
            reserved: [0; 2],
        };
        let mut given = descriptor(&Wish { reserved: [UNTOUCHED; 2], ..Wish::default() });
        same!(call!(wasm_memory_get_type(memory, &mut given)), WASM_MEMORY_OK, "get_type");
        same!(fields(&given), fields(&descriptor(&expected)), "type of memory {at}");
        Ok(())
    }

    fn observe_buffer(&self, at: usize) -> Verdict {
        let (held, model) = (&self.buffers[at], &self.model.buffers[at]);
        let buffer = held.handle.pointer;
        let length = self.model.buffer_length(at);
        let data = match model.detached {
            true => ptr::null_mut(),
            false => self.memories[model.memory].base,
        };
        let maximum = self.model.buffer_maximum(at);
        let resizable = self.model.buffer_resizable(at);
        let detached = call!(wasm_memory_buffer_is_detached(buffer));
        same!(detached, model.detached, "is buffer {at} detached");
        same!(call!(wasm_memory_buffer_byte_length(buffer)), length, "length of buffer {at}");
        let most = call!(wasm_memory_buffer_max_byte_length(buffer));
        same!(most, maximum, "maximum length of buffer {at}");
        same!(call!(wasm_memory_buffer_data(buffer)), data, "data of buffer {at}");
        same!(call!(wasm_memory_buffer_is_shared(buffer)), model.shared, "is {at} shared");
        same!(call!(wasm_memory_buffer_is_resizable(buffer)), resizable, "is {at} resizable");
        // Section 4: usable over the length it had, detached or not, moved or not.
        let (data, length) = held.taken;
        let ends = [0, length.saturating_sub(1)];
        for end in ends.into_iter().filter(|_| length > 0) {
            let byte = data.wrapping_add(end as usize);
            same!(usable(byte), true, "byte {end} of {length} of buffer {at}, {model:?}");
        }
        if length > 0 && data != self.memories[model.memory].base {
            let found = find(data);
            same!(found, Some((ptr::null(), 0)), "what only buffer {at} keeps, found");
        }
        Ok(())
    }

    /// The bytes of a memory and the addresses around them, while a handle or a buffer keeps them.
    fn observe_place(&self, at: usize, whole: bool) -> Verdict {
        let (held, model) = (&self.memories[at], &self.model.memories[at]);
        let alive = held.handle.alive();
        let kept = |&buffer: &usize| {
            let it = &self.model.buffers[buffer];
            self.buffers[buffer].handle.alive() && it.memory == at && !it.detached
        };
        let kept = (0..self.buffers.len()).filter(kept);
        if held.handle.surely_dead() {
            // It may have been found as another one by now.
            let found = find(held.base).map(|(memory, _)| memory);
            same!(found == Some(held.handle.pointer.cast_const()), false, "a dead memory found");
        }
        let length = if alive {
            model.length()
        } else {
            kept.map(|buffer| self.model.buffer_length(buffer)).max().unwrap_or(0)
        };
        for (start, expected) in model.bytes.expected(length, self.steps) {
            if !whole && start / CHUNK > 2 {
                break;
            }
            let bytes = held.base.wrapping_add(start as usize);
            let got = call!(std::slice::from_raw_parts(bytes, expected.len()));
            if got != expected {
                let first = got.iter().zip(expected).position(|(got, expected)| got != expected);
                let place = first.unwrap_or(0);
                same!(got[place], expected[place], "byte {} of memory {at}", start + place as u64);
            }
        }
        if length == 0 && !alive {
            return Ok(());
        }
        let memory = if alive { held.handle.pointer } else { ptr::null_mut() };
        if model.room.hidden && !alive {
            // What has become of the layout since, nobody can ask.
            return Ok(());
        }
        self.observe_addresses(held.base, &held.layout, model, memory)
    }

    fn observe_addresses(
        &self,
        base: *mut u8,
        layout: &Layout,
        model: &Memory,
        memory: *const wasm_memory_t,
    ) -> Verdict {
        let length = model.length();
        let Layout { reservation, guard_before, guard_after, .. } = *layout;
        let at = |offset: u64| base.wrapping_add(offset as usize);
        if length > 0 {
            let last = length - 1;
            let body = Some((memory, WASM_MEMORY_ZONE_BODY));
            same!(find(base), body, "the first byte, found");
            same!(find(at(last)), body, "the last byte, found");
            same!(usable(at(last)), true, "the last byte can be used");
        }
        if length < reservation {
            let reserved = Some((memory, WASM_MEMORY_ZONE_RESERVED));
            same!(find(at(length)), reserved, "the byte past the end, found");
        }
        let past = length.next_multiple_of(host_page());
        if layout.exact_protection && past < reservation {
            same!(usable(at(past)), false, "the host page past {length} bytes can be used");
        }
        if guard_after > 0 {
            let guard = Some((memory, WASM_MEMORY_ZONE_GUARD_AFTER));
            for offset in [reservation, reservation + guard_after - 1] {
                same!(find(at(offset)), guard, "the guard after, found");
                same!(usable(at(offset)), false, "the guard after can be used");
            }
        }
        if guard_before > 0 {
            let before = base.wrapping_sub(1);
            let guard = Some((memory, WASM_MEMORY_ZONE_GUARD_BEFORE));
            // Between two slots of a pool lies one guard, which may be told as the other one's.
            if !model.room.slot || find(before).is_none() {
                same!(find(before), guard, "the guard before, found");
            }
            same!(usable(before), false, "the guard before can be used");
        }
        Ok(())
    }

    fn refused(&mut self, status: i32, address: usize, what: &str) -> Verdict {
        let failure = rules::invalid_handle(address);
        same!(status, failure.status, "{what} with a dead handle");
        self.last = failure.into();
        same!(last_error(), self.last, "the last error of {what} with a dead handle");
        Ok(())
    }

    /// How functions without a status answer NULL, a dead handle, or one of another kind.
    pub fn blank_memory(&self, memory: *mut wasm_memory_t) -> Verdict {
        same!(call!(wasm_memory_retain(memory)), ptr::null_mut(), "a dead memory retained");
        same!(call!(wasm_memory_size(memory)), 0, "pages of a dead memory");
        same!(call!(wasm_memory_byte_length(memory)), 0, "bytes of a dead memory");
        same!(call!(wasm_memory_data(memory)), ptr::null_mut(), "base of a dead memory");
        same!(call!(wasm_memory_view(memory)), ptr::null(), "view of a dead memory");
        same!(call!(wasm_memory_user_data(memory)), ptr::null_mut(), "data of a dead memory");
        same!(layout(memory), Layout::default(), "layout of a dead memory");
        Ok(())
    }

    /// How a handle is answered right after its last delete (section 8).
    pub fn dead_memory(&mut self, memory: *mut wasm_memory_t) -> Verdict {
        call!(wasm_memory_delete(memory));
        self.blank_memory(memory)?;
        let mut pages = UNTOUCHED;
        let status = call!(wasm_memory_grow(memory, 0, &mut pages));
        self.refused(status, memory.addr(), "grow")?;
        same!(pages, UNTOUCHED, "the previous pages of a dead memory");
        let status = call!(wasm_memory_bulk_fill(memory, 0, 0, 0));
        self.refused(status, memory.addr(), "fill")?;
        let mut buffer = poison();
        let status = call!(wasm_memory_buffer(memory, &mut buffer));
        self.refused(status, memory.addr(), "buffer")?;
        same!(buffer, ptr::null_mut(), "the buffer of a dead memory");
        Ok(())
    }

    pub fn blank_buffer(&self, buffer: *mut wasm_memory_buffer_t) -> Verdict {
        same!(call!(wasm_memory_buffer_retain(buffer)), ptr::null_mut(), "a dead buffer retained");
        same!(call!(wasm_memory_buffer_data(buffer)), ptr::null_mut(), "data of a dead buffer");
        same!(call!(wasm_memory_buffer_byte_length(buffer)), 0, "length of a dead buffer");
        same!(call!(wasm_memory_buffer_max_byte_length(buffer)), 0, "its maximum length");
        same!(call!(wasm_memory_buffer_is_detached(buffer)), false, "is it detached");
        same!(call!(wasm_memory_buffer_is_shared(buffer)), false, "is it shared");
        same!(call!(wasm_memory_buffer_is_resizable(buffer)), false, "is it resizable");
        Ok(())
    }

    pub fn dead_buffer(&mut self, buffer: *mut wasm_memory_buffer_t) -> Verdict {
        call!(wasm_memory_buffer_delete(buffer));
        self.blank_buffer(buffer)?;
        let status = call!(wasm_memory_buffer_resize(buffer, 0));
        self.refused(status, buffer.addr(), "buffer_resize")?;
        let status = call!(wasm_memory_buffer_grow(buffer, 0));
        self.refused(status, buffer.addr(), "buffer_grow")?;
        let status = call!(wasm_memory_buffer_transfer(buffer));
        self.refused(status, buffer.addr(), "buffer_transfer")
    }
}

/// The memory and zone that the library finds for an address.
fn find(address: *mut u8) -> Option<(*const wasm_memory_t, u32)> {
    let mut location = wasm_memory_location_t {
        memory: poison(),
        offset: -1,
        zone: u32::MAX,
        reserved: [UNTOUCHED; 2],
    };
    let found = call!(wasm_memory_find(address.cast_const().cast(), &mut location));
    found.then_some((location.memory, location.zone))
}
