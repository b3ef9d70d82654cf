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
#[path = "model/limits.rs"]
mod limits;
#[path = "model/observe.rs"]
mod observe;
#[path = "model/on_atomics.rs"]
mod on_atomics;
#[path = "model/on_buffer.rs"]
mod on_buffer;
#[path = "model/on_bytes.rs"]
mod on_bytes;
#[path = "model/on_hosts.rs"]
mod on_hosts;
#[path = "model/on_images.rs"]
mod on_images;
#[path = "model/on_memory.rs"]
mod on_memory;
#[path = "model/operation.rs"]
mod operation;
#[path = "model/probe.rs"]
mod probe;
#[path = "model/reach.rs"]
mod reach;
#[path = "model/replay.rs"]
mod replay;
#[path = "model/rules.rs"]
mod rules;
#[path = "model/setting.rs"]
mod setting;
#[path = "model/spec.rs"]
mod spec;
#[path = "model/statistics.rs"]
mod statistics;
#[path = "model/world.rs"]
mod world;

use fault::Fault;
use operation::{Encoded, Operation};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use reach::Reach;
use replay::{LENGTH, compare};
use std::cell::RefCell;
use std::fs;

/// The seed where nobody asks for another: every run tries the same sequences.
const SEED: u64 = 0x77a5_33e3;
const CASES: u32 = 5000;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Sequences of calls, each of the numbers that it is made of.
fn sequences() -> impl Strategy<Value = Vec<Encoded>> {
    vec(any::<Encoded>(), 1..=LENGTH)
}

/// Tries so many sequences. Gives the first that diverges, cut down where `shrink` says so.
fn diverges(
    cases: u32,
    seed: u64,
    shrink: bool,
    run: impl Fn(&[Operation]) -> Result<(), String>,
) -> Option<(String, Vec<Encoded>)> {
    let config = Config {
        cases,
        // The seed is all that is needed to see it again.
        failure_persistence: None,
        max_shrink_iters: if shrink { 3000 } else { 0 },
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng).run(&sequences(), |sequence| {
        let operations: Vec<Operation> = sequence.iter().map(Operation::decode).collect();
        run(&operations).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(reason, sequence)) => {
            Some((format!("PROPTEST_RNG_SEED={seed}: {reason}"), sequence))
        }
        Err(other) => Some((other.to_string(), Vec::new())),
    }
}

#[test]
fn follows_the_specification() {
    let cases = from_environment("PROPTEST_CASES").map_or(CASES, |cases| cases as u32);
    let seed = from_environment("PROPTEST_RNG_SEED").unwrap_or(SEED);
    let reach = RefCell::new(Reach::default());
    let divergence = diverges(cases, seed, true, |sequence| {
        compare(sequence, None, |world| reach.borrow_mut().add(&world.reach))
    });
    if let Some((divergence, _)) = divergence {
        panic!("{divergence}");
    }
    // Fewer sequences than usual need not come across everything, nor those of a host that refuses.
    let missing = reach.borrow().missing();
    assert!(missing.is_empty() || cases < CASES || probe::limited(), "never came up: {missing:?}");
}

/// In a build for stress, what is pinned has room that the model cannot know of.
fn can_be_noticed(fault: Fault) -> bool {
    let of_room = matches!(fault, Fault::ResizableMoves | Fault::ResetMoves);
    !(of_room && cfg!(feature = "stress-move"))
}

/// The comparison can fail: with any one rule of the model wrong, a difference is found.
#[test]
fn a_wrong_rule_is_noticed() {
    let unnoticed = |&fault: &Fault| {
        let run = |sequence: &[Operation]| compare(sequence, Some(fault), |_| ());
        can_be_noticed(fault) && diverges(CASES, SEED, false, run).is_none()
    };
    let unnoticed: Vec<Fault> = Fault::ALL.into_iter().filter(unnoticed).collect();
    assert!(unnoticed.is_empty(), "unnoticed: {unnoticed:?}");
}

/// The files of the fuzzer's corpus, by name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/abi");
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// What the fuzzer has found worth keeping is as the model says; and were a rule of the model wrong,
/// this would say so.
#[test]
fn the_corpus_follows_the_specification() {
    let corpus = corpus();
    let bytes: usize = corpus.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(corpus.len() <= 300 && bytes <= 300 << 10, "{} files, {bytes} bytes", corpus.len());
    for (name, bytes) in &corpus {
        if let Err(differs) = replay::run(bytes, None) {
            panic!("fuzz/corpus/abi/{name}: {differs}");
        }
    }
    let unnoticed = |&fault: &Fault| {
        let differs = |(_, bytes): &(String, Vec<u8>)| replay::run(bytes, Some(fault)).is_err();
        // The file that is named after the rule first.
        let own = corpus.iter().filter(|(name, _)| *name == format!("{fault:?}"));
        can_be_noticed(fault) && !own.chain(&corpus).any(differs)
    };
    let unnoticed: Vec<Fault> = Fault::ALL.into_iter().filter(unnoticed).collect();
    assert!(unnoticed.is_empty(), "the corpus does not notice {unnoticed:?}");
}

/// Writes one short sequence for each rule, which is noticed when that is wrong.
#[test]
#[ignore = "writes into the corpus"]
fn write_what_notices_a_wrong_rule() {
    for fault in Fault::ALL {
        let run = |sequence: &[Operation]| compare(sequence, Some(fault), |_| ());
        if let Some((_, sequence)) = diverges(CASES, SEED, true, run) {
            let name = format!("{}/fuzz/corpus/abi/{fault:?}", env!("CARGO_MANIFEST_DIR"));
            fs::write(name, sequence.concat()).unwrap();
        }
    }
}
