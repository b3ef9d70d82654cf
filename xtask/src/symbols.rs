//! What the built libraries show to a linker.

use crate::steps::Outcome;
use crate::{header, paths};
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
    let libraries = paths::in_root("build").join(preset).join("lib");
    shared(&libraries.join("libwasm_memory.so"))?;
    archive(&libraries.join("libwasm_memory.a"))?;
    Ok(Outcome::Done)
}

/// The libraries that a program asks for when it is loaded.
pub fn needed(program: &Path) -> Result<Vec<String>> {
    let data = read(program)?;
    dynamic_strings(&data, elf::DT_NEEDED)
}

/// It exports the functions of the header and nothing else, calls of its own do not go through what
/// another library could take over, and its SONAME has the ABI number.
fn shared(path: &Path) -> Result<()> {
    let data = read(path)?;
    let file = object::File::parse(&*data)?;
    let mut exported = BTreeSet::new();
    for symbol in file.dynamic_symbols().filter(|s| s.is_definition() && s.is_global()) {
        exported.insert(symbol.name()?.to_owned());
    }
    compare(&exported, path)?;

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
    let wanted = format!("libwasm_memory.so.{abi}");
    ensure!(soname == [wanted.as_str()], "{}: SONAME {soname:?}, not {wanted}", path.display());
    Ok(())
}

/// Its only global symbols are the functions of the header: Rust's own are hidden.
fn archive(path: &Path) -> Result<()> {
    let data = read(path)?;
    let archive = ArchiveFile::parse(&*data)?;
    let mut exported = BTreeSet::new();
    for member in archive.members() {
        let object = member?.data(&*data)?;
        let file = object::File::parse(object)?;
        for symbol in file.symbols().filter(|s| s.is_definition() && s.is_global()) {
            exported.insert(symbol.name()?.to_owned());
        }
    }
    compare(&exported, path)
}

fn compare(exported: &BTreeSet<String>, path: &Path) -> Result<()> {
    let declared = header::functions()?;
    let extra: Vec<_> = exported.difference(&declared).take(10).collect();
    let missing: Vec<_> = declared.difference(exported).take(10).collect();
    ensure!(
        extra.is_empty() && missing.is_empty(),
        "{}: exports that the header does not declare: {extra:?}; declared and not exported: {missing:?}",
        path.display()
    );
    Ok(())
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

fn abi_version() -> Result<String> {
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
