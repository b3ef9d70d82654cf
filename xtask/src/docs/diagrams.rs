//! `docs/layouts`: what the address space around memories looks like, drawn from what
//! `wasm_memory_get_layout` said of real ones (`examples/guides/layouts.c` prints it).

use super::programs;
use crate::paths;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const PROGRAM: &str = "examples/guides/layouts.c";
const DIRECTORY: &str = "docs/layouts";

/// A kind of memory, as the program names it, and its title.
const TITLES: [(&str, &str); 10] = [
    ("default", "i32 without a maximum, the defaults"),
    ("maximum", "i32 with a maximum of 100 pages, the defaults"),
    ("i64", "i64 without a maximum, the defaults"),
    ("shared", "shared, a maximum of 100 pages"),
    ("guards", "i32, 4 GiB reserved, guards of 32 MiB on both sides"),
    ("checked", "BOUNDS_CHECKED, a maximum of 100 pages"),
    ("pool", "a pool of slots of 1 MiB, BOUNDS_GUARDED"),
    ("pool-checked", "a pool of slots of 1 MiB, BOUNDS_CHECKED"),
    ("heap", "BACKEND_HEAP, movable, a maximum of 100 pages"),
    ("fallback", "i32 without a maximum, where the host has only 2 GiB left"),
];

/// The figures of one memory.
struct Layout(BTreeMap<String, u64>);

impl Layout {
    fn parse(words: &str) -> Result<Self> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut figures = BTreeMap::new();
        for pair in words.chunks(2) {
            let [name, value] = pair else { bail!("a figure without a value: {pair:?}") };
            let value = value.parse().with_context(|| format!("{name} is no number: {value}"))?;
            figures.insert((*name).to_owned(), value);
        }
        Ok(Self(figures))
    }

    fn get(&self, name: &str) -> Result<u64> {
        self.0.get(name).copied().with_context(|| format!("{PROGRAM} does not tell {name}"))
    }

    fn is(&self, name: &str) -> Result<bool> {
        Ok(self.get(name)? != 0)
    }
}

/// The committed diagrams show what memories have.
pub fn check() -> Result<()> {
    for (file, drawn) in draw()? {
        let path = format!("{DIRECTORY}/{file}");
        let committed = fs::read_to_string(paths::in_root(&path)).unwrap_or_default();
        ensure!(committed == drawn, "{path} is not current: `cargo xtask docs` draws it");
    }
    Ok(())
}

/// Draws them anew.
pub fn write() -> Result<()> {
    fs::create_dir_all(paths::in_root(DIRECTORY))?;
    for (file, drawn) in draw()? {
        fs::write(paths::in_root(DIRECTORY).join(file), drawn)?;
    }
    Ok(())
}

fn draw() -> Result<Vec<(String, String)>> {
    let printed = programs::output(PROGRAM)?;
    let mut drawings = Vec::new();
    for line in printed.lines() {
        let (kind, figures) = line.split_once(": ").context("a line without a kind")?;
        let (_, title) = TITLES
            .iter()
            .find(|(known, _)| *known == kind)
            .with_context(|| format!("no title for {kind}"))?;
        drawings.push((format!("{kind}.svg"), picture(title, &Layout::parse(figures)?)?));
    }
    ensure!(drawings.len() == TITLES.len(), "{PROGRAM} tells of {} memories", drawings.len());
    Ok(drawings)
}

const WIDTH: u32 = 760;
const LEFT: u32 = 20;
const BAR_TOP: u32 = 44;
const BAR_HEIGHT: u32 = 46;

/// What a range of addresses is, to whoever touches it.
#[derive(Clone, Copy)]
enum Range {
    Guard,
    Bytes,
    Closed,
    Open,
}

impl Range {
    const fn fill(self) -> &'static str {
        match self {
            Self::Guard => "#f2b8b0",
            Self::Bytes => "#9fd0a5",
            Self::Closed => "#e4e4e4",
            Self::Open => "#dcebd9",
        }
    }
}

struct Picture {
    svg: String,
    x: u32,
}

impl Picture {
    fn range(&mut self, range: Range, width: u32, labels: &[&str]) -> Result<()> {
        let (x, middle) = (self.x, self.x + width / 2);
        let fill = range.fill();
        writeln!(
            self.svg,
            "<rect x=\"{x}\" y=\"{BAR_TOP}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" \
             fill=\"{fill}\" stroke=\"#444\"/>"
        )?;
        let top = BAR_TOP + BAR_HEIGHT / 2 + 5 - (labels.len() as u32 - 1) * 8;
        for (line, label) in labels.iter().enumerate() {
            let y = top + 16 * line as u32;
            writeln!(
                self.svg,
                "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
            )?;
        }
        self.x += width;
        Ok(())
    }

    /// An offset from the base, below the place that was reached.
    fn tick(&mut self, label: &str) -> Result<()> {
        let (x, top) = (self.x, BAR_TOP + BAR_HEIGHT);
        let (end, y) = (top + 8, top + 23);
        writeln!(self.svg, "<path d=\"M{x} {top}V{end}\" stroke=\"#444\"/>")?;
        writeln!(self.svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>")?;
        Ok(())
    }
}

fn picture(title: &str, layout: &Layout) -> Result<String> {
    let (length, reservation) = (layout.get("length")?, layout.get("reservation")?);
    let (before, after) = (layout.get("before")?, layout.get("after")?);
    let notes = notes(layout)?;
    let height = BAR_TOP + BAR_HEIGHT + 40 + 18 * notes.len() as u32;
    let mut picture = Picture { svg: String::new(), x: LEFT };
    writeln!(
        picture.svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-weight=\"bold\">{title}</text>"
    )?;

    let rest = if layout.is("exact")? { Range::Closed } else { Range::Open };
    let slots = if layout.0.contains_key("stride") { 2 } else { 1 };
    let guards = u32::from(before > 0) + slots * u32::from(after > 0);
    let guard_width = 96;
    let each = (WIDTH - 2 * LEFT - guards * guard_width) / slots;
    let bytes_width = each * 3 / 10;
    if before > 0 {
        picture.range(Range::Guard, guard_width, &["guard before", &size(before)])?;
    }
    for slot in 0..slots {
        if slot == 0 {
            picture.tick("base")?;
        } else {
            picture.tick(&format!("next base: {}", size(layout.get("stride")?)))?;
        }
        let bytes = [size(length)];
        picture.range(Range::Bytes, bytes_width, &["bytes", &bytes[0]])?;
        if slot == 0 && reservation > length {
            picture.tick(&size(length))?;
        }
        if reservation > length {
            let label = match rest {
                Range::Closed => "reserved, inaccessible",
                _ => "open ahead of growth",
            };
            picture.range(rest, each - bytes_width, &[label])?;
        }
        if after > 0 {
            if slot == 0 {
                picture.tick(&size(reservation))?;
            }
            picture.range(Range::Guard, guard_width, &["guard", &size(after)])?;
        } else if slots == 1 {
            // Without a guard there is nothing to the right of the number but the edge.
            writeln!(
                picture.svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                picture.x,
                BAR_TOP + BAR_HEIGHT + 23,
                size(reservation)
            )?;
        }
    }
    for (line, note) in notes.iter().enumerate() {
        let y = BAR_TOP + BAR_HEIGHT + 48 + 18 * line as u32;
        writeln!(picture.svg, "<text x=\"{LEFT}\" y=\"{y}\">{note}</text>")?;
    }
    picture.svg.push_str("</svg>\n");
    Ok(picture.svg)
}

/// What the layout promises, in words.
fn notes(layout: &Layout) -> Result<Vec<String>> {
    let base = if layout.is("movable")? {
        "The base may move when growth passes the reservation."
    } else {
        "The base never moves. Growth ends at the reservation."
    };
    let protection = if layout.is("exact")? {
        "Every byte at or past the length, rounded up to the host page, faults."
    } else {
        "Not every byte past the length faults: each access is compared with it."
    };
    let checks = if layout.is("elides")? {
        format!("i32 accesses need no check, with static offsets up to {}.", layout.get("offset")?)
    } else {
        "Every access needs a check.".to_owned()
    };
    Ok(vec![base.to_owned(), protection.to_owned(), checks])
}

/// Bytes in the largest unit that they are a whole number of.
fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value != 0 && value % 1024 == 0 && unit + 1 < units.len() {
        value /= 1024;
        unit += 1;
    }
    format!("{value} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(65536), "64 KiB");
        assert_eq!(size(6_553_600), "6400 KiB");
        assert_eq!(size(4 << 30), "4 GiB");
        assert_eq!(size(16 << 30), "16 GiB");
    }
}
