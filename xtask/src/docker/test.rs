//! `cargo xtask docker-test`: the image under the compose files of tests/docker, under the modules of Testcontainers, and
//! under the calls of Kafka UI. Writes docs/COMPOSE.md if asked to.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::engine::Engine;
use super::image;
use super::suites::{self, SUITES, Suite};
use crate::tap::Tally;
use crate::{repo, shell, toolbox};

const COMPOSE_LIMIT: Duration = Duration::from_secs(3600);

pub(crate) struct Options {
    /// An image that is there already, instead of a build.
    pub image: Option<String>,
    /// A few files and one language.
    pub quick: bool,
    /// Write docs/COMPOSE.md.
    pub write: bool,
    /// Parts of names of compose files; with any, only compose files are tested.
    pub only: Vec<String>,
    /// Compose files at the same time.
    pub jobs: usize,
}

/// The short form, for every change, if an engine is there or can be started; else the reason why it was left out.
pub(crate) fn run_quick_where_possible() -> Result<Option<String>> {
    match Engine::ready() {
        Ok(engine) => run_on(&engine, &Options { image: None, quick: true, write: false, only: Vec::new(), jobs: 2 })
            .map(|()| None),
        Err(reason) => Ok(Some(format!("{reason:#}"))),
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.write && (options.quick || !options.only.is_empty()) {
        bail!("--write needs a whole run: leave --quick and --only out");
    }
    run_on(&Engine::ready()?, options)
}

fn run_on(_engine: &Engine, options: &Options) -> Result<()> {
    let image = match &options.image {
        Some(name) => name.clone(),
        None => build()?,
    };
    let logs = repo::fresh_logs("docker")?;
    let mut outcomes = Vec::new();
    for suite in chosen(options) {
        let log = logs.join(format!("{}.log", suite.name));
        outcomes.push(Outcome::of(suite.name, log.clone(), || {
            suite.install()?;
            suite.run(&image, &log)
        }));
    }
    let log = logs.join("compose.log");
    let named: Vec<_> = outcomes.iter().map(|outcome| (outcome.name, outcome.log.clone())).collect();
    outcomes.push(Outcome::of("compose files", log.clone(), || compose(options, &image, &named, &logs)));
    report(&outcomes)
}

fn build() -> Result<String> {
    image::run(&image::Options { debug: false, binary: None, tag: image::IMAGE.to_owned() })?;
    Ok(image::IMAGE.to_owned())
}

fn chosen(options: &Options) -> impl Iterator<Item = &'static Suite> {
    let (none, quick) = (!options.only.is_empty(), options.quick);
    SUITES.iter().filter(move |suite| !none && (!quick || suite.is_quick()))
}

fn compose(options: &Options, image: &str, suites: &[(&str, PathBuf)], logs: &Path) -> Result<Tally> {
    let docker_plugin = shell::quiet(Command::new("docker").args(["compose", "version"])).is_ok();
    if !docker_plugin {
        toolbox::need("docker-compose", "install Docker Compose (Debian: apt-get install docker-compose)")?;
    }
    let folder = suites::folder();
    let python = toolbox::python(&folder.join(".venv"), &[folder.join("requirements.txt")])?;
    let mut command = Command::new(python);
    command.arg(folder.join("run.py")).args(["--image", image, "--jobs", &options.jobs.to_string()]);
    command.arg("--out").arg(logs.join("compose"));
    if options.quick {
        command.arg("--quick");
    }
    for part in &options.only {
        command.args(["--only", part]);
    }
    if options.write {
        command.arg("--write").arg(repo::root().join("docs/COMPOSE.md"));
        for (name, log) in suites {
            command.args(["--suite", &format!("{name}={}", log.display())]);
        }
    }
    suites::judged(&mut command, &logs.join("compose.log"), COMPOSE_LIMIT)
}

struct Outcome {
    name: &'static str,
    log: PathBuf,
    tally: Tally,
    took: Duration,
}

impl Outcome {
    /// Runs it and says how it went.
    fn of(name: &'static str, log: PathBuf, body: impl FnOnce() -> Result<Tally>) -> Self {
        println!("\n{name} …");
        let begun = Instant::now();
        let tally = body().unwrap_or_else(|error| {
            let mut tally = Tally::default();
            tally.failed.push(format!("not ok - suite: {error:#}"));
            tally
        });
        for line in tally.skipped.iter().chain(&tally.failed) {
            println!("{line}");
        }
        println!("{} passed, {} failed", tally.passed, tally.failed.len());
        Self { name, log, tally, took: begun.elapsed() }
    }
}

fn report(outcomes: &[Outcome]) -> Result<()> {
    println!("\n{:<28} {:>6} {:>6} {:>7} {:>8}", "suite", "passed", "failed", "skipped", "seconds");
    for Outcome { name, tally, took, .. } in outcomes {
        let (failed, skipped) = (tally.failed.len(), tally.skipped.len());
        println!("{name:<28} {:>6} {failed:>6} {skipped:>7} {:>8.1}", tally.passed, took.as_secs_f64());
    }
    let bad: Vec<_> = outcomes.iter().filter(|outcome| !outcome.tally.failed.is_empty()).collect();
    for outcome in &bad {
        println!("{}: see {}", outcome.name, outcome.log.display());
    }
    if bad.is_empty() { Ok(()) } else { bail!("{} of {} suites failed", bad.len(), outcomes.len()) }
}
