//! Every scenario, one after the other, with the progress of the whole, and one page with all promises.

use std::fmt::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::args::Common;
use crate::report::{PROMISE_HEAD, Written};
use crate::{scenarios, workspace};

/// Enough for medians; more would take an hour.
const MAX_ROUNDS: usize = 3;
const PAGE: &str = "README.md";

/// A scenario that fails is named at the end; the others run nevertheless.
pub(crate) fn run(mut common: Common) -> Result<()> {
    common.rounds = common.rounds.min(MAX_ROUNDS);
    let begun = Instant::now();
    if common.broker.is_none() {
        eprintln!("building the broker");
        common.broker = Some(workspace::broker(&common)?);
    }
    let scenarios = scenarios::all();
    let total: u32 = scenarios.iter().map(|(.., seconds)| seconds).sum();
    let (mut done, mut written, mut failed) = (0, Vec::new(), Vec::new());
    for (number, (name, what, seconds)) in scenarios.iter().enumerate() {
        let left = left_minutes(begun.elapsed().as_secs_f64(), done, total);
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        eprintln!("\n[{}/{}] {name}: {minutes:.1} min so far{left}", number + 1, scenarios.len());
        match scenarios::run(&common, what) {
            Ok(report) => written.push(report),
            Err(error) => {
                eprintln!("{name} FAILED: {error:#}");
                failed.push(*name);
            }
        }
        done += seconds;
    }
    let out = common.out.unwrap_or_else(workspace::reports);
    std::fs::write(out.join(PAGE), page(&written)).with_context(|| format!("cannot write {PAGE}"))?;
    eprintln!("\n{:.1} min, reports are in {}", begun.elapsed().as_secs_f64() / 60.0, out.display());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// By what the scenarios done so far took, once there is something to go by.
fn left_minutes(elapsed: f64, done: u32, total: u32) -> String {
    if done == 0 {
        return String::new();
    }
    let left = elapsed * f64::from(total - done) / f64::from(done);
    format!(", about {:.1} min left", left / 60.0)
}

fn page(written: &[Written]) -> String {
    let mut out = "# Measurements\n\nRatios of one run on one machine; how they were measured is said in each report, and how to \
                   repeat them in [benches](../../benches/README.md).\n\n"
        .to_owned();
    // Writing to a String cannot fail.
    let _ = write!(out, "{PROMISE_HEAD}");
    for report in written {
        for row in &report.promises {
            let _ = writeln!(out, "{row}");
        }
    }
    out.push_str("\nReports:\n\n");
    for report in written {
        let _ = writeln!(out, "- [{}]({}.md)", report.title, report.file);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{left_minutes, page};
    use crate::report::Written;

    #[test]
    fn what_is_left_goes_by_what_was_done() {
        assert_eq!(left_minutes(10.0, 0, 100), "");
        assert_eq!(left_minutes(60.0, 25, 100), ", about 3.0 min left");
    }

    #[test]
    fn the_page_has_every_promise_and_report() {
        let written = Written { file: "x", title: "Title", promises: vec!["| a | b |".into()] };
        let text = page(&[written]);
        assert!(text.contains("| a | b |\n") && text.contains("- [Title](x.md)"), "{text}");
    }
}
