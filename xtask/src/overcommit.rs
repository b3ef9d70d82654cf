//! `cargo xtask check overcommit`: a host that does not overcommit.
//!
//! That is a setting of the whole machine, so it is changed only where `WASM_MEMORY_CHANGE_HOST` says that
//! nobody minds, and put back whatever happens.

use crate::built::Built;
use crate::process::{command, quiet};
use crate::steps::Outcome;
use crate::{paths, process};
use anyhow::{Context, Result, ensure};
use std::fs;

const MODE: &str = "/proc/sys/vm/overcommit_memory";
const LIMIT: &str = "/proc/sys/vm/overcommit_kbytes";
const RATIO: &str = "/proc/sys/vm/overcommit_ratio";

/// What the tests may be charged for, in KiB, beside what the machine is already.
const ROOM: u64 = 6 << 20;

/// C tests that say something of charges, or meet refusals of them.
const TESTS: [&str; 11] = [
    "allocator",
    "checked",
    "create",
    "delete",
    "discard",
    "grow",
    "image",
    "pool",
    "reset",
    "snapshot",
    "tenants",
];

/// Builds while the host is as it was, and runs the tests while it does not overcommit.
pub fn run() -> Result<Outcome> {
    if std::env::var_os("WASM_MEMORY_CHANGE_HOST").is_none() {
        let why = "sets vm.overcommit_memory of the whole machine for some seconds";
        return Ok(Outcome::NotHere(format!("{why}: WASM_MEMORY_CHANGE_HOST=1 allows it")));
    }
    let built = Built::release("overcommit")?;
    let program = built.program("overcommit", &paths::in_root("xtask/checks/overcommit.c"))?;
    // On a host that overcommits the program must fail: it looks.
    process::failing(&mut command(&program, [""; 0]))?;
    for name in TESTS {
        built.object(name, &crate::built::source(name))?;
        built.linked(name)?;
    }

    let Ok(host) = Host::without_overcommit() else {
        return Ok(Outcome::NotHere(format!("{MODE} cannot be written")));
    };
    println!("    {}", quiet(&mut command(program, [""; 0]))?.lines().last().unwrap_or_default());
    for name in TESTS {
        let mut run = command(built.directory.join(name), [""; 0]);
        quiet(crate::built::in_short(&mut run)).with_context(|| name)?;
    }
    println!("    {} C tests", TESTS.len());
    host.put_back()?;
    Ok(Outcome::Done)
}

/// The settings that the host had.
struct Host {
    mode: String,
    limit: String,
    ratio: String,
}

impl Host {
    fn without_overcommit() -> Result<Self> {
        let host = Self {
            mode: fs::read_to_string(MODE)?,
            limit: fs::read_to_string(LIMIT)?,
            ratio: fs::read_to_string(RATIO)?,
        };
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let charged = meminfo.lines().find_map(|line| line.strip_prefix("Committed_AS:"));
        let charged = charged.and_then(|rest| rest.split_whitespace().next());
        let charged: u64 = charged.context("no Committed_AS")?.parse()?;
        fs::write(LIMIT, charged.saturating_add(ROOM).to_string())?;
        fs::write(MODE, "2")?;
        Ok(host)
    }

    fn put_back(&self) -> Result<()> {
        fs::write(MODE, &self.mode)?;
        // Each of the two sets the other to 0.
        let by_ratio = self.limit.trim() == "0";
        let (path, value) = if by_ratio { (RATIO, &self.ratio) } else { (LIMIT, &self.limit) };
        fs::write(path, value)?;
        ensure!(fs::read_to_string(MODE)? == self.mode, "{MODE} is not what it was");
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            eprintln!("{MODE} is not what it was, {}: {error}", self.mode.trim());
        }
    }
}
