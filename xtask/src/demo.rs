//! `cargo xtask demo`: MDN's memory example in Wasmtime, on memories of this library.

use crate::process::{command, shown};
use crate::steps::Steps;
use crate::{cmake, paths, tools, venv};
use anyhow::Result;

/// From a fresh checkout to the running example.
pub fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("tools", || {
        tools::require()?;
        venv::provide(&["cmake", "ninja", "wasmtime"])
    })?;
    steps.run("build the library and the example", || {
        cmake::configure("release")?;
        cmake::build("release", Some("wasmtime-demo"))
    })?;
    steps.run("run the example in Wasmtime", run_built)?;
    steps.finish();
    Ok(())
}

/// Runs the example that the release preset has built.
pub fn run_built() -> Result<()> {
    let program = format!("wasmtime-demo{}", std::env::consts::EXE_SUFFIX);
    let program = paths::in_root("build/release/examples/wasmtime").join(program);
    shown(&mut command(program, [venv::wasmtime_library()?]))
}
