//! The settings of an allocator.

use super::limiter::{Callbacks, Limiter};
use super::{Allocator, ladder};
use crate::error::{Error, Result};
use crate::region::Backend;
use crate::region::heap::{self, Heap, HostHeap};
use crate::region::lock::{Lock, Repair};
use crate::region::slab::{Kind, Ref, Slab, Vacancy};

/// Bytes of the limit that the JavaScript interface sets on a memory at run time: 16 GiB.
const SIZE_LIMIT: u64 = 1 << 34;

/// Bytes of the guard after a reservation: one WebAssembly page.
const GUARD_AFTER: u64 = 1 << 16;

/// Up to so many bytes are written over rather than dropped when a memory is cleaned for another one,
/// which may never touch them and would have to write over them again.
const KEEP_FOR_REUSE: u64 = 1 << 20;

/// The same for a memory that is reset in place, and as a rule touches again what it has touched.
const KEEP_AT_RESET: u64 = 1 << 24;

/// Most bytes that stay in memory over all that waits for reuse: 64 MiB.
const KEPT_BYTES: u64 = 1 << 26;

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
    /// Do memories come from a heap, and not from address space?
    pub(crate) on_heap: bool,
    /// Bytes that are written over when a memory is cleaned; the kernel drops more. `None` is the default
    /// of each occasion.
    pub(crate) keep_resident: Option<u64>,
    /// Most bytes in memory over all that waits for reuse.
    pub(crate) kept_bytes: u64,
    pub(crate) huge_pages: bool,
    /// Make the initial pages resident at creation?
    pub(crate) prefault: bool,
    /// Most memories, and most bytes over all of them; 0 is no limit.
    pub(crate) quota_memories: u64,
    pub(crate) quota_bytes: u64,
    pub(crate) pool: Option<PoolSize>,
}

/// How many slots a pool has, and the bytes of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolSize {
    pub(crate) slots: u32,
    pub(crate) slot_bytes: u64,
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
        bounds: if cfg!(feature = "host") { Bounds::Guarded } else { Bounds::Checked },
        on_heap: !cfg!(feature = "host"),
        keep_resident: None,
        kept_bytes: KEPT_BYTES,
        huge_pages: false,
        prefault: false,
        quota_memories: 0,
        quota_bytes: 0,
        pool: None,
    };

    pub(crate) fn guards(&self) -> Guards {
        if self.on_heap {
            return Guards { before: 0, after: 0 };
        }
        // In a pool whose engine checks bounds, guards would only cut its one mapping into many.
        let after =
            if self.pool.is_some() && self.bounds == Bounds::Checked { 0 } else { GUARD_AFTER };
        self.guards.unwrap_or(Guards { before: 0, after })
    }

    /// Inaccessible bytes after the last slot of a pool.
    pub(crate) fn guard_after_pool(&self) -> u64 {
        self.guards.map_or(GUARD_AFTER, |guards| guards.after)
    }

    /// How much of a memory is kept in memory when it is cleaned for the next one.
    pub(crate) fn keep_for_reuse(&self) -> u64 {
        self.keep_resident.unwrap_or(KEEP_FOR_REUSE).min(self.kept_bytes)
    }

    /// How much of a memory is kept in memory when it is reset in place.
    pub(crate) fn keep_at_reset(&self) -> u64 {
        self.keep_resident.unwrap_or(KEEP_AT_RESET)
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
#[derive(Debug)]
struct Draft {
    settings: Settings,
    /// A number that may stand for nothing.
    bounds: u32,
    /// The same.
    backend: u32,
    /// An error where the last one could not be set.
    host_heap: Result<Option<Ref<HostHeap>>>,
    /// An error where the last one could not be set, so that no allocator does without it silently.
    limiter: Result<Option<Ref<Limiter>>>,
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
        let draft = Draft {
            settings: Settings::DEFAULT,
            bounds: 0,
            backend: 0,
            host_heap: Ok(None),
            limiter: Ok(None),
        };
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

    /// Where memories come from, as a number of the C ABI: 0 is address space, 1 a heap. Default: 0.
    ///
    /// A heap implies [`Bounds::Checked`] and has no guards. A memory there that may not move takes its
    /// maximum at creation.
    pub fn set_backend(&self, number: u32) {
        self.draft.lock().backend = number;
    }

    /// The heap of the embedder's, instead of whichever was; `None` is the process's own.
    pub(crate) fn set_host_heap(&self, callbacks: Result<Option<heap::Callbacks>>) {
        self.replace(callbacks, HostHeap::new, |draft| &mut draft.host_heap);
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

    /// A pool of `slots` slots of `slot_bytes` bytes each, rounded up to the host page, in one
    /// reservation. Default: none.
    pub fn set_pool(&self, slots: u32, slot_bytes: u64) {
        self.draft.lock().settings.pool = Some(PoolSize { slots, slot_bytes });
    }

    /// Up to so many bytes of a memory are written over when it is reset or cleaned for the next one;
    /// the kernel drops more. Default: 1 MiB for the next one, 16 MiB at a reset.
    pub fn set_keep_resident(&self, bytes: u64) {
        self.draft.lock().settings.keep_resident = Some(bytes);
    }

    /// Most bytes in memory over all that waits for reuse. Default: 64 MiB.
    pub fn set_kept_bytes(&self, bytes: u64) {
        self.draft.lock().settings.kept_bytes = bytes;
    }

    /// Ask the host for large pages? Default: no.
    pub fn set_huge_pages(&self, wanted: bool) {
        self.draft.lock().settings.huge_pages = wanted;
    }

    /// Make the initial pages resident at creation? Default: no.
    pub fn set_prefault(&self, wanted: bool) {
        self.draft.lock().settings.prefault = wanted;
    }

    /// Most memories, and most bytes over all of them; 0 is no limit. Default: none.
    pub fn set_quota(&self, memories: u64, bytes: u64) {
        let mut draft = self.draft.lock();
        draft.settings.quota_memories = memories;
        draft.settings.quota_bytes = bytes;
    }

    /// Who is asked before each creation and growth, instead of whoever was. What cannot be set is an
    /// error of [`Config::allocator`].
    pub(crate) fn set_limiter(&self, callbacks: Result<Option<Callbacks>>) {
        self.replace(callbacks, Limiter::new, |draft| &mut draft.limiter);
    }

    /// Puts an object of the embedder's functions into the draft, or the error for which there is none.
    fn replace<C, T: Kind>(
        &self,
        callbacks: Result<Option<C>>,
        make: impl FnOnce(C) -> T,
        place: impl FnOnce(&mut Draft) -> &mut Result<Option<Ref<T>>>,
    ) {
        let object = callbacks.and_then(|callbacks| match callbacks {
            Some(callbacks) => Ok(Some(Vacancy::take()?.fill(make(callbacks)))),
            None => Ok(None),
        });
        let mut draft = self.draft.lock();
        let former = core::mem::replace(place(&mut draft), object);
        // Where this was the last that knew it, its `finalize` runs: unlocked.
        drop(draft);
        drop(former);
    }

    /// An allocator that follows these settings. Later changes of the config do not reach it.
    ///
    /// # Errors
    /// What the limiter or the heap was refused for, [`Error::UnknownValue`] for bounds or a backend that
    /// stand for nothing, [`Error::SettingsConflict`] for a pool of 0 slots or on a heap,
    /// [`Error::AddressSpace`] for a reservation and guards, or a pool, that the
    /// host does not have, [`Error::MapCount`], [`Error::OutOfMemory`].
    pub fn allocator(&self) -> Result<Ref<Allocator>> {
        let draft = self.draft.lock();
        let (number, backend) = (draft.bounds, draft.backend);
        let (limiter, host_heap) = (draft.limiter.clone(), draft.host_heap.clone());
        let settings = draft.settings;
        drop(draft);
        let (limiter, host_heap) = (limiter?, host_heap?);
        let unknown = |number: u32| Error::UnknownValue { requested: u64::from(number) };
        let bounds = Bounds::from_number(number).ok_or(unknown(number))?;
        let backend = match backend {
            0 if cfg!(feature = "host") => Backend::Virtual,
            // A build without a host has no other.
            0 | 1 => Backend::Heap(host_heap.map_or(Heap::Process, Heap::Host)),
            number => return Err(unknown(number)),
        };
        let on_heap = matches!(backend, Backend::Heap(_));
        if let Some(PoolSize { slots, slot_bytes }) = settings.pool {
            if slots == 0 || on_heap {
                let requested = u64::from(slots);
                return Err(Error::SettingsConflict { requested, available: slot_bytes });
            }
        }
        let bounds = if on_heap { Bounds::Checked } else { bounds };
        let settings = Settings { bounds, on_heap, ..settings };
        ladder::check_sizes(&settings)?;
        Allocator::with(settings, limiter, backend)
    }
}
