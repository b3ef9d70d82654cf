//! Sequences of calls of the C ABI, made of the fuzzer's bytes, against the model that the test
//! `tests/model.rs` uses; that test also replays the corpus.
#![no_main]
#![allow(dead_code, reason = "some of the model serves the test only")]

#[path = "../../tests/model/abi.rs"]
mod abi;
#[path = "../../tests/model/bytes.rs"]
mod bytes;
#[path = "../../tests/model/creation.rs"]
mod creation;
#[path = "../../tests/model/fault.rs"]
mod fault;
#[path = "../../tests/model/handles.rs"]
mod handles;
#[path = "../../tests/model/limits.rs"]
mod limits;
#[path = "../../tests/model/observe.rs"]
mod observe;
#[path = "../../tests/model/on_atomics.rs"]
mod on_atomics;
#[path = "../../tests/model/on_buffer.rs"]
mod on_buffer;
#[path = "../../tests/model/on_bytes.rs"]
mod on_bytes;
#[path = "../../tests/model/on_hosts.rs"]
mod on_hosts;
#[path = "../../tests/model/on_images.rs"]
mod on_images;
#[path = "../../tests/model/on_memory.rs"]
mod on_memory;
#[path = "../../tests/model/operation.rs"]
mod operation;
#[path = "../../tests/model/probe.rs"]
mod probe;
#[path = "../../tests/model/reach.rs"]
mod reach;
#[path = "../../tests/model/replay.rs"]
mod replay;
#[path = "../../tests/model/rules.rs"]
mod rules;
#[path = "../../tests/model/setting.rs"]
mod setting;
#[path = "../../tests/model/spec.rs"]
mod spec;
#[path = "../../tests/model/statistics.rs"]
mod statistics;
#[path = "../../tests/model/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(differs) = replay::run(bytes, None) {
        panic!("{differs}");
    }
});
