//! The tables of a report.

use super::{Better, Phase, Report, Row, name};
use crate::kind::Kind;
use crate::stats::{Summary, human};

/// Medians of the measured rounds, their spread, and what ours is to the others.
pub(super) fn measured(report: &Report) -> String {
    let kinds = report.columns();
    let ours = kinds.iter().copied().find(|kind| kind.is_ours());
    let others: Vec<Kind> = kinds.iter().copied().filter(|kind| Some(*kind) != ours).collect();
    let mut head = vec!["measure".to_owned()];
    head.extend(kinds.iter().map(|kind| kind.label().to_owned()));
    if let Some(ours) = ours {
        head.extend(others.iter().map(|kind| format!("{} / {}", ours.label(), kind.label())));
    }
    let mut out = line(&head) + &rule(head.len());
    for row in report.rows() {
        let mut cells = vec![label(row)];
        cells.extend(kinds.iter().map(|kind| report.summary(row, *kind, Phase::Measured).map_or("-".into(), range)));
        if let Some(ours) = ours {
            cells.extend(others.iter().map(|kind| ratio(report, row, ours, *kind)));
        }
        out += &line(&cells);
    }
    out
}

/// The first round of those that were started cold.
pub(super) fn cold(report: &Report) -> String {
    let kinds = report.columns();
    let mut head = vec!["measure".to_owned()];
    head.extend(kinds.iter().map(|kind| kind.label().to_owned()));
    let mut out = line(&head) + &rule(head.len());
    for row in report.rows() {
        let cell = |kind: &Kind| report.summary(row, *kind, Phase::Cold).map_or("-".into(), |s| human(s.median));
        let mut cells = vec![label(row)];
        cells.extend(kinds.iter().map(cell));
        out += &line(&cells);
    }
    out
}

fn label(row: Row) -> String {
    let direction = match row.0.better {
        Better::Less => "less is better",
        Better::More => "more is better",
    };
    format!("{}, {} ({direction})", name(row.0, row.1), row.0.unit)
}

fn ratio(report: &Report, row: Row, ours: Kind, other: Kind) -> String {
    let median = |kind| report.summary(row, kind, Phase::Measured).map(|summary| summary.median);
    match (median(ours), median(other)) {
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
