//! Keys of follower fetching, leadership and fetch answers. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, int, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    int("num.replica.fetchers", "Fetch connections to each other broker.")
        .default("1")
        .at_least(1)
        .high()
        .cluster_wide(),
    int(
        "num.replica.alter.log.dirs.threads",
        "Threads that move replicas between data folders; one per folder when unset.",
    )
    .high(),
    long("replica.lag.time.max.ms", "Time a follower may lag before it leaves the in-sync set.")
        .default("30000")
        .high(),
    int("replica.fetch.max.bytes", "Bytes per partition in one follower fetch.").default("1048576").at_least(0),
    int("replica.fetch.response.max.bytes", "Bytes of a whole follower fetch.").default("10485760").at_least(0),
    int("replica.fetch.min.bytes", "Bytes a leader gathers before it answers a follower.").default("1").high(),
    int("replica.fetch.wait.max.ms", "Longest wait of a follower's fetch.").default("500").high(),
    int("replica.fetch.backoff.ms", "Pause of a follower after a failed fetch.").default("1000").at_least(0),
    long("replica.high.watermark.checkpoint.interval.ms", "How often high watermarks are written to disk.")
        .default("5000")
        .high(),
    int("replica.socket.timeout.ms", "Socket time limit of follower fetches.").default("30000").high(),
    int("replica.socket.receive.buffer.bytes", "Receive buffer of follower connections.").default("65536").high(),
    string("replica.selector.class", "How the replica a consumer reads from is chosen; unset means the leader."),
    long(
        "leader.imbalance.check.interval.seconds",
        "How often leaderships are checked against the preferred replicas.",
    )
    .default("300")
    .at_least(1)
    .high(),
    boolean("auto.leader.rebalance.enable", "Whether leadership returns to preferred replicas by itself.")
        .default("true")
        .high(),
    boolean(
        "unclean.leader.election.enable",
        "Whether a replica outside the in-sync set may lead, at the price of lost records.",
    )
    .default("false")
    .high()
    .cluster_wide(),
    long("unclean.leader.election.interval.ms", "How often partitions that need an unclean election are looked for.")
        .default("300000")
        .at_least(1)
        .internal(),
    int("fetch.max.bytes", "Most bytes in an answer to one fetch.").default("57671680").at_least(1_024),
    int("max.incremental.fetch.session.cache.slots", "Incremental fetch sessions that are kept.")
        .default("1000")
        .at_least(0),
    int("fetch.purgatory.purge.interval.requests", "Finished fetches after which their queue is cleaned.")
        .default("1000"),
    int("producer.purgatory.purge.interval.requests", "Finished produces after which their queue is cleaned.")
        .default("1000"),
];
