//! Link settings of the shared library, and the headers of a namespaced build. Nothing is compiled.

#![allow(clippy::print_stdout, reason = "cargo reads what a build script prints")]
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "what may not allocate infallibly is the library"
)]

use std::path::Path;
use std::{env, fs, io};

/// Number in the SONAME: raised only when a symbol, a signature or a struct changes incompatibly.
/// `WASM_MEMORY_ABI_VERSION` in the header is the same number (a test compares them).
const ABI_VERSION: u32 = 1;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // A namespaced build: the prefix goes before every exported name.
    println!("cargo::rerun-if-env-changed=WASM_MEMORY_PREFIX");
    let prefix = env::var("WASM_MEMORY_PREFIX").unwrap_or_default();
    let starts_a_name = prefix.chars().next().is_none_or(|c| !c.is_ascii_digit());
    if !starts_a_name || !prefix.chars().all(is_of_a_name) {
        return Err(io::Error::other(format!(
            "WASM_MEMORY_PREFIX is not the start of a C identifier: {prefix}"
        )));
    }
    // Where the headers are, for the build script of a crate that depends on this one
    // (DEP_WASM_MEMORY_INCLUDE).
    let include = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("include");
    if prefix.is_empty() {
        println!("cargo::metadata=include={}", include.display());
    } else {
        println!("cargo::rerun-if-changed=include");
        let to = Path::new(&variable("OUT_DIR")?).join("include");
        write_headers(&include, &to.join(format!("{prefix}wasm_memory")), &prefix)?;
        println!("cargo::metadata=include={}", to.display());
    }
    println!("cargo::rustc-env=WASM_MEMORY_PREFIX={prefix}");
    println!("cargo::rustc-env=WASM_MEMORY_ABI_VERSION={ABI_VERSION}");
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android" | "freebsd") => {
            // Calls inside the library stay inside it, whoever else exports the names of wasm.h.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
            // Handles live in storage that is never unmapped, so neither is the code that owns it.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
            println!(
                "cargo::rustc-cdylib-link-arg=-Wl,-soname,lib{prefix}wasm_memory.so.{ABI_VERSION}"
            );
        }
        Ok("macos") => {
            println!(
                "cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/lib{prefix}wasm_memory.{ABI_VERSION}.dylib"
            );
        }
        _ => {}
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Copies of the headers in which every name has the prefix and every file keeps its name: the same as
/// `cmake/WasmMemoryHeaders.cmake` makes.
fn write_headers(from: &Path, to: &Path, prefix: &str) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::write(to.join(entry.file_name()), renamed(&fs::read_to_string(entry.path())?, prefix))?;
    }
    Ok(())
}

fn renamed(header: &str, prefix: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    // Beside wasm.h is where these are meant to be used.
    if let Some((before, refusal)) = header.split_once("#if defined(WASM_H)") {
        if let Some((_, after)) = refusal.split_once("#endif\n") {
            text = renamed(before, prefix);
            rest = after;
        }
    }
    let mut starts = true;
    while let Some(c) = rest.chars().next() {
        if starts && is_ours(rest) {
            let upper = c.is_ascii_uppercase();
            text.push_str(&if upper { prefix.to_ascii_uppercase() } else { prefix.to_owned() });
        }
        starts = !is_of_a_name(c);
        text.push(c);
        rest = rest.strip_prefix(c).unwrap_or_default();
    }
    text
}

/// Does a name of this library start here: not a file's, and not one of wasm.h's.
fn is_ours(text: &str) -> bool {
    let name = text.split(|c| !is_of_a_name(c)).next().unwrap_or_default();
    let after = text.strip_prefix(name).unwrap_or_default();
    name.starts_with("WASM_MEMORY")
        || (name.starts_with("wasm_memory")
            && !after.starts_with(".h")
            && name != "wasm_memorytype_t")
}
