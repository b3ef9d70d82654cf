//! The primitives of `src/sync.rs`, over those of the checker.
//!
//! The library has atomics in statics, in storage that begins as zero bytes, and in objects that move
//! before they are used. The checker's cannot be there. So an atomic here is its first value alone,
//! and stands for an object of the checker that is looked up by its address, made when it is first
//! used, and forgotten before the next execution.

use crate::error::Result;
use crate::region::lock::Repair;
use std::cell::{RefCell, UnsafeCell};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64 as Count, Ordering as O};

pub(crate) use loom::sync::atomic::Ordering;

/// So small that a model can fill it.
pub(crate) const FIRST_TABLE_LOG2: usize = 3;

/// A fault that the checker must find.
pub(crate) struct Planted {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// The first line that is `line` after one that begins with `after`. None is an error.
    pub(crate) after: &'static str,
    pub(crate) line: &'static str,
    pub(crate) effect: Effect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The operation of this line has no order.
    Relaxed,
    /// The operation of this line, a lock or a fence too, does not take place.
    Skipped,
}

struct Plan {
    file: &'static str,
    line: u32,
    effect: Effect,
}

#[derive(Default)]
struct Context {
    /// By address: the first value, and what stands for it since.
    atomics: HashMap<usize, (u64, Rc<Object>)>,
    locks: HashMap<usize, Rc<Parts>>,
    /// Values of locks in statics, as they were before this execution.
    saved: Vec<(usize, Vec<u8>)>,
    arena: Option<NonNull<u8>>,
    used: usize,
    plan: Option<Plan>,
    plan_met: bool,
    /// How many threads this execution has beside the first.
    spawned: usize,
    /// What was first used when there were several threads, in some execution.
    early: BTreeSet<Early>,
}

const ARENA: usize = 8 << 20;

std::thread_local! {
    /// All threads of a model are one of the host.
    static CONTEXT: RefCell<Context> = RefCell::default();
}

/// Where an atomic is that must be made while there is one thread: an offset in the statics or in the
/// arena, and its size. The process begins anew for each that it learns of, since no execution can be
/// left in the middle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Early {
    in_static: bool,
    offset: usize,
    size: usize,
}

const EARLY: &str = "WASM_MEMORY_MODEL_EARLY";

impl Early {
    fn all() -> BTreeSet<Self> {
        let text = std::env::var(EARLY).unwrap_or_default();
        let one = |word: &str| {
            let mut parts = word.split(':');
            let in_static = parts.next()? == "static";
            let mut number = || parts.next()?.parse().ok();
            Some(Self { in_static, offset: number()?, size: number()? })
        };
        text.split_whitespace().filter_map(one).collect()
    }

    /// Begins anew with one more.
    fn learn(self) -> ! {
        let mut text = std::env::var(EARLY).unwrap_or_default();
        let place = if self.in_static { "static" } else { "arena" };
        text.push_str(&format!(" {place}:{}:{}", self.offset, self.size));
        let program = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(program);
        let error = command.args(std::env::args_os().skip(1)).env(EARLY, text).exec();
        panic!("{error}");
    }

    fn address(self, arena: NonNull<u8>) -> usize {
        let start =
            if self.in_static { &raw const __data_start as usize } else { arena.addr().get() };
        start + self.offset
    }

    /// The value that the memory has there.
    fn first(self, arena: NonNull<u8>) -> u64 {
        let address = self.address(arena);
        let mut bytes = [0; 8];
        // SAFETY: an atomic of this size was there in some execution, in memory that stays.
        unsafe {
            ptr::copy_nonoverlapping(address as *const u8, bytes.as_mut_ptr(), self.size);
        }
        u64::from_le_bytes(bytes)
    }
}

/// Plants a fault for all executions.
pub(crate) fn plant(planted: &'static Planted) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../").to_owned() + planted.file;
    let text = std::fs::read_to_string(path).unwrap();
    let line = (1..)
        .zip(text.lines().map(str::trim))
        .skip_while(|(_, line)| !line.starts_with(planted.after))
        .find(|(_, line)| *line == planted.line);
    let Some((line, _)) = line else {
        eprintln!("{}: no line `{}` after `{}`", planted.file, planted.line, planted.after);
        std::process::exit(2);
    };
    let plan = Plan { file: planted.file, line, effect: planted.effect };
    CONTEXT.with_borrow_mut(|context| context.plan = Some(plan));
}

/// Runs `model` in every interleaving with at most so many preemptions; answers how many those
/// were. What goes wrong ends the process.
pub(crate) fn check(model: fn(), preemptions: usize) -> u64 {
    CONTEXT.with_borrow_mut(|context| context.early = Early::all());
    let executions = std::sync::Arc::new(Count::new(0));
    let count = std::sync::Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(move || {
        count.fetch_add(1, O::Relaxed);
        begin();
        model();
    });
    if CONTEXT.with_borrow(|context| context.plan.is_some() && !context.plan_met) {
        eprintln!("the planted line was never executed");
        std::process::exit(2);
    }
    executions.load(O::Relaxed)
}

/// Puts everything back to how the process began.
fn begin() {
    CONTEXT.with_borrow_mut(|context| {
        context.atomics.clear();
        context.locks.clear();
        for (address, bytes) in context.saved.drain(..) {
            // SAFETY: the bytes of a static were saved from there, and no thread of the model runs.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
        }
        if let Some(arena) = context.arena {
            // SAFETY: the arena is of that size, and objects in it are gone.
            unsafe { arena.write_bytes(0, context.used) };
        }
        context.used = 0;
        context.spawned = 0;
    });
}

unsafe extern "C" {
    static __data_start: u8;
    static _end: u8;
}

/// Is it the address of a static, whose value stays for the next execution?
fn in_static(address: usize) -> bool {
    (&raw const __data_start as usize..&raw const _end as usize).contains(&address)
}

/// Zeroed memory for the library's own use: as good as unmapped before the next execution.
#[allow(clippy::unnecessary_wraps, reason = "its twin in the library refuses")]
pub(crate) fn storage(bytes: usize) -> Result<NonNull<u8>> {
    CONTEXT.with_borrow_mut(|context| {
        let arena = context.arena();
        let at = context.used;
        context.used = (at + bytes).next_multiple_of(4096);
        assert!(context.used <= ARENA, "a larger arena is needed");
        // SAFETY: within the arena.
        Ok(unsafe { arena.add(at) })
    })
}

impl Context {
    fn arena(&mut self) -> NonNull<u8> {
        *self.arena.get_or_insert_with(|| {
            let layout = std::alloc::Layout::from_size_align(ARENA, 4096).unwrap();
            // SAFETY: the size is not zero.
            NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).unwrap()
        })
    }
}

/// What the plan says of the operation at this place.
fn planned(location: &Location<'_>) -> Option<Effect> {
    CONTEXT.with_borrow_mut(|context| {
        let plan = context.plan.as_ref()?;
        let here = plan.line == location.line() && location.file().ends_with(plan.file);
        let effect = here.then_some(plan.effect);
        context.plan_met |= here;
        effect
    })
}

fn order(wanted: Ordering, location: &Location<'_>) -> Ordering {
    if planned(location) == Some(Effect::Relaxed) { Ordering::Relaxed } else { wanted }
}

fn skipped(location: &Location<'_>) -> bool {
    planned(location) == Some(Effect::Skipped)
}

#[track_caller]
pub(crate) fn fence(order: Ordering) {
    if !skipped(Location::caller()) {
        loom::sync::atomic::fence(order);
    }
}

/// Most threads of a model.
const THREADS: usize = 3;

loom::thread_local! {
    static NUMBER: std::cell::Cell<usize> = std::cell::Cell::new(0);
}

/// The checker's atomic that stands for one of the library's.
///
/// The checker (0.7.2) remembers the last access to an atomic only: a thread that loads and then stores
/// hides from it that another had loaded before, and that order of the two is never tried. So each
/// thread has a mark here. It is stored to by the thread's own accesses, and by every store of another,
/// which makes exactly those depend on each other that do.
struct Object {
    value: loom::sync::atomic::AtomicU64,
    marks: [loom::sync::atomic::AtomicU64; THREADS],
}

impl Object {
    fn new(first: u64) -> Self {
        let mark = || loom::sync::atomic::AtomicU64::new(0);
        Self { value: loom::sync::atomic::AtomicU64::new(first), marks: [mark(), mark(), mark()] }
    }

    fn to_load(&self) -> &loom::sync::atomic::AtomicU64 {
        if CONTEXT.with_borrow(|context| context.spawned) > 0 {
            self.marks[NUMBER.with(std::cell::Cell::get)].store(0, Ordering::Relaxed);
        }
        &self.value
    }

    fn to_store(&self) -> &loom::sync::atomic::AtomicU64 {
        let spawned = CONTEXT.with_borrow(|context| context.spawned);
        if spawned > 0 {
            for mark in &self.marks[..=spawned] {
                mark.store(0, Ordering::Relaxed);
            }
        }
        &self.value
    }
}

/// The checker's atomic that stands for the one at `address`, whose first value is `first`.
fn object(address: usize, first: u64, size: usize) -> Rc<Object> {
    adopt();
    let known = CONTEXT.with_borrow(|context| match context.atomics.get(&address) {
        // With another first value it is an object that was made there since.
        Some((made_with, known)) if *made_with == first => Some(Rc::clone(known)),
        _ => None,
    });
    if let Some(known) = known {
        return known;
    }
    // Made now it would be news to the other threads, and may be as old as they are.
    let early = CONTEXT.with_borrow(|context| {
        let arena = context.arena.filter(|arena| address.wrapping_sub(arena.addr().get()) < ARENA);
        let start = match arena {
            Some(arena) => arena.addr().get(),
            None => &raw const __data_start as usize,
        };
        let early = Early { in_static: arena.is_none(), offset: address.wrapping_sub(start), size };
        let lasting = arena.is_some() || in_static(address);
        (context.spawned > 0 && lasting && !context.early.contains(&early)).then_some(early)
    });
    if let Some(early) = early {
        early.learn();
    }
    make(address, first)
}

/// Makes anew what this thread has written an object over since its last step: whoever sees the object
/// must have seen that.
fn adopt() {
    let changed: Vec<_> = CONTEXT.with_borrow_mut(|context| {
        if context.spawned == 0 {
            return Vec::new();
        }
        let arena = context.arena();
        let now = context.early.iter().map(|early| (early.address(arena), early.first(arena)));
        now.filter(|(at, first)| context.atomics.get(at).is_some_and(|made| made.0 != *first))
            .collect()
    });
    for (address, first) in changed {
        make(address, first);
    }
}

fn make(address: usize, first: u64) -> Rc<Object> {
    let made = Rc::new(Object::new(first));
    CONTEXT.with_borrow_mut(|context| context.atomics.insert(address, (first, Rc::clone(&made))));
    made
}

/// A thread of the model.
pub(crate) fn spawn<R: 'static>(run: impl FnOnce() -> R + 'static) -> loom::thread::JoinHandle<R> {
    let early: Vec<_> = CONTEXT.with_borrow_mut(|context| {
        context.spawned += 1;
        assert!(context.spawned < THREADS);
        let arena = context.arena();
        let known = |early: &Early| context.atomics.contains_key(&early.address(arena));
        let unknown = context.early.iter().filter(|early| !known(early));
        unknown.map(|early| (early.address(arena), early.first(arena))).collect()
    });
    for (address, first) in early {
        make(address, first);
    }
    let number = CONTEXT.with_borrow(|context| context.spawned);
    loom::thread::spawn(move || {
        NUMBER.with(|own| own.set(number));
        run()
    })
}

macro_rules! atomic {
    ($name:ident $(<$parameter:ident>)?, $value:ty, $into:expr, $from:expr) => {
        #[repr(transparent)]
        pub(crate) struct $name$(<$parameter>)? {
            first: UnsafeCell<$value>,
        }

        // SAFETY: the value is never written, and the checker's objects are used by its threads in turn.
        unsafe impl$(<$parameter>)? Sync for $name$(<$parameter>)? {}
        // SAFETY: as above.
        unsafe impl$(<$parameter>)? Send for $name$(<$parameter>)? {}

        impl$(<$parameter>)? fmt::Debug for $name$(<$parameter>)? {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($name))
            }
        }

        #[allow(clippy::redundant_closure_call, reason = "conversions are arguments")]
        impl$(<$parameter>)? $name$(<$parameter>)? {
            pub(crate) const fn new(first: $value) -> Self {
                Self { first: UnsafeCell::new(first) }
            }

            /// Of one that was not used yet, nor moved to where it will be.
            pub(crate) fn get_mut(&mut self) -> &mut $value {
                self.first.get_mut()
            }

            fn object(&self) -> Rc<Object> {
                // SAFETY: nobody writes it.
                let first = unsafe { *self.first.get() };
                object(self.first.get().addr(), ($into)(first), mem::size_of::<$value>())
            }

            #[track_caller]
            pub(crate) fn load(&self, wanted: Ordering) -> $value {
                let order = order(wanted, Location::caller());
                ($from)(self.object().to_load().load(order))
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, wanted: Ordering) {
                let location = Location::caller();
                if !skipped(location) {
                    self.object().to_store().store(($into)(value), order(wanted, location));
                }
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, wanted: Ordering) -> $value {
                let order = order(wanted, Location::caller());
                ($from)(self.object().to_store().swap(($into)(value), order))
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut next: impl FnMut($value) -> Option<$value>,
            ) -> std::result::Result<$value, $value> {
                let location = Location::caller();
                let (set, fetch) = (order(set, location), order(fetch, location));
                let object = self.object();
                let update = |value| next(($from)(value)).map($into);
                object.to_store().fetch_update(set, fetch, update).map($from).map_err($from)
            }
        }
    };
}

macro_rules! arithmetic {
    ($name:ident, $value:ty) => {
        atomic!($name, $value, |value: $value| value as u64, |value: u64| value as $value);

        impl $name {
            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, wanted: Ordering) -> $value {
                self.change(wanted, Location::caller(), |now| now.wrapping_add(value))
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $value, wanted: Ordering) -> $value {
                self.change(wanted, Location::caller(), |now| now.wrapping_sub(value))
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $value, wanted: Ordering) -> $value {
                self.change(wanted, Location::caller(), |now| now | value)
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $value, wanted: Ordering) -> $value {
                self.change(wanted, Location::caller(), |now| now.max(value))
            }

            /// A read-modify-write reads the newest value, so it never fails.
            fn change(
                &self,
                wanted: Ordering,
                location: &Location<'_>,
                change: impl Fn($value) -> $value,
            ) -> $value {
                if skipped(location) {
                    return self.object().to_load().load(Ordering::Relaxed) as $value;
                }
                let order = order(wanted, location);
                let object = self.object();
                let next = |now: u64| Some(change(now as $value) as u64);
                match object.to_store().fetch_update(order, Ordering::Relaxed, next) {
                    Ok(before) | Err(before) => before as $value,
                }
            }
        }
    };
}

arithmetic!(AtomicU32, u32);
arithmetic!(AtomicU64, u64);
arithmetic!(AtomicUsize, usize);
atomic!(AtomicBool, bool, u64::from, |value: u64| value != 0);
atomic!(AtomicPtr<T>, *mut T, |value: *mut T| value.expose_provenance() as u64, |value: u64| {
    ptr::with_exposed_provenance_mut(value as usize)
});

/// What stands for a lock: the exclusion, and what watches the value.
type Parts = (loom::sync::Mutex<()>, loom::cell::UnsafeCell<()>);

/// Mutual exclusion around a value. The checker also watches the value itself, so that an access
/// without the lock is found.
pub(crate) struct Lock<T> {
    value: UnsafeCell<T>,
}

// SAFETY: the checker runs one thread at a time, and finds whoever is inside at once.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lock")
    }
}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value) }
    }

    pub(crate) const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Repair> Lock<T> {
    #[track_caller]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let location = Location::caller();
        let address = self.value.get().addr();
        let known = CONTEXT.with_borrow(|context| context.locks.get(&address).cloned());
        let parts = known.unwrap_or_else(|| {
            let made = Rc::new((loom::sync::Mutex::new(()), loom::cell::UnsafeCell::new(())));
            CONTEXT.with_borrow_mut(|context| {
                if in_static(address) {
                    let mut bytes = vec![0_u8; mem::size_of::<T>()];
                    // SAFETY: the bytes of the value, which nobody changes now.
                    unsafe {
                        ptr::copy_nonoverlapping(
                            self.value.get().cast::<u8>(),
                            bytes.as_mut_ptr(),
                            bytes.len(),
                        );
                    }
                    context.saved.push((address, bytes));
                }
                context.locks.insert(address, Rc::clone(&made));
            });
            made
        });
        let held =
            (!skipped(location)).then(|| {
                let guard = parts.0.lock().unwrap();
                // SAFETY: the parts outlive the guard, which is dropped first.
                unsafe {
                    mem::transmute::<
                        loom::sync::MutexGuard<'_, ()>,
                        loom::sync::MutexGuard<'static, ()>,
                    >(guard)
                }
            });
        let watched = parts.1.get_mut();
        Guard {
            lock: self,
            watched: ManuallyDrop::new(watched),
            held: ManuallyDrop::new(held),
            _parts: parts,
        }
    }
}

/// Access to the value of a [`Lock`] until it is dropped.
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    watched: ManuallyDrop<loom::cell::MutPtr<()>>,
    held: ManuallyDrop<Option<loom::sync::MutexGuard<'static, ()>>>,
    _parts: Rc<Parts>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the checker ends the process where two are inside at once.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: each is dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.watched) };
        // SAFETY: as above.
        unsafe { ManuallyDrop::drop(&mut self.held) };
    }
}
