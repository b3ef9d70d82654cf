//! What the built libraries show to a linker.

use crate::process::quiet;
use crate::steps::Outcome;
use crate::{cargo, header, paths};
use anyhow::{Context, Result, bail, ensure};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol, ObjectSymbolTable, RelocationTarget, elf};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Checks both libraries in the build tree of a preset.
pub fn check(preset: &str) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("made for ELF as on Linux".to_owned()));
    }
    check_in(&paths::in_root("build").join(preset).join("lib"), "")?;
    Ok(Outcome::Done)
}

/// Checks both libraries that CMake put into a directory, built with this prefix.
pub fn check_in(directory: &Path, prefix: &str) -> Result<()> {
    let library = directory.join(format!("lib{prefix}wasm_memory.so"));
    shared(&library, prefix)?;
    versioned(&library, prefix)?;
    archive(&directory.join(format!("lib{prefix}wasm_memory.a")), prefix)
}

/// Checks the shared library that cargo makes without CMake.
pub fn made_by_cargo(profile: &str) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotHere("made for ELF as on Linux".to_owned()));
    }
    if profile == "debug" {
        quiet(&mut cargo::cargo(["build", "--locked", "--lib"]))?;
    } else {
        cargo::release_library()?;
    }
    shared(&paths::in_root("target").join(profile).join("libwasm_memory.so"), "")?;
    Ok(Outcome::Done)
}

/// The libraries that a program asks for when it is loaded.
pub fn needed(program: &Path) -> Result<Vec<String>> {
    let data = read(program)?;
    dynamic_strings(&data, elf::DT_NEEDED)
}

/// It exports the functions of the header and nothing else, calls of its own do not go through what
/// another library could take over, it is never unloaded, and its SONAME has the ABI number.
pub fn shared(path: &Path, prefix: &str) -> Result<()> {
    let data = read(path)?;
    let file = object::File::parse(&*data)?;
    let mut exported = BTreeSet::new();
    for symbol in file.dynamic_symbols().filter(|s| s.is_definition() && s.is_global()) {
        exported.insert(symbol.name()?.to_owned());
    }
    compare(&exported, path, prefix)?;

    let symbols = file.dynamic_symbol_table().context("no dynamic symbols")?;
    for (address, relocation) in file.dynamic_relocations().context("no dynamic relocations")? {
        if let RelocationTarget::Symbol(index) = relocation.target() {
            let name = symbols.symbol_by_index(index)?.name()?;
            if exported.contains(name) {
                bail!("{}: own export {name} can be taken over at {address:#x}", path.display());
            }
        }
    }

    let abi = abi_version()?;
    let soname = dynamic_strings(&data, elf::DT_SONAME)?;
    let wanted = format!("lib{prefix}wasm_memory.so.{abi}");
    ensure!(soname == [wanted.as_str()], "{}: SONAME {soname:?}, not {wanted}", path.display());
    let flags = dynamic_values(&data, elf::DT_FLAGS_1)?;
    ensure!(
        flags.iter().any(|flags| flags & elf::DF_1_NODELETE.0 != 0),
        "{}: can be unloaded",
        path.display()
    );
    let symbolic = !dynamic_values(&data, elf::DT_SYMBOLIC)?.is_empty()
        || dynamic_values(&data, elf::DT_FLAGS)?
            .iter()
            .any(|flags| flags & elf::DF_SYMBOLIC.0 != 0);
    ensure!(symbolic, "{}: not linked -Bsymbolic", path.display());
    Ok(())
}

/// Every function that it exports has the version that is named after the ABI.
fn versioned(path: &Path, prefix: &str) -> Result<()> {
    let data = read(path)?;
    let object::File::Elf64(file) = object::File::parse(&*data)? else {
        bail!("{}: not 64-bit ELF", path.display());
    };
    let endian = file.endian();
    let versions = file
        .elf_section_table()
        .versions(endian, &*data)?
        .with_context(|| format!("{}: no versions", path.display()))?;
    let wanted = format!("{}WASM_MEMORY_{}", prefix.to_ascii_uppercase(), abi_version()?);
    for symbol in file.dynamic_symbols().filter(|s| s.is_definition() && s.is_global()) {
        let version = versions.version(versions.version_index(endian, symbol.index()).index())?;
        ensure!(
            version.is_some_and(|version| version.name() == wanted.as_bytes()),
            "{}: {} is not of version {wanted}",
            path.display(),
            symbol.name()?
        );
    }
    Ok(())
}

/// It is one object, whose only global symbols are the functions of the header: Rust's own are hidden.
fn archive(path: &Path, prefix: &str) -> Result<()> {
    let data = read(path)?;
    let archive = ArchiveFile::parse(&*data)?;
    let objects = archive.members().count();
    ensure!(objects == 1, "{}: {objects} objects, not one", path.display());
    let mut exported = BTreeSet::new();
    for member in archive.members() {
        let object = member?.data(&*data)?;
        let file = object::File::parse(object)?;
        for symbol in file.symbols().filter(|s| s.is_definition() && s.is_global()) {
            exported.insert(symbol.name()?.to_owned());
        }
    }
    compare(&exported, path, prefix)
}

fn compare(exported: &BTreeSet<String>, path: &Path, prefix: &str) -> Result<()> {
    let declared: BTreeSet<String> =
        header::functions()?.iter().map(|name| format!("{prefix}{name}")).collect();
    let extra: Vec<_> = exported.difference(&declared).take(10).collect();
    let missing: Vec<_> = declared.difference(exported).take(10).collect();
    ensure!(
        extra.is_empty() && missing.is_empty(),
        "{}: exports that the header does not declare: {extra:?}; declared and not exported: {missing:?}",
        path.display()
    );
    Ok(())
}

fn dynamic_values(data: &[u8], tag: elf::DynamicTag) -> Result<Vec<u64>> {
    let object::File::Elf64(file) = object::File::parse(data)? else {
        bail!("not 64-bit ELF");
    };
    let table = file.elf_dynamic_table()?;
    Ok(table.iter().filter(|entry| entry.tag == tag).map(|entry| entry.val).collect())
}

fn dynamic_strings(data: &[u8], tag: elf::DynamicTag) -> Result<Vec<String>> {
    let table = match object::File::parse(data)? {
        object::File::Elf32(_) => bail!("32-bit ELF is not looked into"),
        object::File::Elf64(file) => file.elf_dynamic_table()?,
        _ => bail!("not ELF"),
    };
    let mut strings = Vec::new();
    for entry in table.iter() {
        if entry.tag == tag {
            strings.push(String::from_utf8_lossy(table.string(entry)?).into_owned());
        }
    }
    Ok(strings)
}

/// The number of the ABI, from where it is written down.
pub fn abi_version() -> Result<String> {
    let script = fs::read_to_string(paths::in_root("build.rs"))?;
    let line = script
        .lines()
        .find_map(|line| line.strip_prefix("const ABI_VERSION: u32 = ")?.strip_suffix(';'))
        .context("no ABI_VERSION in build.rs")?;
    Ok(line.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
