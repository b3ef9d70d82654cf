//! From a descriptor to a memory type: every limit, and the order in which they are checked.
//!
//! Pure arithmetic. The order is that of the JavaScript interface (its constructor and `grow`), and
//! the reason that comes back is always that of the first check that fails.

use crate::error::{Error, Result};
use crate::units;

/// What indexes are: the type of addresses into a memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressType {
    /// 32-bit indexes: `address: "i32"`.
    #[default]
    I32,
    /// 64-bit indexes: `address: "i64"`.
    I64,
}

impl AddressType {
    /// The number that stands for the type in the C ABI.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::I32 => 0,
            Self::I64 => 1,
        }
    }

    const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::I32),
            1 => Some(Self::I64),
            _ => None,
        }
    }

    /// The largest number that a page count of this type can be.
    const fn largest(self) -> u64 {
        match self {
            Self::I32 => u32::MAX as u64,
            Self::I64 => u64::MAX,
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::I32 => u32::BITS,
            Self::I64 => u64::BITS,
        }
    }
}

/// The page size that a descriptor without one means.
const DEFAULT_PAGE_SIZE: u32 = 1 << 16;

/// What a memory is to be, as the caller says it: nothing in it is trusted. The default is
/// JavaScript's `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Size at creation in pages; required.
    pub initial: Option<u64>,
    /// Most pages that it may ever have.
    pub maximum: Option<u64>,
    /// Whether several threads may use it at once; needs a maximum.
    pub shared: bool,
    /// Number of the address type: 0 is i32, 1 is i64.
    pub address: u32,
    /// Bytes of a page: 1 or 65536; 0 means 65536.
    pub page_size: u32,
    /// For later; zero.
    pub reserved: [u64; 2],
}

/// What a memory is: a descriptor that was found valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryType {
    address: AddressType,
    page_log2: u8,
    shared: bool,
    has_maximum: bool,
    /// 0 without one.
    maximum: u64,
}

impl Descriptor {
    /// The memory type and the initial size in pages.
    ///
    /// # Errors
    /// In this order: [`Error::ReservedField`], [`Error::AddressType`], [`Error::InitialMissing`],
    /// [`Error::CountOutsideType`] (initial, then maximum), [`Error::SharedWithoutMaximum`],
    /// [`Error::PageSize`], [`Error::AboveLimit`] (initial, then maximum),
    /// [`Error::MaximumBelowInitial`].
    pub fn validate(&self) -> Result<(MemoryType, u64)> {
        self.check_reserved()?;
        let address = self.address_type()?;
        let initial = self.initial.ok_or(Error::InitialMissing {})?;
        let available = address.largest();
        for count in [Some(initial), self.maximum].into_iter().flatten() {
            if count > available {
                return Err(Error::CountOutsideType { requested: count, available });
            }
        }
        if self.shared && self.maximum.is_none() {
            return Err(Error::SharedWithoutMaximum {});
        }
        let page_log2 =
            self.page_log2().ok_or(Error::PageSize { requested: u64::from(self.page_size) })?;
        let memory_type = MemoryType {
            address,
            page_log2,
            shared: self.shared,
            has_maximum: self.maximum.is_some(),
            maximum: self.maximum.unwrap_or(0),
        };
        let available = memory_type.declared_limit();
        for count in [Some(initial), self.maximum].into_iter().flatten() {
            if count > available {
                return Err(Error::AboveLimit { requested: count, available });
            }
        }
        match self.maximum.filter(|maximum| *maximum < initial) {
            Some(requested) => Err(Error::MaximumBelowInitial { requested, available: initial }),
            None => Ok((memory_type, initial)),
        }
    }

    fn check_reserved(&self) -> Result<()> {
        match self.reserved.iter().find(|field| **field != 0) {
            Some(field) => Err(Error::ReservedField { requested: *field }),
            None => Ok(()),
        }
    }

    fn address_type(&self) -> Result<AddressType> {
        AddressType::from_number(self.address)
            .ok_or(Error::AddressType { requested: u64::from(self.address) })
    }

    fn page_log2(&self) -> Option<u8> {
        match self.page_size {
            0 | DEFAULT_PAGE_SIZE => Some(16),
            1 => Some(0),
            _ => None,
        }
    }
}

impl MemoryType {
    /// The type of indexes into the memory.
    #[must_use]
    pub const fn address(&self) -> AddressType {
        self.address
    }

    /// Base-2 logarithm of the page size.
    #[must_use]
    pub fn page_log2(&self) -> u32 {
        u32::from(self.page_log2)
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        units::page_bytes_saturating(1, self.page_log2())
    }

    /// Whether several threads may use the memory at once.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// The declared maximum in pages.
    #[must_use]
    pub const fn maximum(&self) -> Option<u64> {
        if self.has_maximum { Some(self.maximum) } else { None }
    }

    /// The descriptor of a memory of this type that has `pages` pages.
    #[must_use]
    pub fn descriptor(&self, pages: u64) -> Descriptor {
        Descriptor {
            initial: Some(pages),
            maximum: self.maximum(),
            shared: self.shared,
            address: self.address.number(),
            page_size: u32::try_from(self.page_size()).unwrap_or(DEFAULT_PAGE_SIZE),
            reserved: [0; 2],
        }
    }

    /// Most pages that the address type can index: 2^bits bytes, and no more pages than a number
    /// of the type can say.
    fn address_limit(&self) -> u64 {
        let addressable =
            1_u128.checked_shl(self.address.bits()).unwrap_or(u128::MAX) >> self.page_log2();
        u64::try_from(addressable).unwrap_or(u64::MAX).min(self.address.largest())
    }

    /// Most pages that may be declared: what the address type can index, and for 64-bit memories
    /// of ordinary pages the limit of the JavaScript interface, 2^53 - 65536 bytes.
    fn declared_limit(&self) -> u64 {
        const I64_PAGES: u64 = (1 << 37) - 1;
        match (self.address, self.page_log2) {
            (AddressType::I64, 16) => I64_PAGES,
            _ => self.address_limit(),
        }
    }

    /// Bytes of `pages` pages, told as `u64::MAX` where that is too small.
    pub(crate) fn bytes(&self, pages: u64) -> u64 {
        units::page_bytes_saturating(pages, self.page_log2())
    }

    /// The most bytes that a memory of this type can ever have, the allocator's limit aside.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.bytes(self.maximum().unwrap_or(u64::MAX).min(self.address_limit()))
    }

    /// Refuses a size in bytes above the allocator's limit.
    pub(crate) fn check_size(&self, pages: u64, size_limit: u64) -> Result<()> {
        match units::page_bytes(pages, self.page_log2()) {
            Some(bytes) if bytes <= size_limit => Ok(()),
            bytes => Err(Error::SizeLimit {
                requested: bytes.unwrap_or(u64::MAX),
                available: size_limit,
            }),
        }
    }

    /// Refuses a growth delta outside the integer type. This comes before anything else.
    pub(crate) fn check_delta(&self, delta: u64) -> Result<()> {
        let available = self.address.largest();
        if delta > available {
            return Err(Error::CountOutsideType { requested: delta, available });
        }
        Ok(())
    }

    /// The size in pages after growing from `current` by `delta`.
    ///
    /// In this order: [`Error::MaximumExceeded`], [`Error::AboveLimit`], [`Error::SizeLimit`].
    pub(crate) fn grown(&self, current: u64, delta: u64, size_limit: u64) -> Result<u64> {
        let sum = current.checked_add(delta);
        // A sum past 2^64 is more than any limit, and reported as the largest number there is.
        let exceeds = |limit: u64| sum.is_none_or(|sum| sum > limit);
        let requested = sum.unwrap_or(u64::MAX);
        if let Some(available) = self.maximum().filter(|maximum| exceeds(*maximum)) {
            return Err(Error::MaximumExceeded { requested, available });
        }
        let available = self.address_limit();
        if exceeds(available) {
            return Err(Error::AboveLimit { requested, available });
        }
        self.check_size(requested, size_limit)?;
        Ok(requested)
    }

    /// Does a memory of this type with `pages` pages match what an import asks for?
    ///
    /// # Errors
    /// [`Error::ReservedField`], [`Error::AddressType`] and [`Error::UnknownValue`] (a page size)
    /// for an import that cannot be; then in this order [`Error::ImportAddress`],
    /// [`Error::ImportPageSize`], [`Error::ImportShared`], [`Error::ImportInitial`],
    /// [`Error::ImportMaximum`].
    pub(crate) fn matches(&self, pages: u64, import: &Descriptor) -> Result<()> {
        import.check_reserved()?;
        let address = import.address_type()?;
        let page_log2 = import
            .page_log2()
            .ok_or(Error::UnknownValue { requested: u64::from(import.page_size) })?;
        if address != self.address {
            return Err(Error::ImportAddress {
                requested: u64::from(address.number()),
                available: u64::from(self.address.number()),
            });
        }
        if page_log2 != self.page_log2 {
            return Err(Error::ImportPageSize {
                requested: units::page_bytes_saturating(1, u32::from(page_log2)),
                available: self.page_size(),
            });
        }
        if import.shared != self.shared {
            return Err(Error::ImportShared {
                requested: u64::from(import.shared),
                available: u64::from(self.shared),
            });
        }
        if let Some(requested) = import.initial.filter(|least| *least > pages) {
            return Err(Error::ImportInitial { requested, available: pages });
        }
        match import.maximum {
            Some(requested) if self.maximum().is_none_or(|maximum| maximum > requested) => {
                // A memory without a maximum may become as large as its address type allows.
                let available = self.maximum().unwrap_or_else(|| self.address_limit());
                Err(Error::ImportMaximum { requested, available })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: u32, page_size: u32, initial: u64) -> Descriptor {
        Descriptor { initial: Some(initial), address, page_size, ..Descriptor::default() }
    }

    #[test]
    fn limits_of_the_four_types() {
        for (address, page_size, limit) in [
            (0, 65536, 65536),
            (0, 1, u64::from(u32::MAX)),
            (1, 65536, (1 << 37) - 1),
            (1, 1, u64::MAX),
        ] {
            let at = of(address, page_size, limit).validate();
            assert!(at.is_ok(), "{at:?}");
            if let Some(above) = limit.checked_add(1) {
                let reason = of(address, page_size, above).validate().unwrap_err();
                let expected = if address == 0 && page_size == 1 {
                    Error::CountOutsideType { requested: above, available: limit }
                } else {
                    Error::AboveLimit { requested: above, available: limit }
                };
                assert_eq!(reason, expected);
            }
        }
    }

    #[test]
    fn the_first_wrong_thing_is_reported() {
        // Each step mends what the step before was refused for; everything behind it stays wrong.
        let mut wrong = Descriptor {
            initial: None,
            maximum: Some(1 << 40),
            shared: true,
            address: 7,
            page_size: 3,
            reserved: [0, 9],
        };
        let refused = |descriptor: &Descriptor| descriptor.validate().unwrap_err().reason();
        assert_eq!(refused(&wrong), 3);
        wrong.reserved = [0; 2];
        assert_eq!(refused(&wrong), 11);
        wrong.address = 0;
        assert_eq!(refused(&wrong), 10);
        wrong.initial = Some(1 << 32);
        assert_eq!(refused(&wrong), 13);
        wrong.initial = Some(65537);
        assert_eq!(wrong.validate().unwrap_err().figures().requested, 1 << 40);
        wrong.maximum = None;
        assert_eq!(refused(&wrong), 12);
        wrong.maximum = Some(65538);
        assert_eq!(refused(&wrong), 14);
        wrong.page_size = 0;
        assert_eq!(wrong.validate().unwrap_err().figures().requested, 65537);
        wrong.initial = Some(65536);
        assert_eq!(wrong.validate().unwrap_err().figures().requested, 65538);
        wrong.maximum = Some(1);
        assert_eq!(refused(&wrong), 16);
        wrong.maximum = Some(65536);
        assert_eq!(wrong.validate().unwrap().1, 65536);
    }

    #[test]
    fn growth_never_wraps() {
        let (narrow, _) = of(0, 1, 0).validate().unwrap();
        assert_eq!(
            narrow.check_delta(1 << 32),
            Err(Error::CountOutsideType { requested: 1 << 32, available: u64::from(u32::MAX) })
        );
        assert_eq!(narrow.grown(1, u64::from(u32::MAX) - 1, u64::MAX), Ok(u64::from(u32::MAX)));
        let (wide, _) = of(1, 1, 0).validate().unwrap();
        assert_eq!(
            wide.grown(2, u64::MAX - 1, u64::MAX),
            Err(Error::AboveLimit { requested: u64::MAX, available: u64::MAX })
        );
        assert_eq!(wide.grown(1, u64::MAX - 1, u64::MAX), Ok(u64::MAX));
        let bounded = Descriptor { maximum: Some(u64::MAX), ..of(1, 1, 0) };
        let (bounded, _) = bounded.validate().unwrap();
        assert_eq!(
            bounded.grown(2, u64::MAX, 1),
            Err(Error::MaximumExceeded { requested: u64::MAX, available: u64::MAX })
        );
        let (pages, _) = of(1, 65536, 0).validate().unwrap();
        assert_eq!(
            pages.grown(0, 1 << 48, 1 << 34),
            Err(Error::SizeLimit { requested: u64::MAX, available: 1 << 34 })
        );
        assert_eq!(pages.grown(1, 1 << 48, 1 << 34).unwrap_err().reason(), 15);
        assert_eq!(
            pages.grown(1, 1 << 18, 1 << 34),
            Err(Error::SizeLimit { requested: (1 << 34) + 65536, available: 1 << 34 })
        );
        assert_eq!(pages.grown(0, 1 << 18, 1 << 34), Ok(1 << 18));
    }

    #[test]
    fn imports_are_compared_in_order() {
        let (memory, _) = of(0, 65536, 1).validate().unwrap();
        let mut import = Descriptor {
            initial: Some(3),
            maximum: Some(9),
            shared: true,
            address: 1,
            page_size: 1,
            reserved: [0; 2],
        };
        let refused = |import: &Descriptor| memory.matches(2, import).unwrap_err().reason();
        assert_eq!(refused(&import), 50);
        import.address = 0;
        assert_eq!(refused(&import), 51);
        import.page_size = 0;
        assert_eq!(refused(&import), 52);
        import.shared = false;
        assert_eq!(refused(&import), 53);
        import.initial = Some(2);
        assert_eq!(refused(&import), 54);
        import.maximum = None;
        assert_eq!(memory.matches(2, &import), Ok(()));
        import.initial = None;
        assert_eq!(memory.matches(0, &import), Ok(()));
        import.page_size = 2;
        assert_eq!(refused(&import), 4);
        import.address = 2;
        assert_eq!(refused(&import), 11);
    }
}
