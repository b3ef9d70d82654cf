//! What every host's functions promise to the layers above.
#![allow(unsafe_code, reason = "uses ranges of its own")]

use super::files::{self, FileKind};
use super::*;
use crate::faults::{self, Fault};
use crate::region::page_size;
use crate::test_support::{can_read, in_child};
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::ffi::CString;
use std::time::Instant;

fn byte(start: NonNull<u8>, at: usize) -> *mut u8 {
    start.as_ptr().wrapping_add(at)
}

#[test]
fn a_page_is_a_power_of_two_and_reservations_start_at_one() {
    let page = page_size();
    assert!(page >= 4096 && page.is_power_of_two());
    let start = map(3 * page, Access::None, Charge::Never).unwrap();
    assert_eq!(start.addr().get() % page, 0);
    // SAFETY: a range of this test.
    unsafe { unmap(start, 3 * page).unwrap() };
}

#[test]
fn a_part_of_a_reservation_opens_and_closes_and_fresh_bytes_read_zero() {
    let page = page_size();
    let start = map(8 * page, Access::None, Charge::Never).unwrap();
    assert!(!can_read(byte(start, 0)) && !can_read(byte(start, 8 * page - 1)));
    // SAFETY: a range of this test alone, of which only open bytes are touched.
    unsafe {
        let from = start.add(2 * page);
        protect(from, 3 * page, Access::ReadWrite).unwrap();
        // What is open already stays as it is.
        from.write(1);
        protect(from, 4 * page, Access::ReadWrite).unwrap();
        assert_eq!([from.read(), from.add(4 * page - 1).read()], [1, 0]);
        assert!(!can_read(byte(start, 2 * page - 1)) && !can_read(byte(start, 6 * page)));

        from.add(page).write(2);
        let replaced = map_over(from, 2 * page, Access::ReadWrite, Charge::Never);
        if cfg!(windows) {
            // There would be a moment in which the bytes fault.
            assert_eq!(replaced, Err(code::UNSUPPORTED));
            assert_eq!([from.read(), from.add(page).read()], [1, 2]);
        } else {
            assert_eq!(replaced, Ok(()));
            assert_eq!([from.read(), from.add(page).read()], [0, 0]);
        }
        from.write(3);
        map_over(from, page, Access::None, Charge::Never).unwrap();
        assert!(!can_read(from.as_ptr()) && can_read(byte(from, page)));
        protect(from, page, Access::ReadWrite).unwrap();
        assert_eq!(from.read(), 0);

        protect(from, 4 * page, Access::None).unwrap();
        assert!(!can_read(from.as_ptr()));
        unmap(start, 8 * page).unwrap();
    }
}

#[test]
fn storage_is_open_from_the_start() {
    let start = map(page_size(), Access::ReadWrite, Charge::WhenOpened).unwrap();
    // SAFETY: a range of this test alone.
    unsafe {
        assert_eq!(start.add(page_size() - 1).read(), 0);
        start.write(1);
        unmap(start, page_size()).unwrap();
    }
}

#[test]
fn a_range_that_no_host_has_is_refused_for_want_of_memory() {
    // A 32-bit host has the first of these as a rule. Others in this process need addresses too.
    in_child(|| {
        // Windows calls a length invalid that no process could have, and has 128 TiB.
        let much = isize::MAX.unsigned_abs().wrapping_shr(if cfg!(windows) { 17 } else { 0 });
        let refused = (0..4).find_map(|_| map(much & !0xffff, Access::None, Charge::Never).err());
        assert_eq!(refused.map(Cause::of), Some(Cause::NoMemory));
    });
    assert_eq!(Cause::of(code::OUT_OF_MEMORY), Cause::NoMemory);
    assert_eq!(Cause::of(code::INVALID), Cause::Other);
}

#[test]
fn a_wait_ends_at_its_time_and_not_before() {
    let word = AtomicU32::new(7);
    for milliseconds in [0, 1, 30] {
        let time = Duration::from_millis(milliseconds);
        let (start, deadline) = (Instant::now(), now() + time);
        while wait_until(&word, 7, Some(deadline)) {}
        assert!(now() >= deadline);
        // The two clocks may differ by a little.
        assert!(start.elapsed() + Duration::from_millis(1) >= time, "{milliseconds}");
    }
    // Another value than expected ends it at once.
    let start = Instant::now();
    wait(&word, 8);
    assert!(wait_until(&word, 8, None));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_wait_that_the_host_refuses_keeps_to_its_time() {
    let word = AtomicU32::new(7);
    let deadline = now() + Duration::from_millis(5);
    let fault = Fault { call: Some(Call::Wait), forever: true, ..Fault::nth(1) };
    faults::with(fault, || while wait_until(&word, 7, Some(deadline)) {});
    assert!(now() >= deadline);
}

#[test]
fn who_waits_is_woken() {
    const ROUNDS: u32 = 300;
    static TURN: AtomicU32 = AtomicU32::new(0);
    let other = std::thread::spawn(|| take_turns(1, ROUNDS));
    take_turns(0, ROUNDS);
    other.join().unwrap();
    assert_eq!(TURN.load(Ordering::SeqCst), 2 * ROUNDS);

    fn take_turns(parity: u32, rounds: u32) {
        for _ in 0..rounds {
            loop {
                let turn = TURN.load(Ordering::SeqCst);
                if turn % 2 == parity {
                    break;
                }
                if parity == 0 {
                    wait(&TURN, turn);
                } else {
                    wait_until(&TURN, turn, None);
                }
            }
            TURN.fetch_add(1, Ordering::SeqCst);
            wake(&TURN);
        }
    }
}

#[test]
fn clocks_go_forward_and_threads_differ() {
    let (time, seconds) = (now(), coarse_seconds());
    std::thread::sleep(Duration::from_millis(2));
    let passed = now() - time;
    assert!(passed >= Duration::from_millis(2) && passed < Duration::from_secs(100));
    assert!(coarse_seconds() - seconds <= 100);
    give_way();
    let other = std::thread::scope(|scope| scope.spawn(thread_number).join().unwrap());
    assert_ne!(other, thread_number());
}

#[test]
fn files_are_written_read_and_told_from_directories() {
    let directory = std::env::temp_dir();
    let name = directory.join(format!("wasm_memory-{}-\u{e9}.bin", std::process::id()));
    let path = CString::new(name.to_str().unwrap()).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    for round in 0..2 {
        // What was there before is gone.
        let bytes = &bytes[round..];
        let file = files::create(&path).unwrap();
        files::write_all(&file, bytes).unwrap();
        drop(file);
        let file = files::open(&path).unwrap();
        let status = files::status(&file).unwrap();
        assert_eq!((status.length, status.kind), (bytes.len() as u64, FileKind::Regular));
        assert_eq!(status.identity, files::status(&file).unwrap().identity);
        let mut read = vec![0; 2000];
        assert_eq!(files::read_at(&file, &mut read, 98_500), Ok(bytes.len() - 98_500));
        assert_eq!(read[..bytes.len() - 98_500], bytes[98_500..]);
        assert_eq!(files::read_at(&file, &mut read, 100_000), Ok(0));
    }
    std::fs::remove_file(&name).unwrap();
    assert!(files::open(&path).is_err_and(|errno| errno != 0));

    let directory = CString::new(directory.to_str().unwrap()).unwrap();
    let opened = files::open(&directory).unwrap();
    assert_eq!(files::status(&opened).unwrap().kind, FileKind::Directory);
    assert!(files::create(&directory).is_err_and(|errno| errno != 0));
}
