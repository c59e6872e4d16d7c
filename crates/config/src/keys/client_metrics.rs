//! Keys of CLIENT_METRICS resources. One row each; no parsing here.

use crate::key::{ConfigKey, int, list};

pub(super) const KEYS: &[ConfigKey] = &[
    int("interval.ms", "How often matching clients push their metrics.").default("300000"),
    list("match", "Which clients are meant, as name=pattern pairs.").default(""),
    list("metrics", "Prefixes of the metrics to push; * for all.").default(""),
];
