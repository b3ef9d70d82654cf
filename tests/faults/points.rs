//! The points: which there are, and a process for each.

use crate::planted::Planted;
use crate::rules::{ANY, KINDS, PAIRS};
use crate::scenarios::{self, Scenario};
use crate::shared::{Report, Shared};
use crate::world::{Counts, Verdict, World, counts_of, same};
use crate::{heap, host, sources};
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::Ordering;
use wasm_memory::capi::allocator::wasm_memory_allocator_trim;
use wasm_memory::capi::memory::{wasm_memory_delete, wasm_memory_new, wasm_memory_t};
use wasm_memory::faults::{self, Call, Fault};

/// One scenario, and what is refused in it: for each n, one process.
#[derive(Clone, Copy)]
struct Job {
    name: &'static str,
    scenario: Scenario,
    call: Option<Call>,
    also: Option<Call>,
    errno: i32,
    forever: bool,
    warm: bool,
    /// The same for all jobs of one scenario and kind of call.
    group: usize,
}

impl Job {
    /// The kind that a reason must be of; of two kinds together it may be that of any.
    fn told(&self) -> Option<Call> {
        if self.also.is_some() { None } else { self.call }
    }
}

struct Run {
    shared: &'static Shared,
    functions: Vec<String>,
}

const WORKERS: usize = 2;
/// No scenario makes so many calls of a kind.
const MOST: u32 = 2000;
/// Creations after which a place of each kind has been used again.
const WARMING: usize = 70;

pub fn main() -> ExitCode {
    // Whoever lists the tests of all programs, or wants one of another program.
    if std::env::args().skip(1).any(|argument| argument == "--list") {
        println!("every_call_refused: test");
        return ExitCode::SUCCESS;
    }
    // A block of the heap is never a mapping of its own, so that mappings are the library's.
    // SAFETY: a setting, before there is any thread.
    unsafe { libc::mallopt(libc::M_MMAP_MAX, 0) };
    let run = Run { shared: Shared::new(), functions: sources::functions() };
    let started = std::time::Instant::now();
    let mut jobs = jobs();
    if let Some(only) = std::env::var_os("FAULTS_ONLY") {
        jobs.retain(|job| *job.name == only);
    }
    run.all(&jobs);
    let outcome = run.covers();
    let points = run.shared.points.load(Ordering::Relaxed);
    let failures = run.shared.failures.load(Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{points} fault points in {} jobs over {} scenarios: {failures} failures, {seconds:.1} s",
        jobs.len(),
        scenarios::ALL.len()
    );
    if let Err(wrong) = &outcome {
        println!("FAILED: {wrong}");
    }
    let enough = points >= 5000;
    if !enough {
        println!("FAILED: fewer than 5000 points");
    }
    if failures == 0 && outcome.is_ok() && enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn jobs() -> Vec<Job> {
    let everything = std::env::var_os("FAULTS_ALL").is_some();
    let (mut jobs, mut group) = (Vec::new(), 0);
    for &(name, scenario) in scenarios::ALL {
        let kinds = KINDS.iter().map(|(call, errnos)| (Some(*call), None, *errnos));
        let pairs = PAIRS.iter().map(|(also, call)| (Some(*call), Some(*also), &ANY[..1]));
        for (call, also, errnos) in kinds.chain(pairs).chain([(None, None, ANY)]) {
            group += 1;
            for (at, &errno) in errnos.iter().enumerate() {
                for (forever, warm) in [(false, true), (true, true), (false, false), (true, false)]
                {
                    // The first errno in every way, the others in one way each, by turns.
                    let wanted = at == 0 || warm && forever == (at % 2 == 0);
                    // A kernel that answers so for good would be wrong about the value or the clock.
                    let lies = forever && call == Some(Call::Wait) && is_passing(errno);
                    if (wanted || everything) && !lies {
                        jobs.push(Job { name, scenario, call, also, errno, forever, warm, group });
                    }
                }
            }
        }
    }
    jobs
}

/// Ends one wait, to be looked into.
fn is_passing(errno: i32) -> bool {
    matches!(errno, libc::EAGAIN | libc::EINTR)
}

/// Runs `body` in a child and answers whether it ended well.
fn in_child(report: &Report, seconds: u32, body: impl FnOnce() -> Verdict) -> bool {
    report.clear();
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process more");
    if child == 0 {
        // SAFETY: ends a child that hangs.
        unsafe { libc::alarm(seconds) };
        let verdict = body();
        if let Err(wrong) = &verdict {
            report.say(wrong);
        }
        if std::env::var_os("LLVM_PROFILE_FILE").is_some() {
            // What was covered is written at the end of a process.
            std::process::exit(i32::from(verdict.is_err()));
        }
        // SAFETY: ends this process.
        unsafe { libc::_exit(i32::from(verdict.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    if libc::WIFSIGNALED(status) {
        report.say(&format!("died by signal {}", libc::WTERMSIG(status)));
    }
    status == 0
}

/// What the library keeps where it may is given up, and what the host would not take is offered again.
fn settle() {
    for _ in 0..2 {
        let descriptor = crate::world::Wish::pages(1).descriptor();
        let mut memory: *mut wasm_memory_t = ptr::null_mut();
        // SAFETY: pointers of this function, and a handle that nobody else has.
        unsafe {
            wasm_memory_new(&descriptor, &mut memory);
            // Asks for pages, so that the descriptor which that takes is there from here on.
            counts_of(ptr::null());
            wasm_memory_delete(memory);
            wasm_memory_allocator_trim(ptr::null_mut());
        }
    }
}

impl Run {
    fn world(&self, call: Option<Call>, errno: i32, planted: Option<Planted>) -> World<'_> {
        let default = counts_of(ptr::null());
        World::new(self.shared, &self.functions, call, errno, planted, default)
    }

    /// All jobs, by several processes that take turns: first from one that has never used the library,
    /// then from one that has.
    fn all(&self, jobs: &[Job]) {
        self.workers(jobs, false);
        let report = &self.shared.workers[WORKERS];
        let ended = in_child(report, 600, || {
            self.warm_up()?;
            self.planted()?;
            self.workers(jobs, true);
            Ok(())
        });
        if !ended {
            println!("FAILED: {}", report.text());
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn workers(&self, jobs: &[Job], warm: bool) {
        let mut workers = Vec::new();
        for worker in 0..WORKERS {
            // SAFETY: this process has one thread.
            let child = unsafe { libc::fork() };
            assert!(child >= 0, "a process more");
            if child == 0 {
                let own =
                    jobs.iter().filter(|job| job.warm == warm && job.group % WORKERS == worker);
                // A kind of call that the scenario does not make need not be refused with every errno.
                let mut unmade = usize::MAX;
                for job in own {
                    if job.group != unmade && !self.work_on(job, &self.shared.workers[worker]) {
                        unmade = job.group;
                    }
                }
                // SAFETY: ends this process.
                unsafe { libc::_exit(0) };
            }
            workers.push(child);
        }
        for worker in workers {
            let mut status = 0;
            // SAFETY: waits for a child of this process.
            unsafe { libc::waitpid(worker, &mut status, 0) };
            if status != 0 {
                println!("FAILED: a worker ended with {status:#x}");
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Until every place of the library's own has been used, so that nothing it takes is new.
    fn warm_up(&self) -> Verdict {
        let mut world = self.world(None, 0, None);
        for _ in 0..WARMING {
            scenarios::one_of_each_kind(&mut world)?;
        }
        for (name, scenario) in [scenarios::ALL, scenarios::ALL].concat() {
            let mut world = self.world(None, 0, None);
            scenario(&mut world).map_err(|wrong| format!("{name}, without a fault: {wrong}"))?;
        }
        settle();
        Ok(())
    }

    /// False when there was nothing to refuse.
    fn work_on(&self, job: &Job, report: &Report) -> bool {
        for nth in 1..MOST {
            let Job { call, also, errno, forever, .. } = *job;
            let fault = Fault { nth, call, also, errno, forever };
            let ended = in_child(report, 60, || self.point(job, fault, None, report));
            let refused = report.refused.load(Ordering::Relaxed);
            let reached = report.reached.load(Ordering::Relaxed);
            if !ended {
                let (name, warm) = (job.name, if job.warm { "warm" } else { "cold" });
                println!("FAILED: {name}, {warm}, {fault:?}: {}", report.text());
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
            }
            if refused == 0 || reached < nth {
                return nth > 1;
            }
            self.shared.points.fetch_add(1, Ordering::Relaxed);
        }
        println!("FAILED: {} has no end", job.name);
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// One point, in a process of its own.
    fn point(&self, job: &Job, fault: Fault, planted: Option<Planted>, report: &Report) -> Verdict {
        let before = job.warm.then(|| {
            settle();
            host::Holdings::now()
        });
        let mut world = self.world_for(job, planted);
        let (mut refused, mut reached, mut statuses) = (0, 0, 0);
        let verdict = faults::with(fault, || {
            let verdict = (job.scenario)(&mut world);
            (refused, reached) = (faults::refused(), faults::seen());
            faults::sites().for_each(|site| self.shared.add_site(site));
            if job.call == Some(Call::Status) || job.call.is_none() {
                statuses = refused;
            }
            verdict
        });
        report.refused.store(refused, Ordering::Relaxed);
        report.reached.store(reached, Ordering::Relaxed);
        verdict?;
        same("uses of the heap", heap::breaches(), 0)?;
        settle();
        let kept = wasm_memory::unreleased();
        // A move whose every question about a range is refused as well may not touch it any more.
        if job.call.is_some() || kept.ranges > 1 {
            same("ranges that are not given back", (kept.ranges, kept.bytes), (0, 0))?;
        }
        if !job.warm {
            // All of it works when nothing is refused any more.
            let mut world = self.world(None, 0, None);
            (job.scenario)(&mut world).map_err(|wrong| format!("the next time: {wrong}"))?;
        }
        if let Some(before) = before {
            let after = host::Holdings::now();
            if before != after {
                let lost = (after.descriptors - before.descriptors) as u32;
                // A descriptor that the host does not let be looked at may be anybody's by now.
                let given_up = before.mappings != after.mappings && kept.ranges == 0;
                if given_up || lost > statuses {
                    return Err(after.beyond(&before));
                }
            }
        }
        Ok(())
    }

    fn world_for(&self, job: &Job, planted: Option<Planted>) -> World<'_> {
        if job.warm {
            return self.world(job.told(), job.errno, planted);
        }
        // Not even a question to the default allocator.
        let none = Counts::default();
        World::new(self.shared, &self.functions, job.told(), job.errno, planted, none)
    }

    /// A library with any of these faults is found out.
    fn planted(&self) -> Verdict {
        let (name, scenario) = scenarios::ALL[0];
        let report = &self.shared.workers[WORKERS + 1];
        let job = Job {
            name,
            scenario,
            call: Some(Call::Protect),
            also: None,
            errno: libc::ENOMEM,
            forever: false,
            warm: true,
            group: 0,
        };
        let fault = Fault { call: job.call, ..Fault::nth(2) };
        let none = [(None, "")].into_iter();
        for (planted, word) in none.chain(Planted::ALL.map(|(planted, word)| (Some(planted), word)))
        {
            let ended = in_child(report, 60, || self.point(&job, fault, planted, report));
            let text = report.text();
            if ended != planted.is_none() || !text.contains(word) {
                return Err(format!("planted {planted:?} went by: {text:?}"));
            }
        }
        Ok(())
    }

    /// Every function, every kind of call, every place that makes one.
    fn covers(&self) -> Verdict {
        let mut unreaching = Vec::new();
        for (at, function) in self.functions.iter().enumerate() {
            if self.shared.calls[at].load(Ordering::Relaxed) == 0 {
                return Err(format!("no scenario calls {function}"));
            }
            if self.shared.reached[at].load(Ordering::Relaxed) == 0 {
                unreaching.push(function.as_str());
            }
        }
        same("functions that do not reach the host", unreaching.as_slice(), NOT_REACHING)?;
        let kinds: Vec<String> = KINDS.iter().map(|(call, _)| format!("{call:?}")).collect();
        same("kinds of call", &kinds, &sources::kinds())?;
        let sites = self.shared.sites();
        let missed: Vec<_> = sources::gates()
            .into_iter()
            .filter(|gate| gate.is_here)
            .filter(|gate| !sites.contains(&(gate.file.clone(), gate.line)))
            .collect();
        println!(
            "{} functions of the header, {} of them reach the host; {} kinds of call at {} places, {} of them refused",
            self.functions.len(),
            self.functions.len() - unreaching.len(),
            kinds.len(),
            sites.len() + missed.len(),
            sites.len()
        );
        if missed.is_empty() { Ok(()) } else { Err(format!("never refused: {missed:?}")) }
    }
}

/// Those that make no system call, whatever they are given.
const NOT_REACHING: &[&str] = &[
    "wasm_memory_abi_version",
    "wasm_memory_allocator_retain",
    "wasm_memory_atomic_interrupt",
    "wasm_memory_atomic_notify",
    "wasm_memory_buffer_byte_length",
    "wasm_memory_buffer_data",
    "wasm_memory_buffer_is_detached",
    "wasm_memory_buffer_is_resizable",
    "wasm_memory_buffer_is_shared",
    "wasm_memory_buffer_max_byte_length",
    "wasm_memory_buffer_retain",
    "wasm_memory_buffer_transfer",
    "wasm_memory_bulk_copy",
    "wasm_memory_bulk_fill",
    "wasm_memory_bulk_init",
    "wasm_memory_byte_length",
    "wasm_memory_config_delete",
    "wasm_memory_config_set_backend",
    "wasm_memory_config_set_bounds",
    "wasm_memory_config_set_fallback",
    "wasm_memory_config_set_guards",
    "wasm_memory_config_set_huge_pages",
    "wasm_memory_config_set_keep_resident",
    "wasm_memory_config_set_kept_bytes",
    "wasm_memory_config_set_movable",
    "wasm_memory_config_set_pool",
    "wasm_memory_config_set_prefault",
    "wasm_memory_config_set_quota",
    "wasm_memory_config_set_reservation",
    "wasm_memory_config_set_size_limit",
    "wasm_memory_data",
    "wasm_memory_find",
    "wasm_memory_get_layout",
    "wasm_memory_get_type",
    "wasm_memory_image_get_type",
    "wasm_memory_image_retain",
    "wasm_memory_last_error",
    "wasm_memory_last_error_message",
    "wasm_memory_match",
    "wasm_memory_read",
    "wasm_memory_retain",
    "wasm_memory_send",
    "wasm_memory_set_user_data",
    "wasm_memory_size",
    "wasm_memory_status_name",
    "wasm_memory_user_data",
    "wasm_memory_version",
    "wasm_memory_view",
    "wasm_memory_write",
];
