//! `cargo xtask bench`: builds and runs the program in `benches/`, and says what its samples mean.

mod charts;
mod report;
mod samples;
mod targets;

use crate::process::{command, quiet, shown};
use crate::steps::Steps;
use crate::{cargo, paths, tools, venv};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use targets::{TARGETS, Verdict};

/// Where Debian's wabt has the source of wasm2c's runtime.
const WASM2C_SOURCES: [&str; 2] = ["/usr/share/wabt/wasm2c", "/usr/src/wasm2c"];

/// What was asked on the command line.
struct Options {
    /// Whether the program works, not what it measures.
    short: bool,
    only: Option<String>,
    rounds: Option<String>,
    runs: usize,
}

/// The files that the program needs.
struct Built {
    program: PathBuf,
    library: PathBuf,
    wasmtime: Option<PathBuf>,
    wasm2c: Option<PathBuf>,
}

/// Measures. A target that is missed is an error, but in the short form.
pub fn run(options: &[String]) -> Result<()> {
    let options = parse(options)?;
    let mut steps = Steps::new();
    let mut built = None;
    steps.run("build the library, the program and the peers", || {
        tools::c_compiler()?;
        built = Some(build()?);
        Ok(())
    })?;
    let built = built.context("nothing was built")?;

    let mut runs = Vec::new();
    for number in 1..=options.runs {
        steps.run(&format!("run {number} of {}", options.runs), || {
            runs.push(measure(&built, &options, number)?);
            Ok(())
        })?;
    }
    let pooled = samples::pool(&runs);
    let verdicts = report::judge(&runs);
    let results = directory().join("results.json");
    fs::write(&results, report::json(&runs, &verdicts)?)
        .with_context(|| format!("cannot write {}", results.display()))?;
    if options.short {
        // That what was written can be read again, and drawn, is part of the check.
        let written = fs::read_to_string(&results)?;
        serde_json::from_str::<serde_json::Value>(&written).context("results.json is no JSON")?;
        charts::draw(&pooled, &directory().join("charts"))?;
        steps.finish();
        return Ok(());
    }
    print!("{}", report::text(&pooled, &verdicts, &runs));
    if options.only.is_none() {
        let docs = paths::in_root("docs");
        charts::draw(&pooled, &docs.join("charts"))?;
        let page = docs.join("performance-results.md");
        fs::write(&page, report::page(&pooled, &verdicts, &runs))
            .with_context(|| format!("cannot write {}", page.display()))?;
    }
    steps.finish();
    let missed = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Missed).count();
    ensure!(missed == 0, "{missed} of {} targets were missed", TARGETS.len());
    Ok(())
}

/// The form for every change: few rounds, small counts.
pub fn run_short() -> Result<()> {
    run(&["--short".to_owned()])
}

fn parse(options: &[String]) -> Result<Options> {
    let mut parsed = Options { short: false, only: None, rounds: None, runs: 3 };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{option} needs a value"));
        match option.as_str() {
            "--short" => (parsed.short, parsed.runs) = (true, 1),
            "--only" => parsed.only = Some(value()?.clone()),
            "--rounds" => parsed.rounds = Some(value()?.clone()),
            "--runs" => parsed.runs = value()?.parse().context("--runs needs a number")?,
            _ => bail!("no option `{option}`: --short, --only GROUP, --rounds N, --runs N"),
        }
    }
    ensure!(parsed.runs > 0, "--runs needs at least 1");
    Ok(parsed)
}

fn directory() -> PathBuf {
    paths::in_root("target/bench")
}

fn build() -> Result<Built> {
    ensure!(cfg!(target_os = "linux"), "the benchmark's floor is in Linux's system calls");
    fs::create_dir_all(directory())?;
    cargo::release_library()?;
    let program = directory().join("bench");
    let mut compile = command(tools::c_compiler()?, ["-std=gnu11", "-O2", "-fno-tree-vectorize"]);
    compile.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-Iinclude", "-o"]).arg(&program);
    compile.args(sources(&paths::in_root("benches"))?);
    quiet(compile.args(["-lpthread", "-ldl"]))?;

    let wasmtime = match venv::provide(&["wasmtime"]).and_then(|()| venv::wasmtime_library()) {
        Ok(library) => Some(library),
        Err(error) => {
            println!("    without Wasmtime: {error:#}");
            None
        }
    };
    Ok(Built {
        program,
        library: paths::in_root("target/release/libwasm_memory.so"),
        wasmtime,
        wasm2c: build_wasm2c()?,
    })
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("no {}", directory.display()))?;
    let mut sources = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}

fn build_wasm2c() -> Result<Option<PathBuf>> {
    let source = WASM2C_SOURCES
        .iter()
        .map(Path::new)
        .find(|directory| directory.join("wasm-rt-impl.c").is_file());
    let Some(source) = source else {
        println!("    without wasm2c: the source of its runtime is not here (Debian: wabt)");
        return Ok(None);
    };
    let library = directory().join("libwasm2c_runtime.so");
    let mut compile = command(tools::c_compiler()?, ["-O2", "-w", "-shared", "-fPIC", "-I"]);
    compile.arg(source).arg(source.join("wasm-rt-impl.c")).arg("-o").arg(&library).arg("-lm");
    match quiet(&mut compile) {
        Ok(_) => Ok(Some(library)),
        Err(error) => {
            println!("    without wasm2c: {error:#}");
            Ok(None)
        }
    }
}

fn measure(built: &Built, options: &Options, number: usize) -> Result<samples::Run> {
    let output = directory().join(format!("samples-{number}.jsonl"));
    let mut program = command(&built.program, ["--library"]);
    program.arg(&built.library).arg("--output").arg(&output);
    for (name, peer) in [("--wasmtime", &built.wasmtime), ("--wasm2c", &built.wasm2c)] {
        if let Some(peer) = peer {
            program.arg(name).arg(peer);
        }
    }
    if options.short {
        program.arg("--short");
    }
    for (name, value) in [("--only", &options.only), ("--rounds", &options.rounds)] {
        if let Some(value) = value {
            program.args([name, value]);
        }
    }
    let ran = shown(&mut program);
    let lines = fs::read_to_string(&output)
        .with_context(|| format!("the program wrote no {}", output.display()))?;
    // The lines say more than the exit code does.
    let run = samples::read(&lines)?;
    ran?;
    ensure!(!run.is_empty(), "nothing was measured: no such group?");
    Ok(run)
}
