//! The Markdown of `docs/` as Doxygen gets it: pages that it can link, names that lead to the reference,
//! and links to files of the repository that lead to copies of them.

use super::headers::Names;
use super::shown;
use crate::paths;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Writes the pages to a directory. Gives back the files of the repository that they link to.
pub fn stage(names: &Names, directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut pages = Vec::new();
    for page in shown::pages()? {
        pages.push(page.strip_prefix(paths::root())?.to_owned());
    }
    let mut linked = BTreeSet::new();
    for page in pages {
        let text = fs::read_to_string(paths::in_root("").join(&page))
            .with_context(|| format!("cannot read {}", page.display()))?;
        let text =
            staged(names, &page, &text, &mut linked).with_context(|| page.display().to_string())?;
        // One directory: Doxygen makes one of all pages anyway.
        fs::write(directory.join(page.file_name().context("a page without a name")?), text)?;
    }
    Ok(linked)
}

/// The name under which Doxygen knows a page.
fn label(page: &Path) -> String {
    let stem = page.file_stem().unwrap_or_default().to_string_lossy();
    format!("page_{}", stem.replace('-', "_"))
}

fn staged(
    names: &Names,
    page: &Path,
    text: &str,
    linked: &mut BTreeSet<PathBuf>,
) -> Result<String> {
    let mut staged = String::new();
    let mut in_fence = false;
    let is_index = page.ends_with("index.md");
    for (number, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            in_fence = !in_fence;
            staged.push_str(match language {
                "python" => "```py",
                "go" | "sh" | "text" => "```unparsed",
                _ => line,
            });
        } else if in_fence {
            staged.push_str(line);
        } else if number == 0 && !is_index {
            staged.push_str(&format!("{line} {{#{}}}", label(page)));
        } else if line.starts_with("<!-- ") {
            continue;
        } else {
            let line = link_spans(names, line);
            staged.push_str(&link_files(page, &line, is_index, linked)?);
        }
        staged.push('\n');
    }
    Ok(staged)
}

/// Code that begins with a name of the interface leads to it.
fn link_spans(names: &Names, line: &str) -> String {
    let mut linked = String::new();
    for (index, part) in line.split('`').enumerate() {
        if index % 2 == 0 {
            linked.push_str(part);
            continue;
        }
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let name = part.get(..end).and_then(|word| names.meant(word));
        // What is a link already stays one.
        match name.filter(|_| !linked.ends_with('[')) {
            Some(name) => linked.push_str(&format!("[`{part}`](@ref {name})")),
            None => linked.push_str(&format!("`{part}`")),
        }
    }
    linked
}

/// Links to pages become Doxygen's, links to other files of the repository lead to a copy.
fn link_files(
    page: &Path,
    line: &str,
    is_index: bool,
    linked: &mut BTreeSet<PathBuf>,
) -> Result<String> {
    let mut staged = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at);
        let (target, after) =
            after.get(2..).and_then(|a| a.split_once(')')).context("a link that is open")?;
        rest = after;
        let is_image = before
            .rfind('[')
            .is_some_and(|open| before.get(..open).is_some_and(|b| b.ends_with('!')));
        if target.contains("://") || target.starts_with('#') || target.starts_with("@ref") {
            staged.push_str(&format!("{before}]({target})"));
        } else if is_image {
            let file = target.rsplit('/').next().unwrap_or(target);
            staged.push_str(&format!("{before}]({file})"));
        } else {
            let file = target.split('#').next().unwrap_or(target);
            let file = from_root(page, file)?;
            if file.starts_with("docs") && file.extension().is_some_and(|e| e == "md") {
                let (before, text) = link_text(before)?;
                let command = if is_index { "@subpage" } else { "@ref" };
                let label = label(&file);
                staged.push_str(&format!("{before}{command} {label} \"{}\"", text));
            } else {
                let (before, text) = link_text(before)?;
                staged
                    .push_str(&format!("{before}<a href=\"source/{}\">{text}</a>", file.display()));
                linked.insert(file);
            }
        }
    }
    staged.push_str(rest);
    Ok(staged)
}

/// What is before a link, and its text, of a line that ends with it.
fn link_text(line: &str) -> Result<(&str, &str)> {
    line.rsplit_once('[').context("a link without a text")
}

/// A path relative to a page, from the root.
fn from_root(page: &Path, target: &str) -> Result<PathBuf> {
    let mut path = page.parent().context("a page without a directory")?.to_owned();
    for component in Path::new(target).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => bail!("a link to {target}"),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_code_lead_to_the_reference() {
        let names = Names::read().unwrap();
        let link = |line| link_spans(&names, line);
        assert_eq!(link("`wasm_memory_t` is"), "[`wasm_memory_t`](@ref wasm_memory_t) is");
        assert_eq!(
            link("`wasm_memory_grow(memory, 1)`"),
            "[`wasm_memory_grow(memory, 1)`](@ref wasm_memory_grow)"
        );
        assert_eq!(link("`LIMITER`"), "[`LIMITER`](@ref WASM_MEMORY_REASON_LIMITER)");
        assert_eq!(link("`wasm_memory_copy(m)`"), "`wasm_memory_copy(m)`");
        assert_eq!(link("[`wasm_memory_t`](x.md)"), "[`wasm_memory_t`](x.md)");
    }

    #[test]
    fn links_lead_to_pages_images_and_copies() {
        let mut linked = BTreeSet::new();
        let page = Path::new("docs/guides/jit.md");
        let mut staged = |line| link_files(page, line, false, &mut linked).unwrap();
        assert_eq!(staged("see [faults](faults.md)."), "see @ref page_faults \"faults\".");
        assert_eq!(staged("![i32](../layouts/default.svg)"), "![i32](default.svg)");
        assert_eq!(
            staged("[main](../../examples/wasmtime/main.c)"),
            "<a href=\"source/examples/wasmtime/main.c\">main</a>"
        );
        assert_eq!(linked.len(), 1);
    }
}
