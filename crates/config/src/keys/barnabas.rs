//! Keys that Kafka does not have. One row each; no parsing here.

use crate::key::{ConfigKey, string};

pub(super) const KEYS: &[ConfigKey] = &[string(
    "barnabas.http.listener",
    "host:port that serves metrics, health and the web console; empty switches it off.",
)
.default("127.0.0.1:9404")];
