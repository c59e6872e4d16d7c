//! The tables of a report.

use super::{Better, Measure, Phase, Report, name};
use crate::args::Kind;
use crate::stats::{Summary, human};

/// Medians of the measured rounds, their spread, and what Barnabas is to the others.
pub(super) fn measured(report: &Report, peers: &[Kind]) -> String {
    let others: Vec<Kind> = peers.iter().copied().filter(|kind| *kind != Kind::Barnabas).collect();
    let mut head = vec!["measure".to_owned()];
    head.extend(peers.iter().map(|kind| kind.label().to_owned()));
    if peers.contains(&Kind::Barnabas) {
        head.extend(others.iter().map(|kind| format!("Barnabas / {}", kind.label())));
    }
    let mut out = line(&head) + &rule(head.len());
    for row in report.rows() {
        let mut cells = vec![label(row)];
        cells.extend(peers.iter().map(|kind| report.summary(row, *kind, Phase::Measured).map_or("-".into(), range)));
        if peers.contains(&Kind::Barnabas) {
            cells.extend(others.iter().map(|kind| ratio(report, row, *kind)));
        }
        out += &line(&cells);
    }
    out
}

/// The first round of those that were started cold.
pub(super) fn cold(report: &Report, peers: &[Kind]) -> String {
    let mut head = vec!["measure".to_owned()];
    head.extend(peers.iter().map(|kind| kind.label().to_owned()));
    let mut out = line(&head) + &rule(head.len());
    for row in report.rows() {
        let cell = |kind: &Kind| report.summary(row, *kind, Phase::Cold).map_or("-".into(), |s| human(s.median));
        let mut cells = vec![label(row)];
        cells.extend(peers.iter().map(cell));
        out += &line(&cells);
    }
    out
}

fn label(row: (Measure, Option<u32>)) -> String {
    let direction = match row.0.better {
        Better::Less => "less is better",
        Better::More => "more is better",
    };
    format!("{}, {} ({direction})", name(row.0, row.1), row.0.unit)
}

fn ratio(report: &Report, row: (Measure, Option<u32>), other: Kind) -> String {
    let median = |kind| report.summary(row, kind, Phase::Measured).map(|summary| summary.median);
    match (median(Kind::Barnabas), median(other)) {
        (Some(ours), Some(theirs)) if theirs > 0.0 => format!("{}x", human(ours / theirs)),
        _ => "-".to_owned(),
    }
}

fn range(summary: Summary) -> String {
    format!("{} [{}..{}]", human(summary.median), human(summary.min), human(summary.max))
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn rule(columns: usize) -> String {
    format!("|{}\n", "---|".repeat(columns))
}
