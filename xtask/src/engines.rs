//! Examples with an engine that this machine may not have.

use crate::process::{command, find_program, shown};
use crate::steps::Outcome;
use anyhow::Result;

/// `examples/wasm2c`, which CMake leaves out where wabt is not installed.
pub fn wasm2c() -> Result<Outcome> {
    if find_program("wasm2c").is_none() {
        let reason = "there is no wabt for examples/wasm2c (Debian: apt-get install wabt)";
        return Ok(Outcome::NotHere(reason.to_owned()));
    }
    let arguments = ["--preset", "release", "--tests-regex", "example-wasm2c"];
    shown(&mut command("ctest", arguments))?;
    Ok(Outcome::Done)
}
