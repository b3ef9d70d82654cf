//! Programs of other people: the library as they get at it.

use crate::process::{command, find_program, quiet, shown};
use crate::{cmake, paths, symbols, tools, venv};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the release build is installed: below a DESTDIR, so in another place than it was told.
/// Whatever is found there finds the rest relative to itself.
pub fn prefix() -> PathBuf {
    paths::scratch("installed/opt/wasm_memory")
}

/// What the library is built from.
const SOURCES: [&str; 15] = [
    "CMakeLists.txt",
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "build.rs",
    "cmake",
    "core-tests",
    "include",
    "models",
    "src",
    "tests",
    "xtask",
];

/// Installs the library from a copy of the sources, and renames that copy and what was built of it:
/// whoever uses the package from here on finds nothing but the package.
pub fn install() -> Result<()> {
    let (root, tree) = (paths::scratch("installed"), paths::scratch("tree"));
    let away = paths::scratch("tree-renamed");
    for old in [&root, &tree, &away] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&tree)?;
    for name in SOURCES {
        copy(&paths::in_root(name), &tree.join(name))?;
    }
    let build = tree.join("build");
    let arguments = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DWASM_MEMORY_BUILD_TESTS=OFF"];
    cmake::project(&tree, &build, &arguments)?;
    let mut install = command("cmake", ["--install"]);
    install.arg(&build).args(["--prefix", "/opt/wasm_memory"]).env("DESTDIR", &root);
    quiet(&mut install)?;
    fs::rename(&tree, &away).context("cannot rename the tree that was installed from")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// The files of an installed package, without what has the version in its name.
const INSTALLED: [&str; 15] = [
    "include/wasm_memory.h",
    "include/wasm_memory.hpp",
    "include/wasm_memory_access.h",
    "include/wasm_memory_bytes.hpp",
    "include/wasm_memory_error.hpp",
    "include/wasm_memory_wasmtime.h",
    "lib/cmake/wasm_memory/wasm_memory-config-version.cmake",
    "lib/cmake/wasm_memory/wasm_memory-config.cmake",
    "lib/libwasm_memory.a",
    "lib/libwasm_memory.so",
    "lib/libwasm_memory.so.1",
    "lib/pkgconfig/wasm_memory.pc",
    "share/doc/wasm_memory/LICENSE",
    "share/doc/wasm_memory/LICENSE-APACHE",
    "share/doc/wasm_memory/LICENSE-MIT",
];

/// What was installed is what is meant to be, and a small project finds it, in each language and kind.
pub fn installed() -> Result<()> {
    let mut found = Vec::new();
    files(&prefix(), Path::new(""), &mut found)?;
    found.sort();
    let version = version()?;
    let mut expected: Vec<String> = INSTALLED.map(str::to_owned).to_vec();
    let library = format!("libwasm_memory.so.{}.{version}", symbols::abi_version()?);
    expected.push(format!("lib/{library}"));
    expected.sort();
    ensure!(!cfg!(target_os = "linux") || found == expected, "installed are {found:?}");
    if cfg!(target_os = "linux") {
        let lib = prefix().join("lib");
        let soname = format!("libwasm_memory.so.{}", symbols::abi_version()?);
        ensure!(fs::read_link(lib.join("libwasm_memory.so"))? == Path::new(&soname));
        ensure!(fs::read_link(lib.join(&soname))? == Path::new(&library));
    }
    let mut ask = command(pkg_config_program()?, ["--modversion", "wasm_memory"]);
    let told = quiet(ask.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")))?;
    ensure!(told.trim() == version, "pkg-config says that this is version {told}");

    let mut other: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    if let Some(major) = other.first_mut() {
        *major += 1;
    }
    let other: Vec<String> = other.iter().map(u32::to_string).collect();
    let arguments = [
        format!("-DCMAKE_PREFIX_PATH={}", prefix().display()),
        format!("-DTHIS_VERSION={version}"),
        format!("-DOTHER_VERSION={}", other.join(".")),
    ];
    let mut all = vec!["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"];
    all.extend(arguments.iter().map(String::as_str));
    let build = paths::scratch("installed-build");
    cmake::project(&paths::in_root("xtask/consumers/installed"), &build, &all)?;
    shown(command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]).arg(build))
}

fn files(root: &Path, below: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files(root, &path, found)?;
        } else {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

/// The version in `Cargo.toml`.
fn version() -> Result<String> {
    let manifest = fs::read_to_string(paths::in_root("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .context("no version in Cargo.toml")?;
    Ok(version.to_owned())
}

/// The C and C++ tests, built on their own against the installed package as CMake finds it.
pub fn find_package() -> Result<()> {
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    run_tests("find-package", "shared", &prefix)
}

/// The same against what pkg-config says.
pub fn tests_by_pkg_config() -> Result<()> {
    // CMake's own module asks pkg-config in the directories below this prefix too.
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    if find_program("pkg-config").or_else(|| find_program("pkgconf")).is_none() {
        venv::provide(&["pkgconf"])?;
    }
    let by = format!("{prefix};-DWASM_MEMORY_TESTS_BY_PKG_CONFIG=ON");
    run_tests("tests-by-pkg-config", "static", &by)
}

/// Builds and runs a copy of `c-tests`, linked in one way, with more arguments for CMake, separated by
/// semicolons. In short: they have run at length by now, and both ways are linked by `installed`.
fn run_tests(name: &str, kind: &str, arguments: &str) -> Result<()> {
    let (source, build) =
        (paths::scratch(name).join("c-tests"), paths::scratch(name).join("build"));
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    fs::create_dir_all(paths::scratch(name))?;
    copy(&paths::in_root("c-tests"), &source)?;
    let kinds = format!("-DWASM_MEMORY_TESTS_KINDS={kind}");
    let mut all = vec!["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", &kinds];
    all.extend(arguments.split(';'));
    cmake::project(&source, &build, &all)?;
    let mut tests = command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]);
    shown(tests.arg(build).env("WASM_MEMORY_TEST_SHORT", "1"))
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

/// The machine's pkg-config, or one from PyPI.
pub fn pkg_config_program() -> Result<PathBuf> {
    if let Some(program) = find_program("pkg-config").or_else(|| find_program("pkgconf")) {
        return Ok(program);
    }
    venv::provide(&["pkgconf"])?;
    Ok(venv::programs().join(format!("pkgconf{}", std::env::consts::EXE_SUFFIX)))
}

/// A program built with what pkg-config says: shared, static, and static altogether.
pub fn pkg_config() -> Result<()> {
    let pkg_config = pkg_config_program()?;
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

/// A static library written in Rust that is not this one.
pub fn other_rust_library() -> Result<PathBuf> {
    let library = paths::scratch("beside-rust").join("libother.a");
    fs::create_dir_all(paths::scratch("beside-rust"))?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = command(rustc, ["--crate-type=staticlib", "--edition=2024", "-o"]);
    quiet(compile.arg(&library).arg(paths::in_root("xtask/consumers/beside_rust/other.rs")))?;
    Ok(library)
}

/// A program with two static libraries written in Rust: this one and a runtime's, say.
pub fn beside_rust() -> Result<()> {
    let source = paths::in_root("xtask/consumers/beside_rust");
    let scratch = paths::scratch("beside-rust");
    let other = other_rust_library()?;
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
