//! Keys that Kafka does not have. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, string};

pub(super) const KEYS: &[ConfigKey] = &[
    string(
        "barnabas.http.listener",
        "host:port that serves metrics, health and the web console; empty switches it off.",
    )
    .default("127.0.0.1:9404"),
    boolean(
        "barnabas.advertised.listeners.per.connection",
        "Tells a client that cannot use the advertised address of this broker the one by which it came in: loopback names \
         to other machines and containers, published or outer addresses to processes beside the broker.",
    )
    .default("true"),
];
