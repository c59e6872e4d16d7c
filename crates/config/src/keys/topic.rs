//! Keys of topics. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, double, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("cleanup.policy", "What happens to old segments: delete, compact, or both.")
        .default("delete")
        .one_of(&["compact", "delete"]),
    int("compression.gzip.level", "Level when the broker itself compresses with gzip.").default("-1").gzip_level(),
    int("compression.lz4.level", "Level when the broker itself compresses with lz4; without effect, it does so fast.")
        .default("9")
        .between(1, 17),
    string("compression.type", "Codec of stored batches; producer keeps what arrived.").default("producer").one_of(&[
        "uncompressed",
        "zstd",
        "lz4",
        "snappy",
        "gzip",
        "producer",
    ]),
    int("compression.zstd.level", "Level when the broker itself compresses with zstd.")
        .default("3")
        .between(-131_072, 22),
    long("delete.retention.ms", "How long tombstones stay visible after compaction.").default("86400000").at_least(0),
    long("file.delete.delay.ms", "Time between taking a segment out of use and deleting its file.")
        .default("60000")
        .at_least(0),
    long("flush.messages", "Records after which the log is flushed to disk.")
        .default("9223372036854775807")
        .at_least(1),
    long("flush.ms", "Longest time a record waits before the log is flushed.")
        .default("9223372036854775807")
        .at_least(0),
    list(
        "follower.replication.throttled.replicas",
        "Replicas throttled on the follower's side, as partition:broker pairs or *.",
    )
    .default("")
    .throttled_replicas(),
    int("index.interval.bytes", "Bytes of records between two index entries.").default("4096").at_least(0),
    int("internal.segment.bytes", "Segment size for tests, without lower limit.").internal(),
    list(
        "leader.replication.throttled.replicas",
        "Replicas throttled on the leader's side, as partition:broker pairs or *.",
    )
    .default("")
    .throttled_replicas(),
    long("local.retention.bytes", "Local size of a tiered log; -2 follows retention.bytes.").default("-2").at_least(-2),
    long("local.retention.ms", "How long tiered segments also stay on local disk; -2 follows retention.ms.")
        .default("-2")
        .at_least(-2),
    long("max.compaction.lag.ms", "Oldest age a record may reach before the log must be compacted.")
        .default("9223372036854775807")
        .at_least(1),
    int("max.message.bytes", "Largest record batch that is accepted, after compression.")
        .default("1048588")
        .at_least(0),
    long("message.timestamp.after.max.ms", "How far in the future a record's time may lie.")
        .default("3600000")
        .at_least(0),
    long("message.timestamp.before.max.ms", "How far in the past a record's time may lie.")
        .default("9223372036854775807")
        .at_least(0),
    string("message.timestamp.type", "Whether records keep the producer's time or get the time of arrival.")
        .default("CreateTime")
        .one_of(&["CreateTime", "LogAppendTime"]),
    double("min.cleanable.dirty.ratio", "Share of uncompacted data from which the log is cleaned.")
        .default("0.5")
        .between_doubles(0.0, 1.0),
    long("min.compaction.lag.ms", "Youngest age at which a record may be compacted away.").default("0").at_least(0),
    int("min.insync.replicas", "In-sync replicas that must have a record before acks=all succeeds.")
        .default("1")
        .at_least(1),
    boolean("preallocate", "Whether new segments reserve their full size.").default("false"),
    boolean("remote.log.copy.disable", "Stop copying to the remote store while reading from it goes on.")
        .default("false"),
    boolean(
        "remote.log.delete.on.disable",
        "Delete the remote part when tiered storage is switched off for the topic.",
    )
    .default("false"),
    boolean("remote.storage.enable", "Whether tiered storage is used for the topic.").default("false"),
    long("retention.bytes", "Size per partition above which old segments are deleted; -1 for no limit.").default("-1"),
    long("retention.ms", "How long records are kept; -1 for ever.").default("604800000").at_least(-1),
    int("segment.bytes", "Size at which a segment is closed and a new one begun.")
        .default("1073741824")
        .at_least(1_048_576),
    int("segment.index.bytes", "Largest size of an index file.").default("10485760").at_least(4),
    long("segment.jitter.ms", "Random part taken off segment.ms so that segments do not roll all at once.")
        .default("0")
        .at_least(0),
    long("segment.ms", "Age at which a segment is closed even if it is not full.").default("604800000").at_least(1),
    boolean(
        "unclean.leader.election.enable",
        "Whether a replica outside the in-sync set may lead, at the price of lost records.",
    )
    .default("false"),
];
