//! `cargo xtask mutants`: does a test notice when a line of the library is another?
//!
//! cargo-mutants changes the core's functions one at a time, and runs the Rust tests. What those miss is
//! tried on the C tests here. A mutant that is missed by both is a change of behaviour that nothing
//! tests, or one that cannot be seen: `docs/mutants.md` lists those.

use crate::built::{self, Built};
use crate::process::{command, quiet, shown};
use crate::{cargo, paths, rustup};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const CARGO_MUTANTS: &str = "27.1.0";

/// What is changed where no file is named, smallest first.
const FILES: [&str; 12] = [
    "src/atomics/sync.rs",
    "src/view.rs",
    "src/bulk.rs",
    "src/allocator/admission.rs",
    "src/allocator/counters.rs",
    "src/atomics/mod.rs",
    "src/atomics/queue.rs",
    "src/allocator/cache.rs",
    "src/region/slots.rs",
    "src/descriptor.rs",
    "src/memory.rs",
    "src/buffer.rs",
];

/// Changes the files that are named, or the core.
pub fn run(options: &[String]) -> Result<()> {
    let tool = rustup::cargo_tool("cargo-mutants", CARGO_MUTANTS)?;
    let named: Vec<&str> = options.iter().map(String::as_str).collect();
    let files = if named.is_empty() { FILES.as_slice() } else { named.as_slice() };
    let mut c_tests = None;
    let mut missed = Vec::new();
    for file in files {
        println!("==> {file}");
        for mutant in missed_by_rust_tests(&tool, file)? {
            let c_tests = match &mut c_tests {
                Some(c_tests) => c_tests,
                none => none.insert(CTests::prepare()?),
            };
            match c_tests.notice(&mutant)? {
                Some(test) => println!("CAUGHT   {} by c-tests/{test}.c", mutant.name),
                None => missed.push(mutant.name),
            }
        }
    }
    println!("==> {} files, {} mutants missed by the C tests too", files.len(), missed.len());
    for name in missed {
        println!("{name}");
    }
    Ok(())
}

/// A change of the library.
struct Mutant {
    name: String,
    file: String,
    /// Line and column, from 1, at which the old text begins and ends.
    from: (usize, usize),
    to: (usize, usize),
    replacement: String,
}

/// Runs cargo-mutants on a file.
fn missed_by_rust_tests(tool: &Path, file: &str) -> Result<Vec<Mutant>> {
    let output = paths::in_root("target/mutants").join(file.replace('/', "_"));
    fs::create_dir_all(&output)?;
    let mut mutants = command(tool, ["mutants", "--no-shuffle", "--colors", "never"]);
    mutants.args(["--package", "wasm_memory", "--file", file, "--output"]).arg(&output);
    mutants.args(["--timeout", "120", "--", "--lib", "--test", "model", "--locked"]);
    // What shows that the model can fail says nothing about the library.
    mutants.args(["--", "--skip", "a_wrong_rule_is_noticed"]);
    mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
    mutants.env("PROPTEST_CASES", "400").env_remove("CARGO");
    // It also fails where a mutant was missed, and says which.
    let failed = shown(&mut mutants).err();
    let outcomes = fs::read(output.join("mutants.out/outcomes.json"));
    let Ok(outcomes) = outcomes else { return failed.map_or(Ok(Vec::new()), Err) };
    let outcomes: Value = serde_json::from_slice(&outcomes)?;
    let outcomes = outcomes.get("outcomes").and_then(Value::as_array).context("no outcomes")?;
    let missed = outcomes.iter().filter(|outcome| outcome["summary"] == "MissedMutant");
    missed.map(|outcome| mutant(&outcome["scenario"]["Mutant"]).context("no mutant")).collect()
}

fn mutant(of: &Value) -> Option<Mutant> {
    let text = |name: &str| of[name].as_str().map(str::to_owned);
    let place = |name: &str| {
        let number = |of: &Value| usize::try_from(of.as_u64()?).ok();
        let place = &of["span"][name];
        Some((number(&place["line"])?, number(&place["column"])?))
    };
    Some(Mutant {
        name: text("name")?,
        file: text("file")?,
        from: place("start")?,
        to: place("end")?,
        replacement: text("replacement")?,
    })
}

/// The C tests, as programs over a copy of the library that is changed.
struct CTests {
    copy: PathBuf,
    built: Built,
    names: Vec<String>,
}

impl CTests {
    /// Copies the library and compiles the tests; those that the unchanged library passes count.
    fn prepare() -> Result<Self> {
        let copy = paths::in_root("target/mutants/copy");
        for file in quiet(&mut command("git", ["ls-files"]))?.lines() {
            let to = copy.join(file);
            fs::create_dir_all(to.parent().context("a file in no directory")?)?;
            fs::copy(paths::in_root(file), to)?;
        }
        let built = Built {
            directory: paths::in_root("target/mutants/c-tests"),
            library: copy.join("target/debug/libwasm_memory.a"),
            compile: &["-O1"],
            link: Vec::new(),
        };
        let mut tests = Self { copy, built, names: Vec::new() };
        ensure!(tests.build(), "the copy of the library does not build");
        for entry in fs::read_dir(paths::in_root("c-tests"))? {
            let path = entry?.path();
            let is_test =
                fs::read_to_string(&path).is_ok_and(|text| text.contains("HARNESS_MAIN("));
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            // What measures time tells nothing while other programs run.
            if !is_test || path.extension().is_none_or(|end| end != "c") || name == "cost" {
                continue;
            }
            tests.built.object(name, &built::source(name))?;
            if tests.passes(name)? {
                tests.names.push(name.to_owned());
            } else {
                println!("    without {name}: it fails when all its tests run in one process");
            }
        }
        tests.names.sort();
        Ok(tests)
    }

    fn build(&self) -> bool {
        let mut build = cargo::cargo(["rustc", "--locked", "--lib", "--crate-type", "staticlib"]);
        build.current_dir(&self.copy).env("CARGO_PROFILE_DEV_DEBUG", "0");
        quiet(build.args(["--target-dir", "target"])).is_ok()
    }

    fn passes(&self, name: &str) -> Result<bool> {
        const SKIPPED: i32 = 77;
        let program = self.built.linked(name)?;
        let mut run = command("timeout", ["--kill-after=5", "60"]);
        let output = built::in_short(run.arg(program)).output()?;
        Ok(output.status.success() || output.status.code() == Some(SKIPPED))
    }

    /// The test that notices a mutant.
    fn notice(&self, mutant: &Mutant) -> Result<Option<&str>> {
        let path = self.copy.join(&mutant.file);
        let whole = fs::read_to_string(&path)?;
        let at = |(line, column)| offset(&whole, line, column).context("a place past the end");
        let (from, to) = (at(mutant.from)?, at(mutant.to)?);
        let (before, after) = (whole.get(..from).unwrap_or(""), whole.get(to..).unwrap_or(""));
        fs::write(&path, [before, &mutant.replacement, after].concat())?;
        let noticed = self.first_failure(&mutant.name);
        fs::write(&path, &whole)?;
        noticed
    }

    fn first_failure(&self, mutant: &str) -> Result<Option<&str>> {
        ensure!(self.build(), "{mutant} does not build, as it did for the Rust tests");
        for name in &self.names {
            if !self.passes(name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Where in a text a line and column are, both from 1; columns count characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let mut places = text.get(before..)?.char_indices();
    places.nth(column.checked_sub(1)?).map(|(at, _)| before.saturating_add(at))
}
