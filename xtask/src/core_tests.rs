//! `cargo xtask core-tests`: the core specification's own tests, in engines whose memories are this
//! library's. `core-tests/` has the translation and the runners.

mod wasm2c;

use crate::process::{command, quiet};
use crate::steps::{Outcome, Steps};
use crate::{cargo, cmake, paths, tools, venv};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The engine, the set, and what it came to.
type Rows = Vec<(String, String, Tally)>;

/// What running scripts came to.
#[derive(Default)]
struct Tally {
    files: usize,
    passed: usize,
    failed: usize,
    memories: usize,
    growths: usize,
    skipped: BTreeMap<String, usize>,
    notes: String,
}

/// Builds what is needed, and runs all.
pub fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("tools", || {
        tools::require()?;
        venv::provide(&["cmake", "ninja", "wasmtime"])
    })?;
    steps.run("build the library", || {
        cmake::configure("release")?;
        cmake::build("release", Some("wasmtime-demo"))
    })?;
    steps.run_if_possible("core tests in Wasmtime", in_wasmtime)?;
    steps.run_if_possible("core tests by wasm2c", by_wasm2c)?;
    steps.finish();
    Ok(())
}

pub use wasm2c::{run as by_wasm2c, run_core as core_by_wasm2c};

/// Every set, guarded and with explicit checks, and the test of the test.
pub fn in_wasmtime() -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("the runners are for Linux".to_owned()));
    }
    let scripts = scripts()?;
    let runner = compile_wasmtime_runner()?;
    let engine = venv::wasmtime_library()?;
    let run = |directory: &Path, how: &[&str]| {
        let mut run = command(&runner, [&engine, &scripts.join("spectest.wasm")]);
        run.arg(directory).args(how);
        run
    };

    let mut rows = Rows::new();
    for mode in ["guarded", "explicit"] {
        for set in subdirectories(&scripts)? {
            let mut tally = Tally::default();
            for file in subdirectories(&set)? {
                tally.add(&mut run(&file, &[mode]))?;
            }
            print!("{}", tally.notes);
            rows.push((format!("Wasmtime, {mode}"), last_name(&set), tally));
        }
    }
    report(&rows)?;

    for (how, file) in [("open-page", "memory_trap"), ("dirty-growth", "memory_grow")] {
        let mut tally = Tally::default();
        tally.add(&mut run(&scripts.join("core").join(file), &["guarded", how]))?;
        ensure!(tally.failed > 0, "no test of {file} notices memories broken by {how}");
        println!("    broken on purpose, {how}: {} assertions of {file} fail", tally.failed);
    }
    Ok(Outcome::Done)
}

impl Tally {
    /// Runs one script. A runner that ends otherwise than by counting is an error.
    fn add(&mut self, runner: &mut Command) -> Result<()> {
        let output = runner.output().context("cannot run a runner")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut counted = false;
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').context("a line of one word")?;
            let (number, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let number: usize = number.parse().with_context(|| format!("not a count: {line}"))?;
            match word {
                "passed" => self.passed += number,
                "failed" => {
                    self.failed += number;
                    counted = true;
                }
                "memories" => self.memories += number,
                "growths" => self.growths += number,
                "skipped" => *self.skipped.entry(reason.to_owned()).or_default() += number,
                _ => bail!("a runner said: {line}"),
            }
        }
        ensure!(counted, "{}: {runner:?}\n{errors}", output.status);
        // Also of a run that passed: a module that an engine does not compile is named there.
        self.notes.push_str(&errors);
        self.files += 1;
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.files += other.files;
        self.passed += other.passed;
        self.failed += other.failed;
        self.memories += other.memories;
        self.growths += other.growths;
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        self.notes.push_str(&other.notes);
    }
}

/// Prints the table that the README has, and fails if an assertion failed.
fn report(rows: &Rows) -> Result<()> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    println!("| engine | set | files | passed | failed | skipped | memories | growths |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for (engine, set, tally) in rows {
        let skipped: usize = tally.skipped.values().sum();
        println!(
            "| {engine} | {set} | {} | {} | {} | {skipped} | {} | {} |",
            tally.files, tally.passed, tally.failed, tally.memories, tally.growths
        );
        for (reason, count) in &tally.skipped {
            *reasons.entry(reason).or_default() += count;
        }
    }
    for (reason, count) in reasons {
        println!("    skipped {count}: {reason}");
    }
    let failed: usize = rows.iter().map(|(_, _, tally)| tally.failed).sum();
    ensure!(failed == 0, "{failed} assertions failed");
    ensure!(rows.iter().all(|(_, _, tally)| tally.passed > 0), "a set without a passed assertion");
    Ok(())
}

/// The scripts, made anew.
fn scripts() -> Result<PathBuf> {
    let directory = paths::in_root("target/core-tests");
    if directory.exists() {
        fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    quiet(translator().arg(&directory))?;
    Ok(directory)
}

fn translator() -> Command {
    let mut translator = cargo::cargo(["run", "--quiet", "--locked", "--package", "core-tests"]);
    translator.arg("--");
    translator
}

fn compile_wasmtime_runner() -> Result<PathBuf> {
    let runner = paths::scratch("wasmtime-runner");
    fs::create_dir_all(paths::scratch(""))?;
    let library = paths::in_root("build/release/lib");
    let mut compile = command(tools::c_compiler()?, ["-std=c11", "-O1", "-Wall", "-Wextra"]);
    compile.args(["-Wpedantic", "-Werror", "-I", "include", "core-tests/wasmtime.c"]);
    compile.arg("-L").arg(&library).args(["-lwasm_memory", "-ldl", "-o"]).arg(&runner);
    compile.arg(format!("-Wl,-rpath,{}", library.display()));
    quiet(&mut compile)?;
    Ok(runner)
}

fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
