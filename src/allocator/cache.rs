//! Reservations that memories have left, kept for the next ones.
//!
//! A thread finds what it left itself first: the cache is in shelves, and which one a thread looks at
//! first follows from its identity. So threads rarely wait for each other, nothing belongs to a
//! thread, and what one has left when it ends is there for all.
//!
//! What is kept is clean and nobody's: its addresses are not found. It is given up when it has lain
//! for long, when room is needed, and by [`Cache::empty`].

use super::Body;
use crate::region::frozen::Frozen;
use crate::region::lock::Repair;
use crate::region::os;
use crate::region::slab::Ref;
use crate::sync::{AtomicU32, AtomicU64, Lock, Ordering};
use crate::units;
use core::mem;

const SHELVES: usize = 8;
const PLACES: usize = 8;

/// What has lain for so many seconds is given up by a later call.
const LONG: u32 = 10;

/// The reservations that an allocator keeps.
#[derive(Debug)]
pub(super) struct Cache {
    shelves: [Shelf; SHELVES],
    /// How many are kept, so that nobody looks where there is nothing.
    count: AtomicU32,
    /// Bytes in memory over all that are kept.
    resident: AtomicU64,
}

/// Alone in its cache lines, so that threads with different shelves do not disturb each other.
#[derive(Debug)]
#[repr(align(128))]
struct Shelf {
    kept: Lock<Places>,
}

#[derive(Debug)]
struct Places([Option<Kept>; PLACES]);

#[derive(Debug)]
struct Kept {
    body: Body,
    /// When it came, in seconds.
    since: u32,
}

impl Repair for Places {
    /// What a lost thread was about to change is nobody's in the child, and stays mapped.
    fn repair(&mut self) {
        for place in &mut self.0 {
            mem::forget(place.take());
        }
    }
}

impl Cache {
    pub(super) const fn new() -> Self {
        Self {
            shelves: [const { Shelf { kept: Lock::new(Places::EMPTY) } }; SHELVES],
            count: AtomicU32::new(0),
            resident: AtomicU64::new(0),
        }
    }

    /// Bytes in memory over all that are kept.
    pub(super) fn resident(&self) -> u64 {
        self.resident.load(Ordering::Relaxed)
    }

    /// The shelves, the calling thread's own first.
    fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        let own = spread(os::thread_number());
        let (front, back) = self.shelves.split_at_checked(own).unwrap_or((&[], &self.shelves));
        back.iter().chain(front)
    }

    /// Takes a body that `fits`, one with `image` where there is one.
    pub(super) fn take(
        &self,
        image: Option<&Ref<Frozen>>,
        fits: impl Fn(&Body) -> bool,
    ) -> Option<Body> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let body = self.shelves().find_map(|shelf| shelf.kept.lock().take(image, &fits))?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.resident.fetch_sub(units::bytes(body.region().resident()), Ordering::Relaxed);
        Some(body)
    }

    /// Is there a place for one more, as soon as what has lain for long is given up?
    pub(super) fn has_room(&self) -> bool {
        const ALL: u32 = 64;
        const { assert!(SHELVES * PLACES == 64) };
        if self.count.load(Ordering::Relaxed) < ALL {
            return true;
        }
        let now = os::coarse_seconds();
        let old = self.shelves().find_map(|shelf| shelf.kept.lock().take_old(now));
        self.forget(&old);
        old.is_some()
    }

    /// Keeps a clean body that nobody has any more. What there is no place for, or has lain for
    /// long, is given up.
    pub(super) fn put(&self, mut body: Body, most_resident: u64) {
        let resident = units::bytes(body.region().resident());
        if resident > 0 {
            let sum = self.resident.fetch_add(resident, Ordering::Relaxed).saturating_add(resident);
            if sum > most_resident {
                self.resident.fetch_sub(resident, Ordering::Relaxed);
                if !body.region_mut().drop_resident() {
                    return;
                }
            }
        }
        let now = os::coarse_seconds();
        let mut rest = Some(Kept { body, since: now });
        // Dropped when no shelf is locked: that calls the host.
        let mut old = None;
        for shelf in self.shelves() {
            let mut places = shelf.kept.lock();
            if old.is_none() {
                old = places.take_old(now);
                if old.is_some() {
                    self.forget(&old);
                }
            }
            if let Some(place) = places.0.iter_mut().find(|place| place.is_none()) {
                *place = rest.take();
                self.count.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        if let Some(Kept { body, .. }) = &rest {
            self.resident.fetch_sub(units::bytes(body.region().resident()), Ordering::Relaxed);
        }
    }

    /// What is no longer kept is no longer counted.
    fn forget(&self, kept: &Option<Kept>) {
        if let Some(Kept { body, .. }) = kept {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.resident.fetch_sub(units::bytes(body.region().resident()), Ordering::Relaxed);
        }
    }

    /// Gives up all that is kept. True when there was something.
    pub(super) fn empty(&self) -> bool {
        let mut any = false;
        for shelf in &self.shelves {
            if self.count.load(Ordering::Relaxed) == 0 {
                break;
            }
            // Dropped when the shelf is free again: that calls the host.
            let taken = mem::replace(&mut *shelf.kept.lock(), Places::EMPTY);
            for place in taken.0 {
                self.forget(&place);
                any |= place.is_some();
            }
        }
        any
    }
}

impl Places {
    const EMPTY: Self = Self([const { None }; PLACES]);

    fn take(&mut self, image: Option<&Ref<Frozen>>, fits: &impl Fn(&Body) -> bool) -> Option<Body> {
        let mut best = None;
        for place in &mut self.0 {
            let Some(kept) = place.as_ref().filter(|kept| fits(&kept.body)) else { continue };
            let same = kept.body.region().has_image(image);
            if same || best.is_none() {
                best = Some(place);
            }
            if same {
                break;
            }
        }
        best?.take().map(|kept| kept.body)
    }

    fn take_old(&mut self, now: u32) -> Option<Kept> {
        let is_old = |kept: &Kept| now.saturating_sub(kept.since) >= LONG;
        self.0.iter_mut().find(|place| place.as_ref().is_some_and(is_old))?.take()
    }
}

/// The shelf of a thread.
fn spread(thread: usize) -> usize {
    // Thread structures lie at multiples of a page, often of a mebibyte.
    let bits = units::bytes(thread).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    units::low_bits(bits) & const { SHELVES - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(since: u32) -> Option<Kept> {
        Some(Kept { body: Body::nothing(), since })
    }

    #[test]
    fn a_child_has_nothing_that_was_kept() {
        let mut places = Places::EMPTY;
        places.0[2] = kept(100);
        places.repair();
        assert!(places.0.iter().all(Option::is_none));
    }

    #[test]
    fn what_has_lain_for_long_is_given_up_one_at_a_time() {
        let mut places = Places::EMPTY;
        places.0[1] = kept(100);
        places.0[3] = kept(109);
        places.0[5] = kept(100);
        assert!(places.take_old(100 + LONG - 1).is_none());
        assert!(places.take_old(100 + LONG).is_some());
        assert!(places.take_old(100 + LONG).is_some());
        assert!(places.take_old(100 + LONG).is_none());
        assert!(places.take_old(50).is_none(), "a clock that goes back ages nothing");
        assert!(places.0[3].is_some());
    }
}
