//! The project's own commands, run as `cargo xtask <command>`.

mod cargo;
mod cmake;
mod consumers;
mod core_tests;
mod demo;
mod engines;
mod go;
mod header;
mod paths;
mod process;
mod readme;
mod steps;
mod symbols;
mod test;
mod tools;
mod venv;

use std::process::ExitCode;

/// A command: its name, what it does, and the function that does it.
type Command = (&'static str, &'static str, fn() -> anyhow::Result<()>);

const COMMANDS: [Command; 4] = [
    ("test", "check everything: format, lints, header, Rust, C and C++ tests, the demo", test::run),
    ("demo", "build the library and run examples/wasmtime on it", demo::run),
    ("core-tests", "run the core specification's tests on the library", core_tests::run),
    ("header", "write include/wasm_memory.h anew from src/capi", header::write),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match arguments.as_slice() {
        [] => {
            print!("{}", usage());
            return ExitCode::SUCCESS;
        }
        [name] => COMMANDS.iter().find(|(command, ..)| command == name),
        _ => None,
    };
    let Some((name, _, run)) = wanted else {
        eprint!("xtask: no command `{}`\n{}", arguments.join(" "), usage());
        return ExitCode::FAILURE;
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n\n");
    for (name, what, _) in COMMANDS {
        text.push_str(&format!("  {name:<10} {what}\n"));
    }
    text
}
