//! Running other programs, and saying what went wrong with one.

use crate::{paths, venv};
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How much of a failed command's output is shown.
const TAIL_LINES: usize = 60;

/// A command that runs in the root and finds the tools in `target/venv` first.
pub fn command<I, A>(program: impl AsRef<OsStr>, arguments: I) -> Command
where
    I: IntoIterator<Item = A>,
    A: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).current_dir(paths::root()).env("PATH", search_path());
    // `cargo run` put the directories of its own build here; a program that is tested must find
    // the library by its own run path.
    if let Some(path) = env::var_os("LD_LIBRARY_PATH") {
        let target = paths::in_root("target");
        let kept = env::split_paths(&path).filter(|entry| !entry.starts_with(&target));
        if let Ok(kept) = env::join_paths(kept) {
            command.env("LD_LIBRARY_PATH", kept);
        }
    }
    command
}

/// Runs a command without showing what it prints, unless it fails. Gives back what it printed.
pub fn quiet(command: &mut Command) -> Result<String> {
    // Both streams go to one file, so that they stay in order.
    // Another command may be at work in the same tree.
    let log = paths::scratch(&format!("command-{}.log", std::process::id()));
    fs::create_dir_all(paths::scratch(""))?;
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = file.try_clone()?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .with_context(|| format!("cannot run {}", describe(command)))?;
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    fs::remove_file(&log)?;
    if !status.success() {
        bail!("{status} from\n  {}\n{}", describe(command), tail(&output));
    }
    Ok(output)
}

/// Runs a command that must fail. Gives back what it printed.
pub fn failing(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", describe(command)))?;
    if output.status.success() {
        bail!("success, where it must fail, from\n  {}", describe(command));
    }
    let streams = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&streams).into_owned())
}

/// Runs a command whose output is worth seeing: tests, the demo.
pub fn shown(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", describe(command)))?;
    if !status.success() {
        bail!("{status} from\n  {}", describe(command));
    }
    Ok(())
}

/// Where `PATH` has a program of this name, if it does.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(&file)).find(|path| path.is_file())
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = [venv::programs()].into_iter().chain(env::split_paths(&path));
    env::join_paths(directories).unwrap_or(path)
}

fn describe(command: &Command) -> String {
    let mut words = Vec::new();
    if let Some(directory) = command.get_current_dir().filter(|d| *d != paths::root()) {
        words.push(format!("cd {} &&", directory.display()));
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value.filter(|_| name != "PATH" && name != "LD_LIBRARY_PATH") {
            words.push(format!("{}={}", name.to_string_lossy(), quoted(value)));
        }
    }
    words.push(quoted(command.get_program()));
    words.extend(command.get_args().map(quoted));
    words.join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "\"'$`\\;&|<>*".contains(c))
    {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.into_owned()
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    let mut text = String::new();
    if start > 0 {
        text.push_str(&format!("  ... ({start} lines before)\n"));
    }
    for line in lines.iter().skip(start) {
        text.push_str(&format!("  {line}\n"));
    }
    text.trim_end().to_owned()
}
