//! `cargo xtask mutants`: does a test notice when a line of the library is another?
//!
//! cargo-mutants changes the core's functions one at a time. A mutant that is missed is a change of
//! behaviour that nothing tests, or one that cannot be seen: `docs/mutants.md` lists those.

use crate::process::shown;
use crate::{paths, process, rustup};
use anyhow::Result;
use std::fs;

const CARGO_MUTANTS: &str = "27.1.0";

/// What is changed where no file is named, smallest first.
const FILES: [&str; 11] = [
    "src/atomics/sync.rs",
    "src/bulk.rs",
    "src/allocator/admission.rs",
    "src/allocator/counters.rs",
    "src/atomics/mod.rs",
    "src/atomics/queue.rs",
    "src/allocator/cache.rs",
    "src/region/slots.rs",
    "src/descriptor.rs",
    "src/memory.rs",
    "src/buffer.rs",
];

/// Changes the files that are named, or the core.
pub fn run(options: &[String]) -> Result<()> {
    let tool = rustup::cargo_tool("cargo-mutants", CARGO_MUTANTS)?;
    let named: Vec<&str> = options.iter().map(String::as_str).collect();
    let files = if named.is_empty() { FILES.as_slice() } else { named.as_slice() };
    let mut missed = Vec::new();
    for file in files {
        println!("==> {file}");
        let output = paths::in_root("target/mutants").join(file.replace('/', "_"));
        fs::create_dir_all(&output)?;
        let mut mutants = process::command(&tool, ["mutants", "--no-shuffle", "--colors", "never"]);
        mutants.args(["--package", "wasm_memory", "--file", file, "--output"]).arg(&output);
        mutants.args(["--timeout", "120", "--", "--lib", "--test", "model", "--locked"]);
        // What shows that the model can fail says nothing about the library.
        mutants.args(["--", "--skip", "a_wrong_rule_is_noticed"]);
        mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
        mutants.env("PROPTEST_CASES", "400").env_remove("CARGO");
        // It fails where a mutant was missed, and says which.
        if shown(&mut mutants).is_err() {
            missed.push(*file);
        }
    }
    println!("==> {} files, mutants missed or out of time in: {}", files.len(), missed.join(", "));
    Ok(())
}
