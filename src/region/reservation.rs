//! Reservations of address space, on every host that has virtual memory.
//!
//! ```text
//!  start            base              base + open      base + reservation
//!    | guard before   | open, read-write  | inaccessible    | guard after  |
//! ```
//!
//! One mapping call reserves the whole range, inaccessible and uncharged, so it costs nobody anything and
//! the guards exist whatever is open. Protection changes open the body; one call gives all back.
#![allow(unsafe_code, reason = "owns address space")]

use super::clean::History;
use super::frozen::Frozen;
use super::os::{self, Access, Advice, Charge};
use super::registry::{Group, Registration};
use super::shape::{Shape, Sizes};
use super::slab::Ref;
use super::slots::{SlotNumber, SlotTable};
use super::span::Span;
use super::{charging, page_size, refusal, unreleased};
use crate::error::{Error, Result};
use crate::units;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// One reservation and the open part at its base. Dropped, it goes back to the host.
///
/// Invariants:
/// 1. `[base - guard_before, base + reservation + guard_after)` is mapped and belongs to this
///    region alone, except `[base, base + vacated)`, which no longer is its own.
/// 2. `[base, base + open)` can be read and written, and reads as the image and zero elsewhere where
///    nobody wrote; all else of it is inaccessible. `open` is a multiple of the host page and at
///    most `reservation`.
/// 3. What is opened reads zero as soon as it is, unless `stale` tells that bytes of a former use may
///    be behind `open`.
/// 4. While there is an `image`, its place lies within `open` and is a copy-on-write mapping of it,
///    except what was discarded since (`torn`).
#[derive(Debug)]
pub(crate) struct Reservation {
    pub(super) base: NonNull<u8>,
    sizes: Sizes,
    pub(super) open: usize,
    pub(super) vacated: usize,
    /// Bytes that are known to be in memory: as many as `open`, or a lower bound.
    pub(super) resident: usize,
    pub(super) image: Option<Ref<Frozen>>,
    /// A part of the image's place is no mapping of it any more.
    pub(super) torn: bool,
    /// The body may hold what neither the image nor zero explains.
    pub(super) written: bool,
    pub(super) stale: bool,
    /// Does the host keep an account of what is opened?
    is_charged: bool,
    pub(super) history: History,
    backing: Backing,
}

/// What a region is a part of.
#[derive(Debug)]
enum Backing {
    /// A mapping of its own.
    Own(ManuallyDrop<Registration>),
    /// A slot of a pool, whose allocator sees to it that the pool outlives it.
    Slot { table: &'static SlotTable, index: u32 },
}

// SAFETY: a region is the only owner of its range, and an address means the same to every thread.
unsafe impl Send for Reservation {}

impl Reservation {
    /// Reserves a range, all of it inaccessible.
    ///
    /// # Errors
    /// [`Error::AddressSpace`] and [`Error::MapCount`].
    pub(crate) fn reserve(shape: Shape, group: Group) -> Result<Self> {
        let total = shape.total();
        let place = Registration::reserve()?;
        let start = os::map(total, Access::None, Charge::Never)
            .map_err(|errno| refusal::of_reservation(total, errno))?;
        // SAFETY: the guard before is the first part of the mapping.
        let base = unsafe { start.add(shape.guard_before()) };
        let registration = place.fill(start, total, base, shape.reservation(), group);
        Ok(Self::with(base, shape, Backing::Own(ManuallyDrop::new(registration))))
    }

    const fn with(base: NonNull<u8>, shape: Shape, backing: Backing) -> Self {
        Self {
            base,
            sizes: shape.sizes(),
            is_charged: shape.is_charged(),
            open: 0,
            vacated: 0,
            stale: false,
            history: History::new(),
            resident: 0,
            image: None,
            torn: false,
            written: false,
            backing,
        }
    }

    /// A slot of a pool, at `base`, as `Slots` left it.
    pub(super) const fn of_slot(base: NonNull<u8>, shape: Shape, slot: SlotNumber) -> Self {
        Self::with(base, shape, Backing::Slot { table: slot.table, index: slot.index })
    }

    /// The slot that the region is, when it is one of a pool.
    pub(crate) const fn slot(&self) -> Option<SlotNumber> {
        match &self.backing {
            Backing::Slot { table, index } => Some(SlotNumber { table, index: *index }),
            Backing::Own(_) => None,
        }
    }

    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// From here on addresses in the region are found, as `owner`'s. `None` makes them not found.
    pub(crate) fn set_owner(&self, owner: Option<NonNull<()>>) {
        match &self.backing {
            Backing::Own(registration) => registration.set_owner(owner),
            Backing::Slot { table, index } => {
                SlotNumber { table, index: *index }.set_owner(owner);
            }
        }
    }

    /// Where addresses in this region are looked up, unless it is a slot.
    pub(crate) fn registration(&self) -> Option<&Registration> {
        match &self.backing {
            Backing::Own(registration) => Some(registration),
            Backing::Slot { .. } => None,
        }
    }

    pub(crate) const fn shape(&self) -> Shape {
        self.sizes.shape(self.is_charged)
    }

    /// Bytes from the base that can be read and written.
    pub(crate) const fn open(&self) -> usize {
        self.open
    }

    /// Opens the body up to `bytes`, rounded up to the host page; what is open stays so. A refusal
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] past the reservation, [`Error::SlotSize`] past the slot;
    /// [`Error::Commit`] and
    /// [`Error::MapCount`] when the host refuses.
    pub(crate) fn open_to(&mut self, bytes: u64) -> Result<()> {
        let end = self.end_of_open(bytes)?;
        if let Some(more) = end.checked_sub(self.open).filter(|more| *more > 0) {
            self.protect_open(self.open, more)?;
            self.clear_stale(end);
            self.open = end;
        }
        Ok(())
    }

    /// Sets what a former use left in `[open, end)`, which has just been opened, to zero.
    fn clear_stale(&mut self, end: usize) {
        if !self.stale {
            return;
        }
        let length = end.wrapping_sub(self.open);
        // SAFETY: the range is open and part of the body.
        unsafe { Span::new(self.base.as_ptr().wrapping_add(self.open), length) }.fill(0);
        // Behind it there may be more.
        self.stale = end < self.shape().reservation();
    }

    /// Refuses more bytes than the reservation has.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<()> {
        self.end_of_open(bytes).map(|_| ())
    }

    /// `bytes` rounded up to the host page, when that is within the reservation.
    pub(super) fn end_of_open(&self, bytes: u64) -> Result<usize> {
        units::round_up(bytes, units::bytes(page_size()))
            .and_then(units::host)
            .filter(|end| *end <= self.shape().reservation())
            .ok_or_else(|| {
                let available = units::bytes(self.shape().reservation());
                match self.backing {
                    Backing::Slot { .. } => Error::SlotSize { requested: bytes, available },
                    Backing::Own(_) => Error::ReservationExceeded { requested: bytes, available },
                }
            })
    }

    /// Makes `[from, from + length)`, which lies within the reservation, readable and writable.
    pub(super) fn protect_open(&mut self, from: usize, length: usize) -> Result<()> {
        if self.is_charged {
            charging::check_commit(length)?;
        }
        // SAFETY: the caller stays within the reservation (invariant 1).
        let start = unsafe { self.base.add(from) };
        // SAFETY: the range is part of this region's own mapping, and guest bytes are only ever
        // reached through raw pointers.
        unsafe { os::protect(start, length, Access::ReadWrite) }.map_err(|errno| {
            // Where the open part only becomes longer, no mapping is added.
            let splits = self.open == 0 || from != self.open || self.image.is_some();
            refusal::of_commit(length, errno, splits)
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // A slot goes back to its pool by the allocator's hand.
        let Backing::Own(registration) = &mut self.backing else { return };
        // First: an address must not be found once its mapping may be somebody else's.
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(registration) };
        let (guard_before, reservation) = (self.shape().guard_before(), self.shape().reservation());
        let guard_after = self.shape().guard_after();
        // SAFETY: the guard before is mapped in front of the base (invariant 1).
        let start = unsafe { self.base.sub(guard_before) };
        if self.vacated == 0 {
            give_back(start, self.shape().total());
        } else {
            // Never across what is no longer our own: two calls around it.
            give_back(start, guard_before);
            // SAFETY: what was vacated lies within the reservation (invariant 1).
            let rest = unsafe { self.base.add(self.vacated) };
            let length = reservation.wrapping_sub(self.vacated).wrapping_add(guard_after);
            give_back(rest, length);
        }
    }
}

/// Gives a range of a dropped region back to the host; where that is refused it is emptied, closed
/// and kept.
pub(super) fn give_back(start: NonNull<u8>, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: the region that owned the range is gone.
    if unsafe { os::unmap(start, length) }.is_ok() {
        unreleased::offer_again();
        return;
    }
    // SAFETY: as above. Each way is tried until one empties the pages; a fresh mapping also closes.
    let _ = unsafe { os::advise(start, length, Advice::DontNeed) }
        // SAFETY: as above.
        .or_else(|_| unsafe { os::advise(start, length, Advice::DontNeedLocked) })
        // SAFETY: as above.
        .or_else(|_| unsafe { os::map_over(start, length, Access::None, Charge::WhenOpened) });
    // Closing the range also gives back what the host charged for it.
    // SAFETY: as above.
    let _ = unsafe { os::protect(start, length, Access::None) };
    unreleased::keep(start, length);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::faults::{self, Fault};
    use crate::region::os::Call;
    use crate::test_support::{can_read, in_child};

    pub(in crate::region) const PAGE: u64 = 65536;

    pub(in crate::region) fn region(reservation: u64, open: u64) -> Reservation {
        let mut region =
            Reservation::reserve(Shape::new(PAGE, reservation, PAGE).unwrap(), Group::NONE)
                .unwrap();
        region.open_to(open).unwrap();
        region
    }

    pub(in crate::region) fn write(region: &Reservation, at: usize, value: u8) {
        assert!(at < region.open());
        // SAFETY: within the open part of a region of this test alone.
        unsafe { region.base().add(at).write(value) };
    }

    pub(in crate::region) fn read(region: &Reservation, at: usize) -> u8 {
        assert!(at < region.open());
        // SAFETY: within the open part of a region of this test alone.
        unsafe { region.base().add(at).read() }
    }

    #[test]
    fn opening_past_the_reservation_is_refused() {
        let mut region = region(2 * PAGE, PAGE);
        let refused = region.open_to(2 * PAGE + 1);
        assert_eq!(
            refused,
            Err(Error::ReservationExceeded { requested: 2 * PAGE + 1, available: 2 * PAGE })
        );
        assert_eq!(region.open(), 65536);
        region.open_to(2 * PAGE).unwrap();
        write(&region, 131_071, 1);
        assert_eq!([read(&region, 131_070), read(&region, 131_071)], [0, 1]);
    }

    #[test]
    fn a_range_that_the_host_keeps_is_emptied_closed_counted_and_offered_again() {
        crate::test_support::needs_advice!();
        // Alone in its process: every other release would offer the range again at once.
        in_child(a_kept_range);
    }

    fn a_kept_range() {
        let region = region(PAGE, PAGE);
        let (base, total) = (region.base(), region.shape().total());
        write(&region, 3, 3);
        // What other tests of the parent left is given back first.
        unreleased::offer_again();
        let before = unreleased::count();
        let fault = Fault { call: Some(Call::Unmap), ..Fault::nth(1) };
        faults::with(fault, || drop(region));
        let kept = unreleased::count();
        assert_eq!(kept.ranges, before.ranges + 1);
        assert_eq!(kept.bytes, before.bytes + total as u64);
        assert!(!can_read(base.as_ptr()), "closed");
        #[cfg(unix)]
        assert_eq!(os::is_resident(base), Some(false), "still mapped, and empty");
        drop(self::region(PAGE, PAGE));
        assert_eq!(unreleased(), before);
    }
}
