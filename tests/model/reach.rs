//! What the sequences have come across: a comparison of what never happens shows nothing.

use crate::operation::Call;
use std::collections::BTreeMap;
use wasm_memory::capi::error::*;

/// What is not told from a call and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Growth changed the base.
    Moved,
    /// It did while somebody held a buffer of the old one.
    MovedUnderBuffer,
    /// Growth was refused only because the current buffer is resizable.
    Pinned,
    /// A buffer grew its memory after the memory's last reference was given back.
    GrewAfterDelete,
    /// A growable buffer that is no longer the current one grew the memory.
    AbandonedGrew,
    /// A memory of more than 4 GiB was made, or grown to.
    Huge,
    /// A memory was made from an image.
    Started,
    /// A reset made a memory larger, or smaller.
    ResetLarger,
    ResetSmaller,
    /// Hostile settings made an allocator, and were refused.
    Configured,
    ConfigRefused,
    /// A memory was made on the heap; growth moved one there.
    OnHeap,
    HeapMoved,
}

const EVENTS: [Event; 13] = [
    Event::Moved,
    Event::MovedUnderBuffer,
    Event::Pinned,
    Event::GrewAfterDelete,
    Event::AbandonedGrew,
    Event::Huge,
    Event::Started,
    Event::ResetLarger,
    Event::ResetSmaller,
    Event::Configured,
    Event::ConfigRefused,
    Event::OnHeap,
    Event::HeapMoved,
];

const OK: u32 = WASM_MEMORY_REASON_NONE;
const NULL: u32 = WASM_MEMORY_REASON_NULL_ARGUMENT;
const HANDLE: u32 = WASM_MEMORY_REASON_INVALID_HANDLE;
const RESERVED: u32 = WASM_MEMORY_REASON_RESERVED_FIELD;
const UNKNOWN: u32 = WASM_MEMORY_REASON_UNKNOWN_VALUE;
const MISSING: u32 = WASM_MEMORY_REASON_INITIAL_MISSING;
const ADDRESS: u32 = WASM_MEMORY_REASON_ADDRESS_TYPE;
const SHARED: u32 = WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM;
const COUNT: u32 = WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE;
const PAGE: u32 = WASM_MEMORY_REASON_PAGE_SIZE;
const ABOVE: u32 = WASM_MEMORY_REASON_ABOVE_LIMIT;
const BELOW: u32 = WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL;
const MAXIMUM: u32 = WASM_MEMORY_REASON_MAXIMUM_EXCEEDED;
const LIMIT: u32 = WASM_MEMORY_REASON_SIZE_LIMIT;
const ROOM: u32 = WASM_MEMORY_REASON_RESERVATION_EXCEEDED;
const DETACHED: u32 = WASM_MEMORY_REASON_DETACHED;
const KIND: u32 = WASM_MEMORY_REASON_BUFFER_KIND;
const SHRINK: u32 = WASM_MEMORY_REASON_WOULD_SHRINK;
const PART: u32 = WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE;
const UNBOUNDED: u32 = WASM_MEMORY_REASON_NO_MAXIMUM;
const LONG: u32 = WASM_MEMORY_REASON_MAX_BYTE_LENGTH;
const TRANSFER: u32 = WASM_MEMORY_REASON_NOT_TRANSFERABLE;
const BOUNDS: u32 = WASM_MEMORY_REASON_OUT_OF_BOUNDS;
const UNALIGNED: u32 = WASM_MEMORY_REASON_UNALIGNED;
const UNSHARED: u32 = WASM_MEMORY_REASON_WAIT_UNSHARED;
const SLOT: u32 = WASM_MEMORY_REASON_SLOT_SIZE;
const QUOTA: u32 = WASM_MEMORY_REASON_QUOTA_BYTES;
const MANY: u32 = WASM_MEMORY_REASON_QUOTA_MEMORIES;
const LIMITER: u32 = WASM_MEMORY_REASON_LIMITER;
const POOL: u32 = WASM_MEMORY_REASON_POOL_EXHAUSTED;
const IMAGE: u32 = WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT;
const FILE: u32 = WASM_MEMORY_REASON_FILE;
const TOGETHER: u32 = WASM_MEMORY_REASON_SHARED_MEMORY;
const CLONE: u32 = WASM_MEMORY_REASON_NOT_CLONEABLE;
const IMPORT: [u32; 5] = [
    WASM_MEMORY_REASON_IMPORT_ADDRESS,
    WASM_MEMORY_REASON_IMPORT_PAGE_SIZE,
    WASM_MEMORY_REASON_IMPORT_SHARED,
    WASM_MEMORY_REASON_IMPORT_INITIAL,
    WASM_MEMORY_REASON_IMPORT_MAXIMUM,
];

/// Every outcome that each call has by the specification.
const OUTCOMES: [(Call, &[u32]); 31] = [
    (Call::New, &[OK, NULL, HANDLE, RESERVED, ADDRESS, MISSING, COUNT, SHARED]),
    (Call::New, &[PAGE, ABOVE, BELOW, LIMIT]),
    (Call::New, &[SLOT, QUOTA, MANY, LIMITER, POOL, IMAGE]),
    (Call::Grow, &[SLOT, QUOTA, LIMITER]),
    (Call::Grow, &[OK, NULL, HANDLE, COUNT, MAXIMUM, ABOVE, LIMIT, ROOM]),
    (Call::Buffer, &[OK, NULL, HANDLE]),
    (Call::ToResizable, &[OK, NULL, HANDLE, UNBOUNDED]),
    (Call::ToFixed, &[OK, NULL, HANDLE]),
    (Call::Resize, &[OK, NULL, HANDLE, KIND, LONG, DETACHED, SHRINK, PART, LIMIT, ROOM]),
    (Call::BufferGrow, &[OK, NULL, HANDLE, KIND, LONG, SHRINK, PART, LIMIT, ROOM]),
    (Call::Transfer, &[NULL, HANDLE, KIND, DETACHED, TRANSFER]),
    (Call::Send, &[OK, NULL, HANDLE, CLONE]),
    (Call::Match, &[OK, NULL, HANDLE, RESERVED, ADDRESS, UNKNOWN]),
    (Call::Match, &IMPORT),
    (Call::GetType, &[NULL, HANDLE]),
    (Call::Read, &[OK, NULL, HANDLE, BOUNDS]),
    (Call::Write, &[OK, NULL, HANDLE, BOUNDS]),
    (Call::Fill, &[OK, NULL, HANDLE, BOUNDS]),
    (Call::Copy, &[OK, NULL, HANDLE, BOUNDS]),
    (Call::Init, &[OK, NULL, HANDLE, BOUNDS]),
    (Call::Discard, &[OK, NULL, HANDLE, BOUNDS, UNALIGNED]),
    (Call::Wait32, &[OK, NULL, HANDLE, BOUNDS, UNALIGNED, UNSHARED]),
    (Call::Wait64, &[OK, NULL, HANDLE, BOUNDS, UNALIGNED, UNSHARED]),
    (Call::Notify, &[OK, NULL, HANDLE, BOUNDS, UNALIGNED]),
    (Call::Interrupt, &[OK, NULL, HANDLE]),
    (Call::ImageNew, &[OK, NULL, IMAGE]),
    (Call::ImageFromFile, &[OK, NULL, FILE]),
    (Call::Snapshot, &[OK, NULL, HANDLE, TOGETHER]),
    (Call::ImageGetType, &[OK, NULL, HANDLE]),
    (Call::ImageWriteFile, &[OK, NULL, HANDLE]),
    (Call::Reset, &[OK, NULL, HANDLE, TOGETHER, IMAGE, LIMITER, ROOM]),
];

#[derive(Default)]
pub struct Reach {
    outcomes: BTreeMap<(Call, u32), u64>,
    events: BTreeMap<Event, u64>,
}

impl Reach {
    pub fn outcome(&mut self, call: Call, reason: u32) {
        *self.outcomes.entry((call, reason)).or_default() += 1;
    }

    pub fn event(&mut self, event: Event) {
        *self.events.entry(event).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (&key, count) in &other.outcomes {
            *self.outcomes.entry(key).or_default() += count;
        }
        for (&key, count) in &other.events {
            *self.events.entry(key).or_default() += count;
        }
    }

    /// What did not come up at all.
    pub fn missing(&self) -> Vec<String> {
        let outcomes = OUTCOMES
            .into_iter()
            .flat_map(|(call, reasons)| reasons.iter().map(move |&reason| (call, reason)))
            .filter(|outcome| !self.outcomes.contains_key(outcome))
            .map(|(call, reason)| format!("{call:?} with reason {reason}"));
        let events = EVENTS
            .into_iter()
            .filter(|event| !self.events.contains_key(event))
            .map(|event| format!("{event:?}"));
        outcomes.chain(events).collect()
    }
}
