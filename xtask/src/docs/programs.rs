//! The programs of the guides: run, and compared with what the guides say that they print.

use super::{diagrams, shown};
use crate::process::{command, quiet};
use crate::steps::Outcome;
use crate::{consumers, go, paths, tools, venv};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// The library's file that the release preset builds.
const LIBRARY: &str = "build/release/lib/libwasm_memory.so";

/// Where the programs are.
const PROGRAMS: &str = "examples/guides";
const GO_PROGRAMS: &str = "examples/guides/go";

/// Programs in C and C++, the C interface from Python, and the diagrams that one of them gives.
pub fn native() -> Result<()> {
    let compared = compare(|path| has_extension(path, &["c", "cpp"]) || is_raw(path))?;
    ensure!(compared > 0, "the guides show no output");
    diagrams::check()
}

/// The program in Python, on the package in `target/venv`.
pub fn python() -> Result<()> {
    let compared = compare(|path| has_extension(path, &["py"]) && !is_raw(path))?;
    ensure!(compared > 0, "the guides show no output of Python");
    Ok(())
}

/// The program in Go, on the installed package.
pub fn go() -> Result<Outcome> {
    if let Some(reason) = go::missing()? {
        return Ok(Outcome::NotHere(reason));
    }
    go::vet(GO_PROGRAMS)?;
    let compared = compare(|path| has_extension(path, &["go"]))?;
    ensure!(compared > 0, "the guides show no output of Go");
    Ok(Outcome::Done)
}

/// The same where `cargo xtask test` has installed the package.
pub fn python_if_installed() -> Result<Outcome> {
    if quiet(&mut command(venv::python(), ["-c", "import wasm_memory"])).is_err() {
        return Ok(Outcome::NotHere("the package is not in target/venv".to_owned()));
    }
    python()?;
    Ok(Outcome::Done)
}

/// The same where `cargo xtask test` has installed the library.
pub fn go_if_installed() -> Result<Outcome> {
    if !consumers::prefix().exists() {
        return Ok(Outcome::NotHere("the library is not installed in target/xtask".to_owned()));
    }
    go()
}

/// Puts files, and the outputs that can be had, into the blocks of the documents.
pub fn write() -> Result<()> {
    for document in shown::documents()? {
        document.fill(|block| {
            if !block.is_output {
                return shown::read(&block.path).map(Some);
            }
            match output(&block.path) {
                Ok(output) => Ok(Some(output)),
                Err(error) => {
                    println!("    not run: {}: {error:#}", block.path);
                    Ok(None)
                }
            }
        })?;
    }
    Ok(())
}

/// What a program prints.
pub fn output(path: &str) -> Result<String> {
    let file = Path::new(path);
    let name = file.file_name().context("no file name")?.to_string_lossy().into_owned();
    let mut run = if has_extension(path, &["go"]) {
        go::go(GO_PROGRAMS, &["run", &name])?
    } else if has_extension(path, &["py"]) {
        let python = if is_raw(path) { tools::python()? } else { venv::python().into() };
        let mut run = command(python, [path]);
        if is_raw(path) {
            run.arg(paths::in_root(LIBRARY));
        }
        run
    } else {
        let program = format!("guide_{}{}", name.replace('.', "_"), std::env::consts::EXE_SUFFIX);
        let program = paths::in_root("build/release").join(PROGRAMS).join(program);
        ensure!(program.is_file(), "{} is not built", program.display());
        command(program, [""; 0])
    };
    quiet(&mut run)
}

fn compare(wanted: impl Fn(&str) -> bool) -> Result<usize> {
    let mut compared = 0;
    for document in shown::documents()? {
        for block in document.blocks.iter().filter(|b| b.is_output && wanted(&b.path)) {
            let printed = output(&block.path)?;
            let said = document.shown(block)?;
            ensure!(
                printed == said,
                "{} says that {} prints\n{said}but it prints\n{printed}",
                document.name(),
                block.path
            );
            compared += 1;
        }
    }
    Ok(compared)
}

fn has_extension(path: &str, wanted: &[&str]) -> bool {
    Path::new(path).extension().is_some_and(|extension| wanted.iter().any(|w| extension == *w))
}

/// The program that needs no package.
fn is_raw(path: &str) -> bool {
    path.ends_with("/raw.py")
}
