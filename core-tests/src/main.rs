//! Turns the core specification's own tests into scripts: `core-tests <directory>` writes, for each
//! file of each set, `<directory>/<set>/<file>/script` and the modules it names, which
//! `wasmtime.c` executes.
//!
//! `core-tests wasm2c <directory>...` makes C of scripts that are there.
//!
//! A script has one command a line, in words; `<name>` is `=` and the UTF-8 bytes in hexadecimal,
//! `<id>` a module's `$name` or `-` for the last one, `<value>` a type, a colon and the bits in
//! hexadecimal (of a result also `canonical` or `arithmetic`):
//!
//!     module <line> <id> <file>            define <line> <id> <file>
//!     instance <line> <id> <id>            register <line> <name> <id>
//!     invoke <line> <id> <name> <count> <value>...
//!     return <line> <id> <name> <count> <value>... <count> <value>...
//!     get <line> <id> <name> <value>
//!     trap <line> <id> <name> <count> <value>... <name>
//!     trapmodule <line> <file> <name>      unlinkable <line> <file> <name>
//!     skip <line> <name>                   an assertion that is not run, and why

mod script;
mod sets;
mod wasm2c;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    match arguments.as_slice() {
        [directory] => write_scripts(directory),
        [word, directories @ ..] if word.as_os_str() == "wasm2c" => {
            directories.iter().try_for_each(|directory| wasm2c::write(directory))
        }
        _ => bail!("usage: core-tests <directory> | core-tests wasm2c <directory of a script>..."),
    }
}

fn write_scripts(directory: &Path) -> Result<()> {
    for (set, files) in sets::all() {
        for file in files {
            let name = file.name().trim_end_matches(".wast");
            let to = directory.join(set).join(name);
            fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
            script::write(file.raw(), &to)
                .with_context(|| format!("cannot translate {set}/{name}"))?;
        }
    }
    let spectest = directory.join("spectest.wasm");
    fs::write(&spectest, script::spectest()?)
        .with_context(|| format!("cannot write {}", spectest.display()))?;
    Ok(())
}

/// The text of a name in a script.
fn unhex(name: &str) -> String {
    let digits = name.trim_start_matches('=').as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.chunks(2).filter_map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
