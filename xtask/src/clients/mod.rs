//! `cargo xtask clients`: the suites of tests/clients, each against a fresh broker, and the table of their outcomes.

mod suite;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::suite::{SUITES, Suite};
use crate::peers::{Server, barnabas, kafka};
use crate::tap::Tally;
use crate::{repo, shell};

const SUITE_LIMIT: Duration = Duration::from_secs(180);

pub(crate) struct Options {
    /// The broker under test; `None` means Apache Kafka.
    pub binary: Option<PathBuf>,
    /// Parts of names of checks; none means all.
    pub only: Vec<String>,
    pub jobs: usize,
}

impl Options {
    pub(crate) fn all(binary: &Path) -> Self {
        Self { binary: Some(binary.to_path_buf()), only: Vec::new(), jobs: 2 }
    }
}

/// The suites of these names; all, if none is named.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    let known = || SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = names.iter().find(|name| SUITES.iter().all(|suite| suite.name != **name)) {
        bail!("there is no suite {unknown}; there are {}", known());
    }
    Ok(SUITES.iter().filter(|suite| names.is_empty() || names.iter().any(|name| *name == suite.name)).collect())
}

/// Brings the client libraries of every suite, and says at the end what could not be brought.
pub(crate) fn install(suites: &[&Suite]) -> Result<()> {
    let mut missing = Vec::new();
    for suite in suites {
        let begun = Instant::now();
        match suite.install() {
            Ok(()) => println!("installed {} in {:.1} s", suite.name, begun.elapsed().as_secs_f64()),
            Err(error) => missing.push(format!("{}: {error:#}", suite.name)),
        }
    }
    if missing.is_empty() { Ok(()) } else { bail!("cannot install\n{}", missing.join("\n")) }
}

/// Runs the suites, a few at a time, and prints the table. An error if any check failed.
pub(crate) fn run(suites: &[&'static Suite], options: &Options) -> Result<()> {
    if options.binary.is_none() {
        kafka::install()?;
    }
    let waiting = Mutex::new(suites.iter().copied().collect::<VecDeque<_>>());
    let outcomes = Mutex::new(Vec::new());
    let next = || waiting.lock().ok()?.pop_front();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some(suite) = next() {
                    let outcome = run_one(suite, options);
                    println!("{:<18} {}", suite.name, outcome.summary());
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((suite, outcome));
                    }
                }
            });
        }
    });
    report(suites, &outcomes.into_inner().unwrap_or_default())
}

struct Outcome {
    tally: Tally,
    took: Duration,
    logs: PathBuf,
}

impl Outcome {
    fn summary(&self) -> String {
        let Tally { passed, skipped, failed, .. } = &self.tally;
        let seconds = self.took.as_secs_f64();
        format!("{passed:>4} passed {:>3} failed {:>3} skipped {seconds:>7.1} s", failed.len(), skipped.len())
    }
}

fn run_one(suite: &Suite, options: &Options) -> Outcome {
    let begun = Instant::now();
    let logs = repo::target().join("xtask/clients").join(suite.name);
    let tally = attempt(suite, options).unwrap_or_else(|error| {
        let mut tally = Tally::default();
        tally.failed.push(format!("not ok - suite: {error:#}"));
        tally
    });
    Outcome { tally, took: begun.elapsed(), logs }
}

fn attempt(suite: &Suite, options: &Options) -> Result<Tally> {
    let logs = repo::fresh_logs(&format!("clients/{}", suite.name))?;
    let home = tempfile::tempdir()?;
    let mut server = start(options, home.path(), &logs)?;
    let output = logs.join("suite.log");
    let mut command = suite.command();
    command.args(&options.only).env("BOOTSTRAP", server.bootstrap()).env("PEER", server.peer);
    let mut child = shell::spawn_logged(&mut command, &output)?;
    let status = shell::wait_at_most(&mut child, SUITE_LIMIT)?;
    let mut tally = Tally::read(&String::from_utf8_lossy(&std::fs::read(&output).context("the suite's output")?));
    let ended =
        status.map_or_else(|| format!("did not end in {} s", SUITE_LIMIT.as_secs()), |s| format!("ended with {s}"));
    tally.judge(status.is_some_and(|status| status.success()), &ended);
    if !server.is_running() {
        tally.failed.push("not ok - broker: it ended during the suite".to_owned());
    } else if !server.stop()? {
        tally.failed.push("not ok - broker: it did not stop cleanly".to_owned());
    }
    Ok(tally)
}

fn start(options: &Options, home: &Path, logs: &Path) -> Result<Server> {
    let log = logs.join("broker.log");
    match &options.binary {
        Some(binary) => barnabas::start(binary, &home.join("data"), &log),
        None => kafka::start(home, &log),
    }
}

fn report(suites: &[&Suite], outcomes: &[(&Suite, Outcome)]) -> Result<()> {
    let ordered = || suites.iter().filter_map(|suite| outcomes.iter().find(|(of, _)| of.name == suite.name));
    for (suite, outcome) in ordered() {
        for line in outcome.tally.skipped.iter().chain(&outcome.tally.failed) {
            println!("{}: {line}", suite.name);
        }
    }
    println!("\n{:<18} {:>6} {:>6} {:>7} {:>8}", "suite", "passed", "failed", "skipped", "seconds");
    for (suite, Outcome { tally, took, .. }) in ordered() {
        let (failed, skipped) = (tally.failed.len(), tally.skipped.len());
        println!("{:<18} {:>6} {failed:>6} {skipped:>7} {:>8.1}", suite.name, tally.passed, took.as_secs_f64());
    }
    let bad: Vec<_> = ordered().filter(|(_, outcome)| !outcome.tally.failed.is_empty()).collect();
    for (suite, outcome) in &bad {
        println!("{}: see {}", suite.name, outcome.logs.display());
    }
    if !bad.is_empty() || outcomes.len() != suites.len() {
        bail!("{} of {} suites failed", suites.len() - (outcomes.len() - bad.len()), suites.len());
    }
    Ok(())
}
