//! What the documents show is built and run: a block under a comment with a path is that file, to the
//! letter, and one under "output of" a path is what that program prints.

use crate::paths;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

const GUIDES: &str = "docs/guides";

/// Languages whose blocks, in a guide, must be files.
const LANGUAGES: [&str; 7] = ["c", "cpp", "c++", "python", "py", "go", "rust"];

/// A document and where its blocks are.
pub struct Document {
    path: PathBuf,
    text: String,
    pub blocks: Vec<Block>,
}

/// A block that is a file or the output of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Of the file that is shown or run, from the root.
    pub path: String,
    pub is_output: bool,
    /// Where in the text its content is.
    start: usize,
    end: usize,
}

impl Document {
    fn read(path: PathBuf) -> Result<Self> {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let is_guide = path.starts_with(paths::in_root(GUIDES));
        let blocks = blocks(&text, is_guide).with_context(|| path.display().to_string())?;
        Ok(Self { path, text, blocks })
    }

    /// What a block shows.
    pub fn shown(&self, block: &Block) -> Result<&str> {
        self.text.get(block.start..block.end).context("a block outside of its document")
    }

    /// Puts this into the blocks that do not show it already, in the file.
    pub fn fill(&self, content: impl Fn(&Block) -> Result<Option<String>>) -> Result<()> {
        let mut text = self.text.clone();
        for block in self.blocks.iter().rev() {
            if let Some(content) = content(block)? {
                text.replace_range(block.start..block.end, &content);
            }
        }
        if text != self.text {
            fs::write(&self.path, text)?;
            println!("    written: {}", self.name());
        }
        Ok(())
    }

    /// Its path from the root.
    pub fn name(&self) -> String {
        let root = paths::root();
        self.path.strip_prefix(root).unwrap_or(&self.path).display().to_string()
    }
}

/// The README and the guides.
pub fn documents() -> Result<Vec<Document>> {
    let mut documents = vec![Document::read(paths::in_root("README.md"))?];
    for path in guides()? {
        documents.push(Document::read(path)?);
    }
    Ok(documents)
}

/// The guides in the order of their names.
fn guides() -> Result<Vec<PathBuf>> {
    markdown(GUIDES)
}

/// Every page of `docs`, the guides last.
pub fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = markdown("docs")?;
    pages.extend(guides()?);
    Ok(pages)
}

/// The Markdown files of a directory in the order of their names.
fn markdown(directory: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(paths::in_root(directory)).with_context(|| format!("no {directory}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Every block that names a file equals it, every program of the guides is shown in one and its output
/// too, and what is linked is there.
pub fn check() -> Result<()> {
    let mut shown = Vec::new();
    for document in documents()? {
        for block in &document.blocks {
            if !block.is_output {
                let file = read(&block.path)?;
                ensure!(
                    document.shown(block)? == file,
                    "{} does not show {} as it is: `cargo xtask docs` puts it there",
                    document.name(),
                    block.path
                );
            }
            shown.push((block.path.clone(), block.is_output));
        }
        links_exist(&document)?;
    }
    let index = read("docs/index.md")?;
    for page in pages()? {
        let document = Document::read(page)?;
        links_exist(&document)?;
        let name = document.name();
        let name = name.trim_start_matches("docs/");
        let linked = name == "index.md" || links(&index).contains(&name);
        ensure!(linked, "docs/index.md does not link to {name}");
    }
    for directory in ["examples/guides", "examples/guides/go"] {
        for entry in fs::read_dir(paths::in_root(directory))? {
            let path = format!("{directory}/{}", entry?.file_name().to_string_lossy());
            let extension = Path::new(&path).extension().unwrap_or_default();
            if !LANGUAGES.iter().any(|language| extension == *language) {
                continue;
            }
            for is_output in [false, true] {
                let what = if is_output { "the output of " } else { "" };
                let found = shown.iter().any(|(p, o)| *p == path && *o == is_output);
                ensure!(found, "no guide shows {what}{path}");
            }
        }
    }
    Ok(())
}

/// The text of a file below the root.
pub fn read(path: &str) -> Result<String> {
    fs::read_to_string(paths::in_root(path)).with_context(|| format!("cannot read {path}"))
}

/// Links to files of the repository, as a reader of the Markdown follows them.
fn links_exist(document: &Document) -> Result<()> {
    let directory = document.path.parent().context("a document without a directory")?;
    for link in links(&document.text) {
        let file = link.split('#').next().unwrap_or_default();
        if file.is_empty() || link.contains("://") {
            continue;
        }
        ensure!(
            directory.join(file).exists(),
            "{} links to {file}, which is not there",
            document.name()
        );
    }
    Ok(())
}

/// The targets of inline links outside of fences.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        links.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    }
    links
}

/// The blocks of a text. In a guide, a block of a language without a comment above is an error.
fn blocks(text: &str, is_guide: bool) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut named: Option<(String, bool)> = None;
    let mut open: Option<(Option<(String, bool)>, usize)> = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let (start, content) = (position, line.trim_end());
        position += line.len();
        if let Some((name, from)) = &open {
            if content == "```" {
                if let Some((path, is_output)) = name.clone() {
                    blocks.push(Block { path, is_output, start: *from, end: start });
                }
                open = None;
            }
        } else if let Some(language) = content.strip_prefix("```") {
            let is_program = LANGUAGES.contains(&language);
            ensure!(
                !is_guide || !is_program || named.is_some(),
                "a block of {language} that is no file: it needs a comment with the path above"
            );
            open = Some((named.take(), position));
        } else if let Some(comment) =
            content.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"))
        {
            let (path, is_output) = match comment.strip_prefix("output of ") {
                Some(path) => (path, true),
                None => (comment, false),
            };
            if path.starts_with("examples/") {
                named = Some((path.to_owned(), is_output));
            }
        } else {
            ensure!(
                named.is_none() || content.is_empty(),
                "a comment names {:?}, and no block follows",
                named
            );
        }
    }
    ensure!(open.is_none(), "a block that is not closed");
    ensure!(named.is_none(), "a comment names {named:?}, and no block follows");
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_is_between_its_fences() {
        let text = "x\n<!-- examples/a.c -->\n```c\nint a;\n```\n\n<!-- output of examples/a.c -->\n```text\n1\n```\n";
        let found = blocks(text, true).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(&text[found[0].start..found[0].end], "int a;\n");
        assert_eq!(&text[found[1].start..found[1].end], "1\n");
        assert!(!found[0].is_output && found[1].is_output && found[1].path == "examples/a.c");
    }

    #[test]
    fn a_guide_has_no_program_that_is_no_file() {
        assert!(blocks("```c\nint a;\n```\n", true).is_err());
        assert!(blocks("```c\nint a;\n```\n", false).is_ok());
        assert!(blocks("```sh\nls\n```\n", true).is_ok());
    }

    #[test]
    fn what_is_left_open_is_an_error() {
        assert!(blocks("```c\n", false).is_err());
        assert!(blocks("<!-- examples/a.c -->\n", false).is_err());
        assert!(blocks("<!-- examples/a.c -->\ntext\n```c\n```\n", false).is_err());
    }
}
