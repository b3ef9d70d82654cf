//! Handles, alive and dead. A dead one is only used while its place cannot have been given out
//! again: 64 creations of its kind later nobody can tell it from the new one.

use crate::rules::{self, Failure, Outcome};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Creations of one kind in this process, tried ones included, so that the count is never short.
pub struct Births(AtomicU64);

pub static MEMORIES: Births = Births(AtomicU64::new(0));
pub static BUFFERS: Births = Births(AtomicU64::new(0));
pub static ALLOCATORS: Births = Births(AtomicU64::new(0));
pub static IMAGES: Births = Births(AtomicU64::new(0));

impl Births {
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct Handle<T> {
    pub pointer: *mut T,
    /// References that the test has and has to give back.
    pub references: u32,
    died: u64,
    births: &'static Births,
}

impl<T> Handle<T> {
    pub fn new(pointer: *mut T, births: &'static Births) -> Self {
        Self { pointer, references: 1, died: 0, births }
    }

    pub fn alive(&self) -> bool {
        self.references > 0
    }

    /// Dead, and its place still its own.
    pub fn surely_dead(&self) -> bool {
        !self.alive() && self.births.so_far() - self.died < 64
    }

    /// One reference was given back: was it the last?
    pub fn given_back(&mut self) -> bool {
        self.references -= 1;
        self.died = self.births.so_far();
        !self.alive()
    }
}

/// A handle to call a function with.
pub enum Target<T> {
    Good(usize, *mut T),
    /// NULL, dead or of another kind, and how that is answered.
    Bad(*mut T, Failure),
}

impl<T> Target<T> {
    fn bad(pointer: *mut T) -> Self {
        let failure = rules::invalid_handle(pointer.addr());
        Self::Bad(pointer, if pointer.is_null() { rules::NULL } else { failure })
    }

    pub fn pointer(&self) -> *mut T {
        match *self {
            Self::Good(_, pointer) | Self::Bad(pointer, _) => pointer,
        }
    }

    pub fn good(&self) -> Outcome<usize> {
        match *self {
            Self::Good(at, _) => Ok(at),
            Self::Bad(_, failure) => Err(failure),
        }
    }
}

/// Nine in ten are good, the rest is dead, NULL, or a handle of the `other` kind.
pub fn choose<'a, T: 'a>(
    handles: impl Iterator<Item = &'a Handle<T>> + Clone,
    pick: u8,
    other: Option<*mut T>,
) -> Target<T> {
    let pick = usize::from(pick);
    let good = handles.clone().enumerate().filter(|(_, handle)| handle.alive());
    let dead = handles.filter(|handle| handle.surely_dead()).map(|handle| handle.pointer);
    let one_good = good.clone().nth(pick % good.count().max(1));
    let one_dead = dead.clone().nth(pick % dead.count().max(1));
    match (one_good, one_dead) {
        (Some((at, handle)), _) if pick < 230 => Target::Good(at, handle.pointer),
        (_, Some(dead)) if pick < 246 => Target::bad(dead),
        _ if pick % 2 == 0 => Target::bad(other.unwrap_or(ptr::null_mut())),
        _ => Target::bad(ptr::null_mut()),
    }
}
