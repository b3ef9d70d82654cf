//! The settings of an allocator.

use super::{Allocator, ladder};
use crate::error::{Error, Result};
use crate::region::lock::{Lock, Repair};
use crate::region::slab::{Kind, Ref, Slab, Vacancy};

/// Bytes of the limit that the JavaScript interface sets on a memory at run time: 16 GiB.
const SIZE_LIMIT: u64 = 1 << 34;

/// Bytes of the guard after a reservation: one WebAssembly page.
const GUARD_AFTER: u64 = 1 << 16;

/// What an allocator follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Address space of each memory in bytes; `None` goes by the memory's type.
    pub(crate) reservation: Option<u64>,
    /// Inaccessible bytes before and after; `None` is the default.
    pub(crate) guards: Option<Guards>,
    /// May a memory move when it grows past its reservation?
    pub(crate) movable: bool,
    /// May a refused reservation be retried smaller? `None` goes by what else was set.
    pub(crate) fallback: Option<bool>,
    /// Most bytes that a memory may have.
    pub(crate) size_limit: u64,
    pub(crate) bounds: Bounds,
}

/// Who sees to it that no access passes the byte length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bounds {
    /// The host: growth changes the protection of pages, and an access past the length faults.
    #[default]
    Guarded,
    /// The engine, which compares every access with the length: the reservation is open ahead of
    /// it, so that growth is as a rule only arithmetic and a store.
    Checked,
}

impl Bounds {
    /// The bounds that a number of the C ABI stands for.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Guarded),
            1 => Some(Self::Checked),
            _ => None,
        }
    }
}

/// Inaccessible bytes around a reservation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guards {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Settings {
    pub(crate) const DEFAULT: Self = Self {
        reservation: None,
        guards: None,
        movable: false,
        fallback: None,
        size_limit: SIZE_LIMIT,
        bounds: Bounds::Guarded,
    };

    pub(crate) fn guards(&self) -> Guards {
        self.guards.unwrap_or(Guards { before: 0, after: GUARD_AFTER })
    }

    /// Compiled code relies on a reservation or guard that was asked for by number, so those are
    /// never replaced by less unless that was asked for as well.
    pub(crate) fn fallback(&self) -> bool {
        self.fallback.unwrap_or(self.reservation.is_none() && self.guards.is_none())
    }
}

/// The settings of an allocator to be: one setter each, nothing is checked before
/// [`Config::allocator`].
#[derive(Debug)]
pub struct Config {
    draft: Lock<Draft>,
}

/// Settings as the caller said them.
#[derive(Clone, Copy, Debug)]
struct Draft {
    settings: Settings,
    /// A number that may stand for nothing.
    bounds: u32,
}

impl Repair for Draft {
    /// A config is one thread's, which the child either is or does not have.
    fn repair(&mut self) {}
}

static CONFIGS: Slab<Config> = Slab::new();

impl Kind for Config {
    const TAG: u32 = u32::from_be_bytes(*b"CONF");

    fn slab() -> &'static Slab<Self> {
        &CONFIGS
    }
}

impl Config {
    /// The defaults.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Ref<Self>> {
        let draft = Draft { settings: Settings::DEFAULT, bounds: 0 };
        Ok(Vacancy::take()?.fill(Self { draft: Lock::new(draft) }))
    }

    /// Address space of each memory in bytes, rounded up to the host page; never less than its
    /// initial size. Without it the reservation is the least of the maximum and the size limit.
    pub fn set_reservation(&self, bytes: u64) {
        self.draft.lock().settings.reservation = Some(bytes);
    }

    /// Inaccessible bytes before the base and after the reservation, each rounded up to the host
    /// page. Default: 0 and 65536.
    pub fn set_guards(&self, before: u64, after: u64) {
        self.draft.lock().settings.guards = Some(Guards { before, after });
    }

    /// Who checks bounds, as a number of the C ABI. Default: [`Bounds::Guarded`].
    pub fn set_bounds(&self, number: u32) {
        self.draft.lock().bounds = number;
    }

    /// May growth past the reservation change the base of an unshared memory? Default: no.
    pub fn set_movable(&self, movable: bool) {
        self.draft.lock().settings.movable = movable;
    }

    /// May a refused reservation be retried smaller? Default: yes, until a reservation or guards
    /// are set.
    pub fn set_fallback(&self, fallback: bool) {
        self.draft.lock().settings.fallback = Some(fallback);
    }

    /// Most bytes that a memory may have. Default: 16 GiB.
    pub fn set_size_limit(&self, bytes: u64) {
        self.draft.lock().settings.size_limit = bytes;
    }

    /// An allocator that follows these settings. Later changes of the config do not reach it.
    ///
    /// # Errors
    /// [`Error::UnknownValue`] for bounds that stand for nothing, [`Error::AddressSpace`] for a
    /// reservation and guards whose sum no host has, [`Error::OutOfMemory`].
    pub fn allocator(&self) -> Result<Ref<Allocator>> {
        let draft = *self.draft.lock();
        let bounds = Bounds::from_number(draft.bounds)
            .ok_or(Error::UnknownValue { requested: u64::from(draft.bounds) })?;
        let settings = Settings { bounds, ..draft.settings };
        ladder::check_sizes(&settings)?;
        Ok(Vacancy::take()?.fill(Allocator { settings }))
    }
}

impl Allocator {
    /// An allocator with the default settings.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Ref<Self>> {
        Ok(Vacancy::take()?.fill(Self { settings: Settings::DEFAULT }))
    }
}
