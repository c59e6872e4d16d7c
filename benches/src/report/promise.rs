//! What was promised before it was built, and whether the figures of this run keep it.

use super::{Better, Measure, Phase, Report, Series};
use crate::kind::Kind;
use crate::stats::{Summary, human};

/// One promised figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// The promise in plain words.
    pub words: &'static str,
    pub measure: Measure,
    /// In reports that go through several rates.
    pub rate: Option<u32>,
    pub ours: Kind,
    /// Promised is the ratio to this one; without it the figure itself.
    pub against: Option<Kind>,
    pub must: f64,
    pub aim: f64,
}

impl Promise {
    pub(crate) const fn ratio(
        words: &'static str,
        measure: Measure,
        (ours, against): (Kind, Kind),
        (must, aim): (f64, f64),
    ) -> Self {
        Self { words, measure, rate: None, ours, against: Some(against), must, aim }
    }

    pub(crate) const fn figure(words: &'static str, measure: Measure, ours: Kind, (must, aim): (f64, f64)) -> Self {
        Self { words, measure, rate: None, ours, against: None, must, aim }
    }

    fn is_kept(&self, reached: f64, limit: f64) -> bool {
        match self.measure.better {
            Better::Less => reached <= limit,
            Better::More => reached >= limit,
        }
    }

    fn verdict(&self, reached: f64) -> &'static str {
        if self.is_kept(reached, self.aim) {
            "aim reached"
        } else if self.is_kept(reached, self.must) {
            "holds"
        } else {
            "MISSED"
        }
    }

    fn text(&self, value: f64) -> String {
        if self.against.is_some() { format!("{}x", human(value)) } else { human(value) }
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "| promise | reached | must | aim | |\n|---|---|---|---|---|\n";

/// The table of all promises of a report, empty without any.
pub(super) fn table(report: &Report) -> String {
    let rows = rows(report);
    if rows.is_empty() {
        return String::new();
    }
    format!("What was promised, and what this run shows:\n\n{HEAD}{}\n\n", rows.join("\n"))
}

/// The table's lines.
pub(super) fn rows(report: &Report) -> Vec<String> {
    report.promises.iter().map(|promise| row(report, promise)).collect()
}

fn row(report: &Report, promise: &Promise) -> String {
    let sign = match promise.measure.better {
        Better::Less => "≤",
        Better::More => "≥",
    };
    let (reached, verdict) = match reached(report, promise) {
        Some(summary) => {
            let range = [summary.median, summary.min, summary.max].map(|value| promise.text(value));
            (format!("{} [{}..{}]", range[0], range[1], range[2]), promise.verdict(summary.median))
        }
        None => ("-".to_owned(), "not measured"),
    };
    let unit = if promise.against.is_some() { "" } else { promise.measure.unit };
    let limit = |value| format!("{sign} {} {unit}", promise.text(value)).trim_end().to_owned();
    format!("| {} | {reached} | {} | {} | {verdict} |", promise.words, limit(promise.must), limit(promise.aim))
}

/// The ratio of the medians, and the spread of the ratios round by round.
fn reached(report: &Report, promise: &Promise) -> Option<Summary> {
    let row = (promise.measure, promise.rate);
    let ours = report.summary(row, promise.ours, Phase::Measured)?;
    let Some(against) = promise.against else { return Some(ours) };
    let theirs = report.summary(row, against, Phase::Measured)?;
    if theirs.median <= 0.0 {
        return None;
    }
    let samples = |kind| report.series(row, kind).map_or(&[][..], |series: &Series| &series.measured);
    let pairs = samples(promise.ours).iter().zip(samples(against)).filter(|(_, theirs)| **theirs > 0.0);
    let ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours / theirs).collect();
    let spread = Summary::of(&ratios)?;
    let median = ours.median / theirs.median;
    Some(Summary { median, min: spread.min.min(median), max: spread.max.max(median) })
}

#[cfg(test)]
mod tests {
    use super::{Better, Kind, Measure, Phase, Promise, Report, table};
    use crate::report::Rounds;

    const COST: Measure = Measure::plotted("cost", "µs", Better::Less);
    const RATE: Measure = Measure::plotted("rate", "1/s", Better::More);

    fn report() -> Report {
        let mut report = Report::new("file", "Title", Rounds::Interleaved);
        for (ours, theirs) in [(10.0, 40.0), (12.0, 30.0), (8.0, 50.0)] {
            report.add(COST, Kind::Durable, Phase::Measured, ours);
            report.add(COST, Kind::Kafka, Phase::Measured, theirs);
        }
        report.add(RATE, Kind::Durable, Phase::Measured, 30_000.0);
        report
    }

    fn only_row(promise: Promise) -> String {
        let mut report = report();
        report.promise(&[promise]);
        table(&report).lines().nth(4).unwrap().to_owned()
    }

    #[test]
    fn ratios_are_those_of_medians_with_the_spread_of_the_rounds() {
        let row = only_row(Promise::ratio("cheap", COST, (Kind::Durable, Kind::Kafka), (0.3, 0.2)));
        assert_eq!(row, "| cheap | 0.250x [0.160x..0.400x] | ≤ 0.300x | ≤ 0.200x | holds |");
    }

    #[test]
    fn figures_stand_for_themselves_and_can_miss() {
        let row = only_row(Promise::figure("quick", RATE, Kind::Durable, (40_000.0, 80_000.0)));
        assert_eq!(row, "| quick | 30,000 [30,000..30,000] | ≥ 40,000 1/s | ≥ 80,000 1/s | MISSED |");
        let row = only_row(Promise::figure("quick", RATE, Kind::Durable, (10_000.0, 30_000.0)));
        assert!(row.ends_with("| aim reached |"), "{row}");
    }

    #[test]
    fn what_was_not_measured_is_not_claimed() {
        let row = only_row(Promise::ratio("cheap", COST, (Kind::Durable, Kind::KafkaSync), (0.3, 0.2)));
        assert_eq!(row, "| cheap | - | ≤ 0.300x | ≤ 0.200x | not measured |");
    }
}
