//! What an allocator gives a memory: a region, how it opens, and whether it may move.

use super::config::Bounds;
use crate::error::Result;
use crate::region::fork::Unforked;
use crate::region::frozen::Frozen;
use crate::region::registry::Group;
use crate::region::slab::Ref;
use crate::region::{Backend, Old, Region, Shape};
use crate::units;

/// A region and the rules that it follows.
#[derive(Debug)]
pub(crate) struct Body {
    region: Region,
    mobility: Mobility,
    bounds: Bounds,
    /// It is no longer in the reservation that it was given.
    moved: bool,
}

/// When growth changes the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mobility {
    Never,
    /// When it goes past the reservation.
    PastReservation,
    /// Every time: only in a build for stress.
    Always,
}

/// What a growth did to a body.
#[derive(Debug)]
pub(crate) enum Growth {
    /// The base is what it was.
    InPlace,
    /// The bytes are at a new base. The old region, whose contents are unspecified, is here, and
    /// nobody forks before the new base is known.
    Moved { old: Region, unforked: Unforked },
}

/// May a growth move the body, and what becomes of the old one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moving {
    /// The base must stay where it is.
    Forbidden,
    /// The base may change where the body is movable.
    Allowed(Old),
}

/// Where opening is charged, so many bytes are opened ahead at least.
const LEAST_STEP: u64 = 1 << 20;

impl Body {
    /// Reserves a region, nothing of it open.
    pub(super) fn reserve(
        shape: Shape,
        mobility: Mobility,
        bounds: Bounds,
        group: Group,
        backend: &Backend,
    ) -> Result<Self> {
        let region = Region::reserve(shape_for(shape, bounds), group, backend)?;
        Ok(Self { region, mobility, bounds, moved: false })
    }

    /// The slot of a pool as a body.
    pub(super) const fn of_slot(region: Region, bounds: Bounds) -> Self {
        Self { region, mobility: Mobility::Never, bounds, moved: false }
    }

    /// No body: what stays where one was taken away.
    pub(crate) const fn nothing() -> Self {
        let region = Region::NOTHING;
        Self { region, mobility: Mobility::Never, bounds: Bounds::Guarded, moved: false }
    }

    pub(crate) const fn region(&self) -> &Region {
        &self.region
    }

    pub(crate) const fn region_mut(&mut self) -> &mut Region {
        &mut self.region
    }

    pub(super) fn into_region(self) -> Region {
        self.region
    }

    /// Is it what a new memory would be given?
    pub(super) fn is_like(&self, shape: Shape, mobility: Mobility, bounds: Bounds) -> bool {
        self.region.shape() == shape_for(shape, bounds)
            && self.mobility == mobility
            && self.bounds == bounds
    }

    /// May another memory have it? What growth moved to is of a shape that no new memory is given, and
    /// a heap keeps what it is given back itself.
    pub(super) fn is_reusable(&self) -> bool {
        self.mobility != Mobility::Always && !self.moved && !self.is_on_heap()
    }

    const fn is_on_heap(&self) -> bool {
        matches!(self.region, Region::Allocated(_))
    }

    /// Takes the region out for a while. What stays has its shape and follows the same rules.
    pub(crate) const fn take(&mut self) -> Self {
        let away = Region::Nothing(self.region.shape());
        Self { region: core::mem::replace(&mut self.region, away), ..*self }
    }

    /// Was the body taken away?
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self.region, Region::Nothing(_))
    }

    /// Makes the first `bytes` bytes of a clean body usable, starting from `image`, and in guarded
    /// bounds no others.
    pub(super) fn make_ready(&mut self, bytes: u64, image: Option<&Ref<Frozen>>) -> Result<()> {
        if !self.region.has_image(image) {
            self.region.put_image_on(None)?;
        }
        if self.bounds == Bounds::Guarded {
            self.region.close_to(bytes)?;
        }
        self.open_to(bytes)?;
        self.region.put_image_on(image)
    }

    /// Brings the body back in place to `bytes` bytes that are `image`'s and zero elsewhere. A refusal
    /// changes nothing.
    pub(super) fn reset(
        &mut self,
        bytes: u64,
        image: Option<&Ref<Frozen>>,
        keep: usize,
    ) -> Result<()> {
        if bytes > self.open_bytes() {
            self.open_to(bytes)?;
        }
        self.region.set_written();
        if self.bounds == Bounds::Guarded || self.is_on_heap() {
            // The last thing that can be refused.
            self.region.close_to(bytes)?;
        }
        if !self.region.clean(keep) || self.region.put_image_on(image).is_err() {
            self.region.overwrite_with(image);
        }
        self.tell_reservation();
        Ok(())
    }

    /// Bytes from the base that are open, ahead of the length in checked bounds.
    pub(super) fn open_bytes(&self) -> u64 {
        units::bytes(self.region.open())
    }

    /// May growth past the reservation change the base?
    pub(crate) fn is_movable(&self) -> bool {
        self.mobility != Mobility::Never
    }

    /// Does every byte past the length, rounded up to the host page, fault?
    pub(crate) fn is_exact(&self) -> bool {
        self.bounds == Bounds::Guarded
    }

    /// Bytes from the base within which growth leaves the base where it is.
    pub(crate) fn steady_bytes(&self) -> u64 {
        let reservation = self.region.shape().reservation();
        units::bytes(match self.mobility {
            Mobility::Always => self.region.open(),
            Mobility::Never | Mobility::PastReservation => reservation,
        })
    }

    /// Does growth to `bytes` bytes change the base, where it may?
    pub(super) fn moves_for(&self, bytes: u64) -> bool {
        match self.mobility {
            Mobility::Never => false,
            Mobility::PastReservation => bytes > units::bytes(self.region.shape().reservation()),
            Mobility::Always => true,
        }
    }

    /// Refuses growth to more bytes than there can be where the body is, when it may not move.
    pub(crate) fn check_growth(&self, bytes: u64, moving: Moving) -> Result<()> {
        match moving {
            Moving::Allowed(_) if self.moves_for(bytes) => Ok(()),
            _ => self.region.check_room(bytes),
        }
    }

    /// Makes the first `bytes` bytes usable in place. A refusal changes nothing.
    pub(super) fn open_to(&mut self, bytes: u64) -> Result<()> {
        if self.opens_ahead() {
            open_ahead(&mut self.region, bytes)?;
        } else {
            self.region.open_to(bytes)?;
        }
        self.tell_reservation();
        Ok(())
    }

    /// Moves into a new region of `shape` and makes the first `bytes` bytes usable. The answer is
    /// the old region. A refusal changes nothing.
    pub(super) fn move_to(&mut self, shape: Shape, bytes: u64, old: Old) -> Result<Region> {
        let old = self.region.move_to(shape_for(shape, self.bounds), bytes, old)?;
        self.moved = true;
        if self.opens_ahead() {
            // The bytes that were asked for are usable; more is a convenience.
            let _ = open_ahead(&mut self.region, bytes);
        }
        self.tell_reservation();
        Ok(old)
    }

    /// What growth moves away from is not worth opening, and on a heap opening is what costs.
    fn opens_ahead(&self) -> bool {
        self.bounds == Bounds::Checked && self.mobility != Mobility::Always && !self.is_on_heap()
    }

    /// A memory that every growth moves has no reservation beyond what is open, for whoever asks.
    fn tell_reservation(&self) {
        if self.mobility == Mobility::Always {
            if let Some(registration) = self.region.registration() {
                registration.set_reservation(self.region.open());
            }
        }
    }
}

fn shape_for(shape: Shape, bounds: Bounds) -> Shape {
    match bounds {
        Bounds::Guarded => shape,
        Bounds::Checked => shape.uncharged(),
    }
}

/// Opens at least `bytes` bytes, and more where that is not refused: all of the reservation where
/// opening costs nothing, else growing steps.
fn open_ahead(region: &mut Region, bytes: u64) -> Result<()> {
    region.check_room(bytes)?;
    if bytes <= units::bytes(region.open()) && region.open() > 0 {
        return Ok(());
    }
    let all = units::bytes(region.shape().reservation());
    if region.open() > 0 {
        // Not all of it was opened the first time, for a reason.
        let step = bytes.saturating_add(bytes.max(LEAST_STEP)).min(all);
        return region.open_to(step).or_else(|_| region.open_to(bytes));
    }
    region.open_to(bytes.max(1).min(all))?;
    if !region.opening_costs() {
        // The bytes that were asked for are open; more is a convenience.
        let _ = region.open_to(all);
    }
    Ok(())
}
