//! `cargo xtask coverage`: which lines of `src/` the tests run: those of Rust, with and without failing
//! system calls, the replay of the fuzzer's corpus among them, and the C and C++ tests.
//!
//! Lines of test modules count neither way. `docs/coverage.md` says what is left, and why.

use crate::cargo::FAULTS;
use crate::process::{command, quiet};
use crate::{cargo, paths, rustup, venv};
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FLAGS: &str = "-Cinstrument-coverage";
const PRESET: &str = "coverage";

/// How often each line was run, for each file of `src/`.
type Lines = BTreeMap<String, BTreeMap<usize, u64>>;

/// Runs the tests and prints a table. `--lines` also names the lines that were not run.
pub fn run(options: &[String]) -> Result<()> {
    let named = options.iter().any(|option| option == "--lines");
    ensure!(options.len() == usize::from(named), "the only option is --lines");
    let tools = rustup::llvm_tools()?;
    venv::provide(&["cmake", "ninja"])?;
    let raw = paths::in_root("target/coverage/raw");
    if raw.exists() {
        fs::remove_dir_all(&raw)?;
    }
    fs::create_dir_all(&raw)?;

    let mut objects = BTreeSet::new();
    for features in [[].as_slice(), &FAULTS] {
        println!("==> Rust tests {}", features.join(" "));
        objects.extend(rust_tests(&raw, features)?);
    }
    println!("==> C and C++ tests");
    objects.insert(c_tests(&raw)?);

    let merged = paths::in_root("target/coverage/all.profdata");
    let mut merge = command(tools.join("llvm-profdata"), ["merge", "-sparse", "-o"]);
    quiet(merge.arg(&merged).arg(&raw))?;
    // One at a time: exported functions have the same names in all of them, and llvm-cov would look
    // at one alone.
    let mut lines = Lines::new();
    for object in objects {
        let mut export = command(tools.join("llvm-cov"), ["export", "-format=lcov"]);
        export.arg("-instr-profile").arg(&merged).arg(object);
        read(&quiet(export.arg("-sources").arg(paths::in_root("src")))?, &mut lines)?;
    }
    print(&lines, named);
    Ok(())
}

fn instrumented(command: &mut Command, raw: &Path, name: &str) {
    command.env("RUSTFLAGS", FLAGS).env("LLVM_PROFILE_FILE", raw.join(name));
}

/// Builds and runs them, and answers the programs.
fn rust_tests(raw: &Path, features: &[&str]) -> Result<Vec<PathBuf>> {
    let mut test = cargo::cargo(["test", "--locked", "--package", "wasm_memory"]);
    test.args(features).arg("--target-dir").arg(paths::in_root("target/coverage/cargo"));
    instrumented(&mut test, raw, "build-%4m.profraw");
    let built = quiet(test.args(["--quiet", "--no-run", "--message-format=json"]))?;
    let mut programs = Vec::new();
    for message in built.lines().filter(|line| line.starts_with('{')) {
        let message: serde_json::Value = serde_json::from_str(message)?;
        if let Some(program) = message.get("executable").and_then(serde_json::Value::as_str) {
            programs.push(PathBuf::from(program));
        }
    }
    for program in &programs {
        let mut run = command(program, [""; 0]);
        instrumented(&mut run, raw, "rust-%4m.profraw");
        quiet(&mut run)?;
    }
    Ok(programs)
}

/// Builds and runs them, and answers the shared library.
fn c_tests(raw: &Path) -> Result<PathBuf> {
    let build = paths::in_root("build").join(PRESET);
    let mut configure = command("cmake", ["--preset", PRESET]);
    instrumented(&mut configure, raw, "build-%4m.profraw");
    quiet(&mut configure)?;
    let mut make = command("cmake", ["--build", "--preset", PRESET]);
    instrumented(&mut make, raw, "build-%4m.profraw");
    quiet(&mut make)?;
    let mut tests = command("ctest", ["--preset", PRESET]);
    instrumented(&mut tests, raw, "c-%8m.profraw");
    quiet(&mut tests)?;
    Ok(build.join("cargo/debug/libwasm_memory.so"))
}

/// Adds what a report in the format of lcov says, less the lines of test modules.
fn read(report: &str, lines: &mut Lines) -> Result<()> {
    let root = paths::in_root("src");
    let mut current: Option<(String, usize)> = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let file = Path::new(path).strip_prefix(&root).ok();
            current = match file.map(|file| file.display().to_string()) {
                Some(file) if !is_of_tests(&file) => {
                    let text = fs::read_to_string(path)?;
                    Some((file, start_of_tests(&text)))
                }
                _ => None,
            };
        } else if let (Some((file, end)), Some(data)) = (&current, line.strip_prefix("DA:")) {
            let (number, count) = data.split_once(',').context("a line without a count")?;
            let number: usize = number.parse()?;
            if number <= *end {
                let counts = lines.entry(file.clone()).or_default();
                let sum: &mut u64 = counts.entry(number).or_default();
                *sum = sum.saturating_add(count.parse()?);
            }
        }
    }
    Ok(())
}

/// The line at which a file's module of tests begins.
fn start_of_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_module = |line: &&str| line.contains("mod tests") && line.ends_with('{');
    let begins = |at: &usize| {
        let after = lines.iter().skip(*at).take(4);
        lines.get(*at) == Some(&"#[cfg(test)]") && after.copied().any(|line| is_module(&line))
    };
    (0..lines.len()).find(begins).unwrap_or(usize::MAX)
}

fn is_of_tests(file: &str) -> bool {
    file.ends_with("tests.rs") || ["faults.rs", "test_support.rs"].contains(&file)
}

fn print(lines: &Lines, named: bool) {
    let (mut all, mut run) = (0_usize, 0_usize);
    println!("\n| file | lines | run | |\n|---|--:|--:|--:|");
    for (file, counts) in lines {
        let missed: Vec<usize> =
            counts.iter().filter(|(_, count)| **count == 0).map(|(line, _)| *line).collect();
        let hit = counts.len().saturating_sub(missed.len());
        all = all.saturating_add(counts.len());
        run = run.saturating_add(hit);
        println!("| {file} | {} | {hit} | {} |", counts.len(), percent(hit, counts.len()));
        if named && !missed.is_empty() {
            println!("    not run: {}", ranges(&missed));
        }
    }
    println!("| all | {all} | {run} | {} |", percent(run, all));
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = part.saturating_mul(1000).checked_div(whole).unwrap_or(1000);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Numbers that follow one another as one range.
fn ranges(numbers: &[usize]) -> String {
    let follows = |before: &usize, after: &usize| *after == before.saturating_add(1);
    let range = |run: &[usize]| match run {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
    };
    numbers.chunk_by(follows).map(range).collect::<Vec<_>>().join(", ")
}
