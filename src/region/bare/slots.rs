//! There are no pools: a pool is one reservation of address space.

use crate::error::{Error, Result};
use crate::region::frozen::Frozen;
use crate::region::registry::{Found, Group};
use crate::region::slab::Ref;
use crate::region::{Region, Reservation, Shape};
use core::convert::Infallible;

/// The table of a pool that cannot be.
#[derive(Debug)]
pub(crate) struct SlotTable(Infallible);

impl SlotTable {
    pub(crate) const fn find(&self, _address: usize, _base: usize) -> Option<Found> {
        match self.0 {}
    }
}

/// A pool that cannot be.
#[derive(Debug)]
pub(crate) struct Slots(Infallible);

impl Slots {
    pub(crate) fn reserve(
        _shape: Shape,
        slots: u32,
        _open_all: bool,
        _outer: u64,
        _group: Group,
    ) -> Result<Self> {
        Err(Error::PoolExhausted { requested: u64::from(slots), available: 0 })
    }

    pub(crate) const fn shape(&self) -> Shape {
        match self.0 {}
    }

    pub(crate) const fn advise_huge_pages(&self, _wanted: bool) {
        match self.0 {}
    }

    pub(crate) const fn count(&self) -> u32 {
        match self.0 {}
    }

    pub(crate) const fn kept_bytes(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) const fn take(&self, _image: Option<&Ref<Frozen>>) -> Option<(Region, bool)> {
        match self.0 {}
    }

    pub(crate) fn put(&self, _region: Region) {
        match self.0 {}
    }

    pub(crate) fn each_free(&self, _each: impl FnMut(&mut Reservation)) {
        match self.0 {}
    }
}
