//! The memory object: what `WebAssembly.Memory` is to JavaScript.
//!
//! ```text
//!   Memory ──── View      base and byte length, at one address for life: compiled code reads it
//!          ──── type      address type, page size, shared, maximum: never changes
//!          ──── State     the reservation and the current buffer, under a lock that growth takes
//!          ──── Allocator where the body came from and what its limits are
//! ```

use crate::allocator::{Allocator, Body, Growth, Moving, Statistics};
use crate::buffer::{Buffer, Buffers, Keep};
use crate::descriptor::{AddressType, Descriptor, MemoryType};
use crate::error::{Class, Error, Result};
use crate::image::Image;
use crate::region::lock::Repair;
use crate::region::slab::{Kind, Ref, Slab, Vacancy};
use crate::region::span::Span;
use crate::region::{self, Old, Region, fork};
use crate::sync::{AtomicPtr, Guard, Lock, Ordering};
use crate::units;
use crate::view::{Front, View};
use core::mem::{self, ManuallyDrop};
use core::ptr::{self, NonNull};

/// What the address space around a memory looks like: what compiled code may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Bytes from the base within which the base never moves.
    pub reservation: u64,
    /// Inaccessible bytes before the base.
    pub guard_before: u64,
    /// Inaccessible bytes after the reservation.
    pub guard_after: u64,
    /// Growth past the reservation may change the base.
    pub movable: bool,
    /// Every byte at or past the byte length, rounded up to the host page, faults.
    pub exact_protection: bool,
    /// The largest static offset with which an access of at most 16 bytes at any 32-bit index is in
    /// bounds or faults; `None` when there is none.
    pub elidable_offset: Option<u64>,
}

/// A linear memory. Made by [`Memory::new`] and kept by every [`Ref`] to it.
///
/// No operation here is undone or broken by another thread's. The bytes are another matter: they are
/// reached through [`View::base`], by whoever knows that the memory is shared, or that no other
/// thread uses or grows it meanwhile.
#[derive(Debug)]
#[repr(C)]
pub struct Memory {
    // What data() and size() read comes first, beside the word that a handle is checked by.
    front: Front,
    memory_type: MemoryType,
    user_data: AtomicPtr<()>,
    allocator: Option<Ref<Allocator>>,
    state: Lock<State>,
}

/// What growth and buffers change.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) body: Body,
    pub(crate) buffers: Buffers,
    pub(crate) tally: Tally,
}

/// What is counted of one memory.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Bytes at creation, which a reset to no snapshot brings back.
    pub(crate) created_bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) discarded_bytes: u64,
    pub(crate) growths: u32,
    pub(crate) moves: u32,
    pub(crate) refusals: u32,
    pub(crate) reused: bool,
}

impl State {
    /// Refuses what needs the bytes while the embedder's heap is just moving them: only a function of
    /// that heap can ask.
    pub(crate) fn check_at_rest(&self) -> Result<()> {
        if self.body.is_nothing() {
            return Err(Error::OutOfMemory { requested: 0, available: 0, os_error: 0 });
        }
        Ok(())
    }
}

impl Repair for State {
    /// A body that grew in place is open at least as far as it says, and an unfinished growth was
    /// not published; a body that moves is not cut through (`fork`); a buffer that was about to
    /// become the current one is at worst made again.
    fn repair(&mut self) {}
}

/// What an event leaves behind, to be dropped when the memory's lock is free again.
#[derive(Default)]
struct Leftovers {
    buffer: Option<Ref<Buffer>>,
    keep: Option<Ref<Keep>>,
    region: Option<Region>,
}

static MEMORIES: Slab<Memory> = Slab::new();

impl Kind for Memory {
    const TAG: u32 = u32::from_be_bytes(*b"MEMO");

    fn slab() -> &'static Slab<Self> {
        &MEMORIES
    }

    #[allow(unsafe_code, reason = "writes into storage")]
    unsafe fn move_to(self, place: NonNull<Self>) {
        /// What comes after the front, in bytes.
        const REST: usize = size_of::<Memory>() - size_of::<Front>();

        let mut memory = ManuallyDrop::new(self);
        // SAFETY: a place of the slab, as the caller says.
        memory.front.copy_to(unsafe { Front::at(place.as_ptr()) });
        let from = (&raw const memory).cast::<u8>().wrapping_add(size_of::<Front>());
        let to = place.as_ptr().cast::<u8>().wrapping_add(size_of::<Front>());
        // SAFETY: all bytes after the front of the memory, and of the place, which nobody else uses.
        unsafe { from.copy_to_nonoverlapping(to, REST) };
    }
}

impl Memory {
    /// A memory from the default allocator, zero-filled. The order of checks is that of the
    /// JavaScript constructor.
    ///
    /// # Errors
    /// Those of [`Descriptor::validate`], then [`Error::SizeLimit`], [`Error::SlotSize`],
    /// [`Error::QuotaMemories`], [`Error::QuotaBytes`], [`Error::Limiter`], then what the host refuses:
    /// [`Error::PoolExhausted`], [`Error::AddressSpace`], [`Error::Commit`], [`Error::MapCount`],
    /// [`Error::OutOfMemory`].
    pub fn new(descriptor: &Descriptor) -> Result<Ref<Self>> {
        Self::create(None, descriptor, None)
    }

    /// A memory from `allocator`, which it keeps alive.
    ///
    /// # Errors
    /// Those of [`Memory::new`].
    pub fn new_in(allocator: &Ref<Allocator>, descriptor: &Descriptor) -> Result<Ref<Self>> {
        Self::create(Some(allocator.clone()), descriptor, None)
    }

    /// A memory from `allocator` that starts from `image`.
    ///
    /// # Errors
    /// Those of [`Memory::new`], and [`Error::ImageDoesNotFit`] after those of the descriptor.
    pub fn new_from(
        allocator: &Ref<Allocator>,
        descriptor: &Descriptor,
        image: &Ref<Image>,
    ) -> Result<Ref<Self>> {
        Self::create(Some(allocator.clone()), descriptor, Some(image))
    }

    pub(crate) fn create(
        allocator: Option<Ref<Allocator>>,
        descriptor: &Descriptor,
        image: Option<&Ref<Image>>,
    ) -> Result<Ref<Self>> {
        let source = allocator.clone();
        let made = Self::make(allocator, descriptor, image);
        if let Err(error) = &made {
            if error.class() == Class::Range {
                allocator_of(&source).refused(error);
            }
        }
        made
    }

    fn make(
        allocator: Option<Ref<Allocator>>,
        descriptor: &Descriptor,
        image: Option<&Ref<Image>>,
    ) -> Result<Ref<Self>> {
        let (memory_type, pages) = descriptor.validate()?;
        let source = allocator_of(&allocator);
        let bytes = memory_type.bytes(pages);
        if let Some(image) = image {
            image.check_fits(&memory_type, pages)?;
        }
        memory_type.check_size(pages, source.size_limit())?;
        let admitted = source.admit(&memory_type, bytes)?;
        let length = host_length(bytes)?;
        let vacancy = Vacancy::take()?;
        let (body, reused) =
            source.create(&memory_type, bytes, image.and_then(|image| image.frozen()))?;
        admitted.keep();
        let front = Front::new(body.region().base(), length);
        let tally = Tally { created_bytes: bytes, peak_bytes: bytes, reused, ..Tally::default() };
        let memory = vacancy.fill(Self {
            front,
            memory_type,
            user_data: AtomicPtr::new(ptr::null_mut()),
            allocator,
            state: Lock::new(State { body, buffers: Buffers::default(), tally }),
        });
        // From here on its addresses are found.
        let owner = memory.slot().cast();
        memory.state().body.region().set_owner(Some(owner));
        Ok(memory)
    }

    pub(crate) fn state(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// Base and length. The view is at one address for as long as the memory lives.
    #[inline]
    #[must_use]
    pub fn view(&self) -> &View {
        self.set_written();
        self.front.view()
    }

    /// The view, for whoever does not give the base out.
    #[inline]
    pub(crate) const fn look(&self) -> &View {
        self.front.view()
    }

    /// Somebody may write to the bytes from here on.
    #[inline]
    pub(crate) fn set_written(&self) {
        self.front.set_written();
    }

    pub(crate) fn allocator(&self) -> &Allocator {
        allocator_of(&self.allocator)
    }

    /// Size in pages.
    #[inline]
    #[must_use]
    pub fn size(&self) -> u64 {
        let bytes = units::bytes(self.look().byte_length());
        bytes.wrapping_shr(self.memory_type.page_log2())
    }

    /// What the embedder keeps with the memory; NULL at first.
    #[must_use]
    pub fn user_data(&self) -> *mut () {
        self.user_data.load(Ordering::Acquire)
    }

    /// Keeps an address of the embedder's with the memory. It is never looked at.
    pub fn set_user_data(&self, user_data: *mut ()) {
        self.user_data.store(user_data, Ordering::Release);
    }

    /// What the memory is.
    #[must_use]
    pub const fn memory_type(&self) -> &MemoryType {
        &self.memory_type
    }

    /// The type as reflection tells it: the initial size is the current one.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        self.memory_type.descriptor(self.size())
    }

    /// Grows by `delta` pages, which read zero, and answers the size before. Whatever is refused
    /// changes nothing. Growth of a shared memory by several threads at once is totally ordered.
    ///
    /// # Errors
    /// In this order: [`Error::CountOutsideType`], [`Error::MaximumExceeded`],
    /// [`Error::AboveLimit`], [`Error::SizeLimit`], [`Error::SlotSize`],
    /// [`Error::ReservationExceeded`], [`Error::QuotaBytes`], [`Error::Limiter`], then what the host
    /// refuses: [`Error::AddressSpace`], [`Error::Commit`], [`Error::MapCount`],
    /// [`Error::OutOfMemory`].
    pub fn grow(&self, delta: u64) -> Result<u64> {
        self.memory_type.check_delta(delta)?;
        self.grow_by(|_, _| Ok(delta))
    }

    /// Grows to `length` bytes, when `check` finds nothing wrong with that from the length that the
    /// memory has.
    pub(crate) fn grow_to(&self, length: u64, check: impl Fn(u64) -> Result<()>) -> Result<()> {
        self.grow_by(|bytes, pages| {
            check(bytes)?;
            let target = length.wrapping_shr(self.memory_type.page_log2());
            Ok(target.saturating_sub(pages))
        })?;
        Ok(())
    }

    /// Grows by as many pages as `delta` says to the length in bytes and in pages that the memory
    /// has, and answers the pages before.
    fn grow_by(&self, delta: impl Fn(u64, u64) -> Result<u64>) -> Result<u64> {
        self.told(self.try_grow_by(delta))
    }

    fn try_grow_by(&self, delta: impl Fn(u64, u64) -> Result<u64>) -> Result<u64> {
        let allocator = self.allocator();
        loop {
            // Declared before the lock is taken, so dropped after it.
            let leftovers;
            let mut state = self.state();
            let previous = self.size();
            let current = units::bytes(self.look().byte_length());
            let delta = delta(current, previous)?;
            let pages = self.memory_type.grown(previous, delta, allocator.size_limit())?;
            let bytes = self.memory_type.bytes(pages);
            if pages == previous {
                leftovers = self.detach_by_growth(&mut state);
                drop(state);
                drop(leftovers);
                return Ok(previous);
            }
            state.body.check_growth(bytes, moving(&state.buffers))?;
            let admitted = if allocator.asks() {
                // The embedder is asked unlocked, and may have changed everything by its answer.
                drop(state);
                let admitted = allocator.admit_growth(&self.memory_type, current, bytes)?;
                state = self.state();
                if self.size() != previous {
                    continue;
                }
                admitted
            } else {
                allocator.admit_growth(&self.memory_type, current, bytes)?
            };
            let length = host_length(bytes)?;
            let moving = moving(&state.buffers);
            let grown = if allocator.calls_out_to_grow(&state.body, bytes, moving) {
                // The functions of the embedder's heap find no lock held, and no body to change.
                // Nobody forks while it is nowhere, unless a function of the heap does.
                let _unforked = fork::hold_off();
                let mut body = state.body.take();
                drop(state);
                let outcome = allocator.grow(&self.memory_type, &mut body, bytes, moving);
                state = self.state();
                state.body = body;
                outcome
            } else {
                allocator.grow(&self.memory_type, &mut state.body, bytes, moving)
            };
            leftovers = self.publish(&mut state, length, grown?);
            admitted.keep();
            drop(state);
            drop(leftovers);
            return Ok(previous);
        }
    }

    /// Tells the allocator of a refusal. No lock is held.
    pub(crate) fn told<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            if error.class() == Class::Range {
                let mut state = self.state();
                state.tally.refusals = state.tally.refusals.saturating_add(1);
                drop(state);
                self.allocator().refused(error);
            }
        }
        outcome
    }

    /// What any growth, also one by nothing, does to the current buffer. The answer is dropped after the
    /// lock: it may be the last of a buffer, whose destructor takes the lock.
    fn detach_by_growth(&self, state: &mut State) -> Leftovers {
        let mut leftovers = Leftovers::default();
        if !self.memory_type.is_shared() && !state.buffers.current_is_resizable() {
            leftovers.buffer = state.buffers.detach();
        }
        leftovers
    }

    /// Makes a growth of the body to `length` bytes known. The answer is dropped after the lock.
    fn publish(&self, state: &mut State, length: usize, growth: Growth) -> Leftovers {
        let State { body, buffers, tally } = &mut *state;
        let before = self.look().byte_length();
        let (mut keep, mut region) = (None, None);
        tally.growths = tally.growths.saturating_add(1);
        tally.peak_bytes = tally.peak_bytes.max(units::bytes(length));
        if let Growth::Moved { old, unforked: _unforked } = growth {
            tally.moves = tally.moves.saturating_add(1);
            self.look().set_base(body.region().base());
            keep = buffers.take_keep();
            match &keep {
                Some(keep) => keep.put(old, before),
                None => region = Some(old),
            }
        }
        // Only now: whoever sees the length may use the bytes.
        self.look().set_byte_length(length);
        let mut leftovers = self.detach_by_growth(state);
        (leftovers.keep, leftovers.region) = (keep, region);
        leftovers
    }

    /// Another length, after a reset. The memory is unshared, and one thread uses it.
    pub(crate) fn set_byte_length(&self, length: usize) {
        self.look().set_byte_length(length);
    }

    /// All bytes of the memory as they are now.
    #[inline]
    #[allow(unsafe_code, reason = "vouches for the bytes of the body")]
    pub(crate) fn whole(&self) -> Span<'_> {
        // Length before base: a memory that moves is used by one thread, any other stays.
        let length = self.look().byte_length();
        // SAFETY: the bytes up to the length that was seen are open for as long as the memory lives.
        // Growth that moves an unshared memory is not called while another thread uses it.
        unsafe { Span::new(self.look().base(), length) }
    }

    /// Sets `[index, index + length)`, which lies within the memory, to zero and gives its host pages
    /// back.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] while a function of the embedder's heap moves the bytes.
    pub(crate) fn discard_range(&self, index: usize, length: usize) -> Result<()> {
        let mut state = self.state();
        state.check_at_rest()?;
        // What was written there is gone, and the rest of the memory is what it was.
        self.set_written();
        state.body.region_mut().discard(index, length);
        let bytes = units::bytes(length);
        state.tally.discarded_bytes = state.tally.discarded_bytes.saturating_add(bytes);
        self.allocator().discarded(bytes);
        Ok(())
    }

    /// What the memory has and has done.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let state = self.state();
        let (region, tally) = (state.body.region(), &state.tally);
        Statistics {
            memories: 1,
            peak_memories: 1,
            reserved_bytes: units::bytes(region.shape().total()),
            accessible_bytes: units::bytes(self.look().byte_length()),
            peak_accessible_bytes: tally.peak_bytes,
            resident_bytes: region.resident_bytes(),
            kept_bytes: 0,
            creations: 1,
            reuses: u64::from(tally.reused),
            growths: tally.growths.into(),
            moves: tally.moves.into(),
            refusals: tally.refusals.into(),
            discarded_bytes: tally.discarded_bytes,
        }
    }

    /// Does the memory match what an import asks for?
    ///
    /// # Errors
    /// A type error for an import that cannot be: [`Error::ReservedField`],
    /// [`Error::AddressType`], [`Error::UnknownValue`]. A link error where they differ, in this
    /// order: [`Error::ImportAddress`], [`Error::ImportPageSize`], [`Error::ImportShared`],
    /// [`Error::ImportInitial`], [`Error::ImportMaximum`].
    pub fn matches(&self, import: &Descriptor) -> Result<()> {
        self.memory_type.matches(self.size(), import)
    }

    /// May the memory be sent to another agent?
    ///
    /// # Errors
    /// [`Error::NotCloneable`] for an unshared memory.
    pub const fn check_send(&self) -> Result<()> {
        if self.memory_type.is_shared() { Ok(()) } else { Err(Error::NotCloneable {}) }
    }

    /// What the address space around the memory looks like now. It changes only when growth moves
    /// the memory.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let state = self.state();
        let body = &state.body;
        let shape = body.region().shape();
        let reservation = units::bytes(shape.reservation());
        let guard_after = units::bytes(shape.guard_after());
        let steady = body.steady_bytes();
        // What growth would leave, in a build for stress, is as inaccessible as the guard; where there is
        // none, nothing is.
        let left = if guard_after == 0 { 0 } else { reservation.saturating_sub(steady) };
        Layout {
            reservation: steady,
            guard_before: units::bytes(shape.guard_before()),
            guard_after: guard_after.saturating_add(left),
            movable: body.is_movable(),
            exact_protection: body.is_exact(),
            elidable_offset: if body.is_exact() {
                self.elidable_offset(reservation, guard_after)
            } else {
                None
            },
        }
    }

    /// The largest static offset up to which a 32-bit index needs no check: index, offset and the
    /// widest access of 16 bytes end within what is open or inaccessible.
    fn elidable_offset(&self, reservation: u64, guard_after: u64) -> Option<u64> {
        /// The end of a 16-byte access at the largest index.
        const END: u64 = (1 << 32) + 15;
        let page = units::bytes(region::page_size());
        let faults_exactly = self.memory_type.address() == AddressType::I32
            // Bytes between the length and the end of the host page can be reached.
            && self.memory_type.page_size() >= page;
        let covered = units::sum(&[reservation, guard_after])?;
        if faults_exactly { covered.checked_sub(END) } else { None }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let State { body, .. } = self.state.get_mut();
        let body = mem::replace(body, Body::nothing());
        let bytes = units::bytes(self.look().byte_length());
        let written = self.front.is_written();
        allocator_of(&self.allocator).release(body, bytes, written);
    }
}

/// May growth move a memory with these buffers, and what becomes of the old place?
fn moving(buffers: &Buffers) -> Moving {
    match (buffers.current_is_resizable(), buffers.has_keep()) {
        // A resizable buffer is an object that stays: its bytes do too.
        (true, _) => Moving::Forbidden,
        (false, true) => Moving::Allowed(Old::Accessible),
        (false, false) => Moving::Allowed(Old::Unused),
    }
}

fn allocator_of(allocator: &Option<Ref<Allocator>>) -> &Allocator {
    match allocator {
        Some(allocator) => allocator,
        None => Allocator::default_one(),
    }
}

/// A length in bytes as the host can have one.
pub(crate) fn host_length(bytes: u64) -> Result<usize> {
    units::host(bytes).ok_or(Error::AddressSpace { requested: bytes, available: 0, os_error: 0 })
}

#[cfg(test)]
#[cfg(feature = "host")]
mod tests {
    use super::*;
    use crate::faults;
    use crate::region::slab::Slot;

    fn layout_on(host_page: usize, page_size: u32, initial: u64) -> (Layout, usize, usize) {
        faults::with_page_size(host_page, || {
            let descriptor =
                Descriptor { initial: Some(initial), page_size, ..Descriptor::default() };
            let memory = Memory::new(&descriptor).unwrap();
            let open = memory.state().body.region().open();
            (memory.layout(), memory.view().byte_length(), open)
        })
    }

    #[test]
    fn protection_is_exact_to_the_host_page_and_the_length_to_the_wasm_page() {
        for host_page in [4096, 16384, 65536] {
            let (layout, length, open) = layout_on(host_page, 1, 1);
            assert_eq!((length, open), (1, host_page));
            assert_eq!(layout.elidable_offset, None, "bytes past the length can be reached");
            assert!(layout.exact_protection);
            let (layout, length, open) = layout_on(host_page, 65536, 3);
            assert_eq!((length, open), (196_608, 196_608));
            // Only where all 32-bit indexes have an address of their own.
            let elidable = cfg!(target_pointer_width = "64").then_some(65536 - 15);
            assert_eq!(layout.elidable_offset, elidable);
            assert!(layout.movable || layout.reservation == 1 << 32, "{layout:?}");
        }
        // No such host exists; a page of its own must not pass for exact there.
        let (layout, length, open) = layout_on(131_072, 65536, 3);
        assert_eq!((length, open), (196_608, 262_144));
        assert_eq!(layout.elidable_offset, None);
    }

    #[test]
    fn a_memory_takes_few_cache_lines() {
        // What a million of them cost beside their pages.
        assert!(size_of::<Slot<Memory>>() <= 256, "{}", size_of::<Slot<Memory>>());
    }

    #[test]
    fn growth_by_bytes_opens_a_host_page_at_a_time() {
        faults::with_page_size(16384, || {
            let descriptor = Descriptor { initial: Some(0), page_size: 1, ..Descriptor::default() };
            let memory = Memory::new(&descriptor).unwrap();
            for (delta, length, open) in
                [(1, 1, 16384), (16383, 16384, 16384), (1, 16385, 32768), (0, 16385, 32768)]
            {
                memory.grow(delta).unwrap();
                assert_eq!(memory.view().byte_length(), length);
                assert_eq!(memory.state().body.region().open(), open);
                let last = memory.span(length as u64 - 1, 1).unwrap();
                last.fill(7);
            }
        });
    }
}
