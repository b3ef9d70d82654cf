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

/// A toolchain that rustup has: its name, and the program to run it by.
pub struct Toolchain<'a> {
    rustup: PathBuf,
    name: &'a str,
}

impl Toolchain<'_> {
    /// A program of the toolchain, with arguments.
    pub fn run<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut run = command(&self.rustup, ["run", self.name]);
        run.args(arguments);
        run
    }
}

/// A toolchain with these components, installed where it or one of them is not there: which `probe`, a
/// program of it with arguments, tells. Else says why there is none.
pub fn toolchain<'a, const N: usize>(
    name: &'a str,
    components: &[&str],
    probe: [&str; N],
) -> std::result::Result<Toolchain<'a>, String> {
    let rustup =
        find_program("rustup").ok_or_else(|| format!("no rustup to get Rust {name} with"))?;
    let toolchain = Toolchain { rustup, name };
    if quiet(&mut toolchain.run(probe)).is_err() {
        println!("    fetching Rust {name}");
        let install = ["toolchain", "install", name, "--profile", "minimal", "--no-self-update"];
        let mut install = command(&toolchain.rustup, install);
        for component in components {
            install.args(["--component", component]);
        }
        quiet(&mut install).map_err(|_| format!("rustup cannot install Rust {name}"))?;
    }
    Ok(toolchain)
}

/// The name of a nightly toolchain, installed where there is none.
pub fn nightly() -> Result<&'static str> {
    match toolchain("nightly", &[], ["rustc", "--version"]) {
        Ok(toolchain) => Ok(toolchain.name),
        Err(reason) => bail!("missing tool: {reason}"),
    }
}

/// Makes sure that this toolchain has a component.
pub fn add_component(name: &str) -> Result<()> {
    let missing = format!("missing tool: {name}, a component of the Rust toolchain");
    let rustup = find_program("rustup").with_context(|| missing.clone())?;
    println!("    fetching {name}");
    quiet(&mut command(rustup, ["component", "add", name])).context(missing)?;
    Ok(())
}

/// Makes sure that this toolchain has the standard library of a target; else says why not.
pub fn add_target(target: &str) -> std::result::Result<(), String> {
    let Some(rustup) = find_program("rustup") else {
        return Err(format!("no rustup to get the standard library of {target} with"));
    };
    quiet(&mut command(rustup, ["target", "add", target]))
        .map(|_| ())
        .map_err(|_| format!("rustup cannot add the target {target}"))
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
        add_component("llvm-tools")?;
    }
    Ok(programs)
}
