//! What compiled programs rely on, written down and held: `cmake/wasm_memory.map` lists the exported
//! functions for the linker, `abi/` describes their types and structs for abidiff. docs/abi.md is the
//! policy.

use crate::process::{command, find_program, quiet};
use crate::steps::Outcome;
use crate::{header, paths, symbols, tools};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The version script of the shared library, and the list of what stays global in the archive.
pub const MAP: &str = "cmake/wasm_memory.map";

const MAP_STARTS: &str = "\
# What the shared library exports, for the linker: the functions of include/wasm_memory.h. The node is named after
# the ABI. `cargo xtask abi` writes this file; what may change in it is in docs/abi.md.
";

/// `cargo xtask abi`: writes both anew from the header. A description with which compiled programs
/// would break is written only with `--accept`.
pub fn write(options: &[String]) -> Result<()> {
    let accept = options == ["--accept"];
    ensure!(accept || options.is_empty(), "no option `{}`", options.join(" "));
    fs::write(paths::in_root(MAP), map()?).with_context(|| format!("cannot write {MAP}"))?;
    println!("{MAP} written");

    if let Some(reason) = no_tools() {
        println!("the description is left as it is: {reason}");
        return Ok(());
    }
    let committed = description()?;
    let current = describe(&header::text()?, "current")?;
    if committed.exists() && !accept {
        let report = differences(&["--no-added-syms"], &committed, &current)?;
        ensure!(
            report.is_empty(),
            "compiled programs may break (docs/abi.md says what can be accepted, with \
             `cargo xtask abi --accept`):\n{report}"
        );
    }
    fs::create_dir_all(paths::in_root("abi"))?;
    fs::copy(&current, &committed)?;
    println!("{} written", committed.display());
    Ok(())
}

/// The committed list has the functions of the committed header.
pub fn check_list() -> Result<()> {
    let committed = fs::read_to_string(paths::in_root(MAP)).context(MAP)?;
    ensure!(
        committed == map()?,
        "{MAP} is not the list of the header's functions: `cargo xtask abi` writes it anew"
    );
    let manifest = fs::read_to_string(paths::in_root("Cargo.toml"))?;
    let library = manifest
        .split_once("[package.metadata.capi.library]")
        .context("Cargo.toml tells cargo-c nothing about the library")?
        .1;
    let version = format!("version = \"{}.", symbols::abi_version()?);
    ensure!(
        library.lines().any(|line| line.starts_with(&version)),
        "Cargo.toml tells cargo-c another number of the ABI: no {version}"
    );
    Ok(())
}

/// Every number that the header defines has its value asserted in the C tests: abidiff does not see a
/// macro.
pub fn check_numbers() -> Result<()> {
    let mut asserted = String::new();
    for file in ["abi.h", "abi_allocators.c"] {
        asserted.push_str(&fs::read_to_string(paths::in_root("c-tests").join(file))?);
    }
    let mut count = 0;
    for line in header::text()?.lines() {
        let define =
            line.strip_prefix("#define WASM_MEMORY_").and_then(|rest| rest.split_once(' '));
        let Some((name, value)) = define.filter(|(name, _)| !name.contains('(')) else {
            continue;
        };
        if name != "ABI_VERSION" && value.trim_matches(['(', ')']).parse::<u64>().is_ok() {
            let number = format!("ABI_NUMBER({name}, ");
            ensure!(asserted.contains(&number), "c-tests/abi.h has no {number}{value});");
            count += 1;
        }
    }
    ensure!(count > 60, "the header has only {count} numbers");
    Ok(())
}

/// A program that was linked with the described library works with this one; and a header with which
/// it would not is found out.
pub fn check() -> Result<Outcome> {
    if let Some(reason) = no_tools() {
        return Ok(Outcome::NotHere(reason));
    }
    let committed = description()?;
    let text = header::text()?;
    let current = describe(&text, "current")?;
    let broken = differences(&["--no-added-syms"], &committed, &current)?;
    ensure!(
        broken.is_empty(),
        "compiled programs may break; docs/abi.md says what to do:\n{broken}"
    );
    let report = differences(&[], &committed, &current)?;
    ensure!(report.is_empty(), "`cargo xtask abi` takes in what was added:\n{report}");

    for (name, from, to) in [
        ("parameter", "uint64_t delta", "uint32_t delta"),
        ("field", "uint64_t reservation;", "uint64_t before; uint64_t reservation;"),
        ("result", "const char *wasm_memory_status_name", "uint32_t wasm_memory_status_name"),
    ] {
        ensure!(text.contains(from), "the header has no `{from}` to change");
        let changed = describe(&text.replacen(from, to, 1), name)?;
        let report = differences(&["--no-added-syms"], &committed, &changed)?;
        ensure!(!report.is_empty(), "abidiff does not see that a {name} changed");
    }
    Ok(Outcome::Done)
}

fn map() -> Result<String> {
    let mut text = format!("{MAP_STARTS}WASM_MEMORY_{} {{\n  global:\n", symbols::abi_version()?);
    for function in header::functions()? {
        text.push_str(&format!("    {function};\n"));
    }
    text.push_str("  local:\n    *;\n};\n");
    Ok(text)
}

fn no_tools() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("the description is that of Linux on x86-64".to_owned());
    }
    let missing = ["abidw", "abidiff"].into_iter().find(|name| find_program(name).is_none())?;
    Some(format!("there is no {missing} (Debian: apt-get install abigail-tools)"))
}

fn description() -> Result<PathBuf> {
    let abi = symbols::abi_version()?;
    Ok(paths::in_root(&format!("abi/libwasm_memory.so.{abi}-x86_64-linux.abi")))
}

/// Describes the ABI as C sees it: of a library that has each function of a header, without the
/// sense. That of the real one tells Rust's private types, which differ from one compiler to the next.
fn describe(header: &str, name: &str) -> Result<PathBuf> {
    let directory = paths::scratch("abi").join(name);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("wasm_memory.h"), header)?;
    let source = directory.join("functions.c");
    let mut text = String::from("#include \"wasm_memory.h\"\n");
    for function in header::prototypes(header) {
        text.push_str(&format!("{function} {{ __builtin_trap(); }}\n"));
    }
    fs::write(&source, text)?;

    let library = directory.join("libwasm_memory.so");
    let soname = format!("-Wl,-soname,libwasm_memory.so.{}", symbols::abi_version()?);
    let mut compile = command(tools::c_compiler()?, ["-std=c11", "-g", "-shared", "-fPIC", "-w"]);
    // No path of this machine is part of the description.
    compile.arg(format!("-ffile-prefix-map={}=.", paths::root().display()));
    compile.arg(soname).arg(format!("-Wl,--version-script={MAP}"));
    quiet(compile.arg(&source).arg("-o").arg(&library))?;

    let description = directory.join("description.abi");
    let options = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file"];
    quiet(command("abidw", options).arg(&description).arg(&library))?;
    Ok(description)
}

/// What abidiff has to say; nothing when it sees no difference.
fn differences(options: &[&str], old: &Path, new: &Path) -> Result<String> {
    let mut abidiff = command("abidiff", options);
    abidiff.arg(old).arg(new).stdin(Stdio::null());
    let output = abidiff.output().context("cannot run abidiff")?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => Ok(String::new()),
        // Bits 4 and 8: a change, an incompatible change. 1 and 2 are abidiff's own errors.
        Some(code) if code & 3 == 0 => Ok(report),
        _ => {
            bail!("abidiff: {}\n{report}{}", output.status, String::from_utf8_lossy(&output.stderr))
        }
    }
}
