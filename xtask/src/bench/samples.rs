//! What the benchmark program wrote, and the statistics that it is judged by.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// One case: a way to do what its group is about.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub id: String,
    pub who: String,
    pub what: String,
    /// Nanoseconds for each operation, one for each round.
    pub samples: Vec<f64>,
    /// What was counted instead.
    pub figures: BTreeMap<String, f64>,
    /// Why it was not measured.
    pub absent: Option<String>,
}

/// Cases that took turns. In the order of the program; the first is the floor.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub id: String,
    pub title: String,
    pub cases: Vec<Case>,
}

/// All groups of one run of the program.
pub type Run = Vec<Group>;

/// How two cases of a group compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of the ratios within a round.
    pub median: f64,
    /// Of the two p10.
    pub p10: f64,
}

impl Group {
    /// The case with this name, if it was measured.
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id && case.absent.is_none())
    }
}

impl Case {
    pub fn median(&self) -> f64 {
        quantile(&self.samples, 0.5)
    }

    /// The steadier figure where other work takes the machine away.
    pub fn p10(&self) -> f64 {
        quantile(&self.samples, 0.1)
    }

    /// Too noisy to compare anything with.
    pub fn is_void(&self) -> bool {
        self.median() > 2.0 * self.p10()
    }

    /// Against the cheapest of others, round by round.
    pub fn ratio(&self, others: &[&Case]) -> Ratio {
        let least = |round: usize| {
            others.iter().filter_map(|other| other.samples.get(round)).copied().reduce(f64::min)
        };
        let ratios: Vec<f64> = self
            .samples
            .iter()
            .enumerate()
            .filter_map(|(round, sample)| least(round).map(|least| sample / least))
            .collect();
        let p10 = others.iter().map(|other| other.p10()).reduce(f64::min);
        Ratio { median: quantile(&ratios, 0.5), p10: self.p10() / p10.unwrap_or(f64::NAN) }
    }
}

/// The sample at this part of the order; NaN when there is none.
pub fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Reads the program's lines. A case that failed is an error.
pub fn read(lines: &str) -> Result<Run> {
    let mut run = Run::new();
    let mut failed = Vec::new();
    for line in lines.lines() {
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let id = text("group");
        let position = run.iter().position(|group| group.id == id).unwrap_or(run.len());
        if position == run.len() {
            run.push(Group { id: id.clone(), title: id.clone(), cases: Vec::new() });
        }
        let group = &mut run[position];
        if let Some(title) = value["title"].as_str() {
            title.clone_into(&mut group.title);
            continue;
        }
        if let Some(why) = value["failed"].as_str() {
            failed.push(format!("{id} {}: {why}", text("case")));
            continue;
        }
        let numbers = |value: &Value| {
            value.as_array().map(|all| all.iter().filter_map(Value::as_f64).collect())
        };
        let figures = value["figures"].as_object().map(|figures| {
            figures
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
                .collect()
        });
        group.cases.push(Case {
            id: text("case"),
            who: text("who"),
            what: text("what"),
            samples: numbers(&value["samples"]).unwrap_or_default(),
            figures: figures.unwrap_or_default(),
            absent: value["absent"].as_str().map(str::to_owned),
        });
    }
    if !failed.is_empty() {
        bail!("{} cases failed:\n  {}", failed.len(), failed.join("\n  "));
    }
    for group in &run {
        for case in &group.cases {
            let measured = case.samples.iter().all(|sample| sample.is_finite() && *sample > 0.0);
            let something = !case.samples.is_empty() || !case.figures.is_empty();
            if case.absent.is_none() && !(something && measured) {
                bail!("{} {} was measured as {:?}", group.id, case.id, case.samples);
            }
        }
    }
    Ok(run)
}

/// The rounds of several runs as those of one. Figures are those of the first.
pub fn pool(runs: &[Run]) -> Run {
    let mut pooled = runs.first().cloned().unwrap_or_default();
    for run in runs.iter().skip(1) {
        for (into, from) in pooled.iter_mut().zip(run) {
            for (into, from) in into.cases.iter_mut().zip(&from.cases) {
                into.samples.extend(&from.samples);
            }
        }
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(samples: &[f64]) -> Case {
        Case { samples: samples.to_vec(), ..Case::default() }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_against_the_cheapest() {
        let (slow, fast) = (case(&[10.0, 40.0, 20.0]), case(&[20.0, 20.0, 20.0]));
        let ours = case(&[5.0, 10.0, 40.0]);
        assert_eq!(ours.ratio(&[&slow, &fast]), Ratio { median: 0.5, p10: 0.5 });
    }

    #[test]
    fn a_floor_is_void_when_its_median_is_more_than_twice_its_p10() {
        assert!(case(&[1.0, 2.1, 2.1]).is_void());
        assert!(!case(&[1.0, 2.0, 9.0]).is_void());
    }

    #[test]
    fn a_failed_case_and_a_line_that_is_no_json_are_errors() {
        assert!(read("{\"group\":\"a\",\"case\":\"b\",\"failed\":\"why\"}").is_err());
        assert!(read("{\"group\":").is_err());
        assert!(read("{\"group\":\"a\",\"case\":\"b\",\"samples\":[]}").is_err());
    }

    #[test]
    fn cases_stay_in_the_order_of_the_program() {
        let run = read(
            "{\"group\":\"a\",\"title\":\"A\"}\n\
             {\"group\":\"a\",\"case\":\"floor\",\"who\":\"floor\",\"samples\":[1,2]}\n\
             {\"group\":\"a\",\"case\":\"peer\",\"absent\":\"not here\"}",
        )
        .unwrap();
        assert_eq!(run[0].title, "A");
        assert_eq!(run[0].case("floor").unwrap().samples, [1.0, 2.0]);
        assert!(run[0].case("peer").is_none());
    }
}
