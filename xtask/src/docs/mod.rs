//! `cargo xtask docs`: the guides with their programs and diagrams, and the reference site.

mod diagrams;
mod headers;
mod pages;
pub mod programs;
pub mod shown;
pub mod site;

use crate::steps::Steps;
use crate::{cmake, tools, venv};
use anyhow::Result;

/// Puts programs, outputs and diagrams into the guides as they are now, and builds the site.
pub fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("tools", || {
        tools::require()?;
        venv::provide(&["cmake", "ninja"])
    })?;
    steps.run("build the programs of the guides", || {
        cmake::configure("release")?;
        cmake::build("release", Some("guides"))
    })?;
    steps.run("diagrams", diagrams::write)?;
    steps.run("blocks of the guides", programs::write)?;
    steps.run("links", shown::check)?;
    steps.run_if_possible("reference site", site::build)?;
    steps.finish();
    Ok(())
}
