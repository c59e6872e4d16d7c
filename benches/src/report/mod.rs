//! Collects samples and writes them as Markdown with ratios, and as a plot.

mod machine;
mod plot;
mod promise;
mod table;

use anyhow::{Context, Result};

pub(crate) use promise::{HEAD as PROMISE_HEAD, Promise};

use crate::args::Common;
use crate::kind::Kind;
use crate::stats::{Summary, human};
use crate::workspace;

/// Above this spread of the null server's own figures the machine was too busy to conclude anything.
const NOISY: f64 = 0.3;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    name: &'static str,
    unit: &'static str,
    better: Better,
    is_plotted: bool,
}

impl Measure {
    pub(crate) const fn new(name: &'static str, unit: &'static str, better: Better) -> Self {
        Self { name, unit, better, is_plotted: false }
    }

    pub(crate) const fn plotted(name: &'static str, unit: &'static str, better: Better) -> Self {
        Self { name, unit, better, is_plotted: true }
    }
}

/// When in a run a sample was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Cold,
    Warming,
    Measured,
}

/// How the runs of the peers follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounds {
    /// By turns, in rounds that the command line counts.
    Interleaved,
    /// As the report's text says.
    Named,
}

/// All samples of one measure and one peer.
#[derive(Debug)]
struct Series {
    measure: Measure,
    /// Requests per second that were asked for, in reports that go through several.
    rate: Option<u32>,
    kind: Kind,
    cold: Vec<f64>,
    warming: Vec<f64>,
    measured: Vec<f64>,
}

/// A report that was written.
pub(crate) struct Written {
    /// Without its ending.
    pub file: &'static str,
    pub title: &'static str,
    /// Lines of a table.
    pub promises: Vec<String>,
}

/// What is in one line of the tables.
type Row = (Measure, Option<u32>);

impl Series {
    fn is(&self, (measure, rate): Row, kind: Kind) -> bool {
        self.measure == measure && self.rate == rate && self.kind == kind
    }
}

pub(crate) struct Report {
    file: &'static str,
    title: &'static str,
    rounds: Rounds,
    text: String,
    load_before: String,
    series: Vec<Series>,
    promises: Vec<Promise>,
    remarks: Vec<String>,
}

impl Report {
    pub(crate) fn new(file: &'static str, title: &'static str, rounds: Rounds) -> Self {
        Self {
            file,
            title,
            rounds,
            text: String::new(),
            load_before: machine::load(),
            series: Vec::new(),
            promises: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Figures that were promised.
    pub(crate) fn promise(&mut self, promises: &[Promise]) {
        self.promises.extend_from_slice(promises);
    }

    /// Something that readers must not miss.
    pub(crate) fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// How it was measured.
    pub(crate) fn say(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    pub(crate) fn add(&mut self, measure: Measure, kind: Kind, phase: Phase, value: f64) {
        self.push(measure, None, kind, phase, value);
    }

    pub(crate) fn add_at(&mut self, measure: Measure, rate: u32, kind: Kind, phase: Phase, value: f64) {
        self.push(measure, Some(rate), kind, phase, value);
    }

    fn push(&mut self, measure: Measure, rate: Option<u32>, kind: Kind, phase: Phase, value: f64) {
        eprintln!("  {:14} {:45} {} {}", kind.label(), name(measure, rate), human(value), measure.unit);
        let found = self.series.iter().position(|s| s.is((measure, rate), kind));
        let at = found.unwrap_or_else(|| {
            let new = Series { measure, rate, kind, cold: Vec::new(), warming: Vec::new(), measured: Vec::new() };
            self.series.push(new);
            self.series.len() - 1
        });
        let series = &mut self.series[at];
        match phase {
            Phase::Cold => series.cold.push(value),
            Phase::Warming => series.warming.push(value),
            Phase::Measured => series.measured.push(value),
        }
    }

    pub(crate) fn is_missing(&self, measure: Measure, rate: Option<u32>, kind: Kind) -> bool {
        self.series((measure, rate), kind).is_none()
    }

    fn series(&self, row: Row, kind: Kind) -> Option<&Series> {
        self.series.iter().find(|series| series.is(row, kind))
    }

    /// Everyone who was measured, in the order of [`Kind`].
    fn columns(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.series.iter().map(|series| series.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Every measure once, in the order in which they were first seen.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for series in &self.series {
            if !rows.contains(&(series.measure, series.rate)) {
                rows.push((series.measure, series.rate));
            }
        }
        rows.sort_by_key(|(_, rate)| *rate);
        rows
    }

    fn summary(&self, row: Row, kind: Kind, phase: Phase) -> Option<Summary> {
        let series = self.series(row, kind)?;
        Summary::of(match phase {
            Phase::Cold => &series.cold,
            Phase::Warming => &series.warming,
            Phase::Measured => &series.measured,
        })
    }

    /// Writes `<file>.md` and `<file>.svg`.
    pub(crate) fn write(&self, common: &Common) -> Result<Written> {
        let dir = common.out.clone().unwrap_or_else(workspace::reports);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let markdown = self.markdown(common);
        println!("{markdown}");
        std::fs::write(dir.join(format!("{}.md", self.file)), markdown)?;
        std::fs::write(dir.join(format!("{}.svg", self.file)), plot::svg(self))?;
        Ok(Written { file: self.file, title: self.title, promises: promise::rows(self) })
    }

    fn markdown(&self, common: &Common) -> String {
        let mut out = format!("# {}\n\n{}\n\n", self.title, self.text);
        if self.rounds == Rounds::Interleaved {
            let rounds = format!("{} measured rounds after {} to warm up", common.rounds, common.warm_rounds);
            out += &format!("Peers take turns in every round; {rounds}. ");
        }
        out += "Figures are `median [min..max]`.\n\n";
        out += &format!("Machine: {}. Load before: {}.\n\n", machine::describe(), self.load_before);
        for warning in self.warnings().iter().chain(&self.remarks) {
            out += &format!("**{warning}**\n\n");
        }
        out += &promise::table(self);
        out += &table::measured(self);
        if self.series.iter().any(|series| !series.cold.is_empty()) {
            out += "\nFirst round after the start (cold):\n\n";
            out += &table::cold(self);
        }
        out + &format!("\n![{}]({}.svg)\n", self.title, self.file)
    }

    fn warnings(&self) -> Vec<String> {
        let noisy = |row: &Row| {
            let spread = self.summary(*row, Kind::Null, Phase::Measured).map_or(0.0, |summary| summary.spread());
            let text = format!("{}: {:.0} %", name(row.0, row.1), spread * 100.0);
            (spread > NOISY && row.0.is_plotted).then_some(text)
        };
        let rows: Vec<String> = self.rows().iter().filter_map(noisy).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "Nothing can be concluded from these rows, the null server's own runs differ by: {}.",
            rows.join(", ")
        )]
    }
}

fn name(measure: Measure, rate: Option<u32>) -> String {
    match rate {
        Some(rate) => format!("{} at {}/s", measure.name, human(f64::from(rate))),
        None => measure.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Better, Measure, Phase, Report, Rounds, plot, table};
    use crate::kind::Kind;

    const COST: Measure = Measure::plotted("cost", "µs", Better::Less);

    fn report() -> Report {
        let mut report = Report::new("file", "Title", Rounds::Interleaved);
        report.add(COST, Kind::Null, Phase::Measured, 5.0);
        report.add(COST, Kind::Barnabas, Phase::Measured, 10.0);
        report.add(COST, Kind::Kafka, Phase::Cold, 90.0);
        report.add(COST, Kind::Kafka, Phase::Measured, 40.0);
        report
    }

    #[test]
    fn the_table_gives_ratios_to_both_peers() {
        let text = table::measured(&report());
        let row = text.lines().last().unwrap();
        assert!(row.contains("| 2.00x | 0.250x |"), "{row}");
    }

    #[test]
    fn peers_that_were_not_measured_leave_no_column() {
        let mut report = Report::new("file", "Title", Rounds::Interleaved);
        report.add(COST, Kind::Null, Phase::Measured, 5.0);
        report.add(COST, Kind::Barnabas, Phase::Measured, 10.0);
        assert!(!table::measured(&report).contains("Kafka"));
    }

    #[test]
    fn the_plot_has_a_bar_per_peer() {
        let svg = plot::svg(&report());
        assert_eq!(svg.matches("<rect class=\"bar\"").count(), 3);
    }
}
