//! `cargo xtask docs`: the guides with their programs and diagrams, and the reference site.

mod diagrams;
mod headers;
mod pages;
pub mod programs;
pub mod shown;
pub mod site;

use crate::steps::Steps;
use crate::{cmake, tools, venv};
use anyhow::{Result, bail};

/// Puts programs, outputs and diagrams into the guides as they are now, and builds the site. With
/// `--check` it compares instead, as `cargo xtask test` does.
pub fn run(options: &[String]) -> Result<()> {
    let check = match options {
        [] => false,
        [option] if option == "--check" => true,
        _ => bail!("no option `{}`", options.join(" ")),
    };
    let mut steps = Steps::new();
    steps.run("tools", || {
        tools::require()?;
        venv::provide(&["cmake", "ninja"])
    })?;
    steps.run("build the programs of the guides", || {
        cmake::configure("release")?;
        cmake::build("release", Some("guides"))
    })?;
    if check {
        steps.run("programs of the guides: C and C++", programs::native)?;
        steps.run_if_possible("programs of the guides: Python", programs::python_if_installed)?;
        steps.run_if_possible("programs of the guides: Go", programs::go_if_installed)?;
    } else {
        steps.run("diagrams", diagrams::write)?;
        steps.run("blocks of the guides", programs::write)?;
    }
    steps.run("guides show the examples", shown::check)?;
    steps.run_if_possible("reference site", site::build)?;
    steps.finish();
    Ok(())
}
