//! `cargo xtask check`: what takes longer than `cargo xtask test` may, by name or all of it.
//!
//! A tool that finds nothing may not have looked: each is also given a program with a fault planted,
//! which it must report.

use crate::built::Built;
use crate::process::{command, find_program, quiet, shown};
use crate::steps::{Outcome, Steps};
use crate::{cargo, cmake, overcommit, paths, process, rustup, vendored, venv};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::Command;

/// A check: its name, what it is, and the function that does it.
type Check = (&'static str, &'static str, fn() -> Result<Outcome>);

const CHECKS: [Check; 9] = [
    ("models", "models of the concurrent parts, more deeply", models),
    ("sanitizers", "C and C++ tests under AddressSanitizer, UBSan and LeakSanitizer", sanitizers),
    ("tsan", "C tests of threads under ThreadSanitizer, the library too", thread_sanitizer),
    ("miri", "unit tests and memories on a heap in Miri", miri),
    ("memcheck", "C tests under Valgrind", memcheck),
    ("stress", "everything at once, for WASM_MEMORY_TEST_SECONDS (120)", stress),
    ("faults", "every call refused with every errno in every way", all_faults),
    ("overcommit", "a host that does not overcommit", overcommit::run),
    ("vendored", "a vendored copy under a sanitizer and for another processor", vendored_copies),
];

/// Runs the checks of these names; all of them when there is none.
pub fn run(names: &[String]) -> Result<()> {
    if let Some(unknown) =
        names.iter().find(|name| !CHECKS.iter().any(|(known, ..)| known == *name))
    {
        let known: Vec<&str> = CHECKS.iter().map(|(name, ..)| *name).collect();
        bail!("no check `{unknown}`; there are {}", known.join(", "));
    }
    let mut steps = Steps::new();
    for (name, what, check) in CHECKS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            steps.run_if_possible(&format!("{name}: {what}"), check)?;
        }
    }
    steps.finish();
    Ok(())
}

/// What a tool that is told so exits with when it has found something.
const FOUND: i32 = 66;

fn vendored_copies() -> Result<Outcome> {
    venv::provide(&["cmake", "ninja"])?;
    match vendored::sanitized()? {
        Outcome::Done => vendored::crossed(),
        reason @ Outcome::NotHere(_) => Ok(reason),
    }
}

fn all_faults() -> Result<Outcome> {
    cargo::all_faults()?;
    Ok(Outcome::Done)
}

fn models() -> Result<Outcome> {
    let mut test = cargo::cargo(["test", "--locked", "--package", "models", "--", "--nocapture"]);
    shown(test.env("WASM_MEMORY_MODEL_MORE_PREEMPTIONS", "1"))?;
    Ok(Outcome::Done)
}

fn sanitizers() -> Result<Outcome> {
    venv::provide(&["cmake", "ninja"])?;
    cmake::configure("asan")?;
    cmake::build("asan", None)?;
    cmake::test("asan")?;
    let built = Built {
        directory: paths::scratch("sanitizers"),
        library: paths::in_root("build/asan/lib/libwasm_memory.a"),
        compile: &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        link: vec!["-fsanitize=address,undefined".into()],
    };
    let program = built.program("planted", &paths::in_root("xtask/checks/planted.c"))?;
    let options = ("ASAN_OPTIONS", "detect_leaks=1:exitcode=66");
    for (fault, report) in [
        ("overflow", "heap-buffer-overflow"),
        ("leak", "LeakSanitizer: detected memory leaks"),
        ("undefined", "signed integer overflow"),
    ] {
        must_report(command(&program, [fault]).env(options.0, options.1), fault, report)?;
    }
    quiet(&mut command(&program, [""; 0])).context("without a fault nothing is reported")?;
    Ok(Outcome::Done)
}

/// The C tests that have threads.
const OF_THREADS: [&str; 20] = [
    "buffer_identity",
    "buffer_races",
    "cache_threads",
    "errors",
    "find_storm",
    "fork",
    "handles",
    "limiter_calls",
    "litmus",
    "pool",
    "quota",
    "regressions",
    "share",
    "stats",
    "stress",
    "tenants",
    "wait",
    "wait_end",
    "wait_queue",
    "wait_stress",
];

/// The library itself is instrumented. What is linked is rustc's own runtime of ThreadSanitizer, which
/// knows all that rustc's instrumentation calls; gcc's does not. The standard library is not
/// instrumented, but what is inlined of it is, and the library has its own locks.
fn thread_sanitizer() -> Result<Outcome> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let sysroot = quiet(&mut command("rustc", ["--print", "sysroot"]))?;
    let runtime = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib/librustc-stable_rt.tsan.a");
    if !runtime.is_file() {
        return Ok(Outcome::NotHere(format!("this rustc has no ThreadSanitizer for {TARGET}")));
    }
    let directory = paths::scratch("tsan");
    let mut build = cargo::cargo(["rustc", "--release", "--locked", "--lib"]);
    build.args(["--crate-type", "staticlib", "--target", TARGET, "--target-dir"]);
    build.arg(directory.join("cargo"));
    // A flag of rustc that is not stable, for a test only.
    build.env("RUSTC_BOOTSTRAP", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
    build.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    build.env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer");
    quiet(&mut build)?;
    let library = directory.join("cargo").join(TARGET).join("release/libwasm_memory.a");
    let whole = format!("-Wl,--whole-archive,{},--no-whole-archive", runtime.display());
    let built = Built {
        directory,
        library,
        compile: &["-O1", "-g", "-fsanitize=thread", "-fno-omit-frame-pointer"],
        link: vec![whole, "-lstdc++".into()],
    };
    let program = built.program("planted", &paths::in_root("xtask/checks/planted.c"))?;
    // A child of a fork has threads of its own in some tests.
    let options = format!("exitcode={FOUND}:die_after_fork=0");
    must_report(
        command(&program, ["race"]).env("TSAN_OPTIONS", &options),
        "race",
        "ThreadSanitizer: data race",
    )?;
    quiet(command(&program, [""; 0]).env("TSAN_OPTIONS", &options))
        .context("without a fault nothing is reported")?;
    for name in OF_THREADS {
        built.test(name, |program| {
            let mut run = command(program, [""; 0]);
            // So long is `stress`; the others do not ask.
            run.env("TSAN_OPTIONS", &options).env("WASM_MEMORY_TEST_SECONDS", "10");
            run
        })?;
    }
    Ok(Outcome::Done)
}

/// Miri knows no reservations: it runs the library as it is without a host, on a heap.
fn miri() -> Result<Outcome> {
    let parts = ["miri", "rust-src"];
    let nightly = match rustup::toolchain("nightly", &parts, ["cargo", "miri", "--version"]) {
        Ok(nightly) => nightly,
        Err(reason) => return Ok(Outcome::NotHere(reason)),
    };
    let test = |arguments: &[&str]| {
        let mut test = nightly.run(["cargo", "miri", "test", "--locked", "--no-default-features"]);
        test.arg("--target-dir").arg(paths::scratch("miri")).args(arguments);
        test
    };
    shown(&mut test(&["--lib"]))?;
    shown(&mut test(&["--test", "on_heap", "--test", "semantics"]))?;
    let mut planted = test(&["--test", "on_heap", "--", "--ignored", "planted"]);
    must_report(&mut planted, "access past the end", "Undefined Behavior")?;
    Ok(Outcome::Done)
}

/// C tests of each part that need few reservations, and do not ask the kernel whether they can reach a
/// byte, which Valgrind reports.
const OF_MEMORY: [&str; 11] = [
    "abi",
    "bad_input",
    "buffer_identity",
    "buffer_resize",
    "bulk_bounds",
    "create",
    "errors",
    "grow",
    "pool",
    "share",
    "wait",
];

fn memcheck() -> Result<Outcome> {
    let Some(valgrind) = find_program("valgrind") else {
        return Ok(Outcome::NotHere("no valgrind (Debian: apt-get install valgrind)".into()));
    };
    let directory = paths::scratch("memcheck");
    let mut build = cargo::cargo(["rustc", "--locked", "--lib", "--crate-type", "staticlib"]);
    quiet(build.arg("--target-dir").arg(directory.join("cargo")))?;
    let library = directory.join("cargo/debug/libwasm_memory.a");
    let built = Built { directory, library, compile: &["-O1", "-g"], link: Vec::new() };
    let under = |program: &Path, arguments: &[&str]| {
        let code = format!("--error-exitcode={FOUND}");
        let mut run = command(&valgrind, ["--quiet", "--leak-check=full", &code]);
        run.arg("--errors-for-leak-kinds=definite").arg(program).args(arguments);
        run.env("WASM_MEMORY_TEST_SKIP_HOST_LIMITS", "1");
        run
    };
    let program = built.program("planted", &paths::in_root("xtask/checks/planted.c"))?;
    must_report(&mut under(&program, &["overflow"]), "overflow", "Invalid write")?;
    must_report(&mut under(&program, &["leak"]), "leak", "definitely lost")?;
    quiet(&mut under(&program, &[])).context("without a fault nothing is reported")?;
    for name in OF_MEMORY {
        built.test(name, |program| under(program, &[]))?;
    }
    Ok(Outcome::Done)
}

fn stress() -> Result<Outcome> {
    let built = Built::release("stress")?;
    let program = built.program("stress", &paths::in_root("c-tests/stress.c"))?;
    let seconds = std::env::var("WASM_MEMORY_TEST_SECONDS").unwrap_or_else(|_| "120".into());
    shown(command(program, [""; 0]).env("WASM_MEMORY_TEST_SECONDS", seconds))?;
    Ok(Outcome::Done)
}

/// The command fails, and its output has the report of it.
fn must_report(run: &mut Command, fault: &str, report: &str) -> Result<()> {
    let log = process::failing(run)?;
    ensure!(log.contains(report), "the planted {fault} was not reported as `{report}`:\n{log}");
    println!("    planted {fault}: found");
    Ok(())
}
