//! C tests, each built as one program with some build of the static library.

use crate::process::{command, quiet};
use crate::{cargo, paths, tools};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A build of the static library, and how programs are built with it.
pub struct Built {
    pub directory: PathBuf,
    pub library: PathBuf,
    pub compile: &'static [&'static str],
    pub link: Vec<String>,
}

impl Built {
    /// The library as it ships, for programs in `directory`.
    pub fn release(directory: &str) -> Result<Self> {
        let directory = paths::scratch(directory);
        let mut build = cargo::cargo(["rustc", "--release", "--locked", "--lib"]);
        build.args(["--crate-type", "staticlib", "--target-dir"]);
        quiet(build.arg(directory.join("cargo")))?;
        let library = directory.join("cargo/release/libwasm_memory.a");
        Ok(Self { directory, library, compile: &["-O2", "-g"], link: Vec::new() })
    }

    /// Builds the program of one source.
    pub fn program(&self, name: &str, source: &Path) -> Result<PathBuf> {
        self.object(name, source)?;
        self.linked(name)
    }

    /// Compiles the one source of a program.
    pub fn object(&self, name: &str, source: &Path) -> Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut compile = command(tools::c_compiler()?, ["-std=gnu11", "-Iinclude", "-Ic-tests"]);
        compile.arg("-c").arg("-o").arg(self.directory.join(format!("{name}.o")));
        quiet(compile.arg(source).args(self.compile))?;
        Ok(())
    }

    /// Links a program that was compiled.
    pub fn linked(&self, name: &str) -> Result<PathBuf> {
        let program = self.directory.join(name);
        let mut link = command(tools::c_compiler()?, ["-o"]);
        link.arg(&program).arg(self.directory.join(format!("{name}.o")));
        link.arg(&self.library).args(&self.link);
        quiet(link.args(["-lpthread", "-ldl", "-lm", "-lrt"]))?;
        Ok(program)
    }

    /// Builds and runs one of the C tests, in short.
    pub fn test(&self, name: &str, run: impl Fn(&Path) -> Command) -> Result<()> {
        let started = Instant::now();
        let program = self.program(name, &source(name))?;
        let told = quiet(in_short(&mut run(&program)))?;
        let summary = told.lines().last().unwrap_or_default();
        println!("    {name}: {summary} ({:.1} s)", started.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Where the C test of this name is.
pub fn source(name: &str) -> PathBuf {
    paths::in_root("c-tests").join(format!("{name}.c"))
}

/// Tells a C test to take little time.
pub fn in_short(run: &mut Command) -> &mut Command {
    run.env("WASM_MEMORY_TEST_SHORT", "1")
}
