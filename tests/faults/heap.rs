//! A heap that notices whoever allocates inside of a call of the library, and refuses it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

thread_local! {
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
    static BREACHES: Cell<u64> = const { Cell::new(0) };
}

struct Watched;

fn refuses() -> bool {
    let refuses = FORBIDDEN.get();
    if refuses {
        BREACHES.set(BREACHES.get() + 1);
    }
    refuses
}

// SAFETY: the system's heap, or nothing.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        if refuses() { ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let _ = refuses();
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static HEAP: Watched = Watched;

/// Runs `call` on a thread that has no heap meanwhile.
pub fn without<R>(call: impl FnOnce() -> R) -> R {
    let before = FORBIDDEN.replace(true);
    let result = call();
    FORBIDDEN.set(before);
    result
}

/// Lets a callback of the test have the heap again.
pub fn with<R>(callback: impl FnOnce() -> R) -> R {
    let before = FORBIDDEN.replace(false);
    let result = callback();
    FORBIDDEN.set(before);
    result
}

/// How often somebody asked for the heap, or gave something back to it, where there is none.
pub fn breaches() -> u64 {
    BREACHES.get()
}
