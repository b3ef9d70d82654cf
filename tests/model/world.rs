//! The library beside the model: what the test holds of the one, what the other expects of it, and
//! the two outcomes of a call compared.

use crate::abi::{LastError, Layout, Verdict, last_error, layout};
use crate::fault::Fault;
use crate::handles::{self, BUFFERS, Handle, MEMORIES, Target};
use crate::limits::Limits;
use crate::operation::{Call, Operation};
use crate::probe::limited;
use crate::reach::{Event, Reach};
use crate::rules::{self, Failure, LARGEST_INDEX, Outcome, Type};
use crate::setting::{SETTINGS, room, truthful};
use crate::spec::{Buffer, Model};
use crate::statistics::allocator_statistics;
use crate::{call, same};
use std::ops::RangeInclusive;
use std::ptr;
use wasm_memory::capi::allocator::{
    wasm_memory_allocator_delete, wasm_memory_allocator_t, wasm_memory_stats_t,
};
use wasm_memory::capi::buffer::{
    wasm_memory_buffer_data, wasm_memory_buffer_delete, wasm_memory_buffer_retain,
    wasm_memory_buffer_t,
};
use wasm_memory::capi::error::*;
use wasm_memory::capi::image::{wasm_memory_image_delete, wasm_memory_image_t};
use wasm_memory::capi::memory::{
    wasm_memory_data, wasm_memory_delete, wasm_memory_grow, wasm_memory_t,
};
use wasm_memory::capi::status::*;
use wasm_memory::capi::view::{wasm_memory_view, wasm_memory_view_t};

pub struct HeldMemory {
    pub handle: Handle<wasm_memory_t>,
    pub setting: usize,
    pub base: *mut u8,
    pub view: *const wasm_memory_view_t,
    pub layout: Layout,
    pub user_data: usize,
}

pub struct HeldBuffer {
    pub handle: Handle<wasm_memory_buffer_t>,
    /// The pointer and length that the buffer had when it last had any: they stay usable.
    pub taken: (*mut u8, u64),
}

pub struct World {
    pub model: Model,
    pub memories: Vec<HeldMemory>,
    pub buffers: Vec<HeldBuffer>,
    pub images: Vec<Handle<wasm_memory_image_t>>,
    pub allocators: [Option<Handle<wasm_memory_allocator_t>>; SETTINGS.len()],
    pub limits: [Option<Box<Limits>>; SETTINGS.len()],
    /// What the default allocator had counted before.
    pub before: wasm_memory_stats_t,
    /// What the last failed call has left behind.
    pub last: LastError,
    /// What has been called, for the report.
    pub trace: Vec<String>,
    pub steps: u64,
    pub reach: Reach,
    /// The call of this step.
    pub call: Call,
}

/// A growth or creation of more than this may be refused by a host that is short of memory.
const LARGE: u64 = 256 << 20;

impl World {
    pub fn new(fault: Option<Fault>) -> Self {
        // A sequence that fails does so again by itself: no error is left from another one.
        call!(wasm_memory_grow(ptr::null_mut(), 0, ptr::null_mut()));
        Self {
            model: Model { fault, ..Model::default() },
            memories: Vec::new(),
            buffers: Vec::new(),
            images: Vec::new(),
            allocators: Default::default(),
            limits: Default::default(),
            before: allocator_statistics(ptr::null()),
            last: last_error(),
            trace: Vec::new(),
            steps: 0,
            reach: Reach::default(),
            call: Call::New,
        }
    }

    pub fn note(&mut self, called: String) {
        self.trace.push(called);
    }

    /// Runs a sequence, then gives everything back in an order that its length chooses.
    pub fn run(&mut self, operations: &[Operation]) -> Verdict {
        for operation in operations {
            self.steps += 1;
            self.step(operation)?;
            let last = self.steps == operations.len() as u64;
            self.observe(last || operation.pick % 4 == 0)?;
            if last || operation.seed % 16 == 0 {
                self.observe_statistics()?;
            }
        }
        self.finish(operations.len() as u64)
    }

    fn step(&mut self, operation: &Operation) -> Verdict {
        let alive = self.memories.iter().filter(|memory| memory.handle.alive()).count();
        let few = alive == 0 || (alive < 3 && operation.choice(29, 6) == 0);
        self.call = match operation.call {
            _ if few => Call::New,
            // Where there is no buffer yet, one is made first.
            Call::Resize | Call::BufferGrow | Call::Transfer | Call::BufferDelete
                if !self.buffers.iter().any(|buffer| buffer.handle.alive()) =>
            {
                [Call::Buffer, Call::ToResizable, Call::ToFixed][operation.choice(1, 3) as usize]
            }
            call => call,
        };
        match self.call {
            Call::New if few => self.create(operation, operation.modest_wish()),
            Call::New if alive < 6 && operation.choice(25, 4) != 0 => {
                self.create(operation, operation.modest_wish())
            }
            Call::New => self.create(operation, operation.any_wish()),
            Call::Grow => self.grow(operation),
            Call::Buffer | Call::ToResizable | Call::ToFixed => self.buffer(operation),
            Call::Resize | Call::BufferGrow => self.resize(operation),
            Call::Transfer => self.transfer(operation),
            Call::BufferRetain => self.retain_buffer(operation),
            Call::BufferDelete => self.delete_buffer(operation),
            Call::Retain => self.retain(operation),
            Call::Delete => self.delete(operation),
            Call::Send => self.send(operation),
            Call::Match => self.matching(operation),
            Call::GetType => self.get_type(operation),
            Call::UserData => self.user_data(operation),
            Call::Read => self.read(operation),
            Call::Write => self.write(operation),
            Call::Move => self.move_bytes(operation),
            Call::Fill => self.fill(operation),
            Call::Copy => self.copy(operation),
            Call::Init => self.init(operation),
            Call::Discard => self.discard(operation),
            Call::Poke => self.poke(operation),
            Call::Wait32 | Call::Wait64 => self.wait(operation),
            Call::Notify => self.notify(operation),
            Call::Interrupt => self.interrupt(operation),
            Call::AllocatorDelete => self.delete_allocator(operation),
            Call::Message => self.message(operation),
            Call::ImageNew => self.image_new(operation),
            Call::ImageFromFile => self.image_from_file(operation),
            Call::Snapshot => self.snapshot(operation),
            Call::ImageRetain => self.image_retain(operation),
            Call::ImageDelete => self.image_delete(operation),
            Call::ImageGetType => self.image_get_type(operation),
            Call::ImageWriteFile => self.image_write_file(operation),
            Call::Reset => self.reset(operation),
            Call::Find => self.find_any(operation),
            Call::Trim => self.trim(operation),
            Call::Configure => self.configure(operation),
        }
    }

    /// Compares a status and the last error with the plan. Gives the plan's result when both say
    /// success, nothing when both say the same failure.
    pub fn settle<T>(&mut self, plan: Outcome<T>, status: i32) -> Verdict<Option<T>> {
        let expected = plan.as_ref().err().map_or(WASM_MEMORY_OK, |failure| failure.status);
        let seen = last_error();
        if expected != status {
            let plan = plan.as_ref().err();
            return Err(format!("expected {plan:?}, got status {status} and {seen:?}"));
        }
        let reason = plan.as_ref().err().map_or(0, |failure| failure.reason);
        self.reach.outcome(self.call, reason);
        match plan {
            Ok(result) => {
                if self.model.wrong(Fault::SuccessClearsError) {
                    self.last = LastError::default();
                }
                same!(seen, self.last, "the last error after success");
                Ok(Some(result))
            }
            Err(failure) => {
                self.last = failure.into();
                same!(seen, self.last, "the last error");
                Ok(None)
            }
        }
    }

    /// The same for what needs so many bytes of the host, which may be short of them.
    pub fn settle_with_host<T>(
        &mut self,
        plan: Outcome<T>,
        status: i32,
        bytes: u64,
    ) -> Verdict<Option<T>> {
        let host = WASM_MEMORY_REASON_ADDRESS_SPACE..=WASM_MEMORY_REASON_MAP_COUNT;
        let may = limited() || bytes > LARGE;
        if plan.is_ok() && may && self.refused_for(status, host) {
            return Ok(None);
        }
        self.settle(plan, status)
    }

    /// The same where there may also be less room than the layout says.
    pub fn settle_with_room<T>(
        &mut self,
        plan: Outcome<T>,
        status: i32,
        bytes: u64,
        unforeseen: bool,
    ) -> Verdict<Option<T>> {
        if unforeseen && self.refused_for_room(&plan, status) {
            return Ok(None);
        }
        self.settle_with_host(plan, status, bytes)
    }

    /// A memory's range error, and what the limiter was asked, are counted.
    pub fn counted(&mut self, memory: usize, plan: &Outcome<u64>, status: i32) -> Verdict {
        let it = &mut self.model.memories[memory];
        let (setting, current) = (it.setting, it.length());
        // A length that is no index of JavaScript is refused before it is a growth.
        let no_index = |failure: &Failure| {
            failure.reason == WASM_MEMORY_REASON_MAX_BYTE_LENGTH
                && failure.available == LARGEST_INDEX
        };
        if status == WASM_MEMORY_RANGE_ERROR && !plan.as_ref().is_err_and(no_index) {
            it.tally.refusals += 1;
            self.model.tallies[setting].refusals += 1;
        }
        let kind = it.kind;
        // Where there is less room than anybody can foresee, it is not asked.
        let early = status == WASM_MEMORY_RANGE_ERROR
            && last_error().reason == WASM_MEMORY_REASON_RESERVATION_EXCEEDED;
        let desired = match *plan {
            _ if early => return Ok(()),
            Ok(pages) => rules::bytes(pages, kind.page),
            Err(Failure { reason: WASM_MEMORY_REASON_LIMITER, requested, .. }) => requested,
            Err(_) => return Ok(()),
        };
        if desired > current { self.asked(setting, current, desired, &kind) } else { Ok(()) }
    }

    /// The limiter was asked once more, where there is one.
    pub fn asked(&mut self, setting: usize, current: u64, desired: u64, kind: &Type) -> Verdict {
        let Some(limits) = &self.limits[setting] else { return Ok(()) };
        let tally = &mut self.model.tallies[setting];
        tally.asked += 1;
        let maximum = kind.maximum.map_or(u64::MAX, |pages| rules::bytes(pages, kind.page));
        same!(limits.asked(), tally.asked, "how often the limiter was asked");
        same!(limits.last(), [current, desired, maximum], "what the limiter was asked");
        Ok(())
    }

    /// The same for growth of a memory, to a number of pages.
    pub fn settle_growth(
        &mut self,
        memory: Outcome<usize>,
        plan: Outcome<u64>,
        status: i32,
    ) -> Verdict<Option<u64>> {
        let Ok(at) = memory else {
            return self.settle(plan, status);
        };
        self.counted(at, &plan, status)?;
        let it = &self.model.memories[at];
        if it.room.hidden && it.resizable && self.refused_for_room(&plan, status) {
            self.reach.event(Event::Pinned);
            return Ok(None);
        }
        let it = &self.model.memories[at];
        let Ok(pages) = plan else {
            let room = Err(WASM_MEMORY_REASON_RESERVATION_EXCEEDED);
            if it.room.movable && plan.map_err(|failure| failure.reason) == room {
                self.reach.event(Event::Pinned);
            }
            return self.settle(plan, status);
        };
        let bytes = rules::bytes(pages, it.kind.page);
        self.settle_with_host(plan, status, bytes)
    }

    /// Was there less room than the layout says, before whatever is looked at later?
    fn refused_for_room<T>(&mut self, plan: &Outcome<T>, status: i32) -> bool {
        let later = [WASM_MEMORY_REASON_QUOTA_BYTES, WASM_MEMORY_REASON_LIMITER];
        let possible = plan.as_ref().err().is_none_or(|failure| later.contains(&failure.reason));
        let reservation = WASM_MEMORY_REASON_RESERVATION_EXCEEDED;
        possible && self.refused_for(status, reservation..=reservation)
    }

    /// Was it refused for one of these reasons, none of which the model can foresee?
    fn refused_for(&mut self, status: i32, reasons: RangeInclusive<u32>) -> bool {
        let seen = last_error();
        let refused = status == WASM_MEMORY_RANGE_ERROR
            && seen.status == status
            && reasons.contains(&seen.reason);
        if refused {
            self.last = seen;
        }
        refused
    }

    /// The handle of a memory: mostly a good one.
    pub fn memory(&self, operation: &Operation) -> Target<wasm_memory_t> {
        let handles = self.memories.iter().map(|memory| &memory.handle);
        let other = self.buffers.iter().find(|buffer| buffer.handle.alive());
        let other = other.map(|buffer| buffer.handle.pointer.cast());
        handles::choose(handles, operation.pick, other)
    }

    /// The handle of a buffer, or nothing where no memory has had one yet.
    pub fn buffer_handle(&self, operation: &Operation) -> Target<wasm_memory_buffer_t> {
        let handles = self.buffers.iter().map(|buffer| &buffer.handle);
        let other = self.memories.iter().find(|memory| memory.handle.alive());
        let other = other.map(|memory| memory.handle.pointer.cast());
        handles::choose(handles, operation.pick, other)
    }

    /// The handle of an image, or nothing where there has been none yet.
    pub fn image(&self, pick: u8) -> Target<wasm_memory_image_t> {
        let other = self.memories.iter().find(|memory| memory.handle.alive());
        let other = other.map(|memory| memory.handle.pointer.cast());
        handles::choose(self.images.iter(), pick, other)
    }

    pub fn on_heap(&self, memory: usize) -> bool {
        SETTINGS[self.memories[memory].setting].heap
    }

    /// The places of the memories whose handle is alive.
    pub fn alive(&self) -> Vec<usize> {
        let all = 0..self.memories.len();
        all.filter(|&at| self.memories[at].handle.alive()).collect()
    }

    /// Growth succeeded, by whatever call: where the bytes are now.
    pub fn grown(&mut self, memory: usize, pages: u64) -> Verdict {
        let length = rules::bytes(pages, self.model.memories[memory].kind.page);
        let pinned = self.model.memories[memory].resizable;
        let more = pages > self.model.memories[memory].pages;
        self.model.grown(memory, pages);
        if length > 4 << 30 {
            self.reach.event(Event::Huge);
        }
        let held = &self.memories[memory];
        if !held.handle.alive() {
            if more {
                self.reach.event(Event::GrewAfterDelete);
            }
            return Ok(());
        }
        let base = call!(wasm_memory_data(held.handle.pointer));
        let given = layout(held.handle.pointer);
        let hidden = self.model.memories[memory].room.hidden;
        let past = length > held.layout.reservation || hidden;
        if base != held.base {
            self.reach.event(Event::Moved);
            if self.on_heap(memory) {
                self.reach.event(Event::HeapMoved);
            }
            let it = &mut self.model.memories[memory];
            it.tally.moves += 1;
            self.model.tallies[it.setting].moves += 1;
            let kept = |(held, model): (&HeldBuffer, &Buffer)| {
                held.handle.alive() && model.memory == memory && model.detached
            };
            if self.buffers.iter().zip(&self.model.buffers).any(kept) {
                self.reach.event(Event::MovedUnderBuffer);
            }
            let may = held.layout.movable && !pinned && past;
            same!(may, true, "may growth to {length} move the base, with {:?}", held.layout);
        } else if !past {
            same!(given, held.layout, "the layout after growth in place");
        }
        let kind = &self.model.memories[memory].kind;
        truthful(kind, length, SETTINGS[held.setting].units(), &given)?;
        SETTINGS[held.setting].keeps(kind, &given)?;
        self.placed(memory, base, given);
        Ok(())
    }

    /// Takes over what the library has told about the place of a memory.
    pub fn placed(&mut self, memory: usize, base: *mut u8, given: Layout) {
        let held = &mut self.memories[memory];
        (held.base, held.layout) = (base, given);
        self.model.memories[memory].room = room(&SETTINGS[held.setting], &given);
        for buffer in 0..self.buffers.len() {
            let it = &self.model.buffers[buffer];
            if it.memory == memory && !it.detached {
                self.buffers[buffer].taken = (base, self.model.buffer_length(buffer));
            }
        }
    }

    /// Gives every reference back, one after the other, and compares the rest each time.
    fn finish(&mut self, seed: u64) -> Verdict {
        let mut left = seed;
        loop {
            let memories = self.memories.iter().map(|memory| memory.handle.alive());
            let buffers = self.buffers.iter().map(|buffer| buffer.handle.alive());
            let alive: Vec<usize> = memories
                .chain(buffers)
                .enumerate()
                .filter_map(|(at, alive)| alive.then_some(at))
                .collect();
            if alive.is_empty() {
                break;
            }
            left = left.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let at = alive[(left >> 33) as usize % alive.len()];
            match at.checked_sub(self.memories.len()) {
                None => self.give_back(at)?,
                Some(buffer) => self.give_back_buffer(buffer)?,
            }
            self.steps += 1;
            self.observe(at % 4 == 0)?;
        }
        self.observe_statistics()?;
        for at in 0..self.images.len() {
            while self.images[at].alive() {
                self.give_back_image(at)?;
            }
        }
        for setting in 1..SETTINGS.len() {
            let Some(handle) = &mut self.allocators[setting] else { continue };
            while handle.alive() {
                call!(wasm_memory_allocator_delete(handle.pointer));
                handle.given_back();
            }
            let finalized = self.limits[setting].as_ref().map_or(1, |limits| limits.finalized());
            same!(finalized, 1, "how often the limiter of setting {setting} was finalized");
        }
        Ok(())
    }
}

/// A sequence that diverged leaves nothing behind for the next one.
impl Drop for World {
    fn drop(&mut self) {
        for buffer in &self.buffers {
            let pointer = buffer.handle.pointer;
            for _ in 0..buffer.handle.references {
                call!(wasm_memory_buffer_delete(pointer));
            }
            // A model with a wrong rule may have lost count.
            let known = buffer.handle.alive() || buffer.handle.surely_dead();
            while self.model.fault.is_some()
                && known
                && !call!(wasm_memory_buffer_retain(pointer)).is_null()
            {
                call!(wasm_memory_buffer_delete(pointer));
                call!(wasm_memory_buffer_delete(pointer));
            }
        }
        for memory in &self.memories {
            for _ in 0..memory.handle.references {
                call!(wasm_memory_delete(memory.handle.pointer));
            }
        }
        for image in &self.images {
            for _ in 0..image.references {
                call!(wasm_memory_image_delete(image.pointer));
            }
        }
        for allocator in self.allocators.iter().flatten() {
            for _ in 0..allocator.references {
                call!(wasm_memory_allocator_delete(allocator.pointer));
            }
        }
    }
}

impl HeldMemory {
    pub fn new(pointer: *mut wasm_memory_t, setting: usize) -> Self {
        Self {
            handle: Handle::new(pointer, &MEMORIES),
            setting,
            base: call!(wasm_memory_data(pointer)),
            view: call!(wasm_memory_view(pointer)),
            layout: layout(pointer),
            user_data: 0,
        }
    }
}

impl HeldBuffer {
    pub fn new(pointer: *mut wasm_memory_buffer_t, length: u64) -> Self {
        let data = call!(wasm_memory_buffer_data(pointer));
        Self { handle: Handle::new(pointer, &BUFFERS), taken: (data, length) }
    }
}
