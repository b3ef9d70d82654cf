//! What is done while calls are refused. Together they call every exported function.

use crate::call;
use crate::heap;
use crate::host;
use crate::rules::Operation::{
    self, Allocator, Buffer, Create, FromFile, Grow, Image, Quiet, Reset, WriteFile,
};
use crate::world::{Counts, Known, OK, Verdict, Wish, World, boolean, bytes, same};
use std::ffi::{CString, c_void};
use std::ptr;
use wasm_memory::capi::allocator::*;
use wasm_memory::capi::atomics::*;
use wasm_memory::capi::buffer::*;
use wasm_memory::capi::bulk::*;
use wasm_memory::capi::config::*;
use wasm_memory::capi::descriptor::Bool;
use wasm_memory::capi::error::*;
use wasm_memory::capi::find::*;
use wasm_memory::capi::heap::*;
use wasm_memory::capi::image::*;
use wasm_memory::capi::memory::*;
use wasm_memory::capi::status::*;
use wasm_memory::capi::view::*;
use wasm_memory::faults;

pub type Scenario = fn(&mut World<'_>) -> Verdict;

pub const ALL: &[(&str, Scenario)] = &[
    ("alone", alone),
    ("moved", moved),
    ("pool", pool),
    ("checked", checked),
    ("images", images),
    ("image in a pool", image_in_a_pool),
    ("files", files),
    ("buffers", buffers),
    ("waits", waits),
    ("resident", resident),
    ("allocators", allocators),
    ("blocks of a heap", blocks),
    ("questions", questions),
];

const PAGE: u64 = 65536;
const DEFAULT: usize = 0;

/// A pointer that no call returns.
fn poison<T>() -> *mut T {
    ptr::without_provenance_mut(0x5a50)
}

/// A failed call sets its output to NULL.
fn made<T>(status: i32, out: *mut T) -> Verdict<i32> {
    match (status == OK, out.is_null()) {
        (true, false) | (false, true) => Ok(status),
        _ => Err(format!("status {status} with output {out:?}")),
    }
}

impl World<'_> {
    /// An allocator with these settings; its index.
    fn allocator(&mut self, set: impl Fn(&Self, *mut wasm_memory_config_t)) -> Verdict<usize> {
        let mut allocator = ptr::null_mut();
        self.step(Allocator, "allocator_new", None, |world| {
            // The setters say nothing: what is refused to one is told of by the allocator.
            let mut config = call!(world, wasm_memory_config_new());
            if config.is_null() {
                config = faults::suspended(|| call!(world, wasm_memory_config_new()));
                if config.is_null() {
                    return Err("no config though nothing is refused".to_owned());
                }
            }
            set(world, config);
            allocator = poison();
            let status = call!(world, wasm_memory_allocator_new(config, &mut allocator));
            call!(world, wasm_memory_config_delete(config));
            made(status, allocator)
        })?;
        self.allocators.push((allocator, Counts::default()));
        Ok(self.allocators.len() - 1)
    }

    fn handle(&self, allocator: usize) -> *mut wasm_memory_allocator_t {
        self.allocators[allocator].0
    }

    /// A memory whose bytes must be `model`; it becomes the last of the world's.
    fn create(
        &mut self,
        allocator: usize,
        wish: Wish,
        image: *const wasm_memory_image_t,
        model: Vec<u8>,
    ) -> Verdict<usize> {
        let (descriptor, handle) = (wish.descriptor(), self.handle(allocator));
        let mut memory = ptr::null_mut();
        self.step(Create, "new_in", Some(allocator), |world| {
            memory = poison();
            let status = call!(world, wasm_memory_new_in(handle, &descriptor, image, &mut memory));
            made(status, memory)
        })?;
        let counts = &mut self.allocators[allocator].1;
        counts.memories += 1;
        counts.creations += 1;
        counts.accessible_bytes += model.len() as u64;
        self.memories.push(Known { memory, wish, model, allocator });
        self.sound("new_in")?;
        Ok(self.memories.len() - 1)
    }

    fn zeros(&mut self, allocator: usize, wish: Wish) -> Verdict<usize> {
        let length = wish.initial * u64::from(wish.page_size);
        self.create(allocator, wish, ptr::null(), vec![0; length as usize])
    }

    fn memory(&self, at: usize) -> *mut wasm_memory_t {
        self.memories[at].memory
    }

    /// Writes through the base, as compiled code does.
    fn fill(&mut self, at: usize, value: u8) {
        let known = &mut self.memories[at];
        bytes(known.memory).fill(value);
        known.model.fill(value);
    }

    fn grow(&mut self, at: usize, delta: u64) -> Verdict {
        let Known { memory, allocator, wish, .. } = self.memories[at];
        let before = self.memories[at].model.len() as u64 / u64::from(wish.page_size);
        self.step(Grow, "grow", Some(allocator), |world| {
            let mut previous = 77;
            let status = call!(world, wasm_memory_grow(memory, delta, &mut previous));
            same("previous", previous, if status == OK { before } else { 77 })?;
            Ok(status)
        })?;
        self.grown(at, delta * u64::from(wish.page_size), delta > 0)
    }

    fn grown(&mut self, at: usize, more: u64, counts: bool) -> Verdict {
        let known = &mut self.memories[at];
        // Copied whole: one by one the bytes take as long as all the rest of a scenario.
        let mut longer = vec![0; known.model.len() + more as usize];
        longer[..known.model.len()].copy_from_slice(&known.model);
        known.model = longer;
        let of = &mut self.allocators[known.allocator].1;
        of.growths += u64::from(counts);
        of.accessible_bytes += more;
        self.sound("growth")
    }

    fn reset(&mut self, at: usize, image: *const wasm_memory_image_t, model: Vec<u8>) -> Verdict {
        let Known { memory, allocator, .. } = self.memories[at];
        self.step(Reset, "reset", Some(allocator), |world| {
            Ok(call!(world, wasm_memory_reset(memory, image)))
        })?;
        let counts = &mut self.allocators[allocator].1;
        counts.accessible_bytes -= self.memories[at].model.len() as u64;
        counts.accessible_bytes += model.len() as u64;
        self.memories[at].model = model;
        self.sound("reset")
    }

    fn discard(&mut self, at: usize, index: u64, length: u64) -> Verdict {
        let Known { memory, allocator, .. } = self.memories[at];
        self.step(Quiet, "discard", None, |world| {
            Ok(call!(world, wasm_memory_discard(memory, index, length)))
        })?;
        self.memories[at].model[index as usize..(index + length) as usize].fill(0);
        self.allocators[allocator].1.discarded_bytes += length;
        self.sound("discard")
    }

    /// Gives the last memory of the world's back.
    fn delete_last(&mut self) -> Verdict {
        let Some(known) = self.memories.pop() else { return Ok(()) };
        call!(self, wasm_memory_delete(known.memory));
        same("size of a dead handle", call!(self, wasm_memory_size(known.memory)), 0)?;
        let counts = &mut self.allocators[known.allocator].1;
        counts.memories -= 1;
        counts.accessible_bytes -= known.model.len() as u64;
        self.sound("delete")
    }

    fn delete_all(&mut self) -> Verdict {
        while !self.memories.is_empty() {
            self.delete_last()?;
        }
        self.check_counts()?;
        while self.allocators.len() > 1 {
            let (allocator, _) = self.allocators.pop().unwrap_or_default();
            call!(self, wasm_memory_allocator_delete(allocator));
        }
        Ok(())
    }

    fn image(
        &mut self,
        operation: Operation,
        what: &str,
        make: impl Fn(&Self, &mut *mut wasm_memory_image_t) -> i32,
    ) -> Verdict<*mut wasm_memory_image_t> {
        let mut image = ptr::null_mut();
        self.step(operation, what, None, |world| {
            image = poison();
            let status = make(world, &mut image);
            made(status, image)
        })?;
        Ok(image)
    }

    fn image_of(&mut self, of: &[u8], index: u64) -> Verdict<*mut wasm_memory_image_t> {
        self.image(Image, "image_new", |world, out| {
            call!(world, wasm_memory_image_new(of.as_ptr(), of.len(), index, out))
        })
    }

    fn snapshot(&mut self, at: usize) -> Verdict<*mut wasm_memory_image_t> {
        let memory = self.memory(at);
        self.image(Image, "snapshot", |world, out| call!(world, wasm_memory_snapshot(memory, out)))
    }

    fn delete_image(&self, image: *mut wasm_memory_image_t) {
        call!(self, wasm_memory_image_delete(image));
    }

    fn buffer(
        &mut self,
        what: &str,
        make: impl Fn(&Self, &mut *mut wasm_memory_buffer_t) -> i32,
    ) -> Verdict<*mut wasm_memory_buffer_t> {
        let mut buffer = ptr::null_mut();
        self.step(Buffer, what, None, |world| {
            buffer = poison();
            let status = make(world, &mut buffer);
            made(status, buffer)
        })?;
        self.buffers.push(buffer);
        Ok(buffer)
    }

    fn delete_buffers(&mut self) {
        for buffer in std::mem::take(&mut self.buffers) {
            call!(self, wasm_memory_buffer_delete(buffer));
        }
    }

    fn trim(&self, allocator: usize) {
        let handle = self.handle(allocator);
        call!(self, wasm_memory_allocator_trim(handle));
    }
}

/// A memory with `part` at `index`, of so many bytes.
fn with(length: u64, index: u64, part: &[u8]) -> Vec<u8> {
    let mut model = vec![0; length as usize];
    model[index as usize..index as usize + part.len()].copy_from_slice(part);
    model
}

/// What has a place in the library's own storage: one of each kind, made and given back.
pub fn one_of_each_kind(world: &mut World<'_>) -> Verdict {
    let limiter = wasm_memory_limiter_t {
        context: ptr::null_mut(),
        growing: None,
        refused: None,
        finalize: None,
        reserved: [ptr::null_mut(); 4],
    };
    let at = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_limiter(config, &limiter));
        call!(world, wasm_memory_config_set_host_heap(config, &of_heap()));
    })?;
    let image = world.image_of(&[1], 0)?;
    world.create(at, Wish::pages(1), image, with(PAGE, 0, &[1]))?;
    let memory = world.memory(0);
    world.buffer("buffer", |world, out| call!(world, wasm_memory_buffer(memory, out)))?;
    world.delete_buffers();
    world.delete_image(image);
    world.delete_all()
}

/// In a mapping of its own: new, grown, left to the cache, used again, trimmed.
fn alone(world: &mut World<'_>) -> Verdict {
    let mut memory = ptr::null_mut();
    let descriptor = Wish::pages(1).descriptor();
    world.step(Create, "new", Some(DEFAULT), |world| {
        memory = poison();
        let status = call!(world, wasm_memory_new(&descriptor, &mut memory));
        made(status, memory)
    })?;
    let counts = &mut world.allocators[DEFAULT].1;
    counts.memories += 1;
    counts.creations += 1;
    counts.accessible_bytes += PAGE;
    let (wish, model) = (Wish::pages(1), vec![0; PAGE as usize]);
    world.memories.push(Known { memory, wish, model, allocator: DEFAULT });
    world.sound("new")?;
    world.fill(0, 0xd5);
    world.grow(0, 1)?;
    world.grow(0, 0)?;
    world.fill(0, 0xd6);
    world.grow(0, 2)?;
    world.discard(0, PAGE, PAGE)?;
    world.zeros(DEFAULT, Wish::bytes(5000, 70_000))?;
    world.fill(1, 0xd7);
    world.grow(1, 65_000)?;
    world.delete_last()?;
    world.delete_last()?;
    world.zeros(DEFAULT, Wish::pages(2))?;
    world.fill(0, 0xd8);
    world.zeros(DEFAULT, Wish::pages(0))?;
    world.grow(1, 1)?;
    world.delete_last()?;
    world.delete_last()?;
    world.zeros(DEFAULT, Wish::pages(1))?;
    world.trim(DEFAULT);
    world.sound("trim")?;
    world.delete_all()?;
    world.trim(DEFAULT);
    Ok(())
}

/// Growth changes the base, of a body in one mapping and of one in several, with a buffer held.
fn moved(world: &mut World<'_>) -> Verdict {
    let movable = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_reservation(config, 2 * PAGE));
        call!(world, wasm_memory_config_set_movable(config, boolean(1)));
        call!(world, wasm_memory_config_set_fallback(config, boolean(1)));
    })?;
    world.zeros(movable, Wish::pages(2))?;
    world.fill(0, 0x61);
    world.grow(0, 1)?;
    let memory = world.memory(0);
    world.buffer("to_fixed_length_buffer", |world, out| {
        call!(world, wasm_memory_to_fixed_length_buffer(memory, out))
    })?;
    let held = call!(world, wasm_memory_buffer_data(world.buffers[0]));
    let reservation = crate::world::layout_of(memory).reservation;
    world.fill(0, 0x62);
    world.grow(0, reservation / PAGE)?;
    // What the buffer was can still be used, whatever became of it.
    let usable = host::can_write(held) && host::can_write(held.wrapping_add(3 * PAGE as usize - 1));
    same("the old range is usable", usable, true)?;
    world.delete_buffers();
    let base = bytes(memory).as_mut_ptr();
    // SAFETY: a part of the body, whose contents stay.
    unsafe { libc::madvise(base.wrapping_add(65536).cast(), 65536, libc::MADV_DONTDUMP) };
    world.fill(0, 0x63);
    let reservation = crate::world::layout_of(memory).reservation;
    world.grow(0, reservation / PAGE)?;
    world.delete_all()
}

fn pool(world: &mut World<'_>) -> Verdict {
    let of_two = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_pool(config, 2, 4 * PAGE));
        call!(world, wasm_memory_config_set_guards(config, PAGE, PAGE));
    })?;
    for (sizes, value) in [([1, 2], 0x71), ([2, 0], 0x72), ([1, 4], 0x73)] {
        for size in sizes {
            world.zeros(of_two, Wish { maximum: Some(4), ..Wish::pages(size) })?;
        }
        world.fill(0, value);
        world.grow(0, 2)?;
        world.fill(0, value);
        world.fill(1, value);
        world.reset(1, ptr::null(), vec![0; sizes[1] as usize * PAGE as usize])?;
        world.delete_last()?;
        world.delete_last()?;
        world.trim(of_two);
    }
    world.delete_all()
}

/// The engine checks the bounds: all is open from the start, or opened ahead.
fn checked(world: &mut World<'_>) -> Verdict {
    let cache = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_bounds(config, 1));
        call!(world, wasm_memory_config_set_reservation(config, 8 * PAGE));
        call!(world, wasm_memory_config_set_keep_resident(config, 0));
    })?;
    let slots = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_bounds(config, 1));
        call!(world, wasm_memory_config_set_pool(config, 1, 4 * PAGE));
    })?;
    for allocator in [cache, slots] {
        for value in [0x41, 0x42] {
            world.zeros(allocator, Wish { maximum: Some(4), ..Wish::pages(2) })?;
            let memory = world.memory(0);
            world.buffer("to_resizable_buffer", |world, out| {
                call!(world, wasm_memory_to_resizable_buffer(memory, out))
            })?;
            world.fill(0, value);
            world.grow(0, 2)?;
            world.fill(0, value);
            world.reset(0, ptr::null(), vec![0; 2 * PAGE as usize])?;
            world.delete_buffers();
            world.fill(0, value);
            world.delete_last()?;
        }
        world.trim(allocator);
    }
    world.delete_all()
}

fn images(world: &mut World<'_>) -> Verdict {
    start_from_images(world, DEFAULT)
}

fn image_in_a_pool(world: &mut World<'_>) -> Verdict {
    let slots = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_pool(config, 1, 4 * PAGE));
        call!(world, wasm_memory_config_set_kept_bytes(config, 20_000));
    })?;
    start_from_images(world, slots)
}

fn start_from_images(world: &mut World<'_>, allocator: usize) -> Verdict {
    let (first, second) = ([0x11; 9000], [0x22; 5000]);
    let one = world.image_of(&first, 100)?;
    let other = world.image_of(&second, 20_000)?;
    let none = ptr::null::<wasm_memory_image_t>();
    let (with_one, with_other) = (with(PAGE, 100, &first), with(PAGE, 20_000, &second));
    let mut descriptor = Wish::pages(0).descriptor();
    same("type", call!(world, wasm_memory_image_get_type(one, &mut descriptor)), OK)?;

    world.create(allocator, Wish::pages(1), one, with_one.clone())?;
    world.fill(0, 0xd5);
    world.reset(0, one, with_one.clone())?;
    world.fill(0, 0xd6);
    world.grow(0, 1)?;
    world.fill(0, 0xd7);
    world.reset(0, other, with_other.clone())?;
    world.discard(0, 0, PAGE)?;
    world.reset(0, one, with_one.clone())?;
    world.reset(0, none, vec![0; PAGE as usize])?;
    world.fill(0, 0xd8);
    world.delete_last()?;

    world.create(allocator, Wish::pages(1), other, with_other.clone())?;
    world.fill(0, 0xd9);
    world.delete_last()?;
    world.create(allocator, Wish::pages(1), other, with_other)?;
    world.delete_last()?;
    world.create(allocator, Wish::pages(1), one, with_one)?;
    world.delete_last()?;
    world.zeros(allocator, Wish::pages(1))?;
    bytes(world.memory(0))[40_000..60_000].fill(0x33);
    world.memories[0].model[40_000..60_000].fill(0x33);
    let snapshot = world.snapshot(0)?;
    let kept = world.memories[0].model.clone();
    world.grow(0, 1)?;
    world.fill(0, 0xda);
    world.reset(0, snapshot, kept.clone())?;
    world.delete_last()?;
    world.create(allocator, Wish::pages(1), snapshot, kept)?;
    call!(world, wasm_memory_image_retain(one));
    for image in [one, one, other, snapshot] {
        world.delete_image(image);
    }
    world.sound("image_delete")?;
    world.fill(0, 0xdb);
    world.delete_all()?;
    world.trim(DEFAULT);
    Ok(())
}

fn files(world: &mut World<'_>) -> Verdict {
    let name = |text: &str| {
        let directory = std::env::temp_dir();
        // SAFETY: a question.
        let process = unsafe { libc::getpid() };
        let path = directory.join(format!("wasm_memory-faults-{process}-{text}"));
        (path.clone(), CString::new(path.into_os_string().into_encoded_bytes()).unwrap_or_default())
    };
    let ((from, from_c), (to, to_c)) = (name("from"), name("to"));
    let content: Vec<u8> = (0..30_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&from, &content).map_err(|error| error.to_string())?;
    let outcome = (|| {
        let image = world.image(FromFile, "image_from_file", |world, out| {
            call!(world, wasm_memory_image_from_file(from_c.as_ptr(), 77, out))
        })?;
        world.create(DEFAULT, Wish::pages(1), image, with(PAGE, 77, &content))?;
        world.step(WriteFile, "image_write_file", None, |world| {
            Ok(call!(world, wasm_memory_image_write_file(image, to_c.as_ptr())))
        })?;
        let written = std::fs::read(&to).map_err(|error| error.to_string())?;
        same("the file is written", written == content, true)?;
        world.delete_image(image);
        world.delete_all()
    })();
    let _ = std::fs::remove_file(from);
    let _ = std::fs::remove_file(to);
    world.trim(DEFAULT);
    outcome
}

fn buffers(world: &mut World<'_>) -> Verdict {
    // A smaller reservation, where the host refuses the whole one, would refuse growth later.
    let whole = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_fallback(config, boolean(0)));
        call!(world, wasm_memory_config_set_reservation(config, 9 * PAGE));
    })?;
    world.zeros(whole, Wish { maximum: Some(9), ..Wish::pages(1) })?;
    world.fill(0, 0x31);
    let memory = world.memory(0);
    world.buffer("buffer", |world, out| call!(world, wasm_memory_buffer(memory, out)))?;
    world.grow(0, 1)?;
    let resizable = world.buffer("to_resizable_buffer", |world, out| {
        call!(world, wasm_memory_to_resizable_buffer(memory, out))
    })?;
    world.step(Grow, "buffer_resize", Some(whole), |world| {
        Ok(call!(world, wasm_memory_buffer_resize(resizable, 3 * PAGE)))
    })?;
    world.grown(0, PAGE, true)?;
    world.buffer("to_fixed_length_buffer", |world, out| {
        call!(world, wasm_memory_to_fixed_length_buffer(memory, out))
    })?;
    world.reset(0, ptr::null(), vec![0; PAGE as usize])?;
    world.delete_buffers();

    world.zeros(whole, Wish { maximum: Some(9), shared: true, ..Wish::pages(1) })?;
    let shared = world.memory(1);
    let mut same_one = ptr::null_mut();
    world.step(Quiet, "send", None, |world| {
        same_one = poison();
        let status = call!(world, wasm_memory_send(shared, &mut same_one));
        made(status, same_one)
    })?;
    let growable = world.buffer("to_resizable_buffer", |world, out| {
        call!(world, wasm_memory_to_resizable_buffer(shared, out))
    })?;
    world.step(Grow, "buffer_grow", Some(whole), |world| {
        Ok(call!(world, wasm_memory_buffer_grow(growable, 3 * PAGE)))
    })?;
    world.grown(1, 2 * PAGE, true)?;
    call!(world, wasm_memory_delete(same_one));
    // The buffer outlives both handles of its memory, and goes after that.
    let buffer = world.buffers.pop().unwrap_or(ptr::null_mut());
    call!(world, wasm_memory_buffer_retain(buffer));
    call!(world, wasm_memory_buffer_delete(buffer));
    let known = world.memories.pop();
    call!(world, wasm_memory_delete(shared));
    let data = call!(world, wasm_memory_buffer_data(buffer));
    same("bytes of a memory that is gone", host::can_write(data), true)?;
    call!(world, wasm_memory_buffer_delete(buffer));
    if let Some(known) = known {
        let counts = &mut world.allocators[whole].1;
        counts.memories -= 1;
        counts.accessible_bytes -= known.model.len() as u64;
    }
    world.delete_all()
}

fn waits(world: &mut World<'_>) -> Verdict {
    const SHORT: i64 = 1_200_000;
    world.zeros(DEFAULT, Wish { maximum: Some(2), shared: true, ..Wish::pages(1) })?;
    let memory = world.memory(0);
    let (mut outcome, mut woken) = (9, 9);
    world.step(Quiet, "atomic_wait32", None, |world| {
        Ok(call!(world, wasm_memory_atomic_wait32(memory, 64, 0, SHORT, &mut outcome)))
    })?;
    same("wait32", outcome, 2)?;
    world.step(Quiet, "atomic_wait64", None, |world| {
        Ok(call!(world, wasm_memory_atomic_wait64(memory, 128, 0, SHORT, &mut outcome)))
    })?;
    same("wait64", outcome, 2)?;
    world.step(Quiet, "atomic_wait32", None, |world| {
        Ok(call!(world, wasm_memory_atomic_wait32(memory, 64, 1, -1, &mut outcome)))
    })?;
    same("not equal", outcome, 1)?;
    same("notify", call!(world, wasm_memory_atomic_notify(memory, 64, 9, &mut woken)), OK)?;
    same("woken", woken, 0)?;
    same("interrupt", call!(world, wasm_memory_atomic_interrupt(memory, &mut woken)), OK)?;
    same("woken", woken, 0)?;
    world.delete_all()
}

/// Pages made present, large pages, everything dropped, everything kept.
fn resident(world: &mut World<'_>) -> Verdict {
    let prefault = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_prefault(config, boolean(1)));
        call!(world, wasm_memory_config_set_huge_pages(config, boolean(1)));
        call!(world, wasm_memory_config_set_reservation(config, 8 * PAGE));
        call!(world, wasm_memory_config_set_fallback(config, boolean(1)));
    })?;
    let dropping = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_keep_resident(config, 0));
        call!(world, wasm_memory_config_set_kept_bytes(config, 0));
    })?;
    for allocator in [prefault, dropping] {
        for value in [0x51, 0x52] {
            world.zeros(allocator, Wish::pages(1))?;
            world.fill(0, value);
            world.grow(0, 1)?;
            world.reset(0, ptr::null(), vec![0; PAGE as usize])?;
            world.discard(0, 0, PAGE)?;
            let mut stats = wasm_memory_stats_t::default();
            call!(world, wasm_memory_get_stats(world.memory(0), &mut stats));
            same("accessible", stats.accessible_bytes, PAGE)?;
            call!(world, wasm_memory_allocator_get_stats(world.handle(allocator), &mut stats));
            same("memories", stats.memories, 1)?;
            world.delete_last()?;
        }
        world.trim(allocator);
    }
    world.delete_all()
}

unsafe extern "C" fn growing(_: *mut c_void, _: u64, _: u64, _: u64) -> Bool {
    boolean(1)
}

unsafe extern "C" fn hear(context: *mut c_void, error: *const wasm_memory_error_t) {
    // SAFETY: the counter that the config was given, on the thread that made the call.
    unsafe {
        *context.cast::<u64>() += u64::from((*error).reason != 0);
    }
}

/// Quotas, a limiter that hears of refusals, sizes that are limited; and a caller that keeps several.
fn allocators(world: &mut World<'_>) -> Verdict {
    let mut heard = 0_u64;
    let limiter = wasm_memory_limiter_t {
        context: (&raw mut heard).cast(),
        growing: Some(growing),
        refused: Some(hear),
        finalize: None,
        reserved: [ptr::null_mut(); 4],
    };
    let at = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_quota(config, 2, 6 * PAGE));
        call!(world, wasm_memory_config_set_size_limit(config, 8 * PAGE));
        // Its object may be refused too: then the config says so when an allocator is made of it.
        call!(world, wasm_memory_config_set_limiter(config, &limiter));
    })?;
    let allocator = world.handle(at);
    call!(world, wasm_memory_allocator_retain(allocator));
    call!(world, wasm_memory_allocator_delete(allocator));
    world.zeros(at, Wish { maximum: Some(5), ..Wish::pages(1) })?;
    world.zeros(at, Wish { maximum: Some(5), ..Wish::pages(1) })?;
    world.fill(1, 0x77);
    world.grow(0, 2)?;
    // One more than the quota; nothing of that was asked of the host.
    let descriptor = Wish::pages(1).descriptor();
    let mut third = poison();
    let status = call!(world, wasm_memory_new_in(allocator, &descriptor, ptr::null(), &mut third));
    same("status", (status, third.is_null()), (WASM_MEMORY_RANGE_ERROR, true))?;
    world.allocators[at].1.refusals += 1;
    let refusals = world.allocators[at].1.refusals;
    world.delete_all()?;
    same("the limiter heard of each refusal", heard, refusals)
}

unsafe extern "C" fn allocate(_: *mut c_void, size: usize, alignment: usize) -> *mut c_void {
    heap::with(|| {
        let layout = std::alloc::Layout::from_size_align(size, alignment);
        // SAFETY: the library asks for at least one byte.
        layout.map_or(ptr::null_mut(), |layout| unsafe { std::alloc::alloc(layout) }.cast())
    })
}

unsafe extern "C" fn deallocate(_: *mut c_void, block: *mut c_void, size: usize, alignment: usize) {
    heap::with(|| {
        if let Ok(layout) = std::alloc::Layout::from_size_align(size, alignment) {
            // SAFETY: the library gives back what it got, with its size.
            unsafe { std::alloc::dealloc(block.cast(), layout) };
        }
    });
}

fn of_heap() -> wasm_memory_host_heap_t {
    wasm_memory_host_heap_t {
        context: ptr::null_mut(),
        allocate: Some(allocate),
        reallocate: None,
        deallocate: Some(deallocate),
        finalize: None,
        reserved: [ptr::null_mut(); 4],
    }
}

/// No virtual memory: the heap is the embedder's, and the host still gives what the library itself needs.
fn blocks(world: &mut World<'_>) -> Verdict {
    let at = world.allocator(|world, config| {
        call!(world, wasm_memory_config_set_backend(config, WASM_MEMORY_BACKEND_HEAP));
        call!(world, wasm_memory_config_set_host_heap(config, &of_heap()));
        call!(world, wasm_memory_config_set_reservation(config, 4 * PAGE));
        call!(world, wasm_memory_config_set_movable(config, boolean(1)));
    })?;
    let content = [0x44; 3000];
    let image = world.image_of(&content, 50)?;
    let model = with(PAGE, 50, &content);
    for value in [0x45, 0x46] {
        world.create(at, Wish::pages(1), image, model.clone())?;
        world.fill(0, value);
        world.grow(0, 1)?;
        world.grow(0, 7)?;
        world.fill(0, value);
        world.discard(0, PAGE, PAGE)?;
        world.reset(0, image, model.clone())?;
        let snapshot = world.snapshot(0)?;
        world.reset(0, snapshot, model.clone())?;
        world.delete_image(snapshot);
        world.zeros(at, Wish { maximum: Some(2), shared: true, ..Wish::pages(1) })?;
        world.delete_last()?;
        world.delete_last()?;
    }
    world.delete_image(image);
    world.delete_all()
}

/// Whatever can be asked and moved without the host.
fn questions(world: &mut World<'_>) -> Verdict {
    world.zeros(DEFAULT, Wish { maximum: Some(3), ..Wish::pages(1) })?;
    let memory = world.memory(0);
    let mut descriptor = Wish::pages(0).descriptor();
    same("type", call!(world, wasm_memory_get_type(memory, &mut descriptor)), OK)?;
    let import = Wish { maximum: Some(3), ..Wish::pages(1) }.descriptor();
    same("match", call!(world, wasm_memory_match(memory, &import)), OK)?;
    same("retain", call!(world, wasm_memory_retain(memory)), memory)?;
    call!(world, wasm_memory_delete(memory));
    same("size", call!(world, wasm_memory_size(memory)), 1)?;
    same("length", call!(world, wasm_memory_byte_length(memory)), PAGE)?;
    let base = call!(world, wasm_memory_data(memory));
    same("view", call!(world, wasm_memory_view(memory)).is_null(), false)?;
    let mut layout = wasm_memory_layout_t::default();
    call!(world, wasm_memory_get_layout(memory, &mut layout));
    let place = base.wrapping_add(5).cast();
    same("find", call!(world, wasm_memory_find(place, ptr::null_mut())), true)?;
    call!(world, wasm_memory_set_user_data(memory, ptr::null_mut()));
    same("user data", call!(world, wasm_memory_user_data(memory)).is_null(), true)?;
    let mut eight = [7_u8; 8];
    let (from, into) = (eight.as_ptr(), eight.as_mut_ptr());
    same("write", call!(world, wasm_memory_write(memory, 8, from.cast(), 8)), OK)?;
    same("read", call!(world, wasm_memory_read(memory, 8, into.cast(), 8)), OK)?;
    same("fill", call!(world, wasm_memory_bulk_fill(memory, 20, 9, 100)), OK)?;
    same("copy", call!(world, wasm_memory_bulk_copy(memory, 200, memory, 8, 150)), OK)?;
    same("init", call!(world, wasm_memory_bulk_init(memory, 400, from, 8, 2, 6)), OK)?;
    let model = &mut world.memories[0].model;
    model[8..16].fill(7);
    model[20..120].fill(9);
    model.copy_within(8..158, 200);
    model[400..406].fill(7);
    world.sound("bytes")?;

    let mut error = crate::world::last_error();
    call!(world, wasm_memory_last_error(&mut error));
    let mut text = [0; 100];
    call!(world, wasm_memory_last_error_message(text.as_mut_ptr(), text.len()));
    same("name", call!(world, wasm_memory_status_name(0)).is_null(), false)?;
    same("version", call!(world, wasm_memory_version()).is_null(), false)?;
    same("abi", call!(world, wasm_memory_abi_version()) > 0, true)?;

    let buffer =
        world.buffer("buffer", |world, out| call!(world, wasm_memory_buffer(memory, out)))?;
    call!(world, wasm_memory_buffer_data(buffer));
    same("length", call!(world, wasm_memory_buffer_byte_length(buffer)), PAGE)?;
    same("maximum", call!(world, wasm_memory_buffer_max_byte_length(buffer)), PAGE)?;
    same("detached", call!(world, wasm_memory_buffer_is_detached(buffer)), false)?;
    same("shared", call!(world, wasm_memory_buffer_is_shared(buffer)), false)?;
    same("resizable", call!(world, wasm_memory_buffer_is_resizable(buffer)), false)?;
    same("transfer", call!(world, wasm_memory_buffer_transfer(buffer)), WASM_MEMORY_TYPE_ERROR)?;
    world.delete_buffers();
    world.delete_all()
}
