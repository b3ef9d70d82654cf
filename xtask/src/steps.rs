//! A run of named, timed steps that stops at the first failure.

use anyhow::{Context, Result};
use std::time::Instant;

/// What a step came to.
pub enum Outcome {
    /// It was checked and is right.
    Done,
    /// It cannot be checked on this machine, for this reason.
    NotHere(String),
}

/// The steps that ran so far.
pub struct Steps {
    started: Instant,
    only: Option<String>,
    done: usize,
    not_here: Vec<String>,
}

impl Steps {
    /// None yet.
    pub fn new() -> Self {
        Self { started: Instant::now(), only: None, done: 0, not_here: Vec::new() }
    }

    /// Steps whose name does not have this text in it are left out from here on.
    pub fn only(&mut self, text: &str) {
        self.only = Some(text.to_owned());
    }

    /// Runs a step that is always possible.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        self.run_if_possible(name, || step().map(|()| Outcome::Done))
    }

    /// Runs a step that may be impossible on this machine.
    pub fn run_if_possible(
        &mut self,
        name: &str,
        step: impl FnOnce() -> Result<Outcome>,
    ) -> Result<()> {
        if self.only.as_ref().is_some_and(|text| !name.contains(text.as_str())) {
            return Ok(());
        }
        println!("==> {name}");
        let started = Instant::now();
        match step().with_context(|| format!("failed: {name}"))? {
            Outcome::Done => {
                self.done += 1;
                println!("    {:.1} s", started.elapsed().as_secs_f64());
            }
            Outcome::NotHere(reason) => {
                println!("    not checked: {reason}");
                self.not_here.push(format!("{name}: {reason}"));
            }
        }
        Ok(())
    }

    /// Says how it went.
    pub fn finish(self) {
        let seconds = self.started.elapsed().as_secs();
        println!("==> all {} steps succeeded in {}:{:02}", self.done, seconds / 60, seconds % 60);
        for step in self.not_here {
            println!("    not checked here: {step}");
        }
    }
}
