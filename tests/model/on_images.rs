//! Images, snapshots, and what comes back to them.

use crate::abi::{LastError, UNTOUCHED, Verdict, descriptor, fields, layout, poison};
use crate::bytes::Bytes;
use crate::handles::{Handle, IMAGES, MEMORIES, Target};
use crate::on_bytes::pattern;
use crate::operation::Operation;
use crate::probe::{Scratch, host_page, limited};
use crate::reach::Event;
use crate::rules::{self, Outcome, Type, Wish, range_error};
use crate::spec::{Image, alike};
use crate::statistics::memory_statistics;
use crate::world::World;
use crate::{call, same};
use std::ptr;
use wasm_memory::capi::error::*;
use wasm_memory::capi::image::*;
use wasm_memory::capi::memory::{
    wasm_memory_data, wasm_memory_delete, wasm_memory_new, wasm_memory_t,
};
use wasm_memory::capi::status::*;

const LENGTHS: [u64; 8] = [0, 1, 5, 100, 4095, 4096, 5000, 70_000];
/// What is larger is not written to a file.
const MOST_WRITTEN: u64 = 1 << 20;
/// What is larger may be more than the host has.
const LARGEST: u64 = 1 << 28;

/// Section 7: no memory of this host ends past the largest object.
fn place(index: u64, length: u64) -> Outcome {
    let most = isize::MAX as u64;
    let end = index.checked_add(length);
    let whole = end.and_then(|end| end.checked_next_multiple_of(host_page()));
    if whole.is_none_or(|whole| whole > most) {
        let reason = WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT;
        return range_error(reason, end.unwrap_or(u64::MAX), most);
    }
    Ok(())
}

impl World {
    /// Where an image lies: mostly where some memory could have it.
    fn image_index(&self, operation: &Operation) -> u64 {
        let number = match self.alive().first() {
            Some(&at) => operation.numbers[0].bytes(&self.model.memories[at]),
            None => operation.numbers[0].count(),
        };
        if operation.choice(4, 4) == 0 { number } else { number % (3 * 65536) }
    }

    fn image_made(
        &mut self,
        plan: Outcome<Image>,
        status: i32,
        made: Option<*mut wasm_memory_image_t>,
    ) -> Verdict {
        let length = plan.as_ref().map_or(0, |image| image.bytes.length);
        match (self.settle_with_host(plan, status, length)?, made) {
            (Some(image), Some(made)) => {
                same!(made.is_null(), false, "a new image is NULL");
                let known = self.images.iter();
                let taken = known.filter(|known| known.alive() || known.surely_dead());
                let twins = taken.filter(|known| known.pointer == made).count();
                same!(twins, 0, "earlier images that the new one {made:p} is");
                self.images.push(Handle::new(made, &IMAGES));
                self.model.images.push(image);
            }
            (None, Some(made)) => same!(made, ptr::null_mut(), "the image after a failure"),
            _ => (),
        }
        Ok(())
    }

    pub fn image_new(&mut self, operation: &Operation) -> Verdict {
        let index = self.image_index(operation);
        let length = LENGTHS[operation.choice(8, 8) as usize];
        let mut content = pattern(operation.seed, length);
        let missing = operation.choice(11, 16);
        let mut made = poison();
        let out = if missing == 0 { ptr::null_mut() } else { &raw mut made };
        let bytes = if missing == 1 { ptr::null() } else { content.as_ptr() };
        let plan = match missing {
            0 => Err(rules::NULL),
            1 if length > 0 => Err(rules::NULL),
            _ => place(index, length).map(|()| image_of(index, &content)),
        };
        IMAGES.count();
        let status = call!(wasm_memory_image_new(bytes, length as usize, index, out));
        self.note(format!("image_new({bytes:p}, {length}, {index}, {out:p}) = {status} {made:p}"));
        // What becomes of the bytes later does not matter.
        content.fill(0xee);
        self.image_made(plan, status, (!out.is_null()).then_some(made))
    }

    pub fn image_from_file(&mut self, operation: &Operation) -> Verdict {
        let index = self.image_index(operation);
        let content = pattern(operation.seed, LENGTHS[operation.choice(8, 8) as usize]);
        let file = Scratch::new(&content);
        let (path, plan, os_error) = match operation.choice(11, 8) {
            0 => (ptr::null(), Err(rules::NULL), 0),
            1 => (c"/proc/self/no such file".as_ptr(), Err(rules::FILE), libc::ENOENT),
            2 => (c"/".as_ptr(), Err(rules::FILE), libc::EISDIR),
            3 => (c"/dev/null".as_ptr(), Err(rules::FILE), libc::ESPIPE),
            _ => {
                let fits = place(index, content.len() as u64);
                (file.path().as_ptr(), fits.map(|()| image_of(index, &content)), 0)
            }
        };
        let mut made = poison();
        IMAGES.count();
        let status = call!(wasm_memory_image_from_file(path, index, &mut made));
        self.note(format!("image_from_file({index}, {} bytes) = {status} {made:p}", content.len()));
        file.overwrite();
        if os_error != 0 {
            self.reach.outcome(self.call, WASM_MEMORY_REASON_FILE);
            same!(status, WASM_MEMORY_HOST_ERROR, "the status without a file");
            self.last = LastError { os_error, ..rules::FILE.into() };
            same!(crate::abi::last_error(), self.last, "the last error without a file");
            same!(made, ptr::null_mut(), "the image after a failure");
            return Ok(());
        }
        self.image_made(plan, status, Some(made))
    }

    pub fn snapshot(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let missing = target.good().is_ok() && operation.choice(3, 24) == 0;
        let plan = target.good().and_then(|at| match missing {
            true => Err(rules::NULL),
            false => self.model.snapshot(at),
        });
        let mut made = poison();
        let out = if missing { ptr::null_mut() } else { &raw mut made };
        IMAGES.count();
        let status = call!(wasm_memory_snapshot(target.pointer(), out));
        self.note(format!("snapshot({:p}, {out:p}) = {status} {made:p}", target.pointer()));
        self.image_made(plan, status, (!out.is_null()).then_some(made))
    }

    pub fn image_retain(&mut self, operation: &Operation) -> Verdict {
        let target = self.image(operation.pick);
        let retained = call!(wasm_memory_image_retain(target.pointer()));
        self.note(format!("image_retain({:p})", target.pointer()));
        match target {
            Target::Good(at, pointer) => {
                self.images[at].references += 1;
                same!(retained, pointer, "a retained image");
            }
            Target::Bad(..) => same!(retained, ptr::null_mut(), "a bad image retained"),
        }
        Ok(())
    }

    pub fn image_delete(&mut self, operation: &Operation) -> Verdict {
        match self.image(operation.pick) {
            Target::Good(at, _) => self.give_back_image(at),
            Target::Bad(pointer, _) => {
                self.note(format!("surplus image_delete({pointer:p})"));
                call!(wasm_memory_image_delete(pointer));
                Ok(())
            }
        }
    }

    pub fn give_back_image(&mut self, at: usize) -> Verdict {
        let pointer = self.images[at].pointer;
        call!(wasm_memory_image_delete(pointer));
        let last = self.images[at].given_back();
        self.note(format!("image_delete({pointer:p}), the last: {last}"));
        if last {
            call!(wasm_memory_image_delete(pointer));
            let retained = call!(wasm_memory_image_retain(pointer));
            same!(retained, ptr::null_mut(), "a dead image retained");
        }
        Ok(())
    }

    pub fn image_get_type(&mut self, operation: &Operation) -> Verdict {
        let target = self.image(operation.pick);
        let missing = target.good().is_ok() && operation.choice(3, 8) == 0;
        let untouched = Wish { initial: (UNTOUCHED, 0x5a), page_size: 3, ..Wish::default() };
        let mut out = descriptor(&untouched);
        let to = if missing { ptr::null_mut() } else { &raw mut out };
        let plan = target.good().and_then(|at| if missing { Err(rules::NULL) } else { Ok(at) });
        let status = call!(wasm_memory_image_get_type(target.pointer(), to));
        self.note(format!("image_get_type({:p}, {to:p}) = {status}", target.pointer()));
        let expected = match self.settle(plan, status)? {
            None => untouched,
            Some(at) => {
                self.model.images[at].snapshot.map_or_else(Wish::default, |(kind, pages)| Wish {
                    initial: (pages, 1),
                    maximum: (kind.maximum.unwrap_or(0), u8::from(kind.maximum.is_some())),
                    shared: 0,
                    address: u32::from(kind.wide),
                    page_size: kind.page as u32,
                    reserved: [0; 2],
                })
            }
        };
        same!(fields(&out), fields(&descriptor(&expected)), "the type of an image");
        Ok(())
    }

    pub fn image_write_file(&mut self, operation: &Operation) -> Verdict {
        let target = self.image(operation.pick);
        let missing = operation.choice(3, 4) == 0;
        if target.good().is_ok_and(|at| self.model.images[at].bytes.length > MOST_WRITTEN) {
            return Ok(());
        }
        let file = Scratch::new(b"what was there before");
        let path = if missing { ptr::null() } else { file.path().as_ptr() };
        let plan = target.good().and_then(|at| if missing { Err(rules::NULL) } else { Ok(at) });
        let status = call!(wasm_memory_image_write_file(target.pointer(), path));
        self.note(format!("image_write_file({:p}, {path:p}) = {status}", target.pointer()));
        if let Some(at) = self.settle(plan, status)? {
            let bytes = &self.model.images[at].bytes;
            let written = file.read() == bytes.read(0, bytes.length);
            same!(written, true, "the file has the bytes of the image");
        }
        Ok(())
    }

    pub fn reset(&mut self, operation: &Operation) -> Verdict {
        let target = self.memory(operation);
        let image = match operation.choice(0, 4) {
            0 => Target::Bad(ptr::null_mut(), rules::NULL),
            // Often one that makes the memory larger.
            1 => self.larger(&target, operation)?,
            _ => self.image(operation.seed.to_le_bytes()[1]),
        };
        let handle = image.pointer();
        let good = target.good();
        let mut start = None;
        let plan = good.and_then(|at| {
            start = if handle.is_null() { None } else { Some(image.good()?) };
            self.model.reset(at, start)
        });
        let status = call!(wasm_memory_reset(target.pointer(), handle));
        self.note(format!("reset({:p}, {handle:p}) = {status}", target.pointer()));
        let Ok(at) = good else {
            return self.settle(plan, status).map(drop);
        };
        self.counted(at, &plan, status)?;
        let before = self.model.memories[at].pages;
        let length = plan.map_or(0, |pages| rules::bytes(pages, self.model.memories[at].kind.page));
        let room = self.model.memories[at].room;
        let Some(pages) = self.settle_with_room(plan, status, length, room.hidden)? else {
            return Ok(());
        };
        if pages != before {
            let larger = pages > before;
            self.reach.event(if larger { Event::ResetLarger } else { Event::ResetSmaller });
        }
        self.model.was_reset(at, start, pages);
        let held = &self.memories[at];
        let base = call!(wasm_memory_data(held.handle.pointer));
        same!(base, held.base, "the base after a reset");
        let given = layout(held.handle.pointer);
        if !room.hidden {
            same!(given, held.layout, "the layout after a reset");
        }
        // Section 4: past the new size the pointer of a buffer faults.
        let length = self.model.memories[at].length();
        for buffer in &mut self.buffers {
            if buffer.taken.0 == base {
                buffer.taken.1 = buffer.taken.1.min(length);
            }
        }
        self.placed(at, base, given);
        Ok(())
    }
}

impl World {
    /// A new snapshot of a memory that is larger and of the same kind; where there is none, of one
    /// that is made for it.
    fn larger(
        &mut self,
        target: &Target<wasm_memory_t>,
        operation: &Operation,
    ) -> Verdict<Target<wasm_memory_image_t>> {
        let Ok(at) = target.good() else { return Ok(self.image(0)) };
        let memory = &self.model.memories[at];
        let fits = |&other: &usize| {
            let it = &self.model.memories[other];
            let larger = it.length() > memory.length() && it.length() < LARGEST;
            larger && alike(&it.kind, &memory.kind) && !it.kind.shared
        };
        let Some(other) = self.alive().into_iter().find(fits) else {
            let kind = Type { shared: false, maximum: None, ..memory.kind };
            let pages = memory.pages + 1 + u64::from(operation.choice(17, 4));
            return self.empty_snapshot(kind, pages);
        };
        let mut made = poison();
        IMAGES.count();
        let status = call!(wasm_memory_snapshot(self.memories[other].handle.pointer, &mut made));
        self.note(format!("snapshot of memory {other} = {status} {made:p}"));
        same!(status, WASM_MEMORY_OK, "a snapshot of memory {other}");
        self.images.push(Handle::new(made, &IMAGES));
        self.model.images.push(self.model.snapshot(other).map_err(|_| "a snapshot".to_owned())?);
        Ok(Target::Good(self.images.len() - 1, made))
    }

    /// A snapshot of a memory that is made, and gone again, in the default allocator.
    fn empty_snapshot(&mut self, kind: Type, pages: u64) -> Verdict<Target<wasm_memory_image_t>> {
        let length = rules::bytes(pages, kind.page);
        if length > LARGEST || limited() {
            return Ok(self.image(0));
        }
        let wish = Wish {
            initial: (pages, 1),
            address: u32::from(kind.wide),
            page_size: kind.page as u32,
            ..Wish::default()
        };
        let (mut memory, mut made) = (poison(), poison());
        MEMORIES.count();
        let status = call!(wasm_memory_new(&descriptor(&wish), &mut memory));
        same!(status, WASM_MEMORY_OK, "a memory of {pages} pages for a snapshot");
        let tally = &mut self.model.tallies[0];
        tally.creations += 1;
        tally.reuses += memory_statistics(memory).reuses;
        IMAGES.count();
        let status = call!(wasm_memory_snapshot(memory, &mut made));
        call!(wasm_memory_delete(memory));
        self.note(format!("snapshot of {pages} pages of {kind:?} = {status} {made:p}"));
        same!(status, WASM_MEMORY_OK, "a snapshot of an empty memory");
        self.images.push(Handle::new(made, &IMAGES));
        let bytes = Bytes::new(length);
        self.model.images.push(Image { index: 0, bytes, snapshot: Some((kind, pages)) });
        Ok(Target::Good(self.images.len() - 1, made))
    }
}

fn image_of(index: u64, content: &[u8]) -> Image {
    let mut bytes = Bytes::new(content.len() as u64);
    bytes.write(0, content);
    Image { index, bytes, snapshot: None }
}
