//! The library without a host: heap only, no standard library.

use crate::process::{command, quiet, shown};
use crate::steps::Outcome;
use crate::{cargo, header, paths, rustup, tools};
use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, SectionKind};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device without an operating system.
const DEVICE: &str = "thumbv7em-none-eabihf";

/// The C tests that ask nothing of a host. What needs threads or virtual memory in them is skipped.
const TESTS: [&str; 19] = [
    "abi_allocators",
    "access_plain",
    "allocator_input",
    "buffer_handles",
    "buffer_identity",
    "buffer_lifetime",
    "buffer_resize",
    "bulk_bounds",
    "bulk_copy",
    "create_order",
    "delete",
    "grow",
    "grow_order",
    "handles",
    "heap",
    "heap_calls",
    "limiter_calls",
    "match",
    "type",
];

/// The Rust tests of what holds on every backend.
pub fn rust_tests() -> Result<()> {
    shown(&mut cargo::cargo([
        "test",
        "--locked",
        "--no-default-features",
        "--lib",
        "--test",
        "semantics",
    ]))
}

/// The library as it ships for a host without an operating system, here under the C tests.
pub fn c_tests() -> Result<()> {
    let archive = build(None)?;
    let folder = paths::scratch("bare");
    fs::create_dir_all(&folder)?;
    for test in TESTS {
        let program = folder.join(test);
        let source = format!("c-tests/{test}.c");
        link(&["-O1", "-Ic-tests", &source], &archive, &program)?;
        let output = Command::new(&program).output()?;
        // 77: all of it was skipped.
        ensure!(
            output.status.success() || output.status.code() == Some(77),
            "{test} without a host: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let program = folder.join("firmware");
    link(&["-Os", "examples/firmware/main.c"], &archive, &program)?;
    let said = quiet(&mut Command::new(&program))?;
    ensure!(said.ends_with("the arena is free: yes\n"), "examples/firmware says\n{said}");
    println!("    {} C tests and examples/firmware", TESTS.len());
    Ok(())
}

/// The library for a device.
pub fn device() -> Result<Outcome> {
    if let Err(reason) = rustup::add_target(DEVICE) {
        return Ok(Outcome::NotHere(reason));
    }
    build(Some(DEVICE))?;
    Ok(Outcome::Done)
}

/// `cargo xtask sizes`: how large the library is, with a host and without.
pub fn sizes() -> Result<()> {
    cargo::release_library()?;
    let full = loaded_bytes(&paths::in_root("target/release/libwasm_memory.so"))?;
    let archive = build(None)?;
    let folder = paths::scratch("bare");
    fs::create_dir_all(&folder)?;
    let exports = folder.join("exports");
    let mut list = String::from("{ global:");
    for function in header::functions()? {
        write!(list, " {function};")?;
    }
    list.push_str(" local: *; };\n");
    fs::write(&exports, list)?;
    let library = folder.join("libwasm_memory.so");
    let mut cc = command(tools::c_compiler()?, ["-shared", "-nostdlib", "-Wl,--gc-sections"]);
    for function in header::functions()? {
        cc.arg(format!("-Wl,-u,{function}"));
    }
    cc.arg(format!("-Wl,--version-script={}", exports.display()));
    quiet(cc.arg(&archive).args(["-lc", "-lgcc", "-o"]).arg(&library))?;
    let bare = loaded_bytes(&library)?;
    let program = folder.join("smallest");
    let source = folder.join("smallest.c");
    fs::write(
        &source,
        "#include \"wasm_memory.h\"\nint main(void) { wasm_memory_t *m; wasm_memory_descriptor_t d = {.initial = {1, 1}};\n  if (wasm_memory_new(&d, &m)) return 1;\n  wasm_memory_status_t s = wasm_memory_grow(m, 1, 0);\n  wasm_memory_delete(m);\n  return s; }\n",
    )?;
    let source = source.display().to_string();
    link(&["-Os", &source], &archive, &program)?;
    let smallest = loaded_bytes(&program)?;
    println!("with a host (default features, release): {} KiB", kib(full));
    println!("without a host (profile bare), every function: {} KiB", kib(bare));
    println!("without a host, a program that creates, grows and deletes: {} KiB", kib(smallest));
    Ok(())
}

fn build(target: Option<&str>) -> Result<PathBuf> {
    let mut rustc = cargo::cargo([
        "rustc",
        "--locked",
        "--lib",
        "--crate-type",
        "staticlib",
        "--profile",
        "bare",
        "--no-default-features",
        "--features",
        "panic-handler",
    ]);
    let folder = paths::in_root("target");
    rustc.arg("--target-dir").arg(&folder);
    if let Some(target) = target {
        rustc.args(["--target", target]);
    }
    quiet(&mut rustc)?;
    Ok(folder.join(target.unwrap_or_default()).join("bare/libwasm_memory.a"))
}

fn link(arguments: &[&str], archive: &Path, program: &Path) -> Result<()> {
    let mut cc = command(tools::c_compiler()?, ["-std=gnu11", "-Wall", "-Wextra", "-Iinclude"]);
    cc.args(arguments).arg(archive).args(["-Wl,--gc-sections", "-pthread", "-o"]);
    quiet(cc.arg(program)).map(|_| ())
}

/// Code and data of a program or library, as they are in memory.
fn loaded_bytes(path: &Path) -> Result<u64> {
    let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = object::File::parse(&*data)?;
    let kinds = [
        SectionKind::Text,
        SectionKind::Data,
        SectionKind::ReadOnlyData,
        SectionKind::ReadOnlyString,
        SectionKind::UninitializedData,
    ];
    Ok(file.sections().filter(|section| kinds.contains(&section.kind())).map(|s| s.size()).sum())
}

const fn kib(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}
