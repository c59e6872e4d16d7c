//! Keys of metrics and client telemetry. One row each; no parsing here.

use crate::key::{ConfigKey, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("metric.reporters", "Classes that report metrics; not loaded here, accepted for compatibility.")
        .default("org.apache.kafka.common.metrics.JmxReporter")
        .low()
        .cluster_wide(),
    int("metrics.num.samples", "Samples kept for each metric.").default("2").at_least(1).low(),
    long("metrics.sample.window.ms", "Length of a metric sample.").default("30000").at_least(1).low(),
    string("metrics.recording.level", "Most detailed level of metrics that is recorded.").default("INFO").low(),
    list("kafka.metrics.reporters", "Classes that report older metrics; accepted for compatibility.").default("").low(),
    int("kafka.metrics.polling.interval.secs", "How often those reporters are asked.").default("10").at_least(1).low(),
    int("telemetry.max.bytes", "Largest metrics push of a client, after unpacking.")
        .default("1048576")
        .at_least(1)
        .low(),
];
