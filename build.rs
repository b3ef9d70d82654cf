//! Link settings of the shared library; nothing is generated and nothing is compiled.

#![allow(clippy::print_stdout, reason = "cargo reads what a build script prints")]

use std::env;

/// Number in the SONAME: raised only when a symbol, a signature or a struct changes incompatibly.
/// `WASM_MEMORY_ABI_VERSION` in the header is the same number (a test compares them).
const ABI_VERSION: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A namespaced build: the prefix goes before every exported name.
    println!("cargo::rerun-if-env-changed=WASM_MEMORY_PREFIX");
    let prefix = env::var("WASM_MEMORY_PREFIX").unwrap_or_default();
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
}
