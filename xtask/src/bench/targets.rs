//! What the library is held to, and whether runs show it.

use super::samples::{Case, Group, Run};

/// One limit.
pub struct Target {
    pub id: &'static str,
    pub what: &'static str,
    pub group: &'static str,
    pub case: &'static str,
    pub rule: Rule,
}

/// How it is told.
pub enum Rule {
    /// At most so much of the cheapest of these cases, by the median ratio and by that of the p10.
    Ratio { against: &'static [&'static str], limit: f64 },
    /// A counted figure is at most so much,
    AtMost { figure: &'static str, limit: f64 },
    /// or at least.
    AtLeast { figure: &'static str, limit: f64 },
    /// At most another case's figure times `times` plus `plus`,
    AtMostOther { other: &'static str, figure: &'static str, times: f64, plus: f64 },
    /// or at least it times `times`.
    AtLeastOther { other: &'static str, figure: &'static str, times: f64 },
}

/// What one run says.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    Holds(String),
    Fails(String),
    /// What it is compared with was too noisy.
    Void,
    /// Something of it was not measured.
    Absent,
}

/// What all runs say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// Too many runs were void.
    Undecided,
    NotMeasured,
}

const fn ratio(
    id: &'static str,
    what: &'static str,
    [group, case]: [&'static str; 2],
    against: &'static [&'static str],
    limit: f64,
) -> Target {
    Target { id, what, group, case, rule: Rule::Ratio { against, limit } }
}

const fn figure(
    id: &'static str,
    what: &'static str,
    [group, case]: [&'static str; 2],
    rule: Rule,
) -> Target {
    Target { id, what, group, case, rule }
}

const FLOOR: &[&str] = &["floor"];
const EITHER: &[&str] = &["floor-memset", "floor-dontneed"];
const ON_DEMAND: &[&str] = &["wasmtime-memory", "wasmtime-instance", "wasm2c"];

/// All of them. Where a limit has two parts, each is a line.
#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    ratio("T1", "cold creation, to the floor", ["create-0", "ours-cold"], FLOOR, 1.10),
    ratio("T1", "cold creation, to wasm2c", ["create-0", "ours-cold"], &["wasm2c"], 1.10),
    ratio("T1", "cold creation, to Wasmtime", ["create-0", "ours-cold"], &["wasmtime-memory"], 0.67),
    ratio("T2", "warm creation, base never given out", ["create-0", "ours-warm"], FLOOR, 0.10),
    ratio("T2", "warm creation, base given out", ["create-0", "ours-given-out"], FLOOR, 0.25),
    ratio("T2", "warm creation, to Wasmtime's pool", ["create-0", "ours-warm"], &["wasmtime-pooling"], 0.15),
    ratio("T3", "warm, 64 KiB touched", ["create-16", "ours-given-out"], FLOOR, 0.08),
    ratio("T3", "warm, 64 KiB touched, to Wasmtime's best", ["create-16", "ours-given-out"], &["wasmtime-keep"], 0.6),
    ratio("T4", "cold, 64 KiB touched", ["create-16", "ours-cold"], FLOOR, 1.05),
    ratio("T4", "cold, 64 KiB touched, prefault", ["create-16", "ours-prefault"], FLOOR, 0.65),
    ratio("T4", "cold with prefault, to the best peer", ["create-16", "ours-prefault"], ON_DEMAND, 0.6),
    ratio("T5", "growth, GUARDED", ["grow-1024", "ours-guarded"], FLOOR, 1.05),
    ratio("T5", "growth, GUARDED, to wasm2c", ["grow-1024", "ours-guarded"], &["wasm2c"], 0.95),
    ratio("T6", "growth, CHECKED", ["grow-1024", "ours-checked"], FLOOR, 0.10),
    ratio("T6", "growth, CHECKED, to the best peer", ["grow-1024", "ours-checked"], &["wasm2c", "wasmtime"], 0.10),
    ratio("T7", "growth at 8192 pages, to growth at 16", ["grow-flat", "ours-8192"], &["ours-16"], 1.10),
    ratio("T8", "reset of 4 KiB", ["reset-4k", "ours"], EITHER, 1.10),
    ratio("T8", "reset of 16 KiB", ["reset-16k", "ours"], EITHER, 1.10),
    ratio("T8", "reset of 64 KiB", ["reset-64k", "ours"], EITHER, 1.10),
    ratio("T8", "reset of 256 KiB", ["reset-256k", "ours"], EITHER, 1.10),
    ratio("T8", "reset of 1 MiB", ["reset-1m", "ours"], EITHER, 1.10),
    ratio("T8", "reset of 16 MiB", ["reset-16m", "ours"], EITHER, 1.10),
    ratio("T8", "image of 16 MiB, 1 page, to Wasmtime keep", ["reuse-1", "ours-pool"], &["wasmtime-keep"], 0.5),
    ratio("T9", "image of 1 MiB, nothing written", ["image-0", "ours-pool"], FLOOR, 0.20),
    ratio("T9", "the same, to Wasmtime's pool", ["image-0", "ours-pool"], &["wasmtime-pooling"], 0.3),
    ratio("T10", "image, 16 pages written, nothing kept", ["image-16", "ours-pool-drop"], FLOOR, 0.90),
    ratio("T10", "image, 16 pages written, kept", ["image-16", "ours-pool"], FLOOR, 0.15),
    ratio("T10", "nothing kept, to Wasmtime's pool", ["image-16", "ours-pool-drop"], &["wasmtime-pooling"], 0.9),
    ratio("T10", "kept, to Wasmtime's pool", ["image-16", "ours-pool"], &["wasmtime-pooling"], 0.15),
    ratio("T11", "image, all written", ["image-256", "ours-pool"], FLOOR, 0.15),
    ratio("T11", "image, all written, to Wasmtime keep", ["image-256", "ours-pool"], &["wasmtime-keep"], 1.1),
    ratio("T12", "data()", ["getters", "ours-data"], FLOOR, 1.1),
    ratio("T12", "size()", ["getters", "ours-size"], FLOOR, 1.1),
    ratio("T12", "byte_length()", ["getters", "ours-length"], FLOOR, 1.1),
    ratio("T12", "data(), to Wasmtime", ["getters", "ours-data"], &["wasmtime-data"], 0.3),
    ratio("T12", "size(), to Wasmtime", ["getters", "ours-size"], &["wasmtime-size"], 0.3),
    ratio("T12", "byte_length(), to Wasmtime", ["getters", "ours-length"], &["wasmtime-length"], 0.3),
    ratio("T13", "checked load, inlined", ["loads", "ours-load"], FLOOR, 2.8),
    ratio("T13", "checked load by call", ["loads", "ours-read"], FLOOR, 2.8),
    ratio("T13", "checked load by call, to Wasmtime", ["loads", "ours-read"], &["wasmtime"], 0.4),
    ratio("T14", "reading in blocks of 4 KiB, to memcpy", ["loads", "ours-read-4k"], &["floor-4k"], 1.05),
    ratio("T14", "reading in blocks of 64 KiB, to memcpy", ["loads", "ours-read-64k"], &["floor-64k"], 1.05),
    ratio("T15", "fill of 16 bytes", ["fill-16", "ours"], FLOOR, 1.8),
    ratio("T15", "fill of 4 KiB", ["fill-4k", "ours"], FLOOR, 1.10),
    ratio("T15", "fill of 64 KiB", ["fill-64k", "ours"], FLOOR, 1.02),
    ratio("T15", "fill of 1 MiB", ["fill-1m", "ours"], FLOOR, 1.02),
    ratio("T15", "fill of 16 bytes, to Wasmtime", ["fill-16", "ours"], &["wasmtime"], 0.5),
    ratio("T15", "copy of 16 bytes", ["copy-16", "ours"], FLOOR, 1.8),
    ratio("T15", "copy of 4 KiB", ["copy-4k", "ours"], FLOOR, 1.10),
    ratio("T15", "copy of 64 KiB", ["copy-64k", "ours"], FLOOR, 1.02),
    ratio("T15", "copy of 1 MiB", ["copy-1m", "ours"], FLOOR, 1.02),
    ratio("T15", "copy of 16 bytes, to Wasmtime", ["copy-16", "ours"], &["wasmtime"], 0.5),
    ratio("T16", "wait and notify, there and back", ["round-trip", "ours"], FLOOR, 1.15),
    ratio("T16", "the same, to Wasmtime", ["round-trip", "ours"], &["wasmtime"], 0.4),
    ratio("T17", "notify without a waiter", ["notify", "ours"], FLOOR, 0.10),
    ratio("T17", "the same, to Wasmtime", ["notify", "ours"], &["wasmtime"], 0.75),
    figure("T18", "alive with 4 GiB + 64 KiB", ["live", "ours-4g"], Rule::AtLeast { figure: "count", limit: 32_700.0 }),
    figure("T18", "alive with 8 GiB + 64 KiB", ["live", "ours-8g"], Rule::AtLeast { figure: "count", limit: 16_370.0 }),
    figure("T18", "alive with a small maximum", ["live", "ours-unguarded"], Rule::AtLeast { figure: "count", limit: 40_000.0 }),
    figure("T18", "alive, to Wasmtime", ["live", "ours-4g"], Rule::AtLeastOther { other: "wasmtime", figure: "count", times: 1.01 }),
    figure("T18", "small maximum, to Wasmtime", ["live", "ours-unguarded"], Rule::AtLeastOther { other: "wasmtime", figure: "count", times: 1.24 }),
    figure("T19", "resident KiB each, to the floor", ["live", "ours-4g"], Rule::AtMostOther { other: "floor-4g", figure: "rss_kib_each", times: 1.0, plus: 0.25 }),
    figure("T19", "resident KiB each, to Wasmtime", ["live", "ours-4g"], Rule::AtMostOther { other: "wasmtime", figure: "rss_kib_each", times: 0.5, plus: 0.0 }),
    ratio("T20", "two threads, to two processes", ["threads", "ours-threads"], &["ours-processes"], 1.1),
    figure("B1", "memories alive in a CHECKED pool", ["million", "ours"], Rule::AtLeast { figure: "count", limit: 1_000_000.0 }),
    figure("B1", "resident KiB each", ["million", "ours"], Rule::AtMost { figure: "rss_kib_each", limit: 4.3 }),
    figure("B1", "one among all, to one among 1,000", ["million", "ours"], Rule::AtMost { figure: "ratio", limit: 1.5 }),
    figure("B2", "GUARDED memories alive", ["guarded", "ours"], Rule::AtLeast { figure: "count", limit: 30_000.0 }),
    figure("B2", "spurious failures", ["guarded", "ours"], Rule::AtMost { figure: "failures", limit: 0.0 }),
    figure("B2", "the error names the limit that was met", ["guarded", "ours"], Rule::AtLeast { figure: "available", limit: 1.0 }),
    figure("B3", "resident, to what differs", ["children", "ours"], Rule::AtMost { figure: "resident_to_differing", limit: 1.1 }),
    figure("B3", "making a child, to copying", ["children", "ours"], Rule::AtMost { figure: "child_to_copy", limit: 0.3 }),
    ratio("B4", "reset of 16 MiB with 16 dirty pages", ["reset-sparse", "ours"], FLOOR, 0.27),
    ratio("B5", "two threads, to one", ["threads", "ours-threads"], &["ours-one"], 1.15),
];

impl Target {
    /// The limit, in words.
    pub fn limit(&self) -> String {
        match &self.rule {
            Rule::Ratio { limit, .. } | Rule::AtMost { limit, .. } => format!("at most {limit}"),
            Rule::AtLeast { limit, .. } => format!("at least {limit}"),
            Rule::AtMostOther { other, times, plus, .. } => {
                format!("at most {times} of {other} + {plus}")
            }
            Rule::AtLeastOther { other, times, .. } => format!("at least {times} of {other}"),
        }
    }

    /// What one run says of it.
    pub fn find(&self, run: &Run) -> Finding {
        let group = run.iter().find(|group| group.id == self.group);
        group
            .and_then(|group| group.case(self.case).map(|case| self.judge(group, case)))
            .unwrap_or(Finding::Absent)
    }

    fn judge(&self, group: &Group, case: &Case) -> Finding {
        let finding = |holds: bool, value: String| {
            if holds { Finding::Holds(value) } else { Finding::Fails(value) }
        };
        let figure = |case: Option<&Case>, name: &str| case?.figures.get(name).copied();
        match self.rule {
            Rule::Ratio { against, limit } => {
                let others: Vec<&Case> = against.iter().filter_map(|id| group.case(id)).collect();
                if others.is_empty() {
                    return Finding::Absent;
                }
                if others.iter().any(|other| other.is_void()) {
                    return Finding::Void;
                }
                let ratio = case.ratio(&others);
                let value = format!("{:.3} / {:.3}", ratio.median, ratio.p10);
                finding(ratio.median <= limit && ratio.p10 <= limit, value)
            }
            Rule::AtMost { figure: name, limit } => match figure(Some(case), name) {
                Some(value) => finding(value <= limit, number(value)),
                None => Finding::Absent,
            },
            Rule::AtLeast { figure: name, limit } => match figure(Some(case), name) {
                Some(value) => finding(value >= limit, number(value)),
                None => Finding::Absent,
            },
            Rule::AtMostOther { other, figure: name, times, plus } => {
                match (figure(Some(case), name), figure(group.case(other), name)) {
                    (Some(value), Some(other)) => {
                        finding(value <= other * times + plus, against(value, other))
                    }
                    _ => Finding::Absent,
                }
            }
            Rule::AtLeastOther { other, figure: name, times } => {
                match (figure(Some(case), name), figure(group.case(other), name)) {
                    (Some(value), Some(other)) => {
                        finding(value >= other * times, against(value, other))
                    }
                    _ => Finding::Absent,
                }
            }
        }
    }
}

/// A figure without digits that mean nothing.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn against(value: f64, other: f64) -> String {
    format!("{} against {}", number(value), number(other))
}

/// More than half of all runs must agree.
pub fn verdict(findings: &[Finding]) -> Verdict {
    let needed = findings.len() / 2 + 1;
    let count = |is: fn(&Finding) -> bool| findings.iter().filter(|finding| is(finding)).count();
    if count(|finding| matches!(finding, Finding::Holds(_))) >= needed {
        Verdict::Met
    } else if count(|finding| matches!(finding, Finding::Fails(_))) >= needed {
        Verdict::Missed
    } else if count(|finding| matches!(finding, Finding::Absent)) >= needed {
        Verdict::NotMeasured
    } else {
        Verdict::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds() -> Finding {
        Finding::Holds(String::new())
    }

    fn fails() -> Finding {
        Finding::Fails(String::new())
    }

    #[test]
    fn two_of_three_runs_decide() {
        assert_eq!(verdict(&[holds(), fails(), holds()]), Verdict::Met);
        assert_eq!(verdict(&[holds(), fails(), fails()]), Verdict::Missed);
        assert_eq!(verdict(&[holds(), Finding::Void, fails()]), Verdict::Undecided);
        assert_eq!(
            verdict(&[Finding::Absent, Finding::Absent, Finding::Absent]),
            Verdict::NotMeasured
        );
    }

    #[test]
    fn a_ratio_must_hold_by_median_and_by_p10() {
        let case = |id: &str, samples: &[f64]| Case {
            id: id.to_owned(),
            samples: samples.to_vec(),
            ..Case::default()
        };
        let find = |ours: &[f64]| {
            let cases = vec![case("floor", &[10.0, 10.0, 10.0]), case("ours", ours)];
            let group = Group { id: "g".to_owned(), title: String::new(), cases };
            ratio("T", "", ["g", "ours"], FLOOR, 1.0).find(&vec![group])
        };
        assert!(matches!(find(&[10.0, 10.0, 99.0]), Finding::Holds(_)));
        assert!(matches!(find(&[9.0, 11.0, 11.0]), Finding::Fails(_)));
    }
}
