//! A plain bar plot: one group per plotted measure, one bar per peer, each group on its own scale.

use std::fmt::Write;

use super::{Better, Phase, Report, Row, name};
use crate::kind::Kind;
use crate::stats::human;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 160.0;
const BAR_WIDTH: f64 = 500.0;
const BAR_HEIGHT: f64 = 16.0;
const BAR_STEP: f64 = 21.0;
const HEAD: f64 = 26.0;
const GAP: f64 = 18.0;

pub(super) fn svg(report: &Report) -> String {
    let mut body = String::new();
    let mut y = GAP;
    for row in report.rows().into_iter().filter(|(measure, _)| measure.is_plotted) {
        group(&mut body, report, row, &mut y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn group(out: &mut String, report: &Report, row: Row, y: &mut f64) {
    let value = |kind: Kind| Some((kind, report.summary(row, kind, Phase::Measured)?));
    let bars: Vec<_> = report.columns().into_iter().filter_map(value).collect();
    let largest = bars.iter().map(|(_, summary)| summary.median).fold(f64::MIN_POSITIVE, f64::max);
    let direction = match row.0.better {
        Better::Less => "less is better",
        Better::More => "more is better",
    };
    let title = format!("{}, {} ({direction})", name(row.0, row.1), row.0.unit);
    text(out, 8.0, *y + 12.0, &title, " font-weight=\"bold\"");
    *y += HEAD;
    for (kind, summary) in bars {
        let width = (BAR_WIDTH * summary.median / largest).max(1.0);
        text(out, 8.0, *y + 12.0, kind.label(), "");
        let colour = colour(kind);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<rect class=\"bar\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{colour}\"/>"
        );
        text(out, LEFT + width + 6.0, *y + 12.0, &human(summary.median), "");
        *y += BAR_STEP;
    }
    *y += GAP;
}

fn text(out: &mut String, x: f64, y: f64, text: &str, style: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\"{style}>{text}</text>");
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Null | Kind::Disk | Kind::Floor => "#b8b8b8",
        Kind::Barnabas | Kind::Durable => "#2a7f62",
        Kind::PageCache => "#7fbfa8",
        Kind::Kafka => "#c2703d",
        Kind::KafkaSync => "#8c4a21",
        Kind::Other => "#5b6fa8",
    }
}
