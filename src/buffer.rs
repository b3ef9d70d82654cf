//! Buffers: what `ArrayBuffer` and `SharedArrayBuffer` are to JavaScript.
//!
//! A memory has one current buffer, made when it is first asked for. It is known to the memory
//! weakly, and keeps the memory: bytes live as long as any buffer of them. Which kind the current
//! buffer is of is remembered also while nobody holds one.
//!
//! A buffer of an unshared memory is detached by every growth (unless it is resizable) and by a
//! conversion. A pointer that was taken from it stays usable as long as it is held: its memory is
//! kept, and when growth moves the memory, the old range goes to the buffers of it ([`Keep`]).

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::region::Region;
use crate::region::lock::Repair;
use crate::region::slab::{Kind, Ref, Slab, Vacancy, Weak};
use crate::sync::{AtomicPtr, Lock, Ordering};
use crate::units;
use core::fmt;
use core::ptr;

/// The largest number that JavaScript takes for a length: 2^53 - 1.
const LARGEST_INDEX: u64 = (1 << 53) - 1;

/// The bytes of a memory as an object of their own.
#[derive(Debug)]
pub struct Buffer {
    /// NULL once the buffer is detached.
    base: AtomicPtr<u8>,
    /// The length for life, unless the buffer is resizable: then it follows the memory.
    fixed_length: Option<usize>,
    memory: Ref<Memory>,
    _keep: Ref<Keep>,
}

static BUFFERS: Slab<Buffer> = Slab::new();

impl Kind for Buffer {
    const TAG: u32 = u32::from_be_bytes(*b"BUFF");

    fn slab() -> &'static Slab<Self> {
        &BUFFERS
    }
}

/// Outlives a move: the buffers of one base hold it together, and when the memory has moved away,
/// the old region is in here and goes with the last of them.
#[derive(Debug)]
pub(crate) struct Keep {
    region: Lock<Left>,
}

/// The region that its memory has left, when it has.
#[derive(Debug)]
struct Left(Option<Region>);

impl Repair for Left {
    /// The memory that moves is one thread's, which the child either is or does not have.
    fn repair(&mut self) {}
}

static KEEPS: Slab<Keep> = Slab::new();

impl Kind for Keep {
    const TAG: u32 = u32::from_be_bytes(*b"KEEP");

    fn slab() -> &'static Slab<Self> {
        &KEEPS
    }
}

impl Keep {
    /// Keeps a region that its memory has left, with so many usable bytes.
    pub(crate) fn put(&self, region: Region, bytes: usize) {
        if let Some(registration) = region.registration() {
            registration.set_kept(bytes);
        }
        self.region.lock().0 = Some(region);
    }
}

/// What a memory knows of its buffers.
#[derive(Default)]
pub(crate) struct Buffers {
    /// Is the current buffer resizable? Also when nobody holds it.
    resizable: bool,
    current: Option<Current>,
    /// Of the current base; there once a buffer was asked for.
    keep: Option<Ref<Keep>>,
}

struct Current {
    buffer: Weak<Buffer>,
    /// The memory's length when it was made.
    length: usize,
}

impl fmt::Debug for Buffers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Buffers")
            .field("resizable", &self.resizable)
            .finish_non_exhaustive()
    }
}

impl Buffers {
    pub(crate) const fn current_is_resizable(&self) -> bool {
        self.resizable
    }

    /// Does anybody hold, or has held, a buffer of the current base?
    pub(crate) const fn has_keep(&self) -> bool {
        self.keep.is_some()
    }

    /// The memory has left its base: what keeps the old range for the buffers of it.
    pub(crate) fn take_keep(&mut self) -> Option<Ref<Keep>> {
        self.keep.take()
    }

    /// Detaches every buffer: the next one is new, and of fixed length. The answer must be dropped
    /// after the memory's lock.
    #[must_use]
    pub(crate) fn detach_all(&mut self) -> Option<Ref<Buffer>> {
        self.resizable = false;
        self.detach()
    }

    /// Detaches the current buffer of an unshared memory. The answer must be dropped after the
    /// memory's lock, which the destructor of a buffer takes.
    #[must_use]
    pub(crate) fn detach(&mut self) -> Option<Ref<Buffer>> {
        let buffer = self.current.take()?.buffer.upgrade()?;
        buffer.base.store(ptr::null_mut(), Ordering::Release);
        Some(buffer)
    }

    /// The current buffer, made where there is none. One of fixed length that a shared memory has
    /// outgrown is replaced: that is how growth by another thread becomes visible.
    fn get(&mut self, memory: &Ref<Memory>) -> Result<Ref<Buffer>> {
        let length = memory.look().byte_length();
        let up_to_date = |current: &&Current| self.resizable || current.length == length;
        let current = self.current.as_ref().filter(up_to_date);
        match current.and_then(|current| current.buffer.upgrade()) {
            Some(buffer) => Ok(buffer),
            None => self.make(memory, self.resizable),
        }
    }

    /// Makes a buffer and makes it the current one. A refusal changes nothing.
    fn make(&mut self, memory: &Ref<Memory>, resizable: bool) -> Result<Ref<Buffer>> {
        let vacancy = Vacancy::take()?;
        let keep = match &self.keep {
            Some(keep) => keep.clone(),
            None => Vacancy::take()?.fill(Keep { region: Lock::new(Left(None)) }),
        };
        self.keep = Some(keep.clone());
        let length = memory.look().byte_length();
        let fixed_length = if resizable { None } else { Some(length) };
        memory.set_written();
        let buffer = vacancy.fill(Buffer {
            base: AtomicPtr::new(memory.look().base()),
            fixed_length,
            memory: memory.clone(),
            _keep: keep,
        });
        self.resizable = resizable;
        self.current = Some(Current { buffer: buffer.weak(), length });
        Ok(buffer)
    }
}

impl Buffer {
    /// The current buffer of a memory: `memory.buffer`. The same object until an event replaces it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn of(memory: &Ref<Memory>) -> Result<Ref<Self>> {
        let mut state = memory.state();
        state.check_at_rest()?;
        state.buffers.get(memory)
    }

    /// `memory.toResizableBuffer()`.
    ///
    /// # Errors
    /// [`Error::NoMaximum`] first, [`Error::OutOfMemory`].
    pub fn resizable_of(memory: &Ref<Memory>) -> Result<Ref<Self>> {
        if memory.memory_type().maximum().is_none() {
            return Err(Error::NoMaximum {});
        }
        Self::converted(memory, true)
    }

    /// `memory.toFixedLengthBuffer()`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fixed_length_of(memory: &Ref<Memory>) -> Result<Ref<Self>> {
        Self::converted(memory, false)
    }

    fn converted(memory: &Ref<Memory>, resizable: bool) -> Result<Ref<Self>> {
        // Declared before the lock is taken, so dropped after it.
        let _detached;
        let mut state = memory.state();
        state.check_at_rest()?;
        if state.buffers.resizable == resizable {
            return state.buffers.get(memory);
        }
        let before = state.buffers.current.take();
        match state.buffers.make(memory, resizable) {
            Ok(buffer) => {
                if !memory.memory_type().is_shared() {
                    let made = core::mem::replace(&mut state.buffers.current, before);
                    _detached = state.buffers.detach();
                    state.buffers.current = made;
                }
                Ok(buffer)
            }
            Err(error) => {
                state.buffers.current = before;
                Err(error)
            }
        }
    }

    /// Address of byte 0; NULL once the buffer is detached.
    #[inline]
    #[must_use]
    pub fn data(&self) -> *mut u8 {
        self.base.load(Ordering::Acquire)
    }

    /// Length in bytes; 0 once the buffer is detached.
    #[inline]
    #[must_use]
    pub fn byte_length(&self) -> u64 {
        if self.is_detached() {
            return 0;
        }
        units::bytes(self.fixed_length.unwrap_or_else(|| self.memory.look().byte_length()))
    }

    /// Length that the buffer can be resized to; its own length when it is fixed, 0 once detached.
    #[must_use]
    pub fn max_byte_length(&self) -> u64 {
        if self.is_detached() || !self.is_resizable() {
            return self.byte_length();
        }
        self.declared_bytes()
    }

    /// Bytes of the declared maximum, which every memory with a resizable buffer has.
    fn declared_bytes(&self) -> u64 {
        let memory_type = self.memory.memory_type();
        memory_type.bytes(memory_type.maximum().unwrap_or(0))
    }

    /// Has an event taken the bytes away from the buffer?
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.data().is_null()
    }

    /// Is it a `SharedArrayBuffer`?
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.memory.memory_type().is_shared()
    }

    /// Does the length follow the memory? Never changes, also when the buffer is detached.
    #[must_use]
    pub const fn is_resizable(&self) -> bool {
        self.fixed_length.is_none()
    }

    /// `ArrayBuffer.prototype.resize`: grows the memory to `length` bytes.
    ///
    /// # Errors
    /// In this order: [`Error::BufferKind`] (fixed, or shared), [`Error::MaxByteLength`] (no index
    /// of JavaScript), [`Error::Detached`], [`Error::MaxByteLength`], [`Error::WouldShrink`],
    /// [`Error::NotPageMultiple`], then those of [`Memory::grow`].
    pub fn resize(&self, length: u64) -> Result<()> {
        if !self.is_resizable() || self.is_shared() {
            return Err(Error::BufferKind {});
        }
        check_index(length)?;
        if self.is_detached() {
            return Err(Error::Detached {});
        }
        self.memory.grow_to(length, |current| {
            self.check_maximum(length)?;
            self.check_step(length, current)
        })
    }

    /// `SharedArrayBuffer.prototype.grow`: grows the memory to `length` bytes.
    ///
    /// # Errors
    /// In this order: [`Error::BufferKind`] (fixed, or unshared), [`Error::MaxByteLength`] (no index
    /// of JavaScript), [`Error::WouldShrink`], [`Error::NotPageMultiple`],
    /// [`Error::MaxByteLength`], then those of [`Memory::grow`].
    pub fn grow(&self, length: u64) -> Result<()> {
        if !self.is_resizable() || !self.is_shared() {
            return Err(Error::BufferKind {});
        }
        check_index(length)?;
        self.memory.grow_to(length, |current| {
            self.check_step(length, current)?;
            self.check_maximum(length)
        })
    }

    fn check_maximum(&self, length: u64) -> Result<()> {
        let available = self.declared_bytes();
        if length > available {
            return Err(Error::MaxByteLength { requested: length, available });
        }
        Ok(())
    }

    fn check_step(&self, length: u64, current: u64) -> Result<()> {
        let Some(more) = length.checked_sub(current) else {
            return Err(Error::WouldShrink { requested: length, available: current });
        };
        match more.checked_rem(self.memory.memory_type().page_size()) {
            Some(0) => Ok(()),
            _ => Err(Error::NotPageMultiple { requested: length, available: current }),
        }
    }

    /// `ArrayBuffer.prototype.transfer`: never possible, only the memory itself may detach it.
    ///
    /// # Errors
    /// [`Error::BufferKind`] for a shared buffer, [`Error::Detached`], else
    /// [`Error::NotTransferable`].
    pub fn transfer(&self) -> Result<()> {
        if self.is_shared() {
            Err(Error::BufferKind {})
        } else if self.is_detached() {
            Err(Error::Detached {})
        } else {
            Err(Error::NotTransferable {})
        }
    }
}

/// Refuses what is no index of JavaScript.
const fn check_index(length: u64) -> Result<()> {
    if length > LARGEST_INDEX {
        return Err(Error::MaxByteLength { requested: length, available: LARGEST_INDEX });
    }
    Ok(())
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The memory forgets the buffer before its place can be another's.
        let mut state = self.memory.state();
        if state.buffers.current.as_ref().is_some_and(|current| current.buffer.is(self)) {
            state.buffers.current = None;
        }
    }
}

#[cfg(test)]
#[cfg(feature = "host")]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;
    use std::collections::BTreeSet;

    fn memory() -> Ref<Memory> {
        Memory::new(&Descriptor { initial: Some(1), ..Descriptor::default() }).unwrap()
    }

    fn place<T>(object: &T) -> usize {
        ptr::from_ref(object).addr()
    }

    #[test]
    fn a_buffer_that_is_gone_is_not_found_again_in_anothers_place() {
        let (first, other) = (memory(), memory());
        let gone = place(&*Buffer::of(&first).unwrap());
        // The place is given out again after a while, to a buffer that its memory still holds.
        let taken = (0..10_000).find_map(|_| {
            let buffer = Buffer::of(&other).unwrap();
            (place(&*buffer) == gone).then_some(buffer)
        });
        let again = Buffer::of(&first).unwrap();
        assert_eq!(again.data(), first.view().base());
        assert!(taken.is_some_and(|taken| taken.data() == other.view().base()));
    }

    #[test]
    fn the_places_of_memories_and_buffers_are_used_again() {
        const MANY: usize = 1000;
        let places = (0..MANY).map(|_| {
            let memory = memory();
            let buffer = Buffer::of(&memory).unwrap();
            [place(&*memory), place(&*buffer), place(&*buffer._keep)]
        });
        let places: Vec<[usize; 3]> = places.collect();
        for kind in 0..3 {
            let different: BTreeSet<usize> = places.iter().map(|places| places[kind]).collect();
            assert!(different.len() < MANY / 2, "{kind}: {}", different.len());
        }
    }
}
