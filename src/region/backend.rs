//! One interface over what a region is made of: address space, or a block on a heap.

use super::Reservation;
use super::frozen::Frozen;
use super::heap::{Block, Heap};
use super::registry::{Group, Registration};
use super::shape::Shape;
use super::slab::Ref;
use crate::error::{Error, Result};
use core::ptr::NonNull;

/// Bytes with an open part at the base that grows. Dropped, they go back to where they came from.
#[derive(Debug)]
pub(crate) enum Region {
    /// A reservation of address space.
    Reserved(Reservation),
    /// A block on a heap: nothing of it is ever inaccessible.
    Allocated(Block),
    /// No region: what stays where one of this shape was taken away.
    Nothing(Shape),
}

/// What becomes of the old body when a region moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// It is dropped.
    Unused,
    /// Somebody holds pointers into it: it stays readable and writable.
    Accessible,
}

/// Where regions come from.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Address space of the host.
    Virtual,
    /// A heap.
    Heap(Heap),
}

impl Backend {
    /// Where regions come from when nothing else was said.
    pub(crate) const DEFAULT: Self =
        if cfg!(feature = "host") { Self::Virtual } else { Self::Heap(Heap::Process) };
}

impl Region {
    /// What stays where a region was taken away for good.
    pub(crate) const NOTHING: Self = Self::Nothing(Shape::NOTHING);

    /// A region of which nothing is open.
    ///
    /// # Errors
    /// [`Error::AddressSpace`] and [`Error::MapCount`]; from a heap, [`Error::OutOfMemory`].
    pub(crate) fn reserve(shape: Shape, group: Group, backend: &Backend) -> Result<Self> {
        match backend {
            Backend::Virtual => Reservation::reserve(shape, group).map(Self::Reserved),
            Backend::Heap(heap) => Block::allocate(shape, group, heap).map(Self::Allocated),
        }
    }

    pub(crate) const fn base(&self) -> NonNull<u8> {
        match self {
            Self::Reserved(region) => region.base(),
            Self::Allocated(block) => block.base(),
            Self::Nothing(_) => NonNull::dangling(),
        }
    }

    pub(crate) const fn shape(&self) -> Shape {
        match self {
            Self::Reserved(region) => region.shape(),
            Self::Allocated(block) => block.shape(),
            Self::Nothing(shape) => *shape,
        }
    }

    /// Bytes from the base that can be read and written, and read zero or as the image where nobody
    /// wrote.
    pub(crate) const fn open(&self) -> usize {
        match self {
            Self::Reserved(region) => region.open(),
            Self::Allocated(block) => block.open(),
            Self::Nothing(_) => 0,
        }
    }

    /// From here on addresses in the region are found, as `owner`'s. `None` makes them not found.
    pub(crate) fn set_owner(&self, owner: Option<NonNull<()>>) {
        match self {
            Self::Reserved(region) => region.set_owner(owner),
            Self::Allocated(block) => block.registration().set_owner(owner),
            Self::Nothing(_) => {}
        }
    }

    /// Where addresses in this region are looked up, unless it is a slot.
    pub(crate) fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Reserved(region) => region.registration(),
            Self::Allocated(block) => Some(block.registration()),
            Self::Nothing(_) => None,
        }
    }

    /// Opens the body up to `bytes`; what is open stays so. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] past the reservation, [`Error::SlotSize`] past the slot;
    /// [`Error::Commit`] and [`Error::MapCount`] when the host refuses.
    pub(crate) fn open_to(&mut self, bytes: u64) -> Result<()> {
        match self {
            Self::Reserved(region) => region.open_to(bytes),
            Self::Allocated(block) => block.open_to(bytes),
            Self::Nothing(_) => no_room(bytes),
        }
    }

    /// Refuses more bytes than the reservation has.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<()> {
        match self {
            Self::Reserved(region) => region.check_room(bytes),
            Self::Allocated(block) => block.end_of_open(bytes).map(|_| ()),
            Self::Nothing(_) => no_room(bytes),
        }
    }

    /// Would opening far ahead of what is used take something from others? The first bytes are open,
    /// and nobody has touched them yet.
    pub(crate) fn opening_costs(&self) -> bool {
        match self {
            Self::Reserved(region) => region.opening_costs(),
            Self::Allocated(_) | Self::Nothing(_) => true,
        }
    }

    /// Closes the body behind `bytes`. What is behind it is given up. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::Commit`], [`Error::MapCount`].
    pub(crate) fn close_to(&mut self, bytes: u64) -> Result<()> {
        match self {
            Self::Reserved(region) => region.close_to(bytes),
            Self::Allocated(block) => block.close_to(bytes),
            Self::Nothing(_) => Ok(()),
        }
    }

    /// Moves the body into a new region of `shape` and opens it up to `bytes`, or as far as it is
    /// open now. This region becomes the new one, found as the same owner's; the answer is the old
    /// one, whose body's contents are unspecified. A refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::ReservationExceeded`] when that is more than `shape` holds, [`Error::AddressSpace`],
    /// [`Error::Commit`], [`Error::MapCount`], [`Error::OutOfMemory`].
    pub(crate) fn move_to(&mut self, shape: Shape, bytes: u64, old: Old) -> Result<Self> {
        match self {
            Self::Reserved(region) => region.move_to(shape, bytes, old).map(Self::Reserved),
            Self::Allocated(block) => {
                let old = block.move_to(shape, bytes, old)?;
                Ok(old.map_or(Self::NOTHING, Self::Allocated))
            }
            Self::Nothing(_) => no_room(bytes).map(|()| Self::NOTHING),
        }
    }

    /// Is `image` what the region was mapped with, or has it none, as `None` says?
    pub(crate) fn has_image(&self, image: Option<&Ref<Frozen>>) -> bool {
        match self {
            Self::Reserved(region) => region.has_image(image),
            Self::Allocated(_) | Self::Nothing(_) => image.is_none(),
        }
    }

    /// Makes a clean region start from `image`, or from zeros, which must be open.
    ///
    /// # Errors
    /// [`Error::Commit`] and [`Error::MapCount`] when the host refuses to take another image away.
    pub(crate) fn put_image_on(&mut self, image: Option<&Ref<Frozen>>) -> Result<()> {
        match (self, image) {
            (Self::Reserved(region), image) => region.put_image_on(image)?,
            (Self::Allocated(block), Some(image)) => block.put_image_on(image),
            (Self::Allocated(_), None) | (Self::Nothing(_), _) => {}
        }
        Ok(())
    }

    /// Whoever had the region may have written to it.
    pub(crate) const fn set_written(&mut self) {
        match self {
            Self::Reserved(region) => region.set_written(),
            Self::Allocated(block) => block.set_written(),
            Self::Nothing(_) => {}
        }
    }

    /// Makes every open byte what a new user is to find: the image's, and zero elsewhere. Pages are
    /// kept in memory as long as they are no more than `keep` bytes. False when the host lets none of
    /// the ways be gone that are quick; then an overwrite is left.
    pub(crate) fn clean(&mut self, keep: usize) -> bool {
        match self {
            Self::Reserved(region) => return region.clean(keep),
            Self::Allocated(block) => block.clean(),
            Self::Nothing(_) => {}
        }
        true
    }

    /// Sets every open byte to zero, whatever that costs, and forgets the image.
    pub(crate) fn overwrite(&mut self) {
        match self {
            Self::Reserved(region) => region.overwrite(),
            Self::Allocated(block) => block.clean(),
            Self::Nothing(_) => {}
        }
    }

    /// The same, and `image` copied over it.
    pub(crate) fn overwrite_with(&mut self, image: Option<&Ref<Frozen>>) {
        match (self, image) {
            (Self::Reserved(region), image) => region.overwrite_with(image),
            (Self::Allocated(block), image) => {
                block.clean();
                if let Some(image) = image {
                    block.put_image_on(image);
                }
            }
            (Self::Nothing(_), _) => {}
        }
    }

    /// Hands the parts of the first `length` bytes that may not be zero to `each`, in order.
    ///
    /// # Errors
    /// The first of `each`.
    pub(crate) fn each_used<E>(
        &self,
        length: usize,
        mut each: impl FnMut(usize, usize) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        match self {
            Self::Reserved(region) => region.each_used(length, each),
            Self::Allocated(_) => each(0, length),
            Self::Nothing(_) => Ok(()),
        }
    }

    /// Sets `[from, from + length)` of the open part to zero and gives the host the pages that lie
    /// wholly inside.
    pub(crate) fn discard(&mut self, from: usize, length: usize) {
        match self {
            Self::Reserved(region) => region.discard(from, length),
            Self::Allocated(block) => block.discard(from, length),
            Self::Nothing(_) => {}
        }
    }

    /// Makes the first `bytes` bytes present and writable, as far as that can be had.
    pub(crate) fn populate(&mut self, bytes: usize) {
        match self {
            Self::Reserved(region) => region.populate(bytes),
            Self::Allocated(block) => block.populate(bytes),
            Self::Nothing(_) => {}
        }
    }

    /// Asks for large pages in the whole reservation, or for none.
    pub(crate) fn advise_huge_pages(&self, wanted: bool) {
        if let Self::Reserved(region) = self {
            region.advise_huge_pages(wanted);
        }
    }

    /// Bytes that the region may keep in memory while nobody uses it.
    pub(crate) const fn resident(&self) -> usize {
        match self {
            Self::Reserved(region) => region.resident(),
            Self::Allocated(_) | Self::Nothing(_) => 0,
        }
    }

    /// Has the host drop what is in memory. False when it would not.
    pub(crate) fn drop_resident(&mut self) -> bool {
        match self {
            Self::Reserved(region) => region.drop_resident(),
            Self::Allocated(_) | Self::Nothing(_) => true,
        }
    }

    /// Bytes of the reservation that are in memory; `None` where nobody tells.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        match self {
            Self::Reserved(region) => region.resident_bytes(),
            Self::Allocated(_) => None,
            Self::Nothing(_) => Some(0),
        }
    }
}

fn no_room(bytes: u64) -> Result<()> {
    match bytes {
        0 => Ok(()),
        requested => Err(Error::ReservationExceeded { requested, available: 0 }),
    }
}
