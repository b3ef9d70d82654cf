//! The headers as Doxygen gets them: the text is theirs. What is added is what a comment in C leaves to
//! the reader: the topic of each name (a file of `src/capi`), and links from name to name.

use super::shown;
use crate::paths;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The files of `src/capi` whose topics come first, in this order.
const FIRST: [&str; 13] = [
    "status",
    "error",
    "descriptor",
    "memory",
    "view",
    "find",
    "buffer",
    "bulk",
    "atomics",
    "config",
    "allocator",
    "heap",
    "image",
];

/// Where each header's names go that come from no file of `src/capi`.
const INLINE_TOPICS: [(&str, &str, &str); 2] = [
    ("wasm_memory_access.h", "access", "Inline loads, stores and atomics"),
    ("wasm_memory_wasmtime.h", "wasmtime", "Memories for Wasmtime"),
];

const REASON: &str = "WASM_MEMORY_REASON_";

/// The names of the C interface.
pub struct Names {
    /// Each name of `wasm_memory.h`, with its topic.
    topics: BTreeMap<String, String>,
    /// The topics in their order.
    files: Vec<String>,
    /// Those of the other C headers.
    inline: BTreeSet<String>,
}

impl Names {
    pub fn read() -> Result<Self> {
        let mut topics = BTreeMap::new();
        let mut files = Vec::new();
        for entry in fs::read_dir(paths::in_root("src/capi"))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let Some(topic) = file.strip_suffix(".rs") else { continue };
            let declared = declared_in_rust(&shown::read(&format!("src/capi/{file}"))?);
            if !declared.is_empty() {
                files.push(topic.to_owned());
            }
            topics.extend(declared.into_iter().map(|name| (name, topic.to_owned())));
        }
        files.sort_by_key(|file| {
            (FIRST.iter().position(|f| f == file).unwrap_or(FIRST.len()), file.clone())
        });
        topics.insert("WASM_MEMORY_PAGES".to_owned(), "descriptor".to_owned());
        let mut inline = BTreeSet::new();
        for (file, ..) in INLINE_TOPICS {
            let header = shown::read(&format!("include/{file}"))?;
            let staged = if file.contains("access") { access(&header)? } else { header };
            for item in documented(&staged) {
                inline.extend(item.name);
            }
        }
        Ok(Self { topics, files, inline })
    }

    /// The name that a word stands for: a name, or what is left out before a reason's.
    pub fn meant<'a>(&'a self, word: &'a str) -> Option<String> {
        if self.topics.contains_key(word) || self.inline.contains(word) {
            return Some(word.to_owned());
        }
        let is_reason = word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let reason = format!("{REASON}{word}");
        (is_reason && self.topics.contains_key(&reason)).then_some(reason)
    }

    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.topics.keys().chain(&self.inline)
    }
}

/// Writes the headers to a directory.
pub fn stage(names: &Names, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(paths::in_root("include"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        let mut header = shown::read(&format!("include/{file}"))?;
        if file == "wasm_memory_access.h" {
            header = access(&header)?;
        }
        // Doxygen takes a static function for one that other files cannot name.
        header = header.replace("static inline ", "inline ");
        header = constants(&header);
        let is_main = file == "wasm_memory.h";
        let inline =
            INLINE_TOPICS.iter().find(|(name, ..)| *name == file).map(|(_, topic, _)| *topic);
        let header = header.replacen(
            "/* A wasm_memory_page_count_t of n pages",
            "/** A wasm_memory_page_count_t of n pages",
            1,
        );
        let mut staged = String::new();
        let mut position = 0;
        for item in documented(&header) {
            staged.push_str(header.get(position..item.start).unwrap_or_default());
            let mut comment = header.get(item.start..item.end).unwrap_or_default().to_owned();
            if let Some(name) = &item.name {
                let topic = names.topics.get(name).map(String::as_str);
                if is_main {
                    ensure!(topic.is_some(), "no file of src/capi has {name}");
                    found.insert(name.clone());
                }
                if let Some(topic) = topic.filter(|_| is_main).or(inline) {
                    comment =
                        comment.replacen("/**", &format!("/** @ingroup topic_{topic}\n *\n *"), 1);
                }
            }
            staged.push_str(&comment);
            position = item.end;
        }
        staged.push_str(header.get(position..).unwrap_or_default());
        fs::write(directory.join(&file), link(names, &describe_file(&file, &staged)?))?;
    }
    for name in names.topics.keys() {
        ensure!(found.contains(name), "{name} has no documentation in include/wasm_memory.h");
    }
    let mut topics = String::new();
    for topic in &names.files {
        let source = shown::read(&format!("src/capi/{topic}.rs"))?;
        let title = source.lines().next().and_then(|line| line.strip_prefix("//! "));
        let title =
            title.with_context(|| format!("src/capi/{topic}.rs does not say what it is"))?;
        let title = title.trim_end_matches('.').replace('`', "");
        writeln!(topics, "/** @defgroup topic_{topic} {title} */")?;
    }
    for (file, topic, title) in INLINE_TOPICS {
        writeln!(topics, "/** @defgroup topic_{topic} {title}")?;
        writeln!(topics, " * What they have in common is told at @ref {file}. */")?;
    }
    fs::write(directory.join("topics.h"), topics)?;
    Ok(())
}

/// In C++ a constant has no words of its own: it is one of C, which has.
fn constants(header: &str) -> String {
    let mut staged = String::new();
    for line in header.lines() {
        let constant =
            line.strip_prefix("inline constexpr").and_then(|rest| rest.split_once(" = "));
        match constant.and_then(|(_, value)| value.strip_suffix(';')) {
            Some(value) if value.starts_with("WASM_MEMORY_") => {
                staged.push_str(&format!("{line} /**< {value} */\n"));
            }
            _ => staged.push_str(&format!("{line}\n")),
        }
    }
    staged
}

/// A documentation comment at the start of a line, and the name that it is of.
struct Documented {
    name: Option<String>,
    start: usize,
    end: usize,
}

fn documented(header: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(at) = header.get(position..).and_then(|rest| rest.find("\n/**")) {
        let start = position + at + 1;
        let Some(length) = header.get(start..).and_then(|rest| rest.find("*/")) else { break };
        let end = start + length + 2;
        let after = header.get(end..).unwrap_or_default();
        found.push(Documented { name: name_declared(after), start, end });
        position = end;
    }
    found
}

/// The first name of this library that a declaration declares.
fn name_declared(after: &str) -> Option<String> {
    let declaration = after.split(['{', ';']).next()?;
    let is_macro = after.trim_start().starts_with('#');
    let words = words(declaration);
    let ours = |word: &&str| word.starts_with("wasm_memory_") || word.starts_with("WASM_MEMORY_");
    if is_macro {
        return words.into_iter().find(ours).map(str::to_owned);
    }
    if after.trim_start().starts_with("typedef") {
        return words.into_iter().rfind(ours).map(str::to_owned);
    }
    // A function: the word before the first parenthesis.
    let head = declaration.split('(').next()?;
    self::words(head).into_iter().rfind(ours).map(str::to_owned)
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect()
}

fn declared_in_rust(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in source.lines() {
        let mut words = words(line).into_iter();
        while let Some(word) = words.next() {
            if !["fn", "const", "struct", "type"].contains(&word) || !line.starts_with("pub ") {
                continue;
            }
            if let Some(name) = words.clone().next() {
                if name.starts_with("wasm_memory_") || name.starts_with("WASM_MEMORY_") {
                    names.push(name.to_owned());
                }
            }
        }
    }
    names
}

/// The comment at the top becomes the file's; what it sets off by spaces becomes code.
fn describe_file(file: &str, header: &str) -> Result<String> {
    let Some(rest) = header.strip_prefix("/*") else { return Ok(header.to_owned()) };
    let (comment, code) = rest.split_once("*/").context("a comment that is open")?;
    let mut described = format!("/** @file {file}\n");
    for line in comment.lines().filter(|line| !line.contains("SPDX")) {
        let text = line.strip_prefix(" *").unwrap_or(line);
        let indented = text.len() - text.trim_start().len() >= 3;
        writeln!(described, " *{}{text}", if indented { "    " } else { "" })?;
    }
    Ok(format!("{described} */{code}"))
}

/// Marks each name in a comment as a link. A reason's name is written short in them.
fn link(names: &Names, header: &str) -> String {
    let mut linked = String::new();
    let mut rest = header;
    while let Some(start) = rest.find("/**") {
        let (code, comment) = rest.split_at(start);
        let (comment, after) = comment.split_at(comment.find("*/").unwrap_or(comment.len()));
        linked.push_str(code);
        for line in comment.split_inclusive('\n') {
            // Code in a comment, or a command that takes the name as it is.
            let is_code = line.starts_with(" *     ") || line.contains("@file");
            linked.push_str(&if is_code { line.to_owned() } else { link_line(names, line) });
        }
        rest = after;
    }
    linked.push_str(rest);
    linked
}

fn link_line(names: &Names, line: &str) -> String {
    let mut linked = String::new();
    let mut in_code = false;
    let mut word = String::new();
    for c in line.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        match names.meant(&word) {
            Some(name) if !in_code && !linked.ends_with(['#', ':', '"']) => {
                if name == word && c != '(' {
                    linked.push_str(&format!("#{word}"));
                } else {
                    linked.push_str(&format!("@ref {name} \"{word}\""));
                }
            }
            _ => linked.push_str(&word),
        }
        word.clear();
        in_code ^= c == '`';
        if c != '\0' {
            linked.push(c);
        }
    }
    linked
}

/// `wasm_memory_access.h` defines its functions by macros. This is what they come to.
fn access(header: &str) -> Result<String> {
    let (comment, rest) = header.split_once("*/").context("no comment at the top")?;
    let mut staged = format!("{comment}*/\n");
    let mut before = "";
    let mut count = 0;
    for (number, line) in rest.lines().enumerate() {
        if let Some(call) = line.strip_prefix("WASM_MEMORY_ACCESS_") {
            if let Some((kind, arguments)) = call.split_once('(') {
                if let Some((arguments, instruction)) = arguments.split_once(')') {
                    count += usize::from(prototypes(&mut staged, kind, arguments, instruction)?);
                }
            }
            if let Some(function) = call.strip_prefix("FUNCTION ") {
                if !function.contains("wasm_memory_access_") {
                    let text: Vec<&str> = rest.lines().skip(number).collect();
                    let text = text.join("\n");
                    let (head, _) = text.split_once('{').context("a function without a body")?;
                    let head = head.replace("WASM_MEMORY_ACCESS_FUNCTION ", "inline ");
                    let what = before.trim_start_matches("/* ").trim_end_matches(" */");
                    writeln!(staged, "\n/** {what} */\n{};", head.trim_end())?;
                    count += 1;
                }
            }
        }
        before = line;
    }
    ensure!(count > 80, "only {count} functions found in wasm_memory_access.h");
    Ok(staged)
}

/// The prototypes that one macro call comes to.
fn prototypes(staged: &mut String, kind: &str, arguments: &str, comment: &str) -> Result<bool> {
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let [name, value, ..] = arguments.as_slice() else { return Ok(false) };
    let instruction = comment.trim().trim_start_matches("/* ").trim_end_matches(" */");
    let place = "const wasm_memory_view_t *view, uint64_t index, uint64_t offset";
    let (what, parameters) = match kind {
        "LOAD" => ("False: out of bounds; *out is then as before.", format!("{value} *out")),
        "STORE" => ("False: out of bounds; nothing is written.", format!("{value} value")),
        "ATOMIC_LOAD" => (
            "False: a trap; *aligned tells whether for want of alignment.",
            format!("{value} *out, bool *aligned"),
        ),
        "ATOMIC_STORE" => (
            "False: a trap; *aligned tells whether for want of alignment.",
            format!("{value} value, bool *aligned"),
        ),
        "ATOMIC_RMW" => (
            "*old receives the value before. False: a trap; *aligned tells whether for want of alignment.",
            format!("{value} value, {value} *old, bool *aligned"),
        ),
        "ATOMIC_CMPXCHG" => (
            "*old receives the value before. False: a trap; *aligned tells whether for want of alignment.",
            format!("{value} expected, {value} replacement, {value} *old, bool *aligned"),
        ),
        "FLOAT" => {
            if !name.starts_with('f') {
                return Ok(false);
            }
            for (operation, parameter) in
                [("load", format!("{value} *out")), ("store", format!("{value} value"))]
            {
                writeln!(
                    staged,
                    "\n/** {name}.{operation}. False: out of bounds. */\n\
                     inline bool wasm_memory_{operation}_{name}({place}, {parameter});"
                )?;
            }
            return Ok(true);
        }
        _ => return Ok(false),
    };
    if *name == "name" {
        return Ok(false);
    }
    if instruction.is_empty() || instruction.contains('(') {
        bail!("{name} is not named beside its instruction");
    }
    writeln!(staged, "\n/** {instruction}. {what} */\ninline bool {name}({place}, {parameters});")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_declares_its_name() {
        let name = |text| name_declared(text).unwrap_or_default();
        assert_eq!(name("\n#define WASM_MEMORY_OK 0\n"), "WASM_MEMORY_OK");
        assert_eq!(
            name("\nuint8_t *wasm_memory_data(const wasm_memory_t *m);"),
            "wasm_memory_data"
        );
        assert_eq!(name("\ntypedef struct wasm_memory_t wasm_memory_t;"), "wasm_memory_t");
        assert_eq!(name("\ntypedef struct wasm_memory_view_t {\n"), "wasm_memory_view_t");
    }

    #[test]
    fn an_inline_function_is_told_by_its_macro() {
        let mut staged = String::new();
        let arguments = "wasm_memory_load_i32_u8, uint32_t, 8, uint8_t";
        assert!(prototypes(&mut staged, "LOAD", arguments, "    /* i32.load8_u */").unwrap());
        assert!(staged.contains("i32.load8_u. False"), "{staged}");
        assert!(staged.contains("bool wasm_memory_load_i32_u8(const wasm_memory_view_t *view"));
        assert!(prototypes(&mut staged, "LOAD", arguments, "").is_err());
    }
}
