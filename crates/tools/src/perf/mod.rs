//! `kafka-producer-perf-test` and `kafka-consumer-perf-test`, with the same lines as Kafka's.

mod consume;
mod date_format;
mod produce;
mod stats;

pub(crate) use consume::TOOL as CONSUMER;
pub(crate) use produce::TOOL as PRODUCER;

/// A number as Java's `%.Nf` prints it.
pub(crate) fn fixed(number: f64, digits: usize) -> String {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        format!("{number:.digits$}")
    }
}
