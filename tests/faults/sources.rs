//! What the header and the sources say there is: exported functions, kinds of system call, and the
//! places where one is made.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every function that `include/wasm_memory.h` declares.
pub fn functions() -> Vec<String> {
    let header = fs::read_to_string(root().join("include/wasm_memory.h")).unwrap();
    let mut functions = Vec::new();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    for line in header.lines().filter(|line| !line.starts_with([' ', '/', '#', '}'])) {
        let Some((before, _)) = line.split_once('(') else { continue };
        if line.starts_with("typedef") || line.starts_with("static") {
            continue;
        }
        let name = before.rsplit(|letter| !is_name(letter)).next().unwrap();
        if name.starts_with("wasm_memory_") {
            functions.push(name.to_owned());
        }
    }
    functions.sort();
    functions
}

/// A place in the sources that asks the gate before it calls the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub file: String,
    pub line: u32,
    pub function: String,
    /// Compiled on Linux.
    pub is_here: bool,
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn each_source(mut each: impl FnMut(&Path, &str)) {
    let mut files = Vec::new();
    sources(&root().join("src/region"), &mut files);
    files.sort();
    for file in files {
        each(&file, &fs::read_to_string(&file).unwrap());
    }
}

/// Every place that asks the gate.
pub fn gates() -> Vec<Gate> {
    let mut gates = Vec::new();
    each_source(|file, text| {
        let other_host = ["windows", "without_linux", "apple", "freebsd", "patience"]
            .iter()
            .any(|name| file.to_string_lossy().contains(name));
        let (mut function, mut is_here, mut attribute) = (String::new(), true, true);
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[cfg(test)]") {
                break;
            }
            if line.starts_with("#[cfg(not(any(target_os = \"linux\"") {
                attribute = false;
            }
            let declared = line.trim_start().split("fn ").nth(1);
            if let Some(name) = declared.filter(|_| line.contains("fn ") && !is_comment(line)) {
                name.split(['(', '<']).next().unwrap_or_default().clone_into(&mut function);
                is_here = attribute;
                attribute = true;
            }
            if line.contains("gate(Call::") && !is_comment(line) {
                let file = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                gates.push(Gate {
                    file,
                    line: number as u32 + 1,
                    function: function.clone(),
                    is_here: is_here && !other_host,
                });
            }
        }
    });
    gates
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The kinds of system call, as `enum Call` names them.
pub fn kinds() -> Vec<String> {
    let mut kinds = Vec::new();
    each_source(|_, text| {
        let Some((_, body)) = text.split_once("pub enum Call {") else { return };
        let body = body.split_once('}').unwrap().0;
        for line in body.lines().map(str::trim) {
            if let Some(name) = line.strip_suffix(',').filter(|_| !is_comment(line)) {
                kinds.push(name.to_owned());
            }
        }
    });
    kinds
}
