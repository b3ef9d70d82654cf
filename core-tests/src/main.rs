//! Turns the core specification's own tests into scripts: `core-tests <directory>` writes, for each
//! file of each set, `<directory>/<set>/<file>/script` and the modules it names. The runners
//! (`wasmtime.c` and `wasm2c.rs`) execute the scripts, so that none of them needs to read wast.
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

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        bail!("usage: core-tests <directory>");
    };
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
