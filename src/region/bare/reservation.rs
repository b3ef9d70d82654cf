//! There are no reservations of address space.

use crate::error::{Error, Result};
use crate::region::frozen::Frozen;
use crate::region::registry::{Group, Registration};
use crate::region::slab::Ref;
use crate::region::{Old, Shape};
use crate::units;
use core::convert::Infallible;
use core::ptr::NonNull;

/// A reservation that cannot be.
#[derive(Debug)]
pub(crate) struct Reservation(Infallible);

/// Functions that nobody can call.
macro_rules! never {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) $(-> $answer:ty)?;)*) => {
        $(pub(crate) const fn $name(&self $(, $argument: $type)*) $(-> $answer)? {
            $(let _ = &$argument;)*
            match self.0 {}
        })*
    };
}

impl Reservation {
    pub(crate) fn reserve(shape: Shape, _group: Group) -> Result<Self> {
        let requested = units::bytes(shape.total());
        Err(Error::AddressSpace { requested, available: 0, os_error: 0 })
    }

    never! {
        fn base(&self) -> NonNull<u8>;
        fn shape(&self) -> Shape;
        fn open(&self) -> usize;
        fn resident(&self) -> usize;
        fn set_owner(&self, owner: Option<NonNull<()>>);
        fn registration(&self) -> Option<&Registration>;
        fn open_to(&self, bytes: u64) -> Result<()>;
        fn check_room(&self, bytes: u64) -> Result<()>;
        fn opening_costs(&self) -> bool;
        fn close_to(&self, bytes: u64) -> Result<()>;
        fn move_to(&self, shape: Shape, bytes: u64, old: Old) -> Result<Self>;
        fn has_image(&self, image: Option<&Ref<Frozen>>) -> bool;
        fn put_image_on(&self, image: Option<&Ref<Frozen>>) -> Result<()>;
        fn set_written(&self);
        fn clean(&self, keep: usize) -> bool;
        fn overwrite(&self);
        fn overwrite_with(&self, image: Option<&Ref<Frozen>>);
        fn discard(&self, from: usize, length: usize);
        fn populate(&self, bytes: usize);
        fn advise_huge_pages(&self, wanted: bool);
        fn drop_resident(&self) -> bool;
        fn resident_bytes(&self) -> Option<u64>;
    }

    pub(crate) fn each_used<E>(
        &self,
        _length: usize,
        _each: impl FnMut(usize, usize) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        match self.0 {}
    }
}
