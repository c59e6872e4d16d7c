//! `cargo xtask test`: everything that must hold, in the order that finds mistakes early.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::application::Drive;
use crate::{application, bench, binary, check, clients, docker, tools};

pub(crate) fn run() -> Result<()> {
    let begun = Instant::now();
    let suites = clients::chosen(&[])?;
    // Installing waits for the network, compiling for the processor: together they take hardly longer than one.
    let (installed, checked, built) = std::thread::scope(|scope| {
        let installing = scope.spawn(|| {
            clients::install(&suites)?;
            tools::install()?;
            application::install().map(drop)
        });
        let checked = check::run(true);
        let built = binary::build_release();
        (installing.join(), checked, built)
    });
    let mut failed = Vec::new();
    note(&mut failed, "check", checked);
    note(&mut failed, "install", installed.unwrap_or_else(|_| bail!("the installation panicked")));
    let binary = built?;
    note(&mut failed, "instructions", bench::instructions(&binary, false));
    note(&mut failed, "clients", clients::run(&suites, &clients::Options::all(&binary)));
    note(&mut failed, "tools", tools::run(&binary, &[]));
    note(&mut failed, "app", application::run_short(Drive::Application, &binary));
    note(&mut failed, "crash", application::run_short(Drive::CrashLoop, &binary));
    let left_out = docker::test::run_quick_where_possible();
    let reason = left_out.as_ref().ok().cloned().flatten();
    note(&mut failed, "docker-test", left_out.map(drop));
    println!("\n{} min {} s", begun.elapsed().as_secs() / 60, begun.elapsed().as_secs() % 60);
    if let Some(reason) = &reason {
        println!("NOT RUN: docker-test, the image under compose files and Testcontainers: {reason}");
    }
    if failed.is_empty() {
        println!("{}", if reason.is_some() { "all tests that were run passed" } else { "all tests passed" });
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}

fn note(failed: &mut Vec<&'static str>, part: &'static str, outcome: Result<()>) {
    if let Err(error) = outcome {
        eprintln!("\n{part} FAILED: {error:#}");
        failed.push(part);
    }
}
