//! Programs of other people: the library as they get at it.

use crate::process::{command, find_program, quiet, shown};
use crate::{cmake, paths, symbols, tools, venv};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the release build is installed: below a DESTDIR, so in another place than it was told.
/// Whatever is found there finds the rest relative to itself.
fn prefix() -> PathBuf {
    paths::scratch("installed/opt/wasm_memory")
}

/// Installs the release preset.
pub fn install() -> Result<()> {
    let root = paths::scratch("installed");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let arguments = ["--install", "build/release", "--prefix", "/opt/wasm_memory"];
    quiet(command("cmake", arguments).env("DESTDIR", &root))?;
    Ok(())
}

/// The C and C++ tests, built on their own against the installed package.
pub fn find_package() -> Result<()> {
    let build = paths::scratch("find-package");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    let arguments = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", &prefix];
    cmake::project(&paths::in_root("c-tests"), &build, &arguments)?;
    shown(command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]).arg(build))
}

/// A project that takes the library in by FetchContent, and so by add_subdirectory, under a
/// generator that builds several configurations.
pub fn subproject() -> Result<()> {
    let build = paths::scratch("subproject");
    let source = format!("-DFETCHCONTENT_SOURCE_DIR_WASM_MEMORY={}", paths::root().display());
    let arguments =
        ["-G", "Ninja Multi-Config", "-DCMAKE_CONFIGURATION_TYPES=Debug;Release", &source];
    cmake::project(&paths::in_root("xtask/consumers/subproject"), &build, &arguments)?;
    shown(command("ctest", ["-C", "Debug", "--no-tests=error", "--test-dir"]).arg(build))
}

/// A program built with what pkg-config says: shared, static, and static altogether.
pub fn pkg_config() -> Result<()> {
    let pkg_config = match find_program("pkg-config").or_else(|| find_program("pkgconf")) {
        Some(program) => program,
        None => {
            venv::provide(&["pkgconf"])?;
            venv::programs().join(format!("pkgconf{}", std::env::consts::EXE_SUFFIX))
        }
    };
    let flags = |arguments: &[&str]| -> Result<Vec<String>> {
        let mut ask = command(&pkg_config, arguments);
        ask.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
        let answer = quiet(ask.arg("wasm_memory"))?;
        Ok(answer.split_whitespace().map(str::to_owned).collect())
    };
    let scratch = paths::scratch("pkg-config");
    fs::create_dir_all(&scratch)?;

    let shared = scratch.join("shared");
    let run_path = format!("-Wl,-rpath,{}", prefix().join("lib").display());
    let mut arguments = flags(&["--cflags", "--libs"])?;
    arguments.push(run_path);
    compile(&shared, &arguments)?;
    ensure!(asks_for_library(&shared)?, "{} is not linked dynamically", shared.display());

    // `-l` would take the shared library, were both there: the archive by its name.
    let mut arguments = flags(&["--static", "--cflags", "--libs"])?;
    for argument in &mut arguments {
        if argument == "-lwasm_memory" {
            "-l:libwasm_memory.a".clone_into(argument);
        }
    }
    let archive = scratch.join("static");
    compile(&archive, &arguments)?;
    ensure!(!asks_for_library(&archive)?, "{} is linked dynamically", archive.display());

    if has_static_c_library()? {
        arguments.push("-static".to_owned());
        compile(&scratch.join("all-static"), &arguments)?;
    } else {
        println!("    not checked: -static, as there is no libc.a");
    }
    Ok(())
}

/// A program with two static libraries written in Rust: this one and a runtime's, say.
pub fn beside_rust() -> Result<()> {
    let source = paths::in_root("xtask/consumers/beside_rust");
    let scratch = paths::scratch("beside-rust");
    fs::create_dir_all(&scratch)?;
    let other = scratch.join("libother.a");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile_other = command(rustc, ["--crate-type=staticlib", "--edition=2024", "-o"]);
    quiet(compile_other.arg(&other).arg(source.join("other.rs")))?;

    let ours = paths::in_root("build/release/lib/libwasm_memory.a");
    for (name, libraries) in [("first", [&ours, &other]), ("last", [&other, &ours])] {
        let program = scratch.join(name);
        let mut link = command(tools::c_compiler()?, ["-I", "include", "-o"]);
        link.arg(&program).arg(source.join("main.c")).args(libraries);
        quiet(link.args(["-lpthread", "-lm", "-ldl"]))?;
        quiet(&mut command(program, [""; 0]))?;
    }
    Ok(())
}

fn compile(program: &Path, arguments: &[String]) -> Result<()> {
    let source = paths::in_root("xtask/consumers/pkg_config/main.c");
    let mut compile = command(tools::c_compiler()?, ["-o"]);
    quiet(compile.arg(program).arg(source).args(arguments))?;
    quiet(&mut command(program, [""; 0])).context("the program that was built fails")?;
    Ok(())
}

fn asks_for_library(program: &Path) -> Result<bool> {
    Ok(symbols::needed(program)?.iter().any(|name| name.starts_with("libwasm_memory")))
}

fn has_static_c_library() -> Result<bool> {
    let answer = quiet(&mut command(tools::c_compiler()?, ["-print-file-name=libc.a"]))?;
    Ok(Path::new(answer.trim()).is_absolute())
}
