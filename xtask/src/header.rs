//! `include/wasm_memory.h`: made by cbindgen from `src/capi` as `cbindgen.toml` says, committed, and
//! checked to be current.

use crate::process::{command, find_program, quiet};
use crate::{paths, tools, venv};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const HEADER: &str = "include/wasm_memory.h";

/// What every header is compiled as; a `.hpp` in C++ only.
const DIALECTS: [(&str, &str); 3] = [("c", "c11"), ("cpp", "c++17"), ("cpp", "c++20")];

/// `cargo xtask header`.
pub fn write() -> Result<()> {
    let path = paths::in_root(HEADER);
    let text = generate()?;
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        println!("{HEADER} is current");
        return Ok(());
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{HEADER} written");
    Ok(())
}

/// The committed header is what the sources give.
pub fn check() -> Result<()> {
    let committed = read()?;
    let current = generate()?;
    if committed == current {
        return Ok(());
    }
    let differing = committed.lines().zip(current.lines()).position(|(old, new)| old != new);
    let line = differing.unwrap_or(committed.lines().count().min(current.lines().count()));
    bail!(
        "{HEADER} is out of date from line {}: `cargo xtask header` writes it anew\n  \
         committed: {}\n  current:   {}",
        line + 1,
        committed.lines().nth(line).unwrap_or("(the end)"),
        current.lines().nth(line).unwrap_or("(the end)"),
    )
}

/// Every header compiles without a warning, alone and twice, with the machine's compilers and with
/// clang.
pub fn compiles() -> Result<()> {
    let clang = match (find_program("clang"), find_program("clang++")) {
        (Some(c), Some(cxx)) => (vec![c.into()], vec![cxx.into()]),
        _ => {
            venv::provide(&["ziglang"])?;
            let zig = |command: &str| -> Vec<OsString> {
                vec![venv::python().into(), "-m".into(), "ziglang".into(), command.into()]
            };
            (zig("cc"), zig("c++"))
        }
    };
    let own = (vec![tools::c_compiler()?], vec![tools::cxx_compiler()?]);

    let scratch = paths::scratch("headers");
    fs::create_dir_all(&scratch)?;
    for entry in fs::read_dir(paths::in_root("include"))? {
        let header = entry?.file_name().to_string_lossy().into_owned();
        let is_cpp = header.ends_with(".hpp");
        for (language, dialect) in
            DIALECTS.iter().filter(|(language, _)| !is_cpp || *language == "cpp")
        {
            let source = scratch.join(format!("{header}.{dialect}.{language}"));
            fs::write(&source, format!("#include \"{header}\"\n#include \"{header}\"\n"))?;
            for (c, cxx) in [&own, &clang] {
                let compiler = if *language == "c" { c } else { cxx };
                let (program, first) = compiler.split_first().context("no compiler")?;
                let mut compile = command(program, first);
                compile.arg(format!("-std={dialect}"));
                compile.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "include", "-c"]);
                compile.arg(&source).arg("-o").arg(source.with_extension("o"));
                // Where zig, if it is the clang, keeps what it made of its own parts.
                compile.env("ZIG_GLOBAL_CACHE_DIR", paths::scratch("zig"));
                compile.env("ZIG_LOCAL_CACHE_DIR", paths::scratch("zig"));
                quiet(&mut compile).with_context(|| format!("{header} as {dialect}"))?;
            }
        }
    }
    Ok(())
}

/// The text of the committed header.
pub fn text() -> Result<String> {
    read()
}

/// The declarations of functions in a header, each without its semicolon.
pub fn prototypes(header: &str) -> Vec<String> {
    let mut prototypes = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let end = rest.find(';').filter(|_| declared(line).is_some());
        match end {
            Some(end) => {
                prototypes.push(rest[..end].to_owned());
                rest = rest[end..].split_once('\n').map_or("", |(_, after)| after);
            }
            None => rest = after,
        }
    }
    prototypes
}

/// The functions that the committed header declares.
pub fn functions() -> Result<BTreeSet<String>> {
    let functions: BTreeSet<String> = read()?.lines().filter_map(declared).collect();
    if functions.is_empty() {
        bail!("{HEADER} declares no function");
    }
    Ok(functions)
}

/// The function that a line of the header declares.
fn declared(line: &str) -> Option<String> {
    let (before, _) = line.split_once('(')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = before.rsplit(|c| !is_word(c)).next()?;
    let plain = line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && before.len() > name.len()
        && before.chars().all(|c| is_word(c) || c == ' ' || c == '*')
        && !["static ", "typedef "].iter().any(|word| line.starts_with(word));
    (plain && name.starts_with("wasm_memory_")).then(|| name.to_owned())
}

/// A copy of the sources whose functions have their plain names: cbindgen reads an exported name only
/// where it is a literal, and ours carry the prefix of the build.
fn plainly_named() -> Result<PathBuf> {
    let copy = paths::in_root("target/header");
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| format!("cannot empty {}", copy.display()))?;
    }
    copy_plainly_named(&paths::in_root("src"), &copy)?;
    Ok(copy)
}

fn copy_plainly_named(from: &Path, to: &Path) -> Result<()> {
    const NAMED: &str = "#[unsafe(export_name = concat!(env!(\"WASM_MEMORY_PREFIX\"), \"";
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let source = entry?.path();
        let target = to.join(source.file_name().context("a file without a name")?);
        if source.is_dir() {
            copy_plainly_named(&source, &target)?;
        } else {
            let text = fs::read_to_string(&source)
                .with_context(|| format!("cannot read {}", source.display()))?;
            let plain: String = text
                .split_inclusive('\n')
                .map(|line| if line.starts_with(NAMED) { "#[unsafe(no_mangle)]\n" } else { line })
                .collect();
            fs::write(&target, plain)
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

fn generate() -> Result<String> {
    let config = cbindgen::Config::from_file(paths::in_root("cbindgen.toml"))
        .map_err(|error| anyhow!("cbindgen.toml: {error}"))?;
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(plainly_named()?.join("lib.rs"))
        .generate()
        .context("cbindgen cannot make the header")?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text)?;
    // What the sources declare of other libraries is `extern` in a header.
    let foreign = text.lines().find(|l| l.starts_with("extern ") && !l.starts_with("extern \"C\""));
    if let Some(foreign) = foreign {
        bail!("a function of another library, for cbindgen.toml to exclude: {foreign}");
    }
    Ok(text)
}

fn read() -> Result<String> {
    let path = paths::in_root(HEADER);
    fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}; `cargo xtask header` makes it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{declared, prototypes};

    #[test]
    fn a_prototype_may_go_over_several_lines() {
        let header = "/** wasm_memory_x(a); */\nvoid wasm_memory_x(int a,\n    int b);\n\nint wasm_memory_y(void);\n";
        assert_eq!(
            prototypes(header),
            ["void wasm_memory_x(int a,\n    int b)", "int wasm_memory_y(void)"]
        );
    }

    #[test]
    fn only_declarations_of_functions_are_taken() {
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(
            declared("uint8_t *wasm_memory_data(const wasm_memory_t *m);"),
            name("wasm_memory_data")
        );
        assert_eq!(declared("void wasm_memory_x(void);"), name("wasm_memory_x"));
        assert_eq!(declared(" * wasm_memory_x(void) is like that"), None);
        assert_eq!(declared("static inline bool wasm_memory_x(void) {"), None);
        assert_eq!(declared("#define WASM_MEMORY_PAGES(n) wasm_memory_x(n)"), None);
        assert_eq!(declared("  bool (*growing)(void *context);"), None);
    }
}
