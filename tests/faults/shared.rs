//! What the processes of a run tell each other: one page-aligned block that all of them have.

use std::panic::Location;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

pub const FUNCTIONS: usize = 160;
const SITES: usize = 256;
const TEXT: usize = 2000;

#[repr(C)]
pub struct Shared {
    pub points: AtomicU64,
    pub failures: AtomicU64,
    /// For each exported function: calls of it, and the most system calls that one of them made.
    pub calls: [AtomicU32; FUNCTIONS],
    pub reached: [AtomicU32; FUNCTIONS],
    /// Where calls were refused: addresses of the program's own, the same in every process of it.
    sites: [AtomicPtr<Location<'static>>; SITES],
    pub workers: [Report; 8],
}

/// What one process at a time says to the one that started it.
#[repr(C)]
pub struct Report {
    pub refused: AtomicU32,
    /// Calls of the kind that the point is about.
    pub reached: AtomicU32,
    length: AtomicUsize,
    text: [AtomicU32; TEXT],
}

impl Shared {
    pub fn new() -> &'static Self {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping, never unmapped; zero bytes are a `Shared`.
        unsafe {
            let block = libc::mmap(std::ptr::null_mut(), size_of::<Self>(), access, flags, -1, 0);
            assert_ne!(block, libc::MAP_FAILED);
            &*block.cast::<Self>()
        }
    }

    pub fn add_site(&self, site: &'static Location<'static>) {
        let new = std::ptr::from_ref(site).cast_mut();
        for place in &self.sites {
            let old = place.load(Ordering::Relaxed);
            if old == new {
                return;
            }
            if old.is_null() {
                let taken = place.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
                if taken.is_ok() || taken == Err(new) {
                    return;
                }
            }
        }
    }

    pub fn sites(&self) -> Vec<(String, u32)> {
        let sites = self.sites.iter().map(|place| place.load(Ordering::Relaxed));
        let mut sites: Vec<_> = sites
            .take_while(|site| !site.is_null())
            // SAFETY: came from a static of this very program.
            .map(|site| unsafe { &*site })
            .map(|site| (site.file().to_owned(), site.line()))
            .collect();
        sites.sort();
        sites.dedup();
        sites
    }
}

impl Report {
    pub fn clear(&self) {
        self.length.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
        self.reached.store(0, Ordering::Relaxed);
    }

    /// Says why the process fails; the first word stands.
    pub fn say(&self, text: &str) {
        if self.length.load(Ordering::Relaxed) != 0 {
            return;
        }
        let bytes = text.bytes().take(TEXT);
        let length = bytes.clone().count();
        for (place, byte) in self.text.iter().zip(bytes) {
            place.store(byte.into(), Ordering::Relaxed);
        }
        self.length.store(length, Ordering::Relaxed);
    }

    pub fn text(&self) -> String {
        let length = self.length.load(Ordering::Relaxed);
        let bytes = self.text.iter().take(length);
        let bytes: Vec<u8> = bytes.map(|byte| byte.load(Ordering::Relaxed) as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
