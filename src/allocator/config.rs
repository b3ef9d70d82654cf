//! The settings of an allocator.

use super::{Allocator, ladder};
use crate::error::Result;
use crate::region::lock::Lock;
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
    settings: Lock<Settings>,
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
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new() -> Result<Ref<Self>> {
        Ok(Vacancy::take()?.fill(Self { settings: Lock::new(Settings::DEFAULT) }))
    }

    /// Address space of each memory in bytes, rounded up to the host page; never less than its
    /// initial size. Without it the reservation is the least of the maximum and the size limit.
    pub fn set_reservation(&self, bytes: u64) {
        self.settings.lock().reservation = Some(bytes);
    }

    /// Inaccessible bytes before the base and after the reservation, each rounded up to the host
    /// page. Default: 0 and 65536.
    pub fn set_guards(&self, before: u64, after: u64) {
        self.settings.lock().guards = Some(Guards { before, after });
    }

    /// May growth past the reservation change the base of an unshared memory? Default: no.
    pub fn set_movable(&self, movable: bool) {
        self.settings.lock().movable = movable;
    }

    /// May a refused reservation be retried smaller? Default: yes, until a reservation or guards
    /// are set.
    pub fn set_fallback(&self, fallback: bool) {
        self.settings.lock().fallback = Some(fallback);
    }

    /// Most bytes that a memory may have. Default: 16 GiB.
    pub fn set_size_limit(&self, bytes: u64) {
        self.settings.lock().size_limit = bytes;
    }

    /// An allocator that follows these settings. Later changes of the config do not reach it.
    ///
    /// # Errors
    /// [`Error::AddressSpace`](crate::Error::AddressSpace) for a reservation and guards whose sum
    /// no host has, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn allocator(&self) -> Result<Ref<Allocator>> {
        let settings = *self.settings.lock();
        ladder::check_sizes(&settings)?;
        Ok(Vacancy::take()?.fill(Allocator { settings }))
    }
}

impl Allocator {
    /// An allocator with the default settings.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new() -> Result<Ref<Self>> {
        Ok(Vacancy::take()?.fill(Self { settings: Settings::DEFAULT }))
    }
}
