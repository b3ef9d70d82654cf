//! What rustup and `cargo install` can fetch: components, a nightly toolchain, tools.

use crate::process::{command, find_program, quiet};
use crate::{cargo, paths};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// A program of cargo's, by `cargo install` into `target/tools`, fetched once.
pub fn cargo_tool(name: &str, version: &str) -> Result<PathBuf> {
    let root = paths::in_root("target/tools").join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if !program.is_file() {
        println!("    fetching {name} {version}");
        let mut install = cargo::cargo(["install", name, "--locked", "--version", version]);
        install.arg("--root").arg(&root).arg("--target-dir").arg(paths::scratch("install"));
        quiet(&mut install).with_context(|| format!("missing tool: {name} {version}"))?;
    }
    Ok(program)
}

/// The name of a nightly toolchain, installed where there is none.
pub fn nightly() -> Result<&'static str> {
    let Some(rustup) = find_program("rustup") else {
        bail!("missing tool: rustup, to get a nightly toolchain with");
    };
    if quiet(&mut command(&rustup, ["run", "nightly", "rustc", "--version"])).is_err() {
        println!("    fetching a nightly toolchain");
        let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
        quiet(command(&rustup, install).arg("--no-self-update"))
            .context("missing tool: a nightly toolchain, which rustup could not install")?;
    }
    Ok("nightly")
}

/// The directory of llvm-profdata and llvm-cov, of the toolchain that runs this.
pub fn llvm_tools() -> Result<PathBuf> {
    let rustc = || command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), [""; 0]);
    let printed = |mut rustc: Command, what: [&str; 2]| -> Result<String> {
        Ok(quiet(rustc.args(what))?.trim().to_owned())
    };
    let libraries = PathBuf::from(printed(rustc(), ["--print", "target-libdir"])?);
    let programs = libraries.parent().context("no target directory in the sysroot")?.join("bin");
    if !programs.join("llvm-cov").is_file() {
        let missing = "missing tool: llvm-tools, a component of the Rust toolchain";
        let rustup = find_program("rustup").context(missing)?;
        println!("    fetching llvm-tools");
        quiet(&mut command(rustup, ["component", "add", "llvm-tools"])).context(missing)?;
    }
    Ok(programs)
}
