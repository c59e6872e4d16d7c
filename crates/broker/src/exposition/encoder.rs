//! Prometheus's text format, version 0.0.4: one header per family, samples below it, names and labels escaped.
//! A family without samples leaves no trace. What is measured is not known here.

use std::fmt::{Display, Write};

use super::families::{Family, Kind};
use crate::metrics::{Counts, SHOWN_BOUNDS_US};

/// The quantiles as their label spells them.
const QUANTILES: [(&str, f64); 6] =
    [("0.50", 0.5), ("0.75", 0.75), ("0.95", 0.95), ("0.98", 0.98), ("0.99", 0.99), ("0.999", 0.999)];

/// A number as the format writes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

macro_rules! numbers {
    ($($from:ty => $variant:ident;)*) => {
        $(impl From<$from> for Number {
            fn from(n: $from) -> Self { Self::$variant(n.into()) }
        })*
    };
}

numbers! { i64 => Signed; i32 => Signed; bool => Signed; u64 => Unsigned; f64 => Float; }

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        Self::Unsigned(n as u64)
    }
}

/// Text under construction.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    out: String,
}

/// Samples of one family, to be written in one go.
pub(super) struct Samples<'a> {
    out: &'a mut String,
    family: &'static Family,
    has_header: bool,
}

impl Encoder {
    pub(super) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        Samples { out: &mut self.out, family, has_header: false }
    }

    /// A family with one sample and no labels.
    pub(super) fn single(&mut self, family: &'static Family, value: impl Into<Number>) {
        self.family(family).add("", value);
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

impl Samples<'_> {
    /// Adds a sample. The labels come from [`labels`].
    pub(super) fn add(&mut self, labels: &str, value: impl Into<Number>) {
        self.line("", labels, "", value.into());
    }

    /// Adds a sample with one more label, whose value needs no escaping.
    pub(super) fn add_with(&mut self, labels: &str, name: &str, label: impl Display, value: impl Into<Number>) {
        self.line("", labels, &format!("{name}=\"{label}\""), value.into());
    }

    /// Adds quantiles of durations, in milliseconds; of none there are none.
    pub(super) fn add_quantiles(&mut self, labels: &str, counts: &Counts) {
        for (label, quantile) in QUANTILES {
            if let Some(us) = counts.quantile_us(quantile) {
                self.add_with(labels, "quantile", label, us / 1e3);
            }
        }
    }

    /// Adds buckets, sum and count of durations, in seconds.
    pub(super) fn add_histogram(&mut self, labels: &str, counts: &Counts) {
        for (bound_us, count) in SHOWN_BOUNDS_US.iter().zip(counts.cumulative()) {
            self.line("_bucket", labels, &format!("le=\"{}\"", *bound_us as f64 / 1e6), count.into());
        }
        self.line("_bucket", labels, "le=\"+Inf\"", counts.total().into());
        self.line("_sum", labels, "", (counts.sum_us as f64 / 1e6).into());
        self.line("_count", labels, "", counts.total().into());
    }

    fn line(&mut self, suffix: &str, labels: &str, more: &str, value: Number) {
        self.header();
        self.out.push_str(self.family.name);
        self.out.push_str(suffix);
        if !(labels.is_empty() && more.is_empty()) {
            let comma = if labels.is_empty() || more.is_empty() { "" } else { "," };
            self.out.extend(["{", labels, comma, more, "}"]);
        }
        // Writing to a String cannot fail.
        let _ = match value {
            Number::Signed(n) => writeln!(self.out, " {n}"),
            Number::Unsigned(n) => writeln!(self.out, " {n}"),
            Number::Float(n) if n.is_infinite() => writeln!(self.out, " {}Inf", if n > 0.0 { '+' } else { '-' }),
            Number::Float(n) => writeln!(self.out, " {n}"),
        };
    }

    fn header(&mut self) {
        if std::mem::replace(&mut self.has_header, true) {
            return;
        }
        let Family { name, kind, help, .. } = self.family;
        self.out.extend(["# HELP ", name, " "]);
        escape(self.out, help, false);
        self.out.extend(["\n# TYPE ", name, " ", Kind::name(*kind), "\n"]);
    }
}

/// The inside of a pair of braces: `topic="orders",partition="0"`.
pub(super) fn labels(pairs: &[(&str, &dyn Display)]) -> String {
    let mut out = String::with_capacity(64);
    for (i, (name, value)) in pairs.iter().enumerate() {
        out.extend([if i == 0 { "" } else { "," }, name, "=\""]);
        escape(&mut out, &value.to_string(), true);
        out.push('"');
    }
    out
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::families as f;
    use super::{Encoder, labels};
    use crate::metrics::Histogram;

    #[test]
    fn a_family_is_its_header_once_and_its_samples() {
        let mut out = Encoder::default();
        let mut samples = out.family(&f::BROKER_INFO);
        samples.add(&labels(&[("id", &1), ("address", &"a:1")]), 1);
        samples.add(&labels(&[("id", &2), ("address", &"b:2")]), 1);
        out.single(&f::BROKERS, 2usize);
        let text = out.finish();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
        assert_eq!(
            lines,
            [
                "# TYPE kafka_broker_info gauge",
                "kafka_broker_info{id=\"1\",address=\"a:1\"} 1",
                "kafka_broker_info{id=\"2\",address=\"b:2\"} 1",
                "# TYPE kafka_brokers gauge",
                "kafka_brokers 2",
            ]
        );
    }

    #[test]
    fn a_family_without_samples_is_not_there() {
        let mut out = Encoder::default();
        let _ = out.family(&f::BROKERS);
        assert_eq!(out.finish(), "");
    }

    #[test]
    fn label_values_cannot_break_out() {
        let hostile = "a\"} 1\nfake{x=\"\\";
        let line = labels(&[("consumergroup", &hostile)]);
        assert_eq!(line, r#"consumergroup="a\"} 1\nfake{x=\"\\""#);
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let mut out = Encoder::default();
        for value in [0.25, 1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            out.single(&f::PROCESS_CPU, value);
        }
        out.single(&f::BROKERS, -1);
        let text = out.finish();
        let values: Vec<_> =
            text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.rsplit(' ').next()).collect();
        assert_eq!(values, ["0.25", "1000000000", "NaN", "+Inf", "-Inf", "-1"]);
    }

    #[test]
    fn buckets_never_fall_and_end_with_the_count() {
        let histogram = Histogram::default();
        for us in [3, 70, 70, 4_000, 9_000_000, 90_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let mut out = Encoder::default();
        out.family(&f::REQUEST_SECONDS).add_histogram("request=\"Fetch\"", &histogram.counts());
        let text = out.finish();
        let value = |line: &str| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap();
        let buckets: Vec<_> = text.lines().filter(|line| line.contains("_bucket{")).map(value).collect();
        assert!(buckets.windows(2).all(|pair| pair[0] <= pair[1]), "{buckets:?}");
        assert!(text.contains("_bucket{request=\"Fetch\",le=\"0.0001\"} 3\n"), "{text}");
        assert!(text.contains("_bucket{request=\"Fetch\",le=\"+Inf\"} 6\n"), "{text}");
        assert!(text.contains("_count{request=\"Fetch\"} 6\n"), "{text}");
        assert!(text.contains("_sum{request=\"Fetch\"} 99.004143\n"), "{text}");
    }
}
