//! `cargo xtask fuzz`: libFuzzer over the C ABI, against the model of `tests/model`.
//!
//! What it finds worth keeping goes to `target/fuzz-corpus`; `--keep` makes of all that a new, smaller
//! `fuzz/corpus/abi`, which `cargo test` replays.

use crate::process::{command, quiet, shown};
use crate::{paths, rustup};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

const CARGO_FUZZ: &str = "0.13.2";
/// What the committed corpus may come to; the test of it holds the same.
const MOST_FILES: usize = 300;
const MOST_BYTES: u64 = 300 << 10;

/// `--seconds N`, 60 without; `--keep`.
pub fn run(options: &[String]) -> Result<()> {
    let mut seconds = 60_u64;
    let mut keep = false;
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--seconds" => {
                let number = rest.next().context("--seconds needs a number")?;
                seconds = number.parse().with_context(|| format!("no number: {number}"))?;
            }
            "--keep" => keep = true,
            other => bail!("no option `{other}`"),
        }
    }
    let fuzzer = build()?;
    let found = paths::in_root("target/fuzz-corpus");
    let committed = paths::in_root("fuzz/corpus/abi");
    fs::create_dir_all(&found)?;
    if seconds > 0 {
        look(&fuzzer, &found, &committed, seconds)?;
    }
    if keep { keep_least(&fuzzer, &found, &committed) } else { Ok(()) }
}

/// Builds the fuzzer, with AddressSanitizer as cargo-fuzz does.
fn build() -> Result<PathBuf> {
    let toolchain = rustup::nightly()?;
    let cargo_fuzz = rustup::cargo_tool("cargo-fuzz", CARGO_FUZZ)?;
    let target = paths::in_root("target/fuzz");
    let mut build = command(cargo_fuzz, ["fuzz", "build", "--target-dir"]);
    build.arg(&target).arg("abi");
    // `cargo xtask` has set these to its own toolchain.
    build.env("RUSTUP_TOOLCHAIN", toolchain).env_remove("CARGO").env_remove("RUSTC");
    println!("==> building the fuzzer");
    quiet(&mut build)?;
    let program = fs::read_dir(&target)?
        .filter_map(|entry| Some(entry.ok()?.path().join("release/abi")))
        .find(|program| program.is_file());
    program.with_context(|| format!("no fuzzer in {}", target.display()))
}

/// Fuzzes for so long, and says what came of it.
fn look(fuzzer: &Path, found: &Path, committed: &Path, seconds: u64) -> Result<()> {
    let artifacts = paths::in_root("target/fuzz-artifacts");
    fs::create_dir_all(&artifacts)?;
    println!("==> fuzzing for {seconds} s");
    let mut fuzz = command(fuzzer, [found, committed]);
    fuzz.arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([
            "-max_len=720",
            "-timeout=60",
            "-rss_limit_mb=4096",
            "-len_control=10",
            "-print_final_stats=1",
        ]);
    // It takes long, and other commands may run meanwhile: a log of its own.
    let log = paths::in_root("target/fuzz.log");
    let file = fs::File::create(&log)?;
    let status = fuzz.stdout(file.try_clone()?).stderr(file).status()?;
    ensure!(
        status.success(),
        "{status}: see {}; an input of target/fuzz-artifacts shows it again",
        log.display()
    );
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let number = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().parse::<u64>().ok()
    };
    let executions = number("stat::number_of_executed_units").context("no count in its output")?;
    // The last line of progress has what was covered: `#n DONE cov: edges ft: features ...`.
    let progress = output.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
    let after = |word: &str| {
        let mut words = progress.split_whitespace().skip_while(|found| *found != word);
        words.nth(1).unwrap_or("?").to_owned()
    };
    println!(
        "{executions} sequences, {} a second; {} edges and {} features covered",
        executions.checked_div(seconds).unwrap_or(0),
        after("cov:"),
        after("ft:")
    );
    Ok(())
}

/// Makes the committed corpus anew: what shows that a rule of the model is wrong stays, and of all
/// else the least that covers the same edges, as far as there is room.
fn keep_least(fuzzer: &Path, found: &Path, committed: &Path) -> Result<()> {
    let least = paths::in_root("target/fuzz-least");
    if least.exists() {
        fs::remove_dir_all(&least)?;
    }
    fs::create_dir_all(&least)?;
    println!("==> reducing the corpus");
    // Edges without how often each was taken: fewer inputs cover them.
    let mut merge =
        command(fuzzer, ["-set_cover_merge=1", "-use_value_profile=0", "-use_counters=0"]);
    shown(merge.arg(&least).arg(committed).arg(found).arg("-verbosity=0"))?;
    let is_found = |name: &str| name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let mut kept = Vec::new();
    for entry in fs::read_dir(committed)? {
        let entry = entry?;
        if is_found(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        } else {
            kept.push(entry.metadata()?.len());
        }
    }
    let mut bytes: u64 = kept.iter().sum();
    let mut files = kept.len();
    let mut inputs: Vec<_> = fs::read_dir(&least)?.collect::<std::io::Result<_>>()?;
    inputs.sort_by_key(|entry| entry.metadata().map_or(u64::MAX, |metadata| metadata.len()));
    let all = inputs.len();
    for entry in inputs {
        let length = entry.metadata()?.len();
        if files >= MOST_FILES || bytes.saturating_add(length) > MOST_BYTES {
            break;
        }
        fs::copy(entry.path(), committed.join(entry.file_name()))?;
        files = files.saturating_add(1);
        bytes = bytes.saturating_add(length);
    }
    ensure!(files > 0, "nothing was kept");
    println!("fuzz/corpus/abi has {files} files of {bytes} bytes; {all} inputs cover every edge");
    Ok(())
}
