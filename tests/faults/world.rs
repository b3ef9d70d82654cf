//! What a scenario has, as it must be: after each step the library is compared with it.

use crate::planted::Planted;
use crate::rules::{self, Operation};
use crate::shared::Shared;
use crate::{heap, host};
use std::fmt::Debug;
use std::ptr;
use std::sync::atomic::Ordering;
use wasm_memory::capi::allocator::{
    wasm_memory_allocator_get_stats, wasm_memory_allocator_t, wasm_memory_stats_t,
};
use wasm_memory::capi::buffer::*;
use wasm_memory::capi::descriptor::{Bool, wasm_memory_descriptor_t, wasm_memory_page_count_t};
use wasm_memory::capi::error::{
    wasm_memory_error_t, wasm_memory_last_error, wasm_memory_last_error_message,
};
use wasm_memory::capi::find::{wasm_memory_find, wasm_memory_location_t};
use wasm_memory::capi::memory::*;
use wasm_memory::capi::view::{wasm_memory_get_layout, wasm_memory_layout_t, wasm_memory_view};
use wasm_memory::faults::{self, Call};

/// Nothing, or what is wrong.
pub type Verdict<T = ()> = Result<T, String>;

pub const OK: i32 = 0;
const RANGE_ERROR: i32 = 2;
const HOST_ERROR: i32 = 7;

/// Calls a function of the C ABI by its name, without a heap, and notes how many system calls it made.
#[macro_export]
macro_rules! call {
    ($world:expr, $name:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: handles of the scenario, alive, and pointers to what the function asks for.
        $world.noted(stringify!($name), || unsafe { $name($($argument),*) })
    };
}

pub fn boolean(byte: u8) -> Bool {
    // SAFETY: a transparent byte for which every value is fine.
    unsafe { std::mem::transmute::<u8, Bool>(byte) }
}

/// What a memory is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub initial: u64,
    pub maximum: Option<u64>,
    pub shared: bool,
    pub page_size: u32,
}

impl Wish {
    pub const fn pages(initial: u64) -> Self {
        Self { initial, maximum: None, shared: false, page_size: 65536 }
    }

    pub const fn bytes(initial: u64, maximum: u64) -> Self {
        Self { initial, maximum: Some(maximum), shared: false, page_size: 1 }
    }

    pub fn descriptor(&self) -> wasm_memory_descriptor_t {
        let count = |pages: Option<u64>| wasm_memory_page_count_t {
            pages: pages.unwrap_or(0),
            present: boolean(pages.is_some().into()),
        };
        wasm_memory_descriptor_t {
            initial: count(Some(self.initial)),
            maximum: count(self.maximum),
            shared: boolean(self.shared.into()),
            address: 0,
            page_size: self.page_size,
            reserved: [0; 2],
        }
    }
}

/// A memory of the scenario and the bytes that it must have.
pub struct Known {
    pub memory: *mut wasm_memory_t,
    pub wish: Wish,
    pub model: Vec<u8>,
    /// Index of its allocator in [`World::allocators`].
    pub allocator: usize,
}

/// What an allocator must have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub memories: u64,
    pub accessible_bytes: u64,
    pub creations: u64,
    pub growths: u64,
    pub discarded_bytes: u64,
    pub refusals: u64,
}

/// All that can be seen of a memory without a system call.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    base: usize,
    length: u64,
    size: u64,
    view: (usize, usize),
    layout: (u64, u64, u64, bool, bool, bool, u64),
    size_of_type: u64,
}

type BufferSeen = (usize, u64, u64, bool, bool);

pub struct World<'a> {
    shared: &'a Shared,
    functions: &'a [String],
    call: Option<Call>,
    errno: i32,
    planted: Option<Planted>,
    pub memories: Vec<Known>,
    pub buffers: Vec<*mut wasm_memory_buffer_t>,
    /// The first is the default allocator.
    pub allocators: Vec<(*mut wasm_memory_allocator_t, Counts)>,
}

impl<'a> World<'a> {
    /// `default` is what the default allocator has counted so far.
    pub fn new(
        shared: &'a Shared,
        functions: &'a [String],
        call: Option<Call>,
        errno: i32,
        planted: Option<Planted>,
        default: Counts,
    ) -> Self {
        let allocators = vec![(ptr::null_mut(), default)];
        let (memories, buffers) = (Vec::new(), Vec::new());
        Self { shared, functions, call, errno, planted, memories, buffers, allocators }
    }

    pub fn noted<R>(&self, name: &str, call: impl FnOnce() -> R) -> R {
        let before = faults::seen();
        let result = heap::without(|| {
            if self.planted == Some(Planted::Allocation) && faults::refused() > 0 {
                crate::planted::allocate();
            }
            call()
        });
        let made = faults::seen().saturating_sub(before);
        if let Some(at) = self.functions.iter().position(|function| function == name) {
            self.shared.calls[at].fetch_add(1, Ordering::Relaxed);
            self.shared.reached[at].fetch_max(made, Ordering::Relaxed);
        }
        result
    }

    /// One call that may be refused. When it is: the right reason, nothing changed, and the same call
    /// works once nothing is refused any more. `of` is the allocator that counts the refusal.
    pub fn step(
        &mut self,
        operation: Operation,
        what: &str,
        of: Option<usize>,
        mut call: impl FnMut(&Self) -> Verdict<i32>,
    ) -> Verdict {
        let before = self.seen();
        let refused = faults::refused();
        let status = call(self)?;
        if status == OK {
            return Ok(());
        }
        if faults::refused() == refused {
            return Err(format!("{what}: failed with {status}, and nothing was refused"));
        }
        let told = self.check_refusal(operation, status);
        told.map_err(|wrong| format!("{what}: {wrong}"))?;
        if let Some(allocator) = of {
            self.allocators[allocator].1.refusals += 1;
        }
        if let Some(planted) = self.planted {
            planted.spoil(self);
        }
        let after = self.seen();
        if after != before {
            return Err(format!("{what}: changed by a refusal: {before:?} became {after:?}"));
        }
        faults::suspended(|| {
            self.check(what)?;
            match call(self)? {
                OK => Ok(()),
                status => Err(format!("{what}: the next call fails with {status}")),
            }
        })
    }

    fn check_refusal(&self, operation: Operation, status: i32) -> Verdict {
        let error = last_error();
        let expected = if error.reason == rules::FILE { HOST_ERROR } else { RANGE_ERROR };
        same("status", (status, error.status), (expected, expected))?;
        let mut allowed = rules::reasons(self.call, operation);
        if self.planted == Some(Planted::Reason) {
            allowed = &[];
        }
        if !allowed.contains(&error.reason) {
            return Err(format!("reason {}, allowed are {allowed:?}", error.reason));
        }
        same("errno", error.os_error, self.errno)?;
        same("reserved", error.reserved, [0; 2])?;
        if error.requested == 0 && error.reason != rules::FILE {
            return Err("asked for nothing".to_owned());
        }
        let mut text = [0; 200];
        // SAFETY: room for as many bytes as it is told.
        let length = unsafe { wasm_memory_last_error_message(text.as_mut_ptr(), text.len()) };
        if length == 0 || length >= text.len() {
            Err(format!("message of {length}"))
        } else {
            Ok(())
        }
    }

    fn seen(&self) -> (Vec<Seen>, Vec<BufferSeen>) {
        let memories = self.memories.iter().map(|known| seen(known.memory)).collect();
        (memories, self.buffers.iter().map(|buffer| buffer_seen(*buffer)).collect())
    }

    /// Are the library's memories what they must be? Makes system calls of the test's own only.
    pub fn check(&self, what: &str) -> Verdict {
        for (at, known) in self.memories.iter().enumerate() {
            check_memory(known).map_err(|wrong| format!("after {what}: memory {at}: {wrong}"))?;
        }
        Ok(())
    }

    /// The same, in the middle of a scenario.
    pub fn sound(&self, what: &str) -> Verdict {
        faults::suspended(|| self.check(what))
    }

    /// Have the allocators counted what happened?
    pub fn check_counts(&self) -> Verdict {
        for (at, (allocator, counts)) in self.allocators.iter().enumerate() {
            same(&format!("counts of allocator {at}"), counts_of(*allocator), *counts)?;
        }
        Ok(())
    }
}

pub fn counts_of(allocator: *const wasm_memory_allocator_t) -> Counts {
    let mut stats = wasm_memory_stats_t::default();
    // SAFETY: NULL or an allocator of the scenario.
    faults::suspended(|| unsafe { wasm_memory_allocator_get_stats(allocator, &mut stats) });
    Counts {
        memories: stats.memories,
        accessible_bytes: stats.accessible_bytes,
        creations: stats.creations,
        growths: stats.growths,
        discarded_bytes: stats.discarded_bytes,
        refusals: stats.refusals,
    }
}

pub fn same<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Verdict {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, got {got:?}"))
    }
}

pub fn last_error() -> wasm_memory_error_t {
    let mut error = wasm_memory_error_t {
        status: -1,
        reason: u32::MAX,
        os_error: -1,
        requested: 0,
        available: 0,
        reserved: [1; 2],
    };
    // SAFETY: where to write.
    unsafe { wasm_memory_last_error(&mut error) };
    error
}

pub fn layout_of(memory: *const wasm_memory_t) -> wasm_memory_layout_t {
    let mut layout = wasm_memory_layout_t::default();
    // SAFETY: a live handle.
    unsafe { wasm_memory_get_layout(memory, &mut layout) };
    layout
}

fn seen(memory: *const wasm_memory_t) -> Seen {
    let layout = layout_of(memory);
    let mut descriptor = Wish::pages(0).descriptor();
    // SAFETY: a live handle of the scenario.
    unsafe {
        assert_eq!(wasm_memory_get_type(memory, &mut descriptor), OK);
        let view = wasm_memory_view(memory);
        Seen {
            base: wasm_memory_data(memory).addr(),
            length: wasm_memory_byte_length(memory),
            size: wasm_memory_size(memory),
            view: ((*view).base.addr(), (*view).byte_length),
            layout: (
                layout.reservation,
                layout.guard_before,
                layout.guard_after,
                layout.movable,
                layout.exact_protection,
                layout.elides_i32_checks,
                layout.elidable_offset,
            ),
            size_of_type: descriptor.initial.pages,
        }
    }
}

fn buffer_seen(buffer: *const wasm_memory_buffer_t) -> BufferSeen {
    // SAFETY: a live handle of the scenario.
    unsafe {
        (
            wasm_memory_buffer_data(buffer).addr(),
            wasm_memory_buffer_byte_length(buffer),
            wasm_memory_buffer_max_byte_length(buffer),
            wasm_memory_buffer_is_detached(buffer),
            wasm_memory_buffer_is_resizable(buffer),
        )
    }
}

/// The bytes of a memory, as whoever has the base sees them.
pub fn bytes<'m>(memory: *mut wasm_memory_t) -> &'m mut [u8] {
    // SAFETY: a live handle of the scenario; bytes below the length can be read and written.
    unsafe {
        let length = wasm_memory_byte_length(memory) as usize;
        std::slice::from_raw_parts_mut(wasm_memory_data(memory), length)
    }
}

fn check_memory(known: &Known) -> Verdict {
    let found = bytes(known.memory);
    same("length", found.len(), known.model.len())?;
    if found != known.model {
        let at = found.iter().zip(&known.model).position(|(found, model)| found != model);
        let at = at.unwrap_or(0);
        return Err(format!("byte {at} is {}, must be {}", found[at], known.model[at]));
    }
    let (base, length) = (found.as_mut_ptr(), found.len() as u64);
    let place = |offset: u64| base.wrapping_add(offset as usize);
    if length > 0 && !host::can_write(place(length - 1)) {
        return Err("its last byte cannot be written".to_owned());
    }
    let layout = layout_of(known.memory);
    let end = length.next_multiple_of(host::page());
    let all = layout.reservation + layout.guard_after;
    if layout.exact_protection && end < all && host::can_read(place(end)) {
        return Err("the byte behind its end can be read".to_owned());
    }
    if layout.guard_after > 0 && host::can_read(place(all - 1)) {
        return Err("the last byte of its guard can be read".to_owned());
    }
    let mut location =
        wasm_memory_location_t { memory: ptr::null(), offset: 0, zone: u32::MAX, reserved: [0; 2] };
    // SAFETY: any address, and where to write.
    let is_found = unsafe { wasm_memory_find(place(all - 1).cast(), &mut location) };
    same("found", (is_found, location.memory), (true, known.memory.cast_const()))
}
