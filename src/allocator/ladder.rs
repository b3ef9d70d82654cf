//! The ladder of reservations: what a memory is given when the host has no room for more.
//!
//! A reservation costs nothing but address space, so the first rung is everything that the memory
//! can ever need. A host with little of it (`ulimit -v`, 39-bit addresses, a container, a
//! sanitizer) refuses that. Where the settings allow it, the memory is then tried with its declared
//! maximum, and at last with what it needs now and some slack; an unshared memory then moves when
//! it outgrows that. The layout of the memory tells what it was given.

use super::Mobility;
use super::config::Settings;
use crate::descriptor::MemoryType;
use crate::error::{Error, Result};
use crate::region::Shape;
use crate::units;

/// Least slack of a reservation that is too small for the maximum: room for a few growths.
const LEAST_SLACK: u64 = 1 << 20;

/// One shape to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rung {
    pub(super) shape: Shape,
    /// When growth moves the memory.
    pub(super) mobility: Mobility,
}

/// The shape of a pool's slot of `bytes` bytes.
pub(super) fn slot_shape(settings: &Settings, bytes: u64) -> Result<Shape> {
    shape(settings, bytes)
}

/// Refuses a config whose reservation and guards no host can have.
pub(super) fn check_sizes(settings: &Settings) -> Result<()> {
    shape(settings, settings.reservation.unwrap_or(0)).map(|_| ())
}

fn shape(settings: &Settings, reservation: u64) -> Result<Shape> {
    let guards = settings.guards();
    let shape = if settings.on_heap {
        Shape::of_block(reservation)
    } else {
        Shape::new(guards.before, reservation, guards.after)
    };
    shape.ok_or_else(|| {
        let parts = [guards.before, reservation, guards.after];
        let requested = units::sum(&parts).unwrap_or(u64::MAX);
        Error::AddressSpace { requested, available: 0, os_error: 0 }
    })
}

/// Tries the rungs for a new memory of `bytes` bytes until one is not refused for want of address
/// space. The error is that of the last one tried.
pub(super) fn climb_down<T>(
    settings: &Settings,
    memory_type: &MemoryType,
    bytes: u64,
    mut attempt: impl FnMut(Rung) -> Result<T>,
) -> Result<T> {
    let most = most_bytes(settings, memory_type).max(bytes);
    let may_move = !memory_type.is_shared();
    // A block is charged from the beginning, so one that may move is no larger than it has to be.
    let least = if settings.on_heap && settings.movable && may_move { bytes } else { most };
    let first = settings.reservation.unwrap_or(least).max(bytes);
    let mobility = mobility_for(settings, may_move, settings.movable && first < most);
    let mut outcome = shape(settings, first).and_then(|shape| attempt(Rung { shape, mobility }));
    let mut tried = first;
    while settings.fallback() && has_no_room(settings, &outcome) {
        let slack = with_slack(settings, bytes, most);
        let Some(reservation) = next_below(tried, bytes, slack, most, may_move) else { break };
        let mobility = mobility_for(settings, may_move, reservation < most);
        outcome = shape(settings, reservation).and_then(|shape| attempt(Rung { shape, mobility }));
        tried = reservation;
    }
    outcome
}

/// The reservation to try after `tried` was refused: the most that the memory can use, then what
/// it needs now with slack, then what it needs now. A memory that may not move goes down by halves,
/// since its reservation is all that it can ever grow to.
fn next_below(tried: u64, bytes: u64, slack: u64, most: u64, may_move: bool) -> Option<u64> {
    let half = if may_move { slack } else { (tried >> 1).max(slack) };
    [most, half, bytes].into_iter().find(|reservation| *reservation < tried)
}

/// Tries the rungs for a memory that has to move to have `bytes` bytes.
pub(super) fn climb_down_to_move<T>(
    settings: &Settings,
    memory_type: &MemoryType,
    bytes: u64,
    mut attempt: impl FnMut(Shape) -> Result<T>,
) -> Result<T> {
    let most = most_bytes(settings, memory_type).max(bytes);
    let first = with_slack(settings, bytes, most);
    let outcome = shape(settings, first).and_then(&mut attempt);
    if first > bytes && has_no_room(settings, &outcome) {
        return shape(settings, bytes).and_then(attempt);
    }
    outcome
}

/// Was it refused for want of room, so that less may be had?
fn has_no_room<T>(settings: &Settings, outcome: &Result<T>) -> bool {
    match outcome {
        Err(Error::AddressSpace { .. }) => true,
        Err(Error::OutOfMemory { .. }) => settings.on_heap,
        _ => false,
    }
}

/// Every growth moves a memory that may move: what kept an old base is found out that way. Never
/// where compiled code relies on a reservation or guards that were asked for by number.
const STRESS: bool = cfg!(feature = "stress-move");

fn mobility_for(settings: &Settings, may_move: bool, past_reservation: bool) -> Mobility {
    if may_move && STRESS && settings.fallback() {
        Mobility::Always
    } else if may_move && past_reservation {
        Mobility::PastReservation
    } else {
        Mobility::Never
    }
}

/// The most bytes that a memory of this type can have from this allocator.
fn most_bytes(settings: &Settings, memory_type: &MemoryType) -> u64 {
    memory_type.most_bytes().min(settings.size_limit)
}

/// Room to grow by half, and by a few pages at least, as long as the memory may use it.
fn with_slack(settings: &Settings, bytes: u64, most: u64) -> u64 {
    // Address space costs nothing; the bytes of a heap do.
    let least = if settings.on_heap { 0 } else { LEAST_SLACK };
    let slack = (bytes >> 1).max(least);
    bytes.saturating_add(slack).min(most)
}

#[cfg(test)]
#[cfg(feature = "host")]
mod tests {
    use super::*;
    use crate::descriptor::Descriptor;

    const MIB: u64 = 1 << 20;

    /// The reservations that are tried for a memory while everything above `room` is refused.
    fn tried(settings: &Settings, descriptor: &Descriptor, room: u64) -> Vec<(u64, bool)> {
        let (memory_type, pages) = descriptor.validate().unwrap();
        let mut tried = Vec::new();
        let outcome = climb_down(settings, &memory_type, memory_type.bytes(pages), |rung| {
            let reservation = units::bytes(rung.shape.reservation());
            tried.push((reservation, rung.mobility != Mobility::Never));
            if reservation > room {
                return Err(Error::AddressSpace {
                    requested: reservation,
                    available: room,
                    os_error: 12,
                });
            }
            Ok(())
        });
        assert_eq!(outcome.is_ok(), tried.last().is_some_and(|last| last.0 <= room));
        tried
    }

    /// Those that this host has addresses for; the others are passed over.
    fn possible(rungs: &[(u64, bool)]) -> Vec<(u64, bool)> {
        let is_possible = |(reservation, _): &(u64, bool)| units::host(*reservation).is_some();
        rungs.iter().copied().filter(is_possible).collect()
    }

    #[test]
    fn an_unshared_memory_ends_up_movable() {
        let plain = Descriptor { initial: Some(1), ..Descriptor::default() };
        let defaults = Settings::DEFAULT;
        let small = 65536 + MIB;
        let rungs = [(1 << 32, STRESS), (small, true), (65536, true)];
        let all = possible(&rungs);
        assert_eq!(tried(&defaults, &plain, u64::MAX), all[..1]);
        assert_eq!(tried(&defaults, &plain, 2 * MIB), possible(&rungs[..2]));
        assert_eq!(tried(&defaults, &plain, 65536), all);
        assert_eq!(tried(&defaults, &plain, 0), all);
    }

    #[test]
    fn a_size_limit_that_no_host_has_is_a_rung_like_another() {
        let unbounded = Settings { size_limit: u64::MAX, ..Settings::DEFAULT };
        let wide = Descriptor { initial: Some(1), address: 1, ..Descriptor::default() };
        assert_eq!(tried(&unbounded, &wide, 2 * MIB), [(65536 + MIB, true)]);
    }

    #[test]
    fn a_shared_memory_keeps_as_much_as_there_is() {
        let shared = Descriptor {
            initial: Some(1),
            maximum: Some(1024),
            shared: true,
            ..Descriptor::default()
        };
        let rungs = tried(&Settings::DEFAULT, &shared, 9 * MIB);
        let expected = [64, 32, 16, 8].map(|mebibytes| (mebibytes * MIB, false));
        assert_eq!(rungs, expected);
        let rungs = tried(&Settings::DEFAULT, &shared, 0);
        assert_eq!(rungs.last(), Some(&(65536, false)));
    }

    #[test]
    fn a_block_is_no_larger_than_it_has_to_be() {
        let plain = Descriptor { initial: Some(2), maximum: Some(100), ..Descriptor::default() };
        let shared = Descriptor { shared: true, ..plain };
        let steady = Settings { on_heap: true, ..Settings::DEFAULT };
        let movable = Settings { movable: true, ..steady };
        let page = 65536;
        assert_eq!(tried(&steady, &plain, u64::MAX), [(100 * page, STRESS)]);
        assert_eq!(tried(&movable, &plain, u64::MAX), [(2 * page, true)]);
        assert_eq!(tried(&movable, &shared, u64::MAX), [(100 * page, false)]);
        let asked = Settings { reservation: Some(7 * page), ..movable };
        assert_eq!(tried(&asked, &plain, u64::MAX), [(7 * page, true)]);
        // Half as much again, where there is no room for all.
        let small = tried(&steady, &plain, 3 * page);
        assert_eq!(small, [(100 * page, STRESS), (3 * page, true)]);
    }

    #[test]
    fn what_was_asked_by_number_is_given_or_refused() {
        let plain = Descriptor { initial: Some(1), maximum: Some(100), ..Descriptor::default() };
        let mut asked = Settings { reservation: Some(1 << 32), ..Settings::DEFAULT };
        assert_eq!(tried(&asked, &plain, 0), possible(&[(1 << 32, false)]));
        asked.fallback = Some(true);
        let rungs = tried(&asked, &plain, 100 * 65536);
        assert_eq!(rungs, possible(&[(1 << 32, STRESS), (100 * 65536, STRESS)]));
        let tight = Settings { reservation: Some(0), movable: true, ..Settings::DEFAULT };
        assert_eq!(tried(&tight, &plain, u64::MAX), [(65536, true)]);
    }
}
