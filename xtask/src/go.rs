//! The Go module, and wazero on it: `bindings/go`, `examples/wazero`, `examples/readme/mdn.go`.

use crate::process::{command, find_program, quiet, shown};
use crate::steps::Outcome;
use crate::{consumers, paths};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

const MODULE: &str = "bindings/go";
const WAZERO: &str = "bindings/go/wazeromem";
const EXAMPLE: &str = "examples/wazero";
const README: &str = "examples/readme";
const GUIDES: &str = "examples/guides";

/// Format, vet and tests of the module against the installed package, as pkg-config finds it.
pub fn module() -> Result<Outcome> {
    if let Some(reason) = missing()? {
        return Ok(Outcome::NotHere(reason));
    }
    format()?;
    check(MODULE)?;
    let mut readme = go(README, &["run", "mdn.go"])?;
    let printed = quiet(&mut readme)?;
    let expected = "10 -> 11 pages, first 42 true\nRangeError 1011 100 true\n";
    ensure!(printed == expected, "examples/readme/mdn.go printed\n{printed}");
    Ok(Outcome::Done)
}

/// The module as a program vendors it: with the archive in its own directory, without pkg-config.
pub fn with_static_library() -> Result<Outcome> {
    if let Some(reason) = missing()? {
        return Ok(Outcome::NotHere(reason));
    }
    let scratch = paths::scratch("go-static");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    let include = consumers::prefix().join("include/wasm_memory.h");
    let archive = consumers::prefix().join("lib/libwasm_memory.a");
    // A directory of its own for each library: Go does not notice that an archive changed.
    let module = scratch.join(hash(&[&include, &archive])?);
    fs::create_dir_all(&module)?;
    for entry in fs::read_dir(paths::in_root(MODULE))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), module.join(entry.file_name()))?;
        }
    }
    for (file, place) in [(&include, "native/include"), (&archive, "native/lib")] {
        let place = module.join(place);
        fs::create_dir_all(&place)?;
        fs::copy(file, place.join(file.file_name().context("no file name")?))?;
    }
    let arguments = ["test", "-count=1", "-tags", "wasm_memory_static", "-run", "MDN|Limiter", "."];
    let mut test = command("go", arguments);
    shown(test.current_dir(module).env("GOTOOLCHAIN", "local").env("PKG_CONFIG", "false"))?;
    Ok(Outcome::Done)
}

/// The adapter for wazero with its tests, and the example.
pub fn wazero() -> Result<Outcome> {
    if let Some(reason) = missing()? {
        return Ok(Outcome::NotHere(reason));
    }
    if quiet(&mut go(WAZERO, &["mod", "download"])?).is_err() {
        return Ok(Outcome::NotHere("the Go module proxy did not give wazero".to_owned()));
    }
    check(WAZERO)?;
    quiet(&mut go(EXAMPLE, &["vet", "."])?)?;
    shown(&mut go(EXAMPLE, &["run", "."])?)?;
    Ok(Outcome::Done)
}

/// Why there is nothing to check with.
pub fn missing() -> Result<Option<String>> {
    if find_program("go").is_none() {
        return Ok(Some("there is no Go".to_owned()));
    }
    let mut ask = command("go", ["env", "GOVERSION"]);
    let version = quiet(ask.env("GOTOOLCHAIN", "local"))?.trim().to_owned();
    let minor = version.strip_prefix("go1.").and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    // 1.24 has runtime.AddCleanup.
    Ok(minor
        .is_some_and(|minor| minor < 24)
        .then(|| format!("Go 1.24 is needed, this is {version}")))
}

fn format() -> Result<()> {
    let mut gofmt = command("gofmt", ["-l", MODULE, EXAMPLE, README, GUIDES]);
    let badly_formatted = quiet(&mut gofmt)?;
    ensure!(badly_formatted.is_empty(), "`gofmt -w` puts these right:\n{badly_formatted}");
    Ok(())
}

/// `go vet` in a directory.
pub fn vet(directory: &str) -> Result<()> {
    quiet(&mut go(directory, &["vet", "./..."])?)?;
    Ok(())
}

fn check(directory: &str) -> Result<()> {
    vet(directory)?;
    // Without Go's cache of results: it does not notice that a library changed.
    shown(&mut go(directory, &["test", "-race", "-count=1", "./..."])?)
}

/// Go in a directory, with the installed package.
pub fn go(directory: &str, arguments: &[&str]) -> Result<Command> {
    let package = consumers::prefix();
    let header = hash(&[&package.join("include/wasm_memory.h")])?;
    let mut go = command("go", arguments);
    go.current_dir(paths::in_root(directory))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-buildvcs=false")
        .env("CGO_ENABLED", "1")
        // Go does not notice that a header changed either.
        .env("CGO_CPPFLAGS", format!("-DWASM_MEMORY_HEADER_{header}"))
        .env("PKG_CONFIG", consumers::pkg_config_program()?)
        .env("PKG_CONFIG_PATH", package.join("lib/pkgconfig"))
        .env("LD_LIBRARY_PATH", package.join("lib"));
    Ok(go)
}

fn hash(files: &[&Path]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        bytes.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}
