//! Tables for people, and the results for programs.

use super::samples::{Case, Group, Run, pool};
use super::targets::{Finding, TARGETS, Verdict, number, verdict};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;

/// What the runs say of each target, in the order of [`TARGETS`].
pub fn judge(runs: &[Run]) -> Vec<(Vec<Finding>, Verdict)> {
    TARGETS
        .iter()
        .map(|target| {
            let findings: Vec<Finding> = runs.iter().map(|run| target.find(run)).collect();
            let verdict = verdict(&findings);
            (findings, verdict)
        })
        .collect()
}

/// Everything, for programs.
pub fn json(runs: &[Run], verdicts: &[(Vec<Finding>, Verdict)]) -> Result<String> {
    let targets: Vec<Value> = TARGETS
        .iter()
        .zip(verdicts)
        .map(|(target, (findings, verdict))| {
            json!({
                "id": target.id,
                "what": target.what,
                "group": target.group,
                "case": target.case,
                "limit": target.limit(),
                "runs": findings.iter().map(finding_name).collect::<Vec<_>>(),
                "verdict": verdict_name(*verdict),
            })
        })
        .collect();
    let groups: Vec<Value> = pool(runs).iter().map(group_json).collect();
    let all = json!({
        "machine": machine(),
        "runs": runs.len(),
        "groups": groups,
        "targets": targets,
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}

fn group_json(group: &Group) -> Value {
    let cases: Vec<Value> = group
        .cases
        .iter()
        .map(|case| match &case.absent {
            Some(why) => json!({ "id": case.id, "who": case.who, "absent": why }),
            None if case.samples.is_empty() => {
                json!({ "id": case.id, "who": case.who, "what": case.what, "figures": case.figures })
            }
            None => {
                let ratio = floor(group).map(|floor| case.ratio(&[floor]));
                json!({
                    "id": case.id,
                    "who": case.who,
                    "what": case.what,
                    "median_ns": case.median(),
                    "p10_ns": case.p10(),
                    "ratio_to_floor": ratio.map(|r| json!({ "median": r.median, "p10": r.p10 })),
                    "samples_ns": case.samples,
                })
            }
        })
        .collect();
    json!({ "id": group.id, "title": group.title, "cases": cases })
}

fn floor(group: &Group) -> Option<&Case> {
    group.cases.first().filter(|case| case.who == "floor" && !case.samples.is_empty())
}

/// The cheapest case of the peers.
fn best_peer(group: &Group) -> Option<&Case> {
    group
        .cases
        .iter()
        .filter(|case| !["floor", "ours"].contains(&case.who.as_str()) && !case.samples.is_empty())
        .min_by(|a, b| a.p10().total_cmp(&b.p10()))
}

/// For the terminal.
pub fn text(pooled: &Run, verdicts: &[(Vec<Finding>, Verdict)], runs: &[Run]) -> String {
    let mut text = String::new();
    tables(&mut text, pooled);
    void_groups(&mut text, runs);
    target_table(&mut text, verdicts);
    text
}

/// `docs/performance-results.md`.
pub fn page(pooled: &Run, verdicts: &[(Vec<Finding>, Verdict)], runs: &[Run]) -> String {
    let mut text = String::from("# Results of the benchmark\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench`; [performance.md](performance.md) says how to read it. {}, {} runs.\n",
        machine(),
        runs.len()
    );
    text.push_str("## Targets\n\n");
    target_table(&mut text, verdicts);
    text.push_str("\n## Operations\n\n");
    void_groups(&mut text, runs);
    tables(&mut text, pooled);
    text.trim_end().to_owned() + "\n"
}

fn tables(text: &mut String, pooled: &Run) {
    for group in pooled {
        if group.cases.iter().any(|case| !case.figures.is_empty()) {
            figure_table(text, group);
        } else {
            time_table(text, group);
        }
    }
}

fn time_table(text: &mut String, group: &Group) {
    let _ = writeln!(text, "### {} (`{}`)\n", group.title, group.id);
    let rows: Vec<[String; 5]> = group
        .cases
        .iter()
        .map(|case| {
            let name = format!("{}: {}", case.who, case.what);
            if let Some(why) = &case.absent {
                return [name, why.clone(), String::new(), String::new(), String::new()];
            }
            let ratio = |other: Option<&Case>| {
                other.map_or(String::new(), |other| {
                    let ratio = case.ratio(&[other]);
                    format!("{:.3} / {:.3}", ratio.median, ratio.p10)
                })
            };
            let peer = if case.who == "ours" { ratio(best_peer(group)) } else { String::new() };
            [name, nanoseconds(case.median()), nanoseconds(case.p10()), ratio(floor(group)), peer]
        })
        .collect();
    let peer = best_peer(group).map_or("no peer", |peer| peer.what.as_str());
    let peer = format!("to the best peer ({peer})");
    table(text, &["case", "median ns", "p10 ns", "to the floor, median / p10", &peer], &rows);
}

fn figure_table(text: &mut String, group: &Group) {
    let title = match group.id.as_str() {
        "live" => "Memories alive at once",
        "million" => "A million memories in one pool",
        "guarded" => "Many GUARDED memories",
        "children" => "Children of a snapshot",
        other => other,
    };
    let _ = writeln!(text, "### {title} (`{}`)\n", group.id);
    let rows: Vec<[String; 2]> = group
        .cases
        .iter()
        .map(|case| {
            let figures: Vec<String> = case
                .figures
                .iter()
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), number(*value)))
                .collect();
            let name = format!("{}: {}", case.who, case.what);
            [name, case.absent.clone().unwrap_or_else(|| figures.join(", "))]
        })
        .collect();
    table(text, &["case", "figures"], &rows);
}

/// Which of the floors were too noisy in which run: what is compared with them counts for nothing.
fn void_groups(text: &mut String, runs: &[Run]) {
    for (number, run) in runs.iter().enumerate() {
        let void: Vec<&str> = run
            .iter()
            .filter(|group| floor(group).is_some_and(Case::is_void))
            .map(|group| group.id.as_str())
            .collect();
        if !void.is_empty() {
            let _ = writeln!(
                text,
                "Run {}: void, as the floor's median is more than twice its p10: {}.\n",
                number + 1,
                void.join(", ")
            );
        }
    }
}

fn target_table(text: &mut String, verdicts: &[(Vec<Finding>, Verdict)]) {
    let rows: Vec<[String; 5]> = TARGETS
        .iter()
        .zip(verdicts)
        .filter(|(_, (_, verdict))| *verdict != Verdict::NotMeasured)
        .map(|(target, (findings, verdict))| {
            let runs: Vec<String> = findings.iter().map(finding_name).collect();
            let name = verdict_name(*verdict).to_owned();
            [target.id.to_owned(), target.what.to_owned(), target.limit(), runs.join("; "), name]
        })
        .collect();
    let headings = ["target", "of", "limit", "each run (ratios: median / p10)", "verdict"];
    table(text, &headings, &rows);
    let count = |wanted| verdicts.iter().filter(|(_, verdict)| *verdict == wanted).count();
    let _ = writeln!(
        text,
        "{} met, {} missed, {} undecided because runs were void, {} not measured.",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::Undecided),
        count(Verdict::NotMeasured)
    );
}

/// A Markdown table whose columns are aligned, so that it can be read in a terminal too.
fn table<const N: usize>(text: &mut String, headings: &[&str; N], rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let mut line = |cells: &[&str]| {
        for (column, cell) in cells.iter().enumerate() {
            let _ = write!(text, "| {cell:<width$} ", width = width(column));
        }
        text.push_str("|\n");
    };
    line(headings);
    let dashes: Vec<String> = (0..N).map(|column| "-".repeat(width(column))).collect();
    line(&dashes.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text.push('\n');
}

/// Nanoseconds with three digits that mean something.
fn nanoseconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn finding_name(finding: &Finding) -> String {
    match finding {
        Finding::Holds(value) => value.clone(),
        Finding::Fails(value) => format!("{value} (missed)"),
        Finding::Void => "void".to_owned(),
        Finding::Absent => "absent".to_owned(),
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::Undecided => "undecided",
        Verdict::NotMeasured => "not measured",
    }
}

/// What the figures were taken on, without its name.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default().trim().to_owned();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!(
        "{} with {processors} processors, Linux {kernel}, load {load} at the end",
        std::env::consts::ARCH
    )
}
