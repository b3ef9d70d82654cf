//! Another library in Rust with a C ABI: it unwinds, and it has a thread, so that it brings much of
//! the standard library along.

/// 7, the hard way.
#[unsafe(no_mangle)]
pub extern "C" fn other_seven() -> u32 {
    std::panic::set_hook(Box::new(|_| {}));
    let thread = std::thread::spawn(|| std::panic::catch_unwind(|| panic!("to be caught")).is_err());
    if thread.join().unwrap_or(false) { 7 } else { 0 }
}
