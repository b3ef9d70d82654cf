//! The library in another project's tree: from the package that `cargo package` makes, with its
//! dependencies beside it, and under that project's settings.

use crate::process::{command, find_program, quiet, shown};
use crate::steps::Outcome;
use crate::{cargo, cmake, paths, rustup, tools};
use anyhow::{Context, Result, ensure};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Vendored, and built without a registry under a toolchain file, link-time optimisation and
/// position-independent code.
pub fn offline() -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("made for ELF as on Linux".to_owned()));
    }
    let library = vendor()?;
    // Of a registry, nothing that this machine has kept may be found either.
    let home = paths::scratch("vendored/empty-cargo-home");
    fs::create_dir_all(&home)?;
    let build = paths::scratch("vendored/build");
    let compiler = tools::c_compiler()?.to_string_lossy().into_owned();
    let arguments = [
        format!("-DLIBRARY={}", library.display()),
        "-DWASM_MEMORY_CARGO_OFFLINE=ON".to_owned(),
        format!("-DC_COMPILER={compiler}"),
        format!("-DPROCESSOR={}", std::env::consts::ARCH),
        "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON".to_owned(),
        "-DCMAKE_POSITION_INDEPENDENT_CODE=ON".to_owned(),
    ];
    project(&build, &arguments, true, &[("CARGO_HOME", &home.display().to_string())])?;

    // The toolchain file said which target, and link-time optimisation made one member of all crates.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let archive = build.join("library/cargo").join(triple).join("debug/libwasm_memory.a");
    let crates = crates_in(&archive)?;
    ensure!(!crates.contains("libc"), "no link-time optimisation: {crates:?} in the archive");
    ensure!(crates.contains("wasm_memory"), "{}: only {crates:?}", archive.display());
    Ok(Outcome::Done)
}

/// The same for a processor that is not this machine's, where it has a compiler for it.
pub fn crossed() -> Result<Outcome> {
    let compiler = "aarch64-linux-gnu-gcc";
    if find_program(compiler).is_none() {
        let package = "Debian: apt-get install gcc-aarch64-linux-gnu qemu-user-static";
        return Ok(Outcome::NotHere(format!("there is no {compiler} ({package})")));
    }
    let Some(emulator) = find_program("qemu-aarch64-static") else {
        return Ok(Outcome::NotHere("there is no qemu-aarch64-static".to_owned()));
    };
    let triple = "aarch64-unknown-linux-gnu";
    if let Err(reason) = rustup::add_target(triple) {
        return Ok(Outcome::NotHere(reason));
    }
    let build = paths::scratch("vendored/crossed");
    let arguments = [
        format!("-DLIBRARY={}", paths::root().display()),
        format!("-DC_COMPILER={compiler}"),
        "-DPROCESSOR=aarch64".to_owned(),
        format!("-DEMULATOR={};-L;/usr/aarch64-linux-gnu", emulator.display()),
    ];
    project(&build, &arguments, true, &[])?;
    ensure!(build.join("library/lib/wasm_memory.o").exists(), "not linked to one object");
    Ok(Outcome::Done)
}

/// Under AddressSanitizer, which the Rust code then has too: with a nightly Rust.
pub fn sanitized() -> Result<Outcome> {
    let nightly = find_program("rustup")
        .map(|rustup| command(rustup, ["run", "nightly", "cargo", "--version"]))
        .is_some_and(|mut version| quiet(&mut version).is_ok());
    if !nightly {
        return Ok(Outcome::NotHere("there is no nightly Rust".to_owned()));
    }
    let build = paths::scratch("vendored/sanitized");
    let arguments = [
        format!("-DLIBRARY={}", paths::root().display()),
        "-DCMAKE_C_FLAGS=-fsanitize=address".to_owned(),
    ];
    project(&build, &arguments, false, &[("RUSTUP_TOOLCHAIN", "nightly")])?;
    let object = fs::read(build.join("library/lib/wasm_memory.o"))?;
    let file = object::File::parse(&*object)?;
    let checks = file
        .symbols()
        .filter(|symbol| symbol.is_undefined())
        .filter(|symbol| symbol.name().is_ok_and(|name| name.starts_with("__asan_report_")))
        .count();
    ensure!(checks > 0, "the Rust code has no AddressSanitizer");
    Ok(Outcome::Done)
}

/// Builds and tests `xtask/consumers/vendored`.
fn project(build: &Path, arguments: &[String], crossing: bool, set: &[(&str, &str)]) -> Result<()> {
    let toolchain = format!(
        "-DCMAKE_TOOLCHAIN_FILE={}",
        paths::in_root("xtask/consumers/vendored/toolchain.cmake").display()
    );
    let mut all = vec!["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"];
    if crossing {
        all.push(&toolchain);
    }
    all.extend(arguments.iter().map(String::as_str));
    cmake::project_with(&paths::in_root("xtask/consumers/vendored"), build, &all, set)?;
    shown(command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]).arg(build))
}

/// Unpacks what `cargo package` makes and vendors what it needs.
fn vendor() -> Result<PathBuf> {
    let scratch = paths::scratch("vendored/package");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    fs::create_dir_all(&scratch)?;
    let mut package = cargo::cargo(["package", "--package", "wasm_memory", "--no-verify"]);
    package.args(["--locked", "--allow-dirty", "--target-dir"]).arg(&scratch);
    quiet(&mut package)?;
    let made = scratch.join("package");
    let archive = fs::read_dir(&made)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "crate"))
        .with_context(|| format!("no package in {}", made.display()))?;
    quiet(command("tar", ["-xzf"]).arg(&archive).arg("-C").arg(&scratch))?;
    let library = scratch.join(archive.file_stem().context("a package without a name")?);

    let mut vendor = cargo::cargo(["vendor", "--locked", "--versioned-dirs"]);
    let output = vendor.current_dir(&library).output().context("cannot run cargo vendor")?;
    ensure!(output.status.success(), "cargo vendor: {}", String::from_utf8_lossy(&output.stderr));
    // What it prints is what cargo is to be told.
    fs::create_dir_all(library.join(".cargo"))?;
    fs::write(library.join(".cargo/config.toml"), output.stdout)?;
    Ok(library)
}

/// The crates that have members of their own in an archive that cargo made.
fn crates_in(archive: &Path) -> Result<BTreeSet<String>> {
    let data = fs::read(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut crates = BTreeSet::new();
    for member in ArchiveFile::parse(&*data)?.members() {
        let name = String::from_utf8_lossy(member?.name()).into_owned();
        if name.ends_with(".o") {
            let of = name.split(['-', '.']).next().unwrap_or_default().to_owned();
            crates.insert(of);
        }
    }
    Ok(crates)
}
