//! Sequences of calls, in any order, on the library and on a simple model of the specification:
//! status and last error, sizes, types, buffer identity, detaching and every byte are compared
//! after each step. The model is written from the specification alone.
//!
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` run more of them, or others; `ulimit -v` shows what
//! becomes of them on a host that refuses address space.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::macro_metavars_in_unsafe,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]
#![cfg(all(unix, target_pointer_width = "64"))]

#[path = "model/abi.rs"]
mod abi;
#[path = "model/bytes.rs"]
mod bytes;
#[path = "model/creation.rs"]
mod creation;
#[path = "model/fault.rs"]
mod fault;
#[path = "model/handles.rs"]
mod handles;
#[path = "model/observe.rs"]
mod observe;
#[path = "model/on_atomics.rs"]
mod on_atomics;
#[path = "model/on_buffer.rs"]
mod on_buffer;
#[path = "model/on_bytes.rs"]
mod on_bytes;
#[path = "model/on_memory.rs"]
mod on_memory;
#[path = "model/operation.rs"]
mod operation;
#[path = "model/probe.rs"]
mod probe;
#[path = "model/reach.rs"]
mod reach;
#[path = "model/rules.rs"]
mod rules;
#[path = "model/setting.rs"]
mod setting;
#[path = "model/spec.rs"]
mod spec;
#[path = "model/world.rs"]
mod world;

use fault::Fault;
use operation::{Operation, operations};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use reach::Reach;
use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};
use world::World;

/// The seed where nobody asks for another: every run tries the same sequences.
const SEED: u64 = 0x77a5_33e3;
const CASES: u32 = 5000;
/// The most calls of a sequence.
const LENGTH: usize = 40;

/// One sequence at a time in this process: what the model knows of dead handles rests on how many
/// creations there were since.
static TURN: Mutex<()> = Mutex::new(());

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries so many sequences. Gives the first that diverges, cut down where `shrink` says so.
fn diverges(
    cases: u32,
    seed: u64,
    shrink: bool,
    run: impl Fn(&[Operation]) -> Result<(), String>,
) -> Option<String> {
    let config = Config {
        cases,
        // The seed is all that is needed to see it again.
        failure_persistence: None,
        max_shrink_iters: if shrink { 20_000 } else { 0 },
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng)
        .run(&operations(LENGTH), |sequence| run(&sequence).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(reason, _)) => Some(format!("PROPTEST_RNG_SEED={seed}: {reason}")),
        Err(other) => Some(other.to_string()),
    }
}

/// Runs one sequence on a world; what differs is told with the calls that led there.
fn compare(sequence: &[Operation], world: &mut World) -> Result<(), String> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    world.run(sequence).map_err(|differs| {
        let operations = &sequence[..sequence.len().min(world.steps as usize)];
        let calls = world.trace.join("\n  ");
        let made: Vec<String> = operations.iter().map(|made| format!("{made:?}")).collect();
        format!("{differs}\nafter\n  {calls}\nfrom\n  {}", made.join("\n  "))
    })
}

#[test]
fn follows_the_specification() {
    let cases = from_environment("PROPTEST_CASES").map_or(CASES, |cases| cases as u32);
    let seed = from_environment("PROPTEST_RNG_SEED").unwrap_or(SEED);
    let reach = RefCell::new(Reach::default());
    let divergence = diverges(cases, seed, true, |sequence| {
        let mut world = World::new(None);
        let compared = compare(sequence, &mut world);
        reach.borrow_mut().add(&world.reach);
        compared
    });
    if let Some(divergence) = divergence {
        panic!("{divergence}");
    }
    // Fewer sequences than usual need not come across everything, nor those of a host that refuses.
    let missing = reach.borrow().missing();
    assert!(missing.is_empty() || cases < CASES || probe::limited(), "never came up: {missing:?}");
}

/// The comparison can fail: with any one rule of the model wrong, a difference is found.
#[test]
fn a_wrong_rule_is_noticed() {
    let unnoticed = |&fault: &Fault| {
        // What is pinned in a build for stress has room that the model cannot know of.
        if fault == Fault::ResizableMoves && cfg!(feature = "stress-move") {
            return false;
        }
        let run = |sequence: &[Operation]| compare(sequence, &mut World::new(Some(fault)));
        diverges(CASES, SEED, false, run).is_none()
    };
    let unnoticed: Vec<Fault> = Fault::ALL.into_iter().filter(unnoticed).collect();
    assert!(unnoticed.is_empty(), "unnoticed: {unnoticed:?}");
}
