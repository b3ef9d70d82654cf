//! The project's own commands, run as `cargo xtask <command>`.

mod abi;
mod bare;
mod bench;
mod built;
mod cargo;
mod check;
mod cmake;
mod consumers;
mod core_tests;
mod coverage;
mod demo;
mod docs;
mod engines;
mod fuzz;
mod go;
mod header;
mod hosts;
mod mutants;
mod namespaced;
mod overcommit;
mod paths;
mod process;
mod python;
mod rustup;
mod steps;
mod symbols;
mod test;
mod tools;
mod vendored;
mod venv;

use std::process::ExitCode;

/// A command: its name, what it does, and the function that does it with the options after the name.
type Command = (&'static str, &'static str, fn(&[String]) -> anyhow::Result<()>);

const COMMANDS: [Command; 13] = [
    (
        "test",
        "check everything: format, lints, header, Rust, C and C++ tests, the demo; --only TEXT",
        test::run,
    ),
    (
        "check",
        "what takes longer: models, sanitizers, tsan, miri, memcheck, stress, faults, vendored; all, or those named",
        check::run,
    ),
    ("demo", "build the library and run examples/wasmtime on it", |options| {
        plain(options, demo::run)
    }),
    ("core-tests", "run the core specification's tests on the library", |options| {
        plain(options, core_tests::run)
    }),
    ("sizes", "tell how large the library is, with a host and without", |options| {
        plain(options, bare::sizes)
    }),
    (
        "hosts",
        "compile for other hosts and run the tests of those that can; all, or parts of their names",
        hosts::run,
    ),
    ("header", "write include/wasm_memory.h anew from src/capi", |options| {
        plain(options, header::write)
    }),
    (
        "docs",
        "bring the guides up to date and build the reference site in target/docs; --check",
        docs::run,
    ),
    (
        "abi",
        "write the list of exported functions and the ABI description anew; --accept a break",
        abi::write,
    ),
    (
        "bench",
        "measure against the floor and the peers; --short, --only GROUP, --rounds N, --runs N",
        bench::run,
    ),
    (
        "fuzz",
        "fuzz the C ABI against the model; --seconds N, --keep makes the committed corpus anew",
        fuzz::run,
    ),
    (
        "coverage",
        "which lines of src/ the tests run; --lines names those that none does",
        coverage::run,
    ),
    (
        "mutants",
        "change the core, or the files that are named, to see whether a test notices",
        mutants::run,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match arguments.as_slice() {
        [] => {
            print!("{}", usage());
            return ExitCode::SUCCESS;
        }
        [name, ..] => COMMANDS.iter().find(|(command, ..)| command == name),
    };
    let Some((name, _, run)) = wanted else {
        eprint!("xtask: no command `{}`\n{}", arguments.join(" "), usage());
        return ExitCode::FAILURE;
    };
    match run(arguments.get(1..).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A command that has no options.
fn plain(options: &[String], run: fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    anyhow::ensure!(options.is_empty(), "no option `{}`", options.join(" "));
    run()
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n\n");
    for (name, what, _) in COMMANDS {
        text.push_str(&format!("  {name:<10} {what}\n"));
    }
    text
}
