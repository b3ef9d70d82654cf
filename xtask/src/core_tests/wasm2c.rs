//! The scripts as C, through wasm2c of Debian's wabt, with its runtime on memories of this library.

use super::{Rows, Tally, last_name, report, scripts, subdirectories};
use crate::process::{command, find_program, quiet};
use crate::steps::Outcome;
use crate::{paths, tools};
use anyhow::{Context, Result, anyhow, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

/// Its runtime's struct of a memory has another layout in later versions.
const VERSION: &str = "1.0.32";

/// Where the package has the runtime's source.
const RUNTIME: &str = "/usr/share/wabt/wasm2c";

/// What it translates; it has no i64 memories, threads, vectors or custom page sizes.
const SETS: [&str; 2] = ["core", "multi-memory"];

/// All that it translates.
pub fn run() -> Result<Outcome> {
    run_sets(&SETS)
}

/// The 2.0 set alone, in half of the time, which the C compiler takes.
pub fn run_core() -> Result<Outcome> {
    run_sets(&SETS[..1])
}

/// Both modes of wasm2c, and the test of the test.
fn run_sets(sets: &[&str]) -> Result<Outcome> {
    let version = find_program("wasm2c")
        .and_then(|wasm2c| quiet(&mut command(wasm2c, ["--version"])).ok())
        .map(|version| version.trim().to_owned());
    let runtime = Path::new(RUNTIME).join("wasm-rt-impl.c");
    if version.as_deref() != Some(VERSION) || !runtime.is_file() {
        let found =
            version.map_or_else(|| "none".to_owned(), |version| format!("version {version}"));
        return Ok(Outcome::NotHere(format!(
            "needs wasm2c {VERSION} (Debian: wabt); found {found}"
        )));
    }
    let builder = Builder { compiler: tools::c_compiler()?, runtime };

    let scripts = scripts()?;
    let mut rows = Rows::new();
    for mode in ["guarded", "explicit"] {
        for set in sets {
            let files = subdirectories(&scripts.join(set))?;
            if mode == "guarded" {
                translate(&files)?;
            }
            rows.push((format!("wasm2c, {mode}"), (*set).to_owned(), builder.run(&files, mode)?));
        }
    }
    report(&rows)?;

    for (how, file) in [("BREAK_OPEN_PAGE", "memory_trap"), ("BREAK_DIRTY_GROWTH", "memory_grow")] {
        let mut tally = Tally::default();
        let program = builder.compile(&scripts.join("core").join(file), "guarded", &[how])?;
        tally.add(&mut command(&program, [""; 0]))?;
        ensure!(tally.failed > 0, "no test of {file} notices memories broken by {how}");
        println!("    broken on purpose, {how}: {} assertions of {file} fail", tally.failed);
    }
    Ok(Outcome::Done)
}

fn translate(files: &[PathBuf]) -> Result<()> {
    let mut translate = super::translator();
    quiet(translate.arg("wasm2c").args(files))?;
    Ok(())
}

struct Builder {
    compiler: OsString,
    runtime: PathBuf,
}

impl Builder {
    /// Compiles and runs the programs of these scripts: as many at once as there are processors, for
    /// a compiler takes nearly all of the time.
    fn run(&self, files: &[PathBuf], mode: &str) -> Result<Tally> {
        let todo = Mutex::new(files.iter());
        let worker = || {
            let mut tally = Tally::default();
            loop {
                let next = todo.lock().map_err(|_| anyhow!("a thread failed"))?.next();
                let Some(file) = next else { return Ok(tally) };
                let program = self.compile(file, mode, &[])?;
                tally.add(&mut command(&program, [""; 0]))?;
                fs::remove_file(program)?;
            }
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let mut total = Tally::default();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..processors).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                let part: Result<Tally> = worker.join().map_err(|_| anyhow!("a thread failed"))?;
                total.merge(part?);
            }
            Ok::<(), anyhow::Error>(())
        })?;
        print!("{}", total.notes);
        Ok(total)
    }

    /// Without optimization: a script of thousands of calls takes minutes with it.
    fn compile(&self, script: &Path, mode: &str, defines: &[&str]) -> Result<PathBuf> {
        let sources = script.join("wasm2c");
        let program = paths::scratch(&format!("wasm2c-{}", last_name(script)));
        let library = paths::in_root("build/release/lib");
        let mut compile = command(&self.compiler, ["-std=gnu11", "-O0", "-w", "-o"]);
        compile.arg(&program).args(["-I", "include", "-I", "core-tests", "-I", RUNTIME]);
        compile.args(defines.iter().map(|define| format!("-D{define}")));
        for entry in fs::read_dir(&sources)? {
            let source = entry?.path();
            if source.extension().is_some_and(|extension| extension == "c") {
                compile.arg(source);
            }
        }
        compile.arg("core-tests/wasm2c.c");
        if mode == "explicit" {
            compile.arg("-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0").arg(&self.runtime);
        } else {
            compile.arg("-lwasm-rt-impl");
        }
        for function in ["allocate", "grow", "free"] {
            compile.arg(format!("-Wl,--wrap=wasm_rt_{function}_memory"));
        }
        compile.arg("-L").arg(&library).args(["-lwasm_memory", "-lm"]);
        compile.arg(format!("-Wl,-rpath,{}", library.display()));
        let output = compile.output().context("cannot run the C compiler")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cannot compile {}\n{errors}", sources.display());
        Ok(program)
    }
}
