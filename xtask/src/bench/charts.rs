//! Bars, one chart for each of the operations that users ask for.

use super::samples::{Case, Run};
use super::targets::number;
use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use std::fs;
use std::path::Path;

/// A chart: its file, its title, and the cases in it with their labels.
struct Chart {
    file: &'static str,
    title: &'static str,
    /// The figure that is drawn; the p10 of the times without one.
    figure: Option<&'static str>,
    bars: &'static [[&'static str; 3]],
}

const CHARTS: [Chart; 7] = [
    Chart {
        file: "create.svg",
        title: "Create, touch 64 KiB, delete (ns)",
        figure: None,
        bars: &[
            ["create-16", "floor", "floor: mmap, mprotect, munmap"],
            ["create-16", "ours-cold", "wasm_memory, cold"],
            ["create-16", "ours-prefault", "wasm_memory, cold, prefault"],
            ["create-16", "ours-given-out", "wasm_memory, reused"],
            ["create-16", "wasmtime-instance", "Wasmtime, on demand"],
            ["create-16", "wasmtime-pooling", "Wasmtime, pooling"],
            ["create-16", "wasmtime-keep", "Wasmtime, pooling, keep 1 MiB"],
            ["create-16", "wasm2c", "wasm2c"],
        ],
    },
    Chart {
        file: "create-untouched.svg",
        title: "Create and delete, nothing touched (ns)",
        figure: None,
        bars: &[
            ["create-0", "floor", "floor: mmap, mprotect, munmap"],
            ["create-0", "ours-cold", "wasm_memory, cold"],
            ["create-0", "ours-given-out", "wasm_memory, reused"],
            ["create-0", "wasmtime-instance", "Wasmtime, on demand"],
            ["create-0", "wasmtime-pooling", "Wasmtime, pooling"],
            ["create-0", "wasmtime-keep", "Wasmtime, pooling, keep 1 MiB"],
            ["create-0", "wasm2c", "wasm2c"],
        ],
    },
    Chart {
        file: "grow.svg",
        title: "Grow by a page, 1 to 1024 (ns for each)",
        figure: None,
        bars: &[
            ["grow-1024", "floor", "floor: mprotect"],
            ["grow-1024", "ours-guarded", "wasm_memory, GUARDED"],
            ["grow-1024", "ours-checked", "wasm_memory, CHECKED"],
            ["grow-1024", "wasmtime", "Wasmtime, on demand"],
            ["grow-1024", "wasmtime-pooling", "Wasmtime, pooling"],
            ["grow-1024", "wasm2c", "wasm2c"],
        ],
    },
    Chart {
        file: "image.svg",
        title: "Start from an image of 1 MiB, write 16 pages, give back (ns)",
        figure: None,
        bars: &[
            ["image-16", "floor", "floor: map a memfd, unmap"],
            ["image-16", "ours-pool-drop", "wasm_memory, nothing kept"],
            ["image-16", "ours-pool", "wasm_memory, kept"],
            ["image-16", "ours-reset", "wasm_memory, reset"],
            ["image-16", "wasmtime", "Wasmtime, on demand"],
            ["image-16", "wasmtime-pooling", "Wasmtime, pooling"],
            ["image-16", "wasmtime-keep", "Wasmtime, pooling, keep 1 MiB"],
        ],
    },
    Chart {
        file: "reuse.svg",
        title: "Start from an image of 16 MiB, write 16 pages, give back (ns)",
        figure: None,
        bars: &[
            ["reuse-16", "floor", "floor: plain slot, MADV_DONTNEED"],
            ["reuse-16", "ours-pool", "wasm_memory, pool"],
            ["reuse-16", "ours-reset", "wasm_memory, reset"],
            ["reuse-16", "wasmtime", "Wasmtime, on demand"],
            ["reuse-16", "wasmtime-pooling", "Wasmtime, pooling"],
            ["reuse-16", "wasmtime-keep", "Wasmtime, pooling, keep 1 MiB"],
        ],
    },
    Chart {
        file: "threads.svg",
        title: "Create, touch 64 KiB, delete: each of two at once (ns)",
        figure: None,
        bars: &[
            ["threads", "floor", "floor: one thread"],
            ["threads", "floor-threads", "floor: two threads"],
            ["threads", "floor-processes", "floor: two processes"],
            ["threads", "ours-one", "wasm_memory: one thread"],
            ["threads", "ours-threads", "wasm_memory: two threads"],
            ["threads", "ours-processes", "wasm_memory: two processes"],
        ],
    },
    Chart {
        file: "resident.svg",
        title: "Resident for each memory with one page touched (KiB)",
        figure: Some("rss_kib_each"),
        bars: &[
            ["live", "floor-4g", "floor"],
            ["live", "ours-4g", "wasm_memory"],
            ["million", "ours", "wasm_memory, a million in a pool"],
            ["live", "wasmtime", "Wasmtime"],
            ["live", "wasm2c", "wasm2c"],
        ],
    },
];

const BAR: i32 = 26;
const TOP: i32 = 44;
const LABELS: i32 = 270;
const WIDTH: i32 = 760;

/// Draws what was measured of each chart.
pub fn draw(pooled: &Run, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    for chart in &CHARTS {
        let bars: Vec<(&str, &Case, f64)> = chart
            .bars
            .iter()
            .filter_map(|[group, case, label]| {
                let case = pooled.iter().find(|found| found.id == *group)?.case(case)?;
                let value = match chart.figure {
                    Some(figure) => *case.figures.get(figure)?,
                    None => case.p10(),
                };
                Some((*label, case, value))
            })
            .collect();
        if !bars.is_empty() {
            let path = directory.join(chart.file);
            draw_bars(&path, chart.title, &bars)
                .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))?;
        }
    }
    Ok(())
}

fn draw_bars(
    path: &Path,
    title: &str,
    bars: &[(&str, &Case, f64)],
) -> Result<(), Box<dyn std::error::Error>> {
    let height = TOP + BAR * i32::try_from(bars.len())? + 10;
    let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title, (12, 14), ("sans-serif", 17)))?;
    let most = bars.iter().map(|(.., value)| *value).fold(0.0, f64::max);
    let longest = f64::from(WIDTH - LABELS - 90);
    for (place, (label, case, value)) in (0_i32..).zip(bars) {
        let y = TOP + place * BAR;
        let end = LABELS + ((value / most * longest) as i32).max(1);
        let colour = match case.who.as_str() {
            "floor" => RGBColor(150, 150, 150),
            "ours" => RGBColor(37, 99, 180),
            _ => RGBColor(222, 152, 64),
        };
        root.draw(&Text::new((*label).to_owned(), (12, y + 3), ("sans-serif", 14)))?;
        root.draw(&Rectangle::new([(LABELS, y), (end, y + BAR - 6)], colour.filled()))?;
        let shown = if *value >= 100.0 { format!("{value:.0}") } else { number(*value) };
        root.draw(&Text::new(shown, (end + 6, y + 3), ("sans-serif", 14)))?;
    }
    root.present()?;
    Ok(())
}
