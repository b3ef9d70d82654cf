//! The README shows programs that are built and run: each block under a comment with a path is that
//! file, to the letter.

use crate::paths;
use anyhow::{Context, Result, bail, ensure};
use std::fs;

/// Every block that names a file equals it, and there is one at least.
pub fn check() -> Result<()> {
    let text = fs::read_to_string(paths::in_root("README.md")).context("cannot read README.md")?;
    let mut compared = 0;
    let mut rest = text.as_str();
    while let Some(start) = rest.find("<!-- examples/") {
        let (path, after) = rest[start + 5..].split_once(" -->\n").context("an open comment")?;
        let (_, block) = after.split_once('\n').context("no block follows")?;
        let (shown, after) = block.split_once("```").context("an open block")?;
        let file = fs::read_to_string(paths::in_root(path))
            .with_context(|| format!("the README names {path}"))?;
        if shown != file {
            bail!("the README does not show {path} as it is: copy the file into its block");
        }
        compared += 1;
        rest = after;
    }
    ensure!(compared > 0, "the README shows no example");
    Ok(())
}
