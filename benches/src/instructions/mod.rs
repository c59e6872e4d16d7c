//! User instructions per request, counted by valgrind's callgrind: the one figure that does not depend on what else the
//! machine does, and so the one that is a test. Compared with what `benches/instructions.json` keeps.

mod figures;
mod run;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::args::Instructions;
use crate::stats::human;
use crate::workspace;
use figures::{Figures, Judgement, Toolchain};
use run::{Durability, Load};

/// Requests of each kind in the run that others are compared with, and how many more they do of one kind.
const BASE: u32 = 200;
const MORE: u32 = 8000;
/// Runs of the same kind, of which the smallest total counts: where the allocator happens to place things makes up to 4 %
/// more, and never less.
const REPEATS: usize = 3;
/// Runs at the same time: counting does not mind.
const AT_ONCE: usize = 2;

/// What is counted: a name that lasts, and which requests are added.
struct Case {
    name: &'static str,
    durability: Durability,
    more: Load,
}

const NOTHING: Load = Load { produce: 0, fetch_small: 0, fetch_large: 0 };
const CASES: [Case; 4] = [
    Case {
        name: "produce 1 KB, page cache",
        durability: Durability::PageCache,
        more: Load { produce: MORE, ..NOTHING },
    },
    Case { name: "produce 1 KB, durable", durability: Durability::Journal, more: Load { produce: MORE, ..NOTHING } },
    Case { name: "fetch 1 KB", durability: Durability::PageCache, more: Load { fetch_small: MORE, ..NOTHING } },
    Case { name: "fetch 64 KB", durability: Durability::PageCache, more: Load { fetch_large: MORE, ..NOTHING } },
];

pub(crate) fn run(broker: Option<&Path>, options: &Instructions) -> Result<()> {
    let broker =
        broker.context("name the executable with --broker: a release build, as cargo xtask instructions makes")?;
    let counted = count(broker)?;
    let toolchain = Toolchain::present()?;
    let path = options.figures.clone().unwrap_or_else(file);
    if options.write {
        let mut figures = Figures::read(&path)?;
        figures.set(&toolchain, &counted);
        figures.write(&path)?;
        println!("{} now holds for {toolchain}:", path.display());
        counted.iter().for_each(|(name, count)| println!("  {name:30} {:>8}", human(*count)));
        return Ok(());
    }
    judge(&Figures::read(&path)?, &toolchain, &counted)
}

fn file() -> PathBuf {
    workspace::root().join("benches/instructions.json")
}

fn judge(figures: &Figures, toolchain: &Toolchain, counted: &[(&'static str, f64)]) -> Result<()> {
    const REMEDY: &str =
        "if that is meant, run `cargo xtask instructions --write` and commit benches/instructions.json";
    let Some(kept) = figures.nearest(toolchain) else {
        bail!("benches/instructions.json has no figures at all; {REMEDY}")
    };
    if !kept.is_exact {
        println!(
            "There are no figures for {toolchain}. Compared with those of {}, within {} % instead of {} %; \
             `cargo xtask instructions --write` adds some.",
            kept.of,
            kept.margin_percent(),
            figures::MARGIN_PERCENT
        );
    }
    let mut failed = Vec::new();
    println!("User instructions per request:");
    for (name, count) in counted {
        let judgement = kept.judge(name, *count);
        println!("  {name:30} {:>8}  {judgement}", human(*count));
        match judgement {
            Judgement::Worse { .. } | Judgement::Unknown => failed.push(*name),
            Judgement::Better { .. } => {
                println!(
                    "  {:30} fewer than are kept: `cargo xtask instructions --write` makes them the new measure",
                    ""
                );
            }
            Judgement::Same { .. } => {}
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("more instructions than benches/instructions.json allows: {}; {REMEDY}", failed.join(", "))
}

/// Instructions per request of every case.
fn count(broker: &Path) -> Result<Vec<(&'static str, f64)>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        bail!("valgrind is missing; install it (Debian: apt-get install valgrind)");
    }
    // Every run that is needed once, bases first.
    let mut runs: Vec<(Durability, Load)> = Vec::new();
    for case in &CASES {
        for load in [NOTHING, case.more] {
            if !runs.contains(&(case.durability, load)) {
                runs.push((case.durability, load));
            }
        }
    }
    let mut totals = vec![u64::MAX; runs.len()];
    let numbers: Vec<usize> = (0..REPEATS).flat_map(|_| 0..runs.len()).collect();
    for some in numbers.chunks(AT_ONCE) {
        let counted: Vec<Result<u64>> = std::thread::scope(|scope| {
            let start = |number: &usize| {
                let (durability, load) = (runs[*number].0, runs[*number].1.plus(BASE));
                scope.spawn(move || run::count(broker, durability, load))
            };
            let running: Vec<_> = some.iter().map(start).collect();
            let ended = running.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a run panicked")));
            ended.collect()
        });
        for (number, total) in some.iter().zip(counted) {
            totals[*number] = totals[*number].min(total?);
        }
    }
    let total_of = |durability, load| {
        let at = runs.iter().position(|run| *run == (durability, load)).context("a run is missing")?;
        totals.get(at).copied().context("a run is missing")
    };
    let per_request = |case: &Case| -> Result<(&'static str, f64)> {
        let (base, with_more) = (total_of(case.durability, NOTHING)?, total_of(case.durability, case.more)?);
        Ok((case.name, per_request(base, with_more, MORE)))
    };
    CASES.iter().map(per_request).collect()
}

/// What start, stop and everything else cost is in both runs and falls out.
fn per_request(base: u64, with_more: u64, more: u32) -> f64 {
    (with_more.saturating_sub(base)) as f64 / f64::from(more)
}

#[cfg(test)]
mod tests {
    use super::figures::{Figures, Toolchain};
    use super::{judge, per_request};

    fn toolchain(release: &str) -> Toolchain {
        Toolchain { release: release.into(), host: "x86_64-unknown-linux-gnu".into() }
    }

    #[test]
    fn what_is_in_both_runs_falls_out() {
        assert_eq!(per_request(11_000_000, 41_000_000, 3000), 10_000.0);
    }

    #[test]
    fn more_instructions_fail_and_say_what_to_do() {
        let mut figures = Figures::default();
        figures.set(&toolchain("1.95.0"), &[("produce", 10_000.0)]);
        assert!(judge(&figures, &toolchain("1.95.0"), &[("produce", 10_290.0)]).is_ok());
        assert!(judge(&figures, &toolchain("1.95.0"), &[("produce", 9_000.0)]).is_ok());
        let error = judge(&figures, &toolchain("1.95.0"), &[("produce", 10_310.0)]).unwrap_err().to_string();
        assert!(error.contains("produce") && error.contains("--write"), "{error}");
        assert!(judge(&figures, &toolchain("1.95.0"), &[("unheard of", 1.0)]).is_err());
        assert!(judge(&Figures::default(), &toolchain("1.95.0"), &[]).is_err());
    }

    #[test]
    fn another_compiler_may_differ_more() {
        let mut figures = Figures::default();
        figures.set(&toolchain("1.95.0"), &[("produce", 10_000.0)]);
        assert!(judge(&figures, &toolchain("1.99.0"), &[("produce", 10_900.0)]).is_ok());
        assert!(judge(&figures, &toolchain("1.99.0"), &[("produce", 11_100.0)]).is_err());
    }
}
