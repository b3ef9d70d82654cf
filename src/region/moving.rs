//! Moving a body into a larger reservation, page tables and not bytes.
//!
//! The body goes mapping by mapping. As a rule it is one; the embedder may have locked or advised a
//! part. More than one is never given to the kernel at once: up to 6.16 it refuses that, later it
//! moves some and then may refuse the rest.
//!
//! A refused move may have unmapped its target, and on kernels that cannot keep the vacated range
//! mapped a successful one leaves a hole where the body was: another thread's mapping may be in a
//! hole before we know. A hole is never unmapped across ([`Reservation`]'s `vacated`). To tell after a
//! refusal, the target is made readable first, which nothing else in the reservation is. What
//! failed once is tried again only in a fresh reservation. Until all bytes are in the new place the
//! old one is whole, or made so again.
#![allow(unsafe_code, reason = "moves pages between regions")]

use super::os::{self, Access, Errno, Vacated};
use super::registry::{Group, Registration};
use super::reservation::{Reservation, give_back};
use super::shape::Shape;
use super::{Old, proc, unreleased};
use crate::error::{Error, Result};
use crate::units;
use core::{mem, ptr};

impl Reservation {
    /// Moves the body into a new reservation of `shape` and opens it up to `bytes`, or as far as it
    /// is open now. This region becomes the new one, found as the same owner's; the answer is
    /// the old one, whose body's contents are unspecified. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] when that is more than
    /// `shape` holds, [`Error::AddressSpace`], [`Error::Commit`],
    /// [`Error::MapCount`], [`Error::OutOfMemory`].
    pub(crate) fn move_to(&mut self, shape: Shape, bytes: u64, old: Old) -> Result<Self> {
        let bytes = bytes.max(units::bytes(self.open));
        if !os::MOVES_PAGES {
            let new = self.copy_body(shape, bytes)?;
            return Ok(self.replace(new));
        }
        let group = self.group();
        let mut new = Self::for_move(shape, self.open, bytes, group)?;
        if let Err(errno) = self.move_body(&mut new, old) {
            drop(new);
            let start = self.base.addr().get();
            if proc::is_usable(start, start.wrapping_add(self.open)) == Some(false) {
                // The embedder has protected a part, which could not be copied.
                let requested = units::bytes(self.open);
                return Err(Error::Commit { requested, available: 0, os_error: errno });
            }
            // The kernel wants some mappings in hand for a move; copying needs fewer.
            new = self.copy_body(shape, bytes)?;
        } else {
            // The mapping of an image has moved along, and what is known of the pages holds there.
            new.image = self.image.take();
            new.torn = self.torn;
            new.written = self.written;
        }
        new.open = new.end_of_open(bytes)?;
        Ok(self.replace(new))
    }

    fn group(&self) -> Group {
        self.registration().map_or(Group::NONE, Registration::group)
    }

    /// Becomes the new region, found as the same owner's, and answers the old one.
    fn replace(&mut self, new: Self) -> Self {
        if let (Some(from), Some(to)) = (self.registration(), new.registration()) {
            to.set_owner(from.owner());
        }
        mem::replace(self, new)
    }

    /// A new region whose bytes from `body` to `bytes` are open: once pages have moved there is
    /// nothing left that can be refused.
    fn for_move(shape: Shape, body: usize, bytes: u64, group: Group) -> Result<Self> {
        let mut new = Self::reserve(shape, group)?;
        let end = new.end_of_open(bytes)?;
        if let Some(more) = end.checked_sub(body).filter(|more| *more > 0) {
            new.protect_open(body, more)?;
        }
        Ok(new)
    }

    /// Moves the body, mapping by mapping. A refusal leaves the old body whole.
    fn move_body(&mut self, new: &mut Self, old: Old) -> core::result::Result<(), Errno> {
        let mut moved = 0;
        while moved < self.open {
            match self.move_piece(new, moved, old) {
                Ok(length) => moved = moved.saturating_add(length),
                Err((errno, lost)) => {
                    self.take_back(new, moved, lost);
                    return Err(errno);
                }
            }
        }
        Ok(())
    }

    /// Moves the mapping at `[base + moved, ..)`, as far as the body goes, and answers its length.
    /// A refusal also tells where that of the new region ends which no longer is its own.
    fn move_piece(
        &mut self,
        new: &mut Self,
        moved: usize,
        old: Old,
    ) -> core::result::Result<usize, (Errno, usize)> {
        // SAFETY: within the body.
        let from = unsafe { self.base.add(moved) };
        // SAFETY: the new region has room for the body.
        let to = unsafe { new.base.add(moved) };
        let address = from.addr().get();
        let length = proc::mapping_at(address)
            .and_then(|mapping| mapping.end.checked_sub(address))
            .map(|length| length.min(self.open.wrapping_sub(moved)))
            .ok_or((os::code::UNSUPPORTED, 0))?;
        new.mark(moved, length).map_err(|errno| (errno, 0))?;
        // SAFETY: both ranges belong to the two regions, the old one is one mapping, and guest bytes
        // are only ever reached through raw pointers.
        let outcome = match unsafe { os::remap(from, length, to, Vacated::Mapped) } {
            // A kernel before 5.7 does not know the flag and says so before it does anything.
            Err(os::code::INVALID) if old == Old::Unused && length == self.open => {
                // SAFETY: as above.
                let outcome = unsafe { os::remap(from, length, to, Vacated::Hole) };
                if outcome.is_ok() {
                    self.vacated = length;
                }
                outcome
            }
            outcome => outcome,
        };
        outcome.map(|()| length).map_err(|errno| (errno, new.lost(moved, length)))
    }

    /// Makes the target of a move readable, by which it is known again.
    fn mark(&mut self, from: usize, length: usize) -> core::result::Result<(), Errno> {
        // SAFETY: the caller stays within the reservation.
        let start = unsafe { self.base.add(from) };
        // SAFETY: the range is part of this region's own mapping, and nobody uses it yet.
        unsafe { os::protect(start, length, Access::Read) }
    }

    /// After a refused move to `[from, from + length)`: where what no longer is our own ends, or 0
    /// when all of it is.
    fn lost(&self, from: usize, length: usize) -> usize {
        // SAFETY: the caller stays within the reservation.
        let start = unsafe { self.base.add(from) };
        let end = start.addr().get().wrapping_add(length);
        match proc::mapping_at(start.addr().get()) {
            // Nobody else has a mapping of just these bounds that can only be read.
            Some(found) if found.readable && !found.writable && found.end == end => 0,
            // A hole that nobody took is ours again.
            _ if os::map_hole(start, length).is_ok() => 0,
            found => {
                if found.is_none() {
                    // Not to be told apart: it may be ours still.
                    unreleased::give_up(length);
                }
                from.wrapping_add(length)
            }
        }
    }

    /// Brings the first `moved` bytes back. What the new region has up to `lost` is given up.
    fn take_back(&self, new: &mut Self, moved: usize, lost: usize) {
        // SAFETY: the vacated range stayed mapped and writable, and both hold `moved` bytes.
        unsafe { ptr::copy_nonoverlapping(new.base.as_ptr(), self.base.as_ptr(), moved) };
        if lost > 0 {
            // What was moved there is the new region's own; the piece that failed may not be.
            give_back(new.base, moved);
            new.vacated = lost;
        }
    }

    /// Copies the body into a new region of `shape` that is open up to `bytes`.
    fn copy_body(&self, shape: Shape, bytes: u64) -> Result<Self> {
        let mut new = Self::reserve(shape, self.group())?;
        new.open_to(bytes)?;
        new.written = true;
        // SAFETY: both are open over `self.open` bytes and are different mappings. A memory that
        // moves is not shared, so nobody writes to it meanwhile.
        unsafe { ptr::copy_nonoverlapping(self.base.as_ptr(), new.base.as_ptr(), self.open) };
        Ok(new)
    }
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use super::*;
    use crate::faults::{self, Fault};
    use crate::region::os::Call;
    use crate::region::reservation::tests::{PAGE, read, region, write};

    fn larger() -> Shape {
        Shape::new(0, 8 * PAGE, PAGE).unwrap()
    }

    /// Makes the body two mappings by advice that changes no contents.
    fn split(region: &Reservation) {
        let start = region.base().as_ptr().cast();
        // SAFETY: a part of the body of a region of this test.
        assert_eq!(unsafe { libc::madvise(start, 65536, libc::MADV_DONTDUMP) }, 0);
    }

    #[test]
    fn a_move_keeps_the_bytes_and_zeroes_the_rest() {
        let mut region = region(PAGE, PAGE);
        write(&region, 0, 1);
        write(&region, 65535, 2);
        let old = region.move_to(larger(), 3 * PAGE, Old::Unused).unwrap();
        assert_ne!(old.base(), region.base());
        assert_eq!(old.vacated, 0, "this kernel can leave the vacated range mapped");
        drop(old);
        assert_eq!([read(&region, 0), read(&region, 65535), read(&region, 65536)], [1, 2, 0]);
        assert_eq!(region.open() as u64, 3 * PAGE);
    }

    #[test]
    fn a_shape_that_does_not_hold_the_body_is_refused() {
        let mut region = region(4 * PAGE, 4 * PAGE);
        write(&region, 200_000, 2);
        let smaller = Shape::new(0, 2 * PAGE, PAGE).unwrap();
        let refused = region.move_to(smaller, PAGE, Old::Unused).err().map(|error| error.reason());
        assert_eq!(refused, Some(25));
        assert_eq!(read(&region, 200_000), 2);
    }

    #[test]
    fn a_move_works_where_the_kernel_cannot_keep_the_old_range() {
        let mut region = region(PAGE, PAGE);
        write(&region, 9, 9);
        let fault = Fault { call: Some(Call::Remap), errno: libc::EINVAL, ..Fault::nth(1) };
        let old = faults::with(fault, || region.move_to(larger(), 2 * PAGE, Old::Unused)).unwrap();
        assert_eq!(old.vacated, 65536);
        drop(old);
        assert_eq!([read(&region, 9), read(&region, 65536)], [9, 0]);
    }

    #[test]
    fn an_old_range_that_is_held_stays_accessible_on_any_kernel() {
        for nth in [1, 100] {
            let mut region = region(PAGE, PAGE);
            write(&region, 9, 9);
            let fault = Fault { call: Some(Call::Remap), errno: libc::EINVAL, ..Fault::nth(nth) };
            let old = faults::with(fault, || region.move_to(larger(), 2 * PAGE, Old::Accessible));
            let old = old.unwrap();
            assert_eq!(old.vacated, 0);
            write(&old, 9, 1);
            assert_eq!(read(&region, 9), 9);
        }
    }

    #[test]
    fn a_body_of_several_mappings_moves_too() {
        let mut region = region(2 * PAGE, 2 * PAGE);
        write(&region, 70_000, 7);
        split(&region);
        drop(region.move_to(larger(), 3 * PAGE, Old::Unused).unwrap());
        assert_eq!([read(&region, 70_000), read(&region, 0)], [7, 0]);
    }

    #[test]
    fn a_move_in_pieces_has_a_way_back() {
        crate::test_support::needs_advice!();
        for failing in 2..=4 {
            let mut region = region(2 * PAGE, 2 * PAGE);
            let base = region.base();
            write(&region, 5, 5);
            write(&region, 70_000, 7);
            split(&region);
            let mut new =
                Reservation::for_move(larger(), region.open(), 3 * PAGE, Group::NONE).unwrap();
            let fault = Fault { call: Some(Call::Remap), ..Fault::nth(failing - 1) };
            let moved = faults::with(fault, || region.move_body(&mut new, Old::Accessible));
            assert_eq!(moved.is_ok(), failing == 4, "two mappings take two moves");
            let whole = if moved.is_ok() { &mut new } else { &mut region };
            whole.open = 131_072;
            assert_eq!([read(whole, 5), read(whole, 70_000)], [5, 7]);
            assert_eq!(region.base(), base);
        }
    }

    #[test]
    fn every_refusal_of_a_move_leaves_the_old_body_whole() {
        for errno in [libc::ENOMEM, libc::EFAULT, libc::EAGAIN, libc::EINVAL] {
            for forever in [false, true] {
                let mut nth = 1;
                loop {
                    let mut region = region(PAGE, PAGE);
                    write(&region, 5, 5);
                    let base = region.base();
                    let fault = Fault { errno, forever, ..Fault::nth(nth) };
                    let mut refused = 0;
                    let moved = faults::with(fault, || {
                        let moved = region.move_to(larger(), 2 * PAGE, Old::Unused);
                        refused = faults::refused();
                        moved
                    });
                    assert_eq!(read(&region, 5), 5);
                    if moved.is_err() {
                        assert_eq!((region.base(), region.open()), (base, 65536));
                        region.open_to(PAGE).unwrap();
                    }
                    if refused == 0 {
                        break;
                    }
                    nth += 1;
                }
                assert!(nth > 3, "{nth} calls were refused");
            }
        }
    }
}
