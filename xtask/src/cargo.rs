//! What cargo and rustc can check.

use crate::process::{quiet, shown};
use crate::steps::Outcome;
use crate::{paths, process, rustup};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The feature that lets a test make the operating system fail.
pub const FAULTS: [&str; 2] = ["--features", "wasm_memory/fault-injection"];

/// Makes sure that this toolchain has rustfmt and clippy.
pub fn provide_components() -> Result<()> {
    for component in ["rustfmt", "clippy"] {
        let subcommand = if component == "rustfmt" { "fmt" } else { "clippy" };
        if quiet(&mut cargo([subcommand, "--version"])).is_ok() {
            continue;
        }
        rustup::add_component(component)?;
    }
    Ok(())
}

/// `cargo fmt --check`.
pub fn format() -> Result<()> {
    quiet(&mut cargo(["fmt", "--all", "--check", "--", "--color", "never"]))
        .context("`cargo fmt --all` puts it right")?;
    Ok(())
}

/// Clippy over everything, without warnings, with and without the test-only feature.
pub fn clippy() -> Result<()> {
    for features in [[].as_slice(), &FAULTS] {
        let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--locked"]);
        quiet(clippy.args(features).args(["--", "--deny", "warnings"]))?;
    }
    Ok(())
}

/// The crate's documentation, without warnings; that of its private items too, since who reads it
/// works on the library.
pub fn documentation() -> Result<()> {
    let mut doc = cargo(["doc", "--locked", "--no-deps", "--package", "wasm_memory"]);
    doc.arg("--document-private-items");
    let flags = "--deny warnings --allow rustdoc::private_intra_doc_links";
    quiet(doc.env("RUSTDOCFLAGS", flags))?;
    Ok(())
}

/// The Rust tests of the workspace.
pub fn tests() -> Result<()> {
    shown(&mut cargo(["test", "--workspace", "--locked"]))
}

/// The library's Rust tests with failing system calls.
pub fn tests_with_faults() -> Result<()> {
    shown(cargo(["test", "--locked"]).args(FAULTS))
}

/// Every system call refused with every errno that it can give, once and for good, in processes that
/// have used the library and in ones that have not.
pub fn all_faults() -> Result<()> {
    let mut faults = cargo(["test", "--locked", "--test", "faults"]);
    shown(faults.args(FAULTS).env("FAULTS_ALL", "1"))
}

/// The library's Rust tests with every growth of a memory that may move a move.
pub fn tests_that_move() -> Result<()> {
    shown(cargo(["test", "--locked"]).args(["--features", "wasm_memory/stress-move"]))
}

/// The oldest Rust that `Cargo.toml` promises still compiles the library.
pub fn oldest_rust() -> Result<Outcome> {
    let manifest = read("Cargo.toml")?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .context("no rust-version in Cargo.toml")?;
    let name = format!("{version}.0");
    let toolchain = match rustup::toolchain(&name, &[], ["rustc", "--version"]) {
        Ok(toolchain) => toolchain,
        Err(reason) => return Ok(Outcome::NotHere(reason)),
    };
    let mut check = toolchain.run(["cargo", "check", "--locked", "--lib"]);
    quiet(check.arg("--target-dir").arg(paths::scratch("oldest-rust")))?;
    Ok(Outcome::Done)
}

/// What the installed package links a static library with is what rustc says it needs, less the
/// unwinder (see `cmake/WasmMemoryPlatform.cmake`).
pub fn native_libraries(pkg_config_file: &str) -> Result<()> {
    let mut rustc = cargo(["rustc", "--locked", "--lib", "--crate-type", "staticlib"]);
    rustc.arg("--target-dir").arg(paths::scratch("native-libraries"));
    let output = quiet(rustc.args(["--", "--print", "native-static-libs"]))?;
    let needed = output
        .lines()
        .find_map(|line| line.split_once("native-static-libs:"))
        .with_context(|| format!("rustc did not print its native-static-libs:\n{output}"))?
        .1;
    let needed: BTreeSet<&str> = needed
        .split_whitespace()
        .filter(|library| !["-lgcc_s", "-lunwind"].contains(library))
        .collect();

    let package = read(pkg_config_file)?;
    let listed = package
        .lines()
        .find_map(|line| line.strip_prefix("Libs.private:"))
        .with_context(|| format!("no Libs.private in {pkg_config_file}"))?;
    let listed: BTreeSet<&str> = listed.split_whitespace().collect();
    if listed != needed {
        bail!(
            "rustc needs {needed:?}, {pkg_config_file} lists {listed:?}: \
             correct WASM_MEMORY_NATIVE_LIBS in cmake/WasmMemoryPlatform.cmake"
        );
    }
    Ok(())
}

/// The shared library as it ships, in `target/release`.
pub fn release_library() -> Result<()> {
    let mut rustc = cargo(["rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib"]);
    quiet(rustc.arg("--target-dir").arg(paths::in_root("target")))?;
    Ok(())
}

/// The cargo that runs this, with these arguments.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    process::command(program, arguments)
}

fn read(path: &str) -> Result<String> {
    let path = paths::in_root(path);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}
