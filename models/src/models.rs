//! What is promised of several threads, each with faults that break it.

use crate::faults;
use crate::region::registry::{self, Group, Owner, Registration};
use crate::region::slab::{Handle, Kind, Ref, Slab, Slot, Vacancy};
use crate::sync::{Effect, Planted, spawn};
use crate::{Allocator, Buffer, Config, Descriptor, Memory};
use std::ptr::{self, NonNull};
use std::rc::Rc;

/// A model and the faults that the checker must find in it.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    /// How often a thread is interrupted, at most. Where two go wrong they do so in few.
    pub(crate) preemptions: usize,
    pub(crate) faults: &'static [Planted],
}

const fn fault(
    name: &'static str,
    effect: Effect,
    file: &'static str,
    after: &'static str,
    line: &'static str,
) -> Planted {
    Planted { name, file, after, line, effect }
}

const REGISTRY: &str = "src/region/registry.rs";
const SLAB: &str = "src/region/slab.rs";
const SLOTS: &str = "src/region/slots.rs";
const CACHE: &str = "src/allocator/cache.rs";
const MEMORY: &str = "src/memory.rs";
const VIEW: &str = "src/view.rs";
const BUFFER: &str = "src/buffer.rs";

/// Growth, and whoever asks for a buffer, do without the lock of the memory.
const STATE_NOT_LOCKED: Planted = fault(
    "state-not-locked",
    Effect::Skipped,
    MEMORY,
    "pub(crate) fn state(&self)",
    "self.state.lock()",
);

pub(crate) static ALL: &[Model] = &[
    Model {
        name: "find-while-entries-move",
        run: find_while_entries_move,
        preemptions: 2,
        faults: &[
            fault(
                "no-moves-counted",
                Effect::Skipped,
                REGISTRY,
                "fn remove(&self",
                "MOVES.fetch_add(1, Ordering::AcqRel);",
            ),
            fault(
                "old-place-cleared-too-early",
                Effect::Relaxed,
                REGISTRY,
                "fn remove(&self",
                "self.place(gap).store(ptr::null_mut(), Ordering::Release);",
            ),
            fault(
                "place-read-without-order",
                Effect::Relaxed,
                REGISTRY,
                "fn find_once",
                "let entry = place.load(Ordering::Acquire);",
            ),
        ],
    },
    Model {
        name: "find-while-an-entry-is-used-again",
        run: find_while_an_entry_is_used_again,
        preemptions: 1,
        faults: &[
            fault(
                "version-stays-even",
                Effect::Skipped,
                REGISTRY,
                "pub(crate) fn fill",
                "entry.version.store(version | 1, Ordering::Relaxed);",
            ),
            fault(
                "no-fence-after-the-odd-version",
                Effect::Skipped,
                REGISTRY,
                "pub(crate) fn fill",
                "fence(Ordering::Release);",
            ),
            fault(
                "no-fence-before-the-second-look",
                Effect::Skipped,
                REGISTRY,
                "fn look",
                "fence(Ordering::Acquire);",
            ),
        ],
    },
    Model {
        name: "find-while-the-table-grows",
        run: find_while_the_table_grows,
        preemptions: 2,
        faults: &[fault(
            "table-published-without-order",
            Effect::Relaxed,
            REGISTRY,
            "fn enlarge",
            "CURRENT.store(log2, Ordering::Release);",
        )],
    },
    Model {
        name: "last-handle-and-a-call",
        run: last_handle_and_a_call,
        preemptions: 2,
        faults: &[
            fault(
                "owner-given-up-without-order",
                Effect::Relaxed,
                SLAB,
                "impl<T: Kind> Drop for Ref<T>",
                "if self.slot.owners.fetch_sub(1, Ordering::Release) == 1 {",
            ),
            fault(
                "destructor-without-order",
                Effect::Relaxed,
                SLAB,
                "impl<T: Kind> Drop for Ref<T>",
                "let _ = self.slot.owners.load(Ordering::Acquire);",
            ),
        ],
    },
    Model {
        name: "last-handle-and-a-retain",
        run: last_handle_and_a_retain,
        preemptions: 2,
        faults: &[fault(
            "handle-given-back-without-order",
            Effect::Relaxed,
            SLAB,
            "pub(crate) fn release(&self)",
            "let released = place.handles.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |handles| {",
        )],
    },
    Model {
        name: "length-after-pages",
        run: length_after_pages,
        preemptions: 2,
        faults: &[
            fault(
                "length-published-without-order",
                Effect::Relaxed,
                VIEW,
                "pub(crate) fn set_byte_length",
                "self.byte_length.store(length, Ordering::SeqCst);",
            ),
            fault(
                "length-read-without-order",
                Effect::Relaxed,
                VIEW,
                "pub fn byte_length(&self)",
                "self.byte_length.load(Ordering::SeqCst)",
            ),
        ],
    },
    Model { name: "two-grow", run: two_grow, preemptions: 2, faults: &[STATE_NOT_LOCKED] },
    Model {
        name: "buffer-while-another-grows",
        run: buffer_while_another_grows,
        preemptions: 2,
        faults: &[STATE_NOT_LOCKED],
    },
    Model {
        name: "last-of-a-buffer-while-it-is-detached",
        run: last_of_a_buffer_while_it_is_detached,
        preemptions: 2,
        faults: &[STATE_NOT_LOCKED],
    },
    Model {
        name: "slots-of-a-pool",
        run: slots_of_a_pool,
        preemptions: 2,
        faults: &[fault(
            "free-list-not-locked",
            Effect::Skipped,
            SLOTS,
            "fn free(&self)",
            "let mut free = self.free.lock();",
        )],
    },
    Model {
        name: "reservations-of-a-cache",
        run: reservations_of_a_cache,
        preemptions: 1,
        faults: &[
            fault(
                "shelf-not-locked-to-take",
                Effect::Skipped,
                CACHE,
                "pub(super) fn take(",
                "let body = self.shelves().find_map(|shelf| shelf.kept.lock().take(image, &fits))?;",
            ),
            fault(
                "shelf-not-locked-to-put",
                Effect::Skipped,
                CACHE,
                "pub(super) fn put(&self",
                "let mut places = shelf.kept.lock();",
            ),
        ],
    },
];

// ---- the registry of addresses, whose reader is a signal handler ----

const LENGTH: usize = 1 << 16;

fn region_at(start: usize) -> Registration {
    let address = NonNull::new(ptr::without_provenance_mut(start)).unwrap();
    let registration =
        Registration::reserve().unwrap().fill(address, LENGTH, address, LENGTH, Group::NONE);
    registration.set_owner(Some(address.cast()));
    registration
}

/// Where the region was that `find` answers for `address`, if any. An answer that is not of one piece
/// is an error.
fn found(address: usize) -> Option<usize> {
    let found = registry::find(address)?;
    let Owner::Memory(owner) = found.owner else { panic!("only memories here") };
    assert_eq!(owner.addr().get(), found.base, "owner of one region, base of another");
    assert!(address.wrapping_sub(found.base) < LENGTH, "a region that the address is not in");
    assert_eq!(found.reservation, LENGTH);
    Some(found.base)
}

/// Starts of regions that have the same home in a table of eight places.
fn of_one_home(count: usize) -> Vec<usize> {
    let home = |unit: usize| {
        let key = unit as u64 ^ 16_u64 << 56;
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 7
    };
    (1 << 20..).step_by(8).filter(|unit| home(*unit) == 5).take(count).map(|u| u * LENGTH).collect()
}

/// A region that stays is found while one that stands before it in the table goes.
fn find_while_entries_move() {
    let starts = of_one_home(3);
    let goes = region_at(starts[0]);
    let stays = region_at(starts[1]);
    let stays_too = region_at(starts[2]);
    let writer = spawn(move || drop(goes));
    let gone = found(starts[0] + 1);
    assert!(gone.is_none() || gone == Some(starts[0]));
    assert_eq!(found(starts[2] + 5), Some(starts[2]), "a region that stays was not found");
    writer.join().unwrap();
    assert_eq!(found(starts[0]), None);
    drop((stays, stays_too));
}

/// What is found is one region, never a part of one and a part of the next in the same entry.
fn find_while_an_entry_is_used_again() {
    let starts = of_one_home(2);
    let goes = region_at(starts[0]);
    let (first, second) = (starts[0], starts[1]);
    let writer = spawn(move || {
        drop(goes);
        region_at(second)
    });
    // One address of each, in either order.
    found(second + 7);
    found(first + 7);
    let second_region = writer.join().unwrap();
    assert_eq!((found(first), found(second)), (None, Some(second)));
    drop(second_region);
}

/// A region that stays is found while the table is replaced by a larger one.
fn find_while_the_table_grows() {
    let starts = of_one_home(5);
    let stay: Vec<_> = starts[..4].iter().map(|start| region_at(*start)).collect();
    let fifth = starts[4];
    let writer = spawn(move || region_at(fifth));
    assert_eq!(found(starts[3]), Some(starts[3]), "a region that stays was not found");
    let one_more = writer.join().unwrap();
    assert_eq!(found(fifth), Some(fifth));
    drop((stay, one_more));
}

// ---- handles ----

/// An object whose destructor and users the checker watches.
struct Thing {
    watched: Rc<loom::cell::UnsafeCell<bool>>,
}

// SAFETY: the checker's threads take turns.
unsafe impl Send for Thing {}
// SAFETY: as above.
unsafe impl Sync for Thing {}

static THINGS: Slab<Thing> = Slab::new();

impl Kind for Thing {
    const TAG: u32 = 0x5448_494e;

    fn slab() -> &'static Slab<Self> {
        &THINGS
    }
}

impl Thing {
    fn use_it(&self) {
        // SAFETY: the checker ends the process where somebody writes meanwhile.
        self.watched.with(|alive| assert!(unsafe { *alive }, "used after its end"));
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.watched.with_mut(|alive| {
            // SAFETY: the checker ends the process where somebody reads meanwhile.
            let alive = unsafe { &mut *alive };
            assert!(*alive, "ended twice");
            *alive = false;
        });
    }
}

/// The address of a handle, for a thread.
#[derive(Clone, Copy)]
struct Address(NonNull<Slot<Thing>>);

impl Address {
    fn handle(self) -> Handle<Thing> {
        // SAFETY: the address of a slot.
        unsafe { Handle::new(self.0.as_ptr()) }
    }
}

fn thing() -> (Address, Rc<loom::cell::UnsafeCell<bool>>) {
    let watched = Rc::new(loom::cell::UnsafeCell::new(true));
    let thing = Vacancy::take().unwrap().fill(Thing { watched: Rc::clone(&watched) });
    (Address(thing.into_handle().unwrap()), watched)
}

fn check_ended(address: Address, watched: &loom::cell::UnsafeCell<bool>) {
    assert!(!address.handle().is_live());
    assert!(!address.handle().retain(), "a dead handle came back");
    assert!(address.handle().acquire().is_err());
    // SAFETY: all threads have ended.
    watched.with(|alive| assert!(!unsafe { *alive }, "never ended"));
}

/// A call that got the object keeps it, whoever gives the last handle back meanwhile.
fn last_handle_and_a_call() {
    let (address, watched) = thing();
    let caller = spawn(move || {
        if let Ok(thing) = address.handle().acquire() {
            thing.use_it();
        }
    });
    address.handle().release();
    caller.join().unwrap();
    check_ended(address, &watched);
}

/// One more handle is counted while one is left, and never revives the object.
fn last_handle_and_a_retain() {
    let (address, watched) = thing();
    let other = spawn(move || {
        if address.handle().retain() {
            // SAFETY: this thread has a handle.
            unsafe { address.handle().get() }.unwrap().use_it();
            address.handle().release();
        }
    });
    // SAFETY: this thread has a handle.
    unsafe { address.handle().get() }.unwrap().use_it();
    address.handle().release();
    other.join().unwrap();
    check_ended(address, &watched);
}

// ---- memories and buffers ----

const PAGE: usize = 65536;

fn memory_of(shared: bool) -> Ref<Memory> {
    let descriptor =
        Descriptor { initial: Some(1), maximum: Some(3), shared, ..Descriptor::default() };
    Memory::new(&descriptor).unwrap()
}

/// Leaves nothing mapped for the next execution.
fn end() {
    let default = Allocator::default_one();
    default.trim();
    let left = default.statistics();
    assert_eq!((left.memories, left.accessible_bytes, left.kept_bytes), (0, 0, 0));
    assert_eq!(left.reserved_bytes, 0);
}

/// Whoever has seen a length may use the bytes.
fn length_after_pages() {
    let memory = memory_of(true);
    let before = faults::openings();
    let other = memory.clone();
    let grower = spawn(move || assert_eq!(other.grow(1), Ok(1)));
    let length = memory.view().byte_length();
    assert!(length == PAGE || length == 2 * PAGE);
    if length > PAGE {
        assert!(faults::openings() > before, "the length was seen before the pages were open");
    }
    grower.join().unwrap();
    assert_eq!(memory.size(), 2);
    drop(memory);
    end();
}

/// Growths by several threads have an order: each answers another size.
fn two_grow() {
    let memory = memory_of(true);
    let other = memory.clone();
    let grower = spawn(move || other.grow(1).unwrap());
    let here = memory.grow(1).unwrap();
    let there = grower.join().unwrap();
    assert_eq!((here.min(there), here.max(there)), (1, 2));
    assert_eq!(memory.size(), 3);
    drop(memory);
    end();
}

/// A shared memory has one buffer for each length, and a thread never sees an older one again.
fn buffer_while_another_grows() {
    let memory = memory_of(true);
    let other = memory.clone();
    let grower = spawn(move || {
        other.grow(1).unwrap();
        let buffer = Buffer::of(&other).unwrap();
        assert_eq!(buffer.byte_length(), 2 * PAGE as u64);
        buffer
    });
    let first = Buffer::of(&memory).unwrap();
    let second = Buffer::of(&memory).unwrap();
    let lengths = (first.byte_length(), second.byte_length());
    assert!(lengths.0 <= lengths.1, "{lengths:?}");
    assert_eq!(first.is(&second), lengths.0 == lengths.1);
    let theirs = grower.join().unwrap();
    let last = Buffer::of(&memory).unwrap();
    assert!(last.is(&theirs), "two objects for one length");
    assert_eq!(second.is(&last), lengths.1 == last.byte_length());
    assert_eq!(first.byte_length(), lengths.0, "a buffer of fixed length stays");
    drop((first, second, theirs, last, memory));
    end();
}

/// The last holder of a buffer gives it back while growth detaches it.
fn last_of_a_buffer_while_it_is_detached() {
    let memory = memory_of(false);
    let buffer = Buffer::of(&memory).unwrap();
    let holder = spawn(move || {
        assert!(buffer.byte_length() <= PAGE as u64);
        drop(buffer);
    });
    memory.grow(1).unwrap();
    let fresh = Buffer::of(&memory).unwrap();
    assert!(!fresh.is_detached() && fresh.byte_length() == 2 * PAGE as u64);
    holder.join().unwrap();
    assert!(fresh.is(&Buffer::of(&memory).unwrap()));
    drop((fresh, memory));
    end();
}

// ---- what is kept for reuse ----

/// A body for a while, which nobody else has meanwhile.
fn have_a_body(allocator: &Allocator, held: &[loom::cell::UnsafeCell<()>; 2], bases: [usize; 2]) {
    let (memory_type, _) = one_page().validate().unwrap();
    let (body, reused) = allocator.create(&memory_type, PAGE as u64, None).unwrap();
    let base = body.region().base().addr().get();
    let which = bases.iter().position(|known| *known == base);
    assert!(reused && which.is_some(), "nothing that was left before");
    held[which.unwrap()].with_mut(|_| ());
    allocator.release(body, PAGE as u64, false);
}

fn one_page() -> Descriptor {
    Descriptor { initial: Some(1), ..Descriptor::default() }
}

/// Two threads take and leave what two memories have left before.
fn two_take_and_leave(allocator: Ref<Allocator>) {
    let both = || {
        let made = [(); 2].map(|()| Memory::new_in(&allocator, &one_page()).unwrap());
        made.map(|memory| memory.look().base().addr())
    };
    let bases = both();
    let held = Rc::new([(); 2].map(|()| loom::cell::UnsafeCell::new(())));
    let before = allocator.statistics();
    // Counted as the memories that the bodies are not.
    let (memory_type, _) = one_page().validate().unwrap();
    for _ in 0..2 {
        allocator.admit(&memory_type, PAGE as u64).unwrap().keep();
    }
    let (other, also_held) = (allocator.clone(), Rc::clone(&held));
    let thread = spawn(move || have_a_body(&other, &also_held, bases));
    have_a_body(&allocator, &held, bases);
    thread.join().unwrap();
    // Nothing was lost and nothing is there twice.
    let mut again = both();
    again.sort_unstable();
    let mut sorted = bases;
    sorted.sort_unstable();
    assert_eq!(again, sorted);
    let after = allocator.statistics();
    assert_eq!((after.memories, after.accessible_bytes), (0, 0));
    assert_eq!(after.reserved_bytes, before.reserved_bytes);
    drop(allocator);
    end();
}

fn slots_of_a_pool() {
    let config = Config::new().unwrap();
    config.set_pool(2, PAGE as u64);
    let allocator = config.allocator().unwrap();
    drop(config);
    two_take_and_leave(allocator);
}

fn reservations_of_a_cache() {
    two_take_and_leave(Allocator::new().unwrap());
}
