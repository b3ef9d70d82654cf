//! `cargo xtask coverage`: which lines of `src/` the tests run, and which ways of its branches they take: those of Rust, with and without failing
//! system calls, the replay of the fuzzer's corpus among them, and the C and C++ tests.
//!
//! Lines of test modules count neither way. `docs/coverage.md` says what is left, and why.

use crate::cargo::FAULTS;
use crate::process::{command, quiet};
use crate::{cargo, paths, rustup, venv};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Branches are an option of rustc that is not stable, for a test only.
const FLAGS: &str = "-Cinstrument-coverage -Zcoverage-options=branch";
const PRESET: &str = "coverage";

/// What was run of a file of `src/`.
#[derive(Default)]
struct Counts {
    /// How often each line was.
    lines: BTreeMap<usize, u64>,
    /// How often each way of a branch was taken: by line, branch of the line, and way.
    branches: BTreeMap<(usize, u64, u64), u64>,
}

/// By the file's name.
type Files = BTreeMap<String, Counts>;

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
    let mut files = Files::new();
    for object in objects {
        let mut export = command(tools.join("llvm-cov"), ["export", "-format=lcov"]);
        export.arg("-instr-profile").arg(&merged).arg(object);
        read(&quiet(export.arg("-sources").arg(paths::in_root("src")))?, &mut files)?;
    }
    print(&files, named);
    Ok(())
}

fn instrumented(command: &mut Command, raw: &Path, name: &str) {
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS);
    command.env("LLVM_PROFILE_FILE", raw.join(name));
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
    Ok(build.join("lib/libwasm_memory.so"))
}

/// Adds what a report in the format of lcov says, less the lines of test modules.
fn read(report: &str, files: &mut Files) -> Result<()> {
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
            continue;
        }
        let Some((file, end)) = &current else { continue };
        if let Some(data) = line.strip_prefix("DA:") {
            let (number, count) = data.split_once(',').context("a line without a count")?;
            let number: usize = number.parse()?;
            if number <= *end {
                let lines = &mut files.entry(file.clone()).or_default().lines;
                add(lines.entry(number).or_default(), count)?;
            }
        } else if let Some(data) = line.strip_prefix("BRDA:") {
            let fields: Vec<&str> = data.split(',').collect();
            let [number, branch, way, count] = fields.as_slice() else {
                bail!("no branch: {data}")
            };
            let number: usize = number.parse()?;
            if number <= *end {
                let branches = &mut files.entry(file.clone()).or_default().branches;
                let key = (number, branch.parse()?, way.parse()?);
                add(branches.entry(key).or_default(), count)?;
            }
        }
    }
    Ok(())
}

/// Adds a number of a report, in which `-` stands for what was never reached.
fn add(sum: &mut u64, count: &str) -> Result<()> {
    let count: u64 = if count == "-" { 0 } else { count.parse()? };
    *sum = sum.saturating_add(count);
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

fn print(files: &Files, named: bool) {
    let mut all = [0_usize; 4];
    println!("\n| file | lines | run | | branches | taken | |\n|---|--:|--:|--:|--:|--:|--:|");
    for (file, counts) in files {
        let missed = |counts: &mut dyn Iterator<Item = (usize, u64)>| -> Vec<usize> {
            counts.filter(|(_, count)| *count == 0).map(|(line, _)| line).collect()
        };
        let lines = missed(&mut counts.lines.iter().map(|(line, count)| (*line, *count)));
        let mut ways = counts.branches.iter().map(|(key, count)| (key.0, *count));
        let mut branches = missed(&mut ways);
        let of_file = [
            counts.lines.len(),
            counts.lines.len().saturating_sub(lines.len()),
            counts.branches.len(),
            counts.branches.len().saturating_sub(branches.len()),
        ];
        print_row(file, of_file);
        for (sum, more) in all.iter_mut().zip(of_file) {
            *sum = sum.saturating_add(more);
        }
        if named && !lines.is_empty() {
            println!("    not run: {}", ranges(&lines));
        }
        branches.dedup();
        if named && !branches.is_empty() {
            println!("    not taken: {}", ranges(&branches));
        }
    }
    print_row("**all**", all);
}

fn print_row(name: &str, [lines, run, branches, taken]: [usize; 4]) {
    let (of_lines, of_branches) = (percent(run, lines), percent(taken, branches));
    println!("| {name} | {lines} | {run} | {of_lines} | {branches} | {taken} | {of_branches} |");
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
