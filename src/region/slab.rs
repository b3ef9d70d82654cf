//! Type-stable storage for the objects that C holds handles of.
//!
//! A handle is the address of a [`Slot`]. Slots of one kind lie in chunks that are never unmapped
//! and never hold anything else, so a handle of any age can be looked at: the first word tells the
//! kind, whether handles to the object exist, and how many. A slot that was given back is not used
//! again before [`DISTANCE`] later creations of its kind, so that a stale handle meets a dead slot
//! and not somebody else's object.
//!
//! An object has two counts. *Handles* are the references that C holds: when the last is given
//! back, the handle is dead. *Owners* are all that keep the object itself: every [`Ref`], and the
//! handles together one more. A memory that only its buffers keep has owners and no handles.
#![allow(unsafe_code, reason = "hands out references into raw storage")]

use super::lock::Repair;
use crate::error::{Error, Result};
use crate::sync::{AtomicU64, Guard, Lock, Ordering, storage};
use crate::units;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// So many objects of a kind are made before the slot of a dead one is used again.
const DISTANCE: u64 = 64;

/// Bytes that a slab takes from the host at a time; little where there is only a heap.
const CHUNK: usize = if cfg!(feature = "host") { 64 << 10 } else { 1 << 10 };

/// The first word of a slot that no handle refers to. No kind has this tag.
const NO_HANDLE: u64 = 0;

/// One handle, in the first word of a slot; the tag of the kind is below.
const HANDLE: u64 = 1 << 32;

/// What the objects of one kind have in common. A kind is part of this crate: `slab` is not public.
pub trait Kind: Sized + Send + Sync + 'static {
    /// Different for each kind, and not zero.
    const TAG: u32;

    /// Where the objects of this kind live.
    fn slab() -> &'static Slab<Self>;

    /// Moves an object into its place. A kind of whose places a part is read also while no object is
    /// there writes that part by atomic stores.
    ///
    /// # Safety
    /// `place` is one of this kind that holds no object, and no other thread moves one there.
    unsafe fn move_to(self, place: NonNull<Self>) {
        // SAFETY: as above; nobody reads a place without an object.
        unsafe { place.write(self) };
    }
}

/// The place of one object. C sees its address as a handle.
///
/// The value follows the first word immediately, so that a call which looks at the tag and returns
/// a field of the value's beginning reads one cache line.
#[repr(C, align(64))]
pub struct Slot<T: 'static> {
    /// Tag of the kind below, count of handles above; [`NO_HANDLE`] when there is none.
    handles: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
    /// How many keep the object. The value is initialized exactly while this is not zero.
    owners: AtomicU64,
    /// Where the slot is not in use: the next of the free list and when it came there. Guarded by
    /// the slab's lock.
    vacant: UnsafeCell<VacantLink<T>>,
}

// SAFETY: the counts are atomic, the value is Send and Sync and only written while nobody else
// refers to it, and the link is guarded by the slab's lock.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Where the value is, or was: the place of a dead object stays what it is.
    pub(crate) const fn value_address(&self) -> *const T {
        self.value.get().cast()
    }

    /// Counts one more owner, unless there is none left.
    fn add_owner(&self) -> bool {
        self.owners
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |owners| {
                if owners == 0 { None } else { owners.checked_add(1) }
            })
            .is_ok()
    }

    /// # Safety
    /// The slot has an owner, and keeps one until the last use of the answer.
    #[inline(always)]
    unsafe fn value(&self) -> &T {
        // SAFETY: a slot with an owner is initialized, and nobody changes the value before the last
        // one is gone.
        unsafe { &*self.value.get().cast::<T>() }
    }
}

struct VacantLink<T: 'static> {
    next: Option<&'static Slot<T>>,
    /// Count of creations when the slot was given back.
    since: u64,
}

/// All slots of one kind.
pub struct Slab<T: 'static> {
    free: Lock<Free<T>>,
}

struct Free<T: 'static> {
    /// Slots that were given back, oldest first.
    first: Option<&'static Slot<T>>,
    last: Option<&'static Slot<T>>,
    /// Slots of the current chunk that were never used: the next one, and how many.
    unused: Option<NonNull<Slot<T>>>,
    unused_count: usize,
    creations: u64,
}

// SAFETY: the slots are not in use, and the lock around them orders access.
unsafe impl<T: Send> Send for Free<T> {}

impl<T> Free<T> {
    const fn new(creations: u64) -> Self {
        Self { first: None, last: None, unused: None, unused_count: 0, creations }
    }

    /// The slot that was given back first, when enough objects were made since then.
    fn take_oldest(&mut self) -> Option<&'static Slot<T>> {
        let slot = self.first?;
        // SAFETY: the slot is on the free list, whose links the held lock guards.
        let link = unsafe { &*slot.vacant.get() };
        if self.creations.wrapping_sub(link.since) < DISTANCE {
            return None;
        }
        self.first = link.next;
        if self.first.is_none() {
            self.last = None;
        }
        Some(slot)
    }

    /// A slot that was never used, from a new chunk where need be. The zero bytes of a fresh chunk
    /// are slots without handles and owners.
    fn take_unused(&mut self) -> Result<&'static Slot<T>> {
        let slot: NonNull<Slot<T>> = match self.unused.filter(|_| self.unused_count > 0) {
            Some(slot) => slot,
            None => {
                let chunk = storage(CHUNK)?;
                self.unused_count = const { CHUNK / size_of::<Slot<T>>() };
                chunk.cast()
            }
        };
        self.unused_count = self.unused_count.saturating_sub(1);
        // SAFETY: at most one past the end: `unused_count` counted the slots up to there.
        self.unused = Some(unsafe { slot.add(1) });
        // SAFETY: chunks are never unmapped and hold nothing but slots of this kind.
        Ok(unsafe { slot.as_ref() })
    }

    /// A place that was taken and not used: the next one to be taken, since no handle of it was given
    /// out.
    fn put_unused(&mut self, slot: &'static Slot<T>) {
        self.creations = self.creations.wrapping_sub(1);
        let link = VacantLink { next: self.first, since: self.creations.wrapping_sub(DISTANCE) };
        // SAFETY: nobody uses the slot, and the slab's lock is held.
        unsafe { slot.vacant.get().write(link) };
        self.first = Some(slot);
        if self.last.is_none() {
            self.last = Some(slot);
        }
    }

    fn put(&mut self, slot: &'static Slot<T>) {
        let link = VacantLink { next: None, since: self.creations };
        // SAFETY: nobody uses the slot any more, and the slab's lock is held.
        unsafe { slot.vacant.get().write(link) };
        match self.last.replace(slot) {
            None => self.first = Some(slot),
            Some(last) => {
                // SAFETY: `last` is on the free list, whose links the held lock guards.
                let link = unsafe { &mut *last.vacant.get() };
                link.next = Some(slot);
            }
        }
    }
}

impl<T> Repair for Free<T> {
    /// What may be half changed is left alone for good, which costs the child a few slots.
    fn repair(&mut self) {
        *self = Self::new(self.creations);
    }
}

impl<T: Kind> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { free: Lock::new(Free::new(0)) }
    }

    fn lock(&self) -> Guard<'_, Free<T>> {
        self.free.lock()
    }
}

/// A place that was taken for an object which does not exist yet. Dropped, it is free again.
pub(crate) struct Vacancy<T: Kind> {
    slot: &'static Slot<T>,
}

impl<T: Kind> Vacancy<T> {
    /// Takes a place for one object, before anything is done that would have to be undone.
    pub(crate) fn take() -> Result<Self> {
        let mut free = T::slab().lock();
        let slot = match free.take_oldest() {
            Some(slot) => slot,
            None => free.take_unused()?,
        };
        // Counted here, where the lock is held anyway, and no more where nothing comes of it.
        free.creations = free.creations.wrapping_add(1);
        Ok(Self { slot })
    }

    /// Where the object will be.
    pub(crate) const fn address(&self) -> *const T {
        self.slot.value_address()
    }

    /// Puts the object into its place.
    pub(crate) fn fill(self, value: T) -> Ref<T> {
        let slot = self.slot;
        mem::forget(self);
        let place = NonNull::from(&slot.value).cast::<T>();
        // SAFETY: the place was taken by this vacancy, so nobody else uses the value.
        unsafe { value.move_to(place) };
        slot.owners.store(1, Ordering::Release);
        Ref { slot }
    }
}

impl<T: Kind> Drop for Vacancy<T> {
    fn drop(&mut self) {
        T::slab().lock().put_unused(self.slot);
    }
}

/// Keeps an object of a slab, as an `Arc` keeps one of the heap.
pub struct Ref<T: Kind> {
    slot: &'static Slot<T>,
}

impl<T: Kind> Ref<T> {
    /// The place of the object, by which others may know it.
    pub(crate) fn slot(&self) -> NonNull<Slot<T>> {
        NonNull::from(self.slot)
    }

    /// The place of the object, with this reference in it until [`Ref::from_slot`] takes it out.
    pub(crate) fn into_slot(self) -> NonNull<Slot<T>> {
        let slot = NonNull::from(self.slot);
        mem::forget(self);
        slot
    }

    /// # Safety
    /// `slot` came from [`Ref::into_slot`], once for each call of this.
    pub(crate) const unsafe fn from_slot(slot: NonNull<Slot<T>>) -> Self {
        // SAFETY: slots are never unmapped.
        Self { slot: unsafe { slot.as_ref() } }
    }

    /// Are both the same object?
    pub(crate) fn is(&self, other: &Self) -> bool {
        ptr::eq(self.slot, other.slot)
    }

    /// Makes a handle of the object out of this reference: the first one, or one more. `None` when
    /// there are as many as can be counted.
    pub(crate) fn into_handle(self) -> Option<NonNull<Slot<T>>> {
        let slot = self.slot;
        let mut first = false;
        let counted = slot.handles.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |handles| {
            first = !is_tagged::<T>(handles);
            if first { Some(HANDLE | u64::from(T::TAG)) } else { handles.checked_add(HANDLE) }
        });
        counted.ok()?;
        if first {
            // The handles together are one owner, which this reference becomes.
            mem::forget(self);
        }
        Some(NonNull::from(slot))
    }

    /// Knows the object without keeping it.
    pub(crate) fn weak(&self) -> Weak<T> {
        Weak { slot: self.slot }
    }
}

/// Knows an object without keeping it. Whoever holds one sees to it that it does not outlive the
/// object's own destructor, after which the place may be another object's.
pub(crate) struct Weak<T: Kind> {
    slot: &'static Slot<T>,
}

impl<T: Kind> Weak<T> {
    /// Keeps the object, unless its last owner is gone.
    pub(crate) fn upgrade(&self) -> Option<Ref<T>> {
        self.slot.add_owner().then_some(Ref { slot: self.slot })
    }

    /// Is this the place of `object`?
    pub(crate) fn is(&self, object: &T) -> bool {
        ptr::eq(self.slot.value_address(), object)
    }
}

impl<T: Kind> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this reference is one of the owners.
        unsafe { self.slot.value() }
    }
}

impl<T: Kind + fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: Kind> Clone for Ref<T> {
    fn clone(&self) -> Self {
        // Nobody lives to see 2^64 of them, forgotten ones included.
        self.slot.owners.fetch_add(1, Ordering::Relaxed);
        Self { slot: self.slot }
    }
}

impl<T: Kind> Drop for Ref<T> {
    fn drop(&mut self) {
        if self.slot.owners.fetch_sub(1, Ordering::Release) == 1 {
            // What the other owners did comes before. (A fence would do; ThreadSanitizer knows none.)
            let _ = self.slot.owners.load(Ordering::Acquire);
            // SAFETY: the last owner is gone: nobody refers to the value, which is initialized.
            unsafe { self.slot.value.get().cast::<T>().drop_in_place() };
            T::slab().lock().put(self.slot);
        }
    }
}

/// A handle as C passes it: NULL, a slot of some kind, dead or alive.
pub(crate) struct Handle<T: 'static>(*const Slot<T>);

impl<T: Kind> Handle<T> {
    /// # Safety
    /// `address` is NULL or an address that a function of this library returned as a handle of any
    /// kind.
    pub(crate) const unsafe fn new<H>(address: *const H) -> Self {
        Self(address.cast())
    }

    /// The address as a number, for a report.
    fn address(&self) -> u64 {
        units::bytes(self.0.addr())
    }

    /// The slot, when this is a live handle of the kind.
    #[inline(always)]
    fn live(&self) -> Option<&'static Slot<T>> {
        if self.0.is_null() {
            return None;
        }
        // The word alone, and not a reference to the slot: it may be one of another kind.
        // SAFETY: the field of a place that is not NULL; nothing is read.
        let word = unsafe { &raw const (*self.0).handles };
        // SAFETY: chunks of slots are never unmapped, and slots of every kind begin with this word.
        let handles = unsafe { &*word }.load(Ordering::Acquire);
        if !is_tagged::<T>(handles) {
            return None;
        }
        // SAFETY: as above, and the tag says that it is of this kind.
        Some(unsafe { &*self.0 })
    }

    /// Is this a live handle of the kind? Async-signal-safe.
    pub(crate) fn is_live(&self) -> bool {
        self.live().is_some()
    }

    /// The object, for calls that read a field: nothing keeps it but the caller's handle.
    ///
    /// # Safety
    /// The caller's handle is not given back before the last use of the answer.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> Option<&'static T> {
        let place = self.live()?;
        // SAFETY: a live handle is one of the owners, and the caller keeps it alive.
        Some(unsafe { place.value() })
    }

    /// Why there is no object.
    pub(crate) fn error(&self) -> Error {
        if self.0.is_null() {
            Error::NullArgument {}
        } else {
            Error::InvalidHandle { requested: self.address() }
        }
    }

    /// The object, kept for as long as the answer lives, also when another thread gives the last
    /// handle back meanwhile.
    pub(crate) fn acquire(&self) -> Result<Ref<T>> {
        let place = self.live().ok_or_else(|| self.error())?;
        if !place.add_owner() {
            return Err(self.error());
        }
        let reference = Ref { slot: place };
        // The slot may have been given back, and out again, between the look and the count.
        if is_tagged::<T>(place.handles.load(Ordering::Acquire)) {
            Ok(reference)
        } else {
            Err(self.error())
        }
    }

    /// Counts one more handle. False for one that is dead.
    pub(crate) fn retain(&self) -> bool {
        self.live().is_some_and(|place| {
            place
                .handles
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |handles| {
                    if is_tagged::<T>(handles) { handles.checked_add(HANDLE) } else { None }
                })
                .is_ok()
        })
    }

    /// Gives one handle back; after the last one the handle is dead. Nothing for one that is dead.
    pub(crate) fn release(&self) {
        let Some(place) = self.live() else { return };
        let mut last = false;
        let released = place.handles.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |handles| {
            if !is_tagged::<T>(handles) {
                return None;
            }
            let left = handles.checked_sub(HANDLE)?;
            last = left < HANDLE;
            Some(if last { NO_HANDLE } else { left })
        });
        if released.is_ok() && last {
            // The handles together were one owner.
            drop(Ref { slot: place });
        }
    }
}

/// Does the first word of a slot say that handles of this kind exist?
#[inline(always)]
#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn is_tagged<T: Kind>(handles: u64) -> bool {
    handles as u32 == T::TAG
}
