//! Namespaced builds: each name has the embedder's prefix, and such copies stand beside each other and
//! beside an engine that exports the names of wasm.h.

use crate::process::{command, quiet, shown};
use crate::steps::Outcome;
use crate::{cargo, cmake, consumers, paths, symbols, venv};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The program of `xtask/consumers/namespaced`, on two copies that CMake made.
pub fn by_cmake() -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("made for ELF as on Linux".to_owned()));
    }
    venv::provide(&["wasmtime"])?;
    let build = paths::scratch("namespaced");
    let headers = headers()?.join(";");
    // The debug library too: calls that an optimised one has inlined are still there.
    let plain = [consumers::prefix().join("lib"), paths::in_root("target/debug")]
        .map(|directory| directory.join("libwasm_memory.so").display().to_string())
        .join(";");
    let define = |name: &str, value: &str| format!("-D{name}={value}");
    let arguments = [
        define("LIBRARY", &paths::root().display().to_string()),
        define("ENGINE", &venv::wasmtime_library()?.display().to_string()),
        define("OTHER", &consumers::other_rust_library()?.display().to_string()),
        define("HEADERS", &headers),
        define("PLAIN", &plain),
    ];
    let mut all = vec!["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"];
    all.extend(arguments.iter().map(String::as_str));
    cmake::project(&paths::in_root("xtask/consumers/namespaced"), &build, &all)?;
    shown(command("ctest", ["--output-on-failure", "--no-tests=error", "--test-dir"]).arg(&build))?;

    for prefix in ["a_", "b_"] {
        let copy = build.join(prefix.trim_end_matches('_'));
        symbols::check_in(&copy.join("lib"), prefix)?;
        check_headers(&copy.join(format!("include/{prefix}wasm_memory")), prefix)?;
    }
    Ok(Outcome::Done)
}

/// Cargo alone, with the prefix in its environment: symbols, SONAME and headers; the headers are the same
/// as CMake makes.
pub fn by_cargo() -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("made for ELF as on Linux".to_owned()));
    }
    let prefix = "myEngine_";
    let target = paths::scratch("native-libraries");
    let mut rustc = cargo::cargo(["rustc", "--locked", "--lib", "--crate-type", "cdylib"]);
    rustc.args(["--message-format", "json", "--target-dir"]).arg(&target);
    let messages = quiet(rustc.env("WASM_MEMORY_PREFIX", prefix))?;
    symbols::shared(&target.join("debug/libwasm_memory.so"), prefix)?;

    let out = out_directory(&messages)?;
    let of_cargo = out.join(format!("include/{prefix}wasm_memory"));
    check_headers(&of_cargo, prefix)?;
    let scratch = paths::scratch("namespaced-headers");
    let mut script = command("cmake", ["-D", &format!("WASM_MEMORY_PREFIX={prefix}"), "-D"]);
    script.arg(format!("WASM_MEMORY_HEADERS_TO={}", scratch.display()));
    quiet(script.args(["-P", "cmake/WasmMemoryHeaders.cmake"]))?;
    for name in headers()? {
        let of_cmake = scratch.join(format!("{prefix}wasm_memory")).join(&name);
        ensure!(
            fs::read_to_string(of_cargo.join(&name))? == fs::read_to_string(of_cmake)?,
            "{name}: build.rs and cmake/WasmMemoryHeaders.cmake make different ones"
        );
    }
    Ok(Outcome::Done)
}

/// The names of the library's headers.
fn headers() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(paths::in_root("include"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Every header is there, and no name in them lacks the prefix.
fn check_headers(directory: &Path, prefix: &str) -> Result<()> {
    for name in headers()? {
        let path = directory.join(&name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let upper = format!("{}WASM_MEMORY", prefix.to_ascii_uppercase());
        ensure!(text.contains(&upper), "{}: no {upper}", path.display());
        for (number, line) in text.lines().enumerate() {
            let bare = without_prefix(line);
            ensure!(bare.is_empty(), "{}:{}: {bare:?}", path.display(), number + 1);
        }
    }
    Ok(())
}

/// The names of this library in a line that have no prefix. Files keep theirs, and one that begins like
/// ours is wasm.h's.
fn without_prefix(line: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let files = [
        "wasm_memory",
        "wasm_memory_error",
        "wasm_memory_bytes",
        "wasm_memory_access",
        "wasm_memory_wasmtime",
    ];
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        let from = rest.get(start..).unwrap_or_default();
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let ours = name.to_ascii_lowercase().starts_with("wasm_memory");
        let file = after.starts_with(".h") && files.contains(&name);
        if ours && !file && name != "wasm_memorytype_t" {
            found.push(name);
        }
        rest = after;
    }
    found
}

/// Where the library's build script wrote, as cargo's messages tell.
fn out_directory(messages: &str) -> Result<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "build-script-executed")
        .filter_map(|message| message["out_dir"].as_str().map(PathBuf::from))
        .find(|out| {
            let package = out.parent().and_then(Path::file_name).unwrap_or_default();
            package.to_string_lossy().starts_with("wasm_memory-")
        })
        .context("cargo did not tell where build.rs wrote")
}

#[cfg(test)]
mod tests {
    use super::without_prefix;

    #[test]
    fn a_name_without_prefix_is_found() {
        assert_eq!(without_prefix("int wasm_memory_x(a_wasm_memory_t);"), ["wasm_memory_x"]);
        assert_eq!(without_prefix("#ifndef WASM_MEMORY_H_INCLUDED"), ["WASM_MEMORY_H_INCLUDED"]);
        assert!(
            without_prefix("#include \"wasm_memory_access.h\" /* A_WASM_MEMORY_X */").is_empty()
        );
    }
}
