//! `cargo xtask test`: everything that is checked before a change is taken.

use crate::steps::Steps;
use crate::{
    abi, bare, bench, cargo, cmake, consumers, core_tests, demo, docs, engines, go, header, hosts,
    namespaced, python, symbols, tools, vendored, venv,
};
use anyhow::{Result, bail};

/// From what is quick to what takes long; the first failure ends it. `--only TEXT`: of the steps after
/// the first, those whose name has this text in it, on what earlier runs have built.
pub fn run(options: &[String]) -> Result<()> {
    let mut steps = Steps::new();
    steps.run("tools", || {
        tools::require()?;
        cargo::provide_components()?;
        venv::provide(&["cmake", "ninja", "wasmtime"])
    })?;
    match options {
        [] => {}
        [only, text] if only == "--only" => steps.only(text),
        _ => bail!("no option `{}`", options.join(" ")),
    }

    steps.run("format", cargo::format)?;
    steps.run("header is current", header::check)?;
    steps.run("README and guides show the examples", docs::shown::check)?;
    steps.run("list of exported functions is current", abi::check_list)?;
    steps.run("numbers of the header are asserted", abi::check_numbers)?;
    steps.run_if_possible("ABI", abi::check)?;
    steps.run("headers compile as C11, C++17 and C++20, by clang too", header::compiles)?;
    steps.run("clippy", cargo::clippy)?;
    steps.run("documentation", cargo::documentation)?;
    steps.run_if_possible("reference site", docs::site::build)?;
    steps.run_if_possible("oldest Rust", cargo::oldest_rust)?;
    steps.run_if_possible("other hosts compile", hosts::compile)?;
    steps.run("Rust tests", cargo::tests)?;
    steps.run_if_possible("symbols: cargo's debug library", || symbols::made_by_cargo("debug"))?;
    steps.run("Rust tests with failing system calls", cargo::tests_with_faults)?;
    steps.run("Rust tests with every growth a move", cargo::tests_that_move)?;

    steps.run("Rust tests without a host", bare::rust_tests)?;
    steps.run("C tests without a host", bare::c_tests)?;
    steps.run_if_possible("a device without an operating system", bare::device)?;

    steps.run("build by CMake: release", || build("release"))?;
    steps.run_if_possible("symbols: release", || symbols::check("release"))?;
    steps.run("native libraries", || cargo::native_libraries("build/release/wasm_memory.pc"))?;
    steps.run("C and C++ tests: release", || cmake::test("release"))?;
    steps.run("programs of the guides: C and C++", docs::programs::native)?;
    steps.run("build by CMake: asan", || build("asan"))?;
    steps.run_if_possible("symbols: debug", || symbols::check("asan"))?;
    steps.run("C and C++ tests: asan", || cmake::test("asan"))?;

    steps.run("C and C++ tests: every growth a move", moving_tests)?;

    steps.run("install into a scratch prefix", consumers::install)?;
    steps.run("what is installed", consumers::installed)?;
    steps.run("C and C++ tests: installed package", consumers::find_package)?;
    steps.run("C and C++ tests: by pkg-config", consumers::tests_by_pkg_config)?;
    steps.run("pkg-config", consumers::pkg_config)?;
    steps.run("FetchContent and add_subdirectory", consumers::subproject)?;
    steps.run_if_possible("vendored, without a registry", vendored::offline)?;
    steps.run("beside another static library in Rust", consumers::beside_rust)?;
    steps.run_if_possible("namespaced build by cargo", namespaced::by_cargo)?;
    steps.run_if_possible("namespaced builds beside Wasmtime", namespaced::by_cmake)?;

    steps.run_if_possible("Go module", go::module)?;
    steps.run_if_possible("programs of the guides: Go", docs::programs::go)?;
    steps.run_if_possible("Go module with the static library", go::with_static_library)?;

    steps.run_if_possible("Python package", python::package)?;

    steps.run("benchmark, short", bench::run_short)?;
    steps.run_if_possible("symbols: cargo's release library", || {
        symbols::made_by_cargo("release")
    })?;
    steps.run("demo", demo::run_built)?;
    steps.run_if_possible("core tests in Wasmtime", core_tests::in_wasmtime)?;
    steps.run_if_possible("core tests by wasm2c", core_tests::core_by_wasm2c)?;
    steps.run_if_possible("wasm2c", engines::wasm2c)?;
    steps.run_if_possible("wazero", go::wazero)?;
    steps.finish();
    Ok(())
}

/// What `cargo xtask test` leaves out for the time that it takes.
pub fn check(options: &[String]) -> Result<()> {
    let mut steps = Steps::new();
    match options {
        [what] if what == "vendored" => {
            steps.run("tools", || venv::provide(&["cmake", "ninja"]))?;
            steps.run_if_possible("vendored, under AddressSanitizer", vendored::sanitized)?;
            steps.run_if_possible("vendored, for another processor", vendored::crossed)?;
        }
        [what] if what == "faults" => {
            steps.run("every call refused with every errno in every way", cargo::all_faults)?;
        }
        _ => bail!("`vendored` and `faults` are what can be checked"),
    }
    steps.finish();
    Ok(())
}

/// The C and C++ tests against a build in which every growth moves a memory that may move.
fn moving_tests() -> Result<()> {
    build("stress-move")?;
    cmake::test("stress-move")
}

fn build(preset: &str) -> Result<()> {
    cmake::configure(preset)?;
    cmake::build(preset, None)
}
