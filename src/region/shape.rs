//! How large the parts of a region are.

use super::page_size;
use crate::units;

/// The sizes of a region, whose sum is an object the host can have, and whether the host keeps an
/// account of what is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    sizes: Sizes,
    is_charged: bool,
}

/// The sizes alone. A memory has these for life, and there may be a million: guards are counted in host
/// pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    reservation: usize,
    pages_before: u32,
    pages_after: u32,
}

impl Sizes {
    /// A shape of these sizes.
    pub(super) const fn shape(self, is_charged: bool) -> Shape {
        Shape { sizes: self, is_charged }
    }
}

impl Shape {
    /// Of what is no region.
    pub(super) const NOTHING: Self = Self::block(0);

    const fn block(reservation: usize) -> Self {
        Sizes { reservation, pages_before: 0, pages_after: 0 }.shape(false)
    }

    /// Of address space: rounds each part up to the host page. Never empty, so that a memory of size 0
    /// without guards has a base too. `None` when the sum is more than any host has.
    pub(crate) fn new(guard_before: u64, reservation: u64, guard_after: u64) -> Option<Self> {
        let page = units::bytes(page_size());
        let guard_before = units::round_up(guard_before, page)?;
        let guard_after = units::round_up(guard_after, page)?;
        let least = if guard_after == 0 { page } else { 0 };
        let reservation = units::round_up(reservation, page)?.max(least);
        units::host(units::sum(&[guard_before, reservation, guard_after])?)?;
        let pages = |bytes: u64| u32::try_from(bytes.checked_div(page)?).ok();
        let sizes = Sizes {
            reservation: units::host(reservation)?,
            pages_before: pages(guard_before)?,
            pages_after: pages(guard_after)?,
        };
        Some(sizes.shape(true))
    }

    /// Of a block on a heap: so many bytes, at least one, so that a memory of size 0 has a base too.
    pub(crate) fn of_block(bytes: u64) -> Option<Self> {
        units::host(bytes.max(1)).map(Self::block)
    }

    /// The same, for a region that is opened far ahead of what is used.
    pub(crate) const fn uncharged(self) -> Self {
        Self { is_charged: false, ..self }
    }

    /// Does the host keep an account of what is opened?
    pub(super) const fn is_charged(&self) -> bool {
        self.is_charged
    }

    pub(super) const fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Inaccessible bytes before the base.
    pub(crate) fn guard_before(&self) -> usize {
        guard(self.sizes.pages_before)
    }

    /// Bytes from the base within which the body can be opened.
    pub(crate) const fn reservation(&self) -> usize {
        self.sizes.reservation
    }

    /// Inaccessible bytes after the reservation.
    pub(crate) fn guard_after(&self) -> usize {
        guard(self.sizes.pages_after)
    }

    /// All of it. The sum was checked when the shape was made.
    pub(crate) fn total(&self) -> usize {
        self.guard_before().wrapping_add(self.reservation()).wrapping_add(self.guard_after())
    }
}

/// The bytes of so many pages, which were bytes before.
fn guard(pages: u32) -> usize {
    usize::try_from(pages).unwrap_or(0).wrapping_mul(page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_rounded_checked_and_never_empty() {
        let page = page_size();
        let shape = Shape::new(1, 1, 1).unwrap();
        assert_eq!(
            (shape.guard_before(), shape.reservation(), shape.guard_after()),
            (page, page, page)
        );
        assert_eq!(Shape::new(0, 0, 0).unwrap().total(), page);
        assert_eq!(Shape::new(0, 0, 1).unwrap().total(), page);
        assert_eq!(Shape::new(u64::MAX, 1, 1), None);
        assert_eq!(Shape::new(1 << 62, 1 << 62, 0), None);
        let block = Shape::of_block(0).unwrap();
        assert_eq!((block.guard_before(), block.reservation(), block.guard_after()), (0, 1, 0));
        assert_eq!(Shape::of_block(u64::MAX), None);
    }
}
