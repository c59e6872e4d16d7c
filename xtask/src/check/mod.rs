//! `cargo xtask check`: the read-only gate. Every part runs, so that one run shows all that is wrong.

mod dashboards;
mod layers;
mod shape;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::{docs, repo, shell};

type Part<'a> = (&'a str, fn() -> Result<()>);

const STATIC_PARTS: &[Part<'_>] = &[
    ("fmt", fmt),
    ("shape", shape::check),
    ("layers", layers::check),
    ("docs", fresh_docs),
    ("dashboards", dashboards::check),
    ("clippy", clippy),
];

pub(crate) fn run(with_tests: bool) -> Result<()> {
    let tests: &[Part<'_>] = if with_tests { &[("tests", tests)] } else { &[] };
    let mut failed = Vec::new();
    for (name, part) in STATIC_PARTS.iter().chain(tests) {
        let begun = Instant::now();
        let outcome = part();
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => println!("ok     {name} ({seconds:.1} s)"),
            Err(error) => {
                println!("FAILED {name} ({seconds:.1} s): {error:#}");
                failed.push(*name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("check failed: {}", failed.join(", ")) }
}

fn fmt() -> Result<()> {
    shell::quiet(repo::cargo().args(["fmt", "--all", "--check"])).map(drop)
}

/// Also holds functions below the length that clippy.toml sets.
fn clippy() -> Result<()> {
    shell::shown(repo::cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

fn tests() -> Result<()> {
    shell::shown(repo::cargo().args(["test", "--workspace", "--quiet"]))
}

fn fresh_docs() -> Result<()> {
    let pages = docs::generated()?;
    let stale: Vec<_> = pages.iter().filter(|page| page.is_stale()).map(|page| page.path).collect();
    if stale.is_empty() { Ok(()) } else { bail!("{} out of date; run `cargo xtask fix`", stale.join(", ")) }
}
