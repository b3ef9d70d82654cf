//! What the specification says about numbers: which descriptors, growths and imports are refused,
//! in which order, and what the refusal is called. No state, no pointers.

use crate::fault::Fault;
use wasm_memory::capi::{error::*, status::*};

/// What a failed call returns and leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: i32,
    pub reason: u32,
    pub requested: u64,
    pub available: u64,
}

pub type Outcome<T = ()> = Result<T, Failure>;

const fn failure(status: i32, reason: u32, requested: u64, available: u64) -> Failure {
    Failure { status, reason, requested, available }
}

pub fn type_error<T>(reason: u32, requested: u64, available: u64) -> Outcome<T> {
    Err(failure(WASM_MEMORY_TYPE_ERROR, reason, requested, available))
}

pub fn range_error<T>(reason: u32, requested: u64, available: u64) -> Outcome<T> {
    Err(failure(WASM_MEMORY_RANGE_ERROR, reason, requested, available))
}

pub fn link_error<T>(reason: u32, requested: u64, available: u64) -> Outcome<T> {
    Err(failure(WASM_MEMORY_LINK_ERROR, reason, requested, available))
}

pub fn trap<T>(reason: u32, requested: u64, available: u64) -> Outcome<T> {
    Err(failure(WASM_MEMORY_RUNTIME_ERROR, reason, requested, available))
}

pub const NULL: Failure = failure(WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_NULL_ARGUMENT, 0, 0);

/// A file that cannot be read: the host's own number comes with it.
pub const FILE: Failure = failure(WASM_MEMORY_HOST_ERROR, WASM_MEMORY_REASON_FILE, 0, 0);

pub fn invalid_handle(address: usize) -> Failure {
    failure(WASM_MEMORY_TYPE_ERROR, WASM_MEMORY_REASON_INVALID_HANDLE, address as u64, 0)
}

pub const PAGE: u64 = 65536;
/// The largest integer that a JavaScript number holds exactly, and so the largest index.
pub const LARGEST_INDEX: u64 = (1 << 53) - 1;
/// The JavaScript interface's limit at run time, and the default of an allocator.
pub const DEFAULT_SIZE_LIMIT: u64 = 16 << 30;

/// A descriptor as C writes it: any byte may stand for a `bool`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    pub initial: (u64, u8),
    pub maximum: (u64, u8),
    pub shared: u8,
    pub address: u32,
    pub page_size: u32,
    pub reserved: [u64; 2],
}

impl Wish {
    fn maximum(&self) -> Option<u64> {
        (self.maximum.1 != 0).then_some(self.maximum.0)
    }

    fn check_reserved(&self) -> Outcome {
        match self.reserved.into_iter().find(|&field| field != 0) {
            Some(field) => type_error(WASM_MEMORY_REASON_RESERVED_FIELD, field, 0),
            None => Ok(()),
        }
    }

    fn check_address(&self) -> Outcome {
        if self.address > 1 {
            return type_error(WASM_MEMORY_REASON_ADDRESS_TYPE, u64::from(self.address), 0);
        }
        Ok(())
    }

    fn page(&self) -> Option<u64> {
        match self.page_size {
            0 => Some(PAGE),
            1 | 65536 => Some(u64::from(self.page_size)),
            _ => None,
        }
    }
}

/// The type of a memory, its current size left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    pub wide: bool,
    pub page: u64,
    pub shared: bool,
    pub maximum: Option<u64>,
}

/// What the layout says about how far a memory can grow.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub reservation: u64,
    /// Past the reservation the memory may be moved.
    pub movable: bool,
    /// There is more than the layout says, nobody knows how much.
    pub hidden: bool,
    /// It is a slot of a pool.
    pub slot: bool,
}

/// Bytes of a number of pages; more than the integer holds is reported as the most it holds.
pub fn bytes(pages: u64, page: u64) -> u64 {
    pages.saturating_mul(page)
}

impl Type {
    /// The largest number of the integer type of the address type (A.1, A.2).
    fn largest_count(&self) -> u64 {
        if self.wide { u64::MAX } else { u64::from(u32::MAX) }
    }

    /// A.4, "JS API limit of the declared min/max"; for pages of one byte the validity limit.
    pub fn declared_limit(&self) -> u64 {
        match (self.wide, self.page) {
            (false, PAGE) => 1 << 16,
            (true, PAGE) => (1 << 37) - 1,
            (false, _) => u64::from(u32::MAX),
            (true, _) => u64::MAX,
        }
    }

    /// A.5, "the address type's limit": what the validity limit of A.4 lets it index.
    fn index_limit(&self) -> u64 {
        match (self.wide, self.page) {
            (true, PAGE) => 1 << 48,
            _ => self.declared_limit(),
        }
    }
}

/// A.3 with the order that design.md, section 2, makes visible: the type and the initial pages.
pub fn create(wish: &Wish, fault: Option<Fault>) -> Outcome<(Type, u64)> {
    wish.check_reserved()?;
    wish.check_address()?;
    let mut made = Type {
        wide: wish.address == 1,
        page: PAGE,
        shared: wish.shared != 0,
        maximum: wish.maximum(),
    };
    if wish.initial.1 == 0 {
        return type_error(WASM_MEMORY_REASON_INITIAL_MISSING, 0, 0);
    }
    let initial = wish.initial.0;
    for count in [Some(initial), made.maximum].into_iter().flatten() {
        if count > made.largest_count() {
            let reason = WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE;
            return type_error(reason, count, made.largest_count());
        }
    }
    let sharing = if made.shared && made.maximum.is_none() {
        type_error(WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM, 0, 0)
    } else {
        Ok(())
    };
    // V8's order, which the specification is not.
    let late = fault == Some(Fault::SharingCheckedLate);
    if !late {
        sharing?;
    }
    let Some(page) = wish.page() else {
        return range_error(WASM_MEMORY_REASON_PAGE_SIZE, u64::from(wish.page_size), 0);
    };
    made.page = page;
    for count in [Some(initial), made.maximum].into_iter().flatten() {
        if count > made.declared_limit() {
            return range_error(WASM_MEMORY_REASON_ABOVE_LIMIT, count, made.declared_limit());
        }
    }
    if let Some(maximum) = made.maximum.filter(|&maximum| maximum < initial) {
        return range_error(WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL, maximum, initial);
    }
    if late {
        sharing?;
    }
    Ok((made, initial))
}

/// The size limit of an allocator.
pub fn within(size_limit: u64, length: u64) -> Outcome {
    if length > size_limit {
        return range_error(WASM_MEMORY_REASON_SIZE_LIMIT, length, size_limit);
    }
    Ok(())
}

/// What an allocator allows all its memories together, and each of them, besides their types.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    /// Slots, and the bytes of each.
    pub pool: Option<(u64, u64)>,
    /// Memories and bytes; 0 is no limit.
    pub quota: (u64, u64),
    /// The most bytes that the limiter lets a memory have.
    pub most: Option<u64>,
}

impl Allowance {
    /// May there be one memory more, of so many bytes, beside so many memories of so many bytes?
    pub fn admit(&self, used: (u64, u64), bytes: u64, fault: Option<Fault>) -> Outcome {
        let slot = self.pool.map_or(u64::MAX, |(_, slot)| slot);
        if bytes > slot {
            return range_error(WASM_MEMORY_REASON_SLOT_SIZE, bytes, slot);
        }
        if fault == Some(Fault::LimiterAskedFirst) {
            self.ask(bytes)?;
        }
        let memories = used.0 + 1;
        if self.quota.0 > 0 && memories > self.quota.0 {
            return range_error(WASM_MEMORY_REASON_QUOTA_MEMORIES, memories, self.quota.0);
        }
        self.admit_bytes(used.1, bytes)?;
        self.ask(bytes)?;
        match self.pool {
            Some((slots, _)) if used.0 >= slots => {
                range_error(WASM_MEMORY_REASON_POOL_EXHAUSTED, slots + 1, slots)
            }
            _ => Ok(()),
        }
    }

    /// May a memory become larger, by so many bytes, beside so many?
    pub fn admit_growth(&self, used: u64, more: u64, desired: u64) -> Outcome {
        self.admit_bytes(used, more)?;
        self.ask(desired)
    }

    fn admit_bytes(&self, used: u64, more: u64) -> Outcome {
        let sum = used.saturating_add(more);
        if self.quota.1 > 0 && sum > self.quota.1 {
            return range_error(WASM_MEMORY_REASON_QUOTA_BYTES, sum, self.quota.1);
        }
        Ok(())
    }

    fn ask(&self, desired: u64) -> Outcome {
        if self.most.is_some_and(|most| desired > most) {
            return range_error(WASM_MEMORY_REASON_LIMITER, desired, 0);
        }
        Ok(())
    }
}

/// A.5 with the order of design.md, section 2: the new size in pages.
pub fn growth(
    kind: &Type,
    pages: u64,
    delta: u64,
    size_limit: u64,
    room: Room,
    fault: Option<Fault>,
) -> Outcome<u64> {
    if delta > kind.largest_count() {
        let reason = WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE;
        return type_error(reason, delta, kind.largest_count());
    }
    let sum = pages.checked_add(delta);
    let reached = sum.unwrap_or(u64::MAX);
    let past = |limit: u64| sum.is_none_or(|sum| sum > limit);
    let above = if past(kind.index_limit()) {
        range_error(WASM_MEMORY_REASON_ABOVE_LIMIT, reached, kind.index_limit())
    } else {
        Ok(())
    };
    if fault == Some(Fault::LimitCheckedBeforeMaximum) {
        above?;
    }
    if let Some(maximum) = kind.maximum.filter(|&maximum| past(maximum)) {
        return range_error(WASM_MEMORY_REASON_MAXIMUM_EXCEEDED, reached, maximum);
    }
    above?;
    let length = bytes(reached, kind.page);
    within(size_limit, length)?;
    if length > room.reservation && !room.movable {
        let reason = match room.slot {
            true => WASM_MEMORY_REASON_SLOT_SIZE,
            false => WASM_MEMORY_REASON_RESERVATION_EXCEEDED,
        };
        return range_error(reason, length, room.reservation);
    }
    Ok(reached)
}

/// A.9 with the checks of design.md, section 2, before it.
pub fn matching(kind: &Type, pages: u64, import: &Wish, fault: Option<Fault>) -> Outcome {
    import.check_reserved()?;
    import.check_address()?;
    let Some(page) = import.page() else {
        return type_error(WASM_MEMORY_REASON_UNKNOWN_VALUE, u64::from(import.page_size), 0);
    };
    let address = u64::from(kind.wide);
    if u64::from(import.address) != address {
        return link_error(WASM_MEMORY_REASON_IMPORT_ADDRESS, u64::from(import.address), address);
    }
    if page != kind.page {
        return link_error(WASM_MEMORY_REASON_IMPORT_PAGE_SIZE, page, kind.page);
    }
    let shared = import.shared != 0;
    if shared != kind.shared {
        let reason = WASM_MEMORY_REASON_IMPORT_SHARED;
        return link_error(reason, u64::from(shared), u64::from(kind.shared));
    }
    let minimum = if import.initial.1 == 0 { 0 } else { import.initial.0 };
    if pages < minimum {
        return link_error(WASM_MEMORY_REASON_IMPORT_INITIAL, minimum, pages);
    }
    if let Some(maximum) = import.maximum() {
        let unbounded = kind.maximum.is_none() && fault != Some(Fault::UnboundedMatches);
        if unbounded || kind.maximum.is_some_and(|own| own > maximum) {
            // A.2: without a maximum it is unbounded up to the limit of the address type.
            let own = kind.maximum.unwrap_or(kind.index_limit());
            return link_error(WASM_MEMORY_REASON_IMPORT_MAXIMUM, maximum, own);
        }
    }
    Ok(())
}

/// A.10: the mathematical sum is compared, never a wrapped one; an empty range is checked too.
pub fn bounds(index: u64, length: u64, end: u64, fault: Option<Fault>) -> Outcome {
    let sum = match fault {
        Some(Fault::SumWraps) => Some(index.wrapping_add(length)),
        Some(Fault::EmptyRangeNeverTraps) if length == 0 => Some(0),
        _ => index.checked_add(length),
    };
    if sum.is_none_or(|sum| sum > end) {
        return trap(WASM_MEMORY_REASON_OUT_OF_BOUNDS, sum.unwrap_or(u64::MAX), end);
    }
    Ok(())
}

/// A.11, A.14: an index or a length that must be a multiple.
pub fn aligned(number: u64, to: u64) -> Outcome {
    if number % to != 0 {
        return trap(WASM_MEMORY_REASON_UNALIGNED, number, to);
    }
    Ok(())
}
