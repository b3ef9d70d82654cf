//! What must be on the machine because it cannot be fetched: compilers and Python.

use crate::process::{command, find_program, quiet};
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;

/// The C compiler, as CMake chooses it.
pub fn c_compiler() -> Result<OsString> {
    compiler("CC", &["cc", "gcc", "clang"], "a C compiler")
}

/// The C++ compiler, as CMake chooses it.
pub fn cxx_compiler() -> Result<OsString> {
    compiler("CXX", &["c++", "g++", "clang++"], "a C++ compiler")
}

/// Python 3.
pub fn python() -> Result<OsString> {
    for name in ["python3", "python"] {
        if let Some(path) = find_program(name) {
            let is_3 = "import sys; sys.exit(sys.version_info < (3, 9))";
            if quiet(&mut command(&path, ["-c", is_3])).is_ok() {
                return Ok(path.into());
            }
        }
    }
    bail!("missing tool: Python 3.9 or newer with venv and pip (python3)")
}

/// Names the first of these that is missing.
pub fn require() -> Result<()> {
    c_compiler()?;
    cxx_compiler()?;
    python()?;
    Ok(())
}

fn compiler(variable: &str, names: &[&str], what: &str) -> Result<OsString> {
    if let Some(chosen) = env::var_os(variable).filter(|value| !value.is_empty()) {
        quiet(&mut command(&chosen, ["--version"]))
            .with_context(|| format!("missing tool: {what}; {variable} names one that fails"))?;
        return Ok(chosen);
    }
    match names.iter().find_map(|name| find_program(name)) {
        Some(path) => Ok(path.into()),
        None => bail!("missing tool: {what} ({}, or set {variable})", names.join(", ")),
    }
}
