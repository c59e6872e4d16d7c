//! Keys of the commit log: segments, retention, compaction, flush, timestamps. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, double, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("log.dir", "Data folder, used when log.dirs is unset.").default("./barnabas-data").non_empty().high(),
    list("log.dirs", "Data folders, comma separated; log.dir counts when unset.").non_empty().high(),
    list("cordoned.log.dirs", "Data folders that take no new partitions; * for all.").default("").per_broker(),
    long(
        "log.dir.failure.timeout.ms",
        "How long to wait for the controller to learn of a failed data folder before stopping.",
    )
    .default("30000")
    .at_least(1)
    .low(),
    long("log.initial.task.delay.ms", "Delay after start before log housekeeping begins.")
        .default("30000")
        .at_least(0)
        .low()
        .internal(),
    int("num.recovery.threads.per.data.dir", "Threads per data folder for recovery at start and flush at stop.")
        .default("2")
        .at_least(1)
        .high()
        .cluster_wide(),
    int("log.segment.bytes", "Size at which a segment is closed and a new one begun.")
        .default("1073741824")
        .at_least(1_048_576)
        .high()
        .cluster_wide(),
    long("log.roll.ms", "Age at which a segment is closed even if it is not full.").at_least(1).high().cluster_wide(),
    int("log.roll.hours", "Age in hours at which a segment is closed; log.roll.ms goes first.")
        .default("168")
        .at_least(1)
        .high(),
    long("log.roll.jitter.ms", "Random part taken off log.roll.ms so that segments do not roll all at once.")
        .at_least(0)
        .high()
        .cluster_wide(),
    int("log.roll.jitter.hours", "Random part in hours; log.roll.jitter.ms goes first.")
        .default("0")
        .at_least(0)
        .high(),
    long("log.segment.delete.delay.ms", "Time between taking a segment out of use and deleting its file.")
        .default("60000")
        .at_least(0)
        .high()
        .cluster_wide(),
    long("log.retention.ms", "How long records are kept; -1 for ever. Goes before the minutes and the hours.")
        .high()
        .cluster_wide(),
    int("log.retention.minutes", "How long records are kept, in minutes; log.retention.ms goes first.").high(),
    int("log.retention.hours", "How long records are kept, in hours; the ms and minutes settings go first.")
        .default("168")
        .high(),
    long("log.retention.bytes", "Size per partition above which old segments are deleted; -1 for no limit.")
        .default("-1")
        .high()
        .cluster_wide(),
    long("log.retention.check.interval.ms", "How often retention is applied.").default("300000").at_least(1),
    long("log.local.retention.ms", "How long tiered segments also stay on local disk; -2 follows log.retention.ms.")
        .default("-2")
        .at_least(-2)
        .cluster_wide(),
    long("log.local.retention.bytes", "Local size per partition of tiered logs; -2 follows log.retention.bytes.")
        .default("-2")
        .at_least(-2)
        .cluster_wide(),
    list("log.cleanup.policy", "What happens to old segments: delete, compact, or both.")
        .default("delete")
        .one_of(&["compact", "delete"])
        .cluster_wide(),
    boolean("log.cleaner.enable", "Whether compaction runs at all.").default("true"),
    int("log.cleaner.threads", "Threads for compaction.").default("1").at_least(0).cluster_wide(),
    long("log.cleaner.backoff.ms", "Pause of the cleaner when there is nothing to clean.")
        .default("15000")
        .at_least(0)
        .cluster_wide(),
    long("log.cleaner.dedupe.buffer.size", "Memory for compaction's key maps, over all cleaner threads.")
        .default("134217728")
        .cluster_wide(),
    int("log.cleaner.io.buffer.size", "Memory for compaction's read and write buffers, over all cleaner threads.")
        .default("524288")
        .at_least(0)
        .cluster_wide(),
    double("log.cleaner.io.buffer.load.factor", "How full the key map may get before a cleaning round ends.")
        .default("0.9")
        .cluster_wide(),
    double("log.cleaner.io.max.bytes.per.second", "Limit for the bytes compaction reads and writes per second.")
        .default("1.7976931348623157E308")
        .cluster_wide(),
    double("log.cleaner.min.cleanable.ratio", "Share of uncompacted data from which a log is cleaned.")
        .default("0.5")
        .between_doubles(0.0, 1.0)
        .cluster_wide(),
    long("log.cleaner.min.compaction.lag.ms", "Youngest age at which a record may be compacted away.")
        .default("0")
        .at_least(0)
        .cluster_wide(),
    long("log.cleaner.max.compaction.lag.ms", "Oldest age a record may reach before its log must be compacted.")
        .default("9223372036854775807")
        .at_least(1)
        .cluster_wide(),
    long("log.cleaner.delete.retention.ms", "How long tombstones stay visible after compaction.")
        .default("86400000")
        .at_least(0)
        .cluster_wide(),
    int("log.index.size.max.bytes", "Largest size of an index file.").default("10485760").at_least(4).cluster_wide(),
    int("log.index.interval.bytes", "Bytes of records between two index entries.")
        .default("4096")
        .at_least(0)
        .cluster_wide(),
    long("log.flush.interval.messages", "Records after which a log is flushed to disk.")
        .default("9223372036854775807")
        .at_least(1)
        .high()
        .cluster_wide(),
    long(
        "log.flush.interval.ms",
        "Longest time a record waits before its log is flushed; the scheduler interval when unset.",
    )
    .high()
    .cluster_wide(),
    long("log.flush.scheduler.interval.ms", "How often to look for logs that must be flushed.")
        .default("9223372036854775807")
        .high(),
    int("log.flush.offset.checkpoint.interval.ms", "How often the recovery points are written.")
        .default("60000")
        .at_least(0)
        .high(),
    int("log.flush.start.offset.checkpoint.interval.ms", "How often the log start offsets are written.")
        .default("60000")
        .at_least(0)
        .high(),
    boolean("log.preallocate", "Whether new segments reserve their full size.").default("false").cluster_wide(),
    string("log.message.timestamp.type", "Whether records keep the producer's time or get the time of arrival.")
        .default("CreateTime")
        .one_of(&["CreateTime", "LogAppendTime"])
        .cluster_wide(),
    long("log.message.timestamp.before.max.ms", "How far in the past a record's time may lie.")
        .default("9223372036854775807")
        .at_least(0)
        .cluster_wide(),
    long("log.message.timestamp.after.max.ms", "How far in the future a record's time may lie.")
        .default("3600000")
        .at_least(0)
        .cluster_wide(),
    int("message.max.bytes", "Largest record batch that is accepted, after compression.")
        .default("1048588")
        .at_least(0)
        .high()
        .cluster_wide(),
    string("compression.type", "Codec of stored batches; producer keeps what arrived.")
        .default("producer")
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .high()
        .cluster_wide(),
    int("compression.gzip.level", "Level when the broker itself compresses with gzip.")
        .default("-1")
        .gzip_level()
        .cluster_wide(),
    int("compression.lz4.level", "Level when the broker itself compresses with lz4; without effect, it does so fast.")
        .default("9")
        .between(1, 17)
        .cluster_wide(),
    int("compression.zstd.level", "Level when the broker itself compresses with zstd.")
        .default("3")
        .between(-131_072, 22)
        .cluster_wide(),
    int("min.insync.replicas", "In-sync replicas that must have a record before acks=all succeeds.")
        .default("1")
        .at_least(1)
        .high()
        .cluster_wide(),
    int("producer.id.expiration.ms", "How long an idle producer id is remembered for deduplication.")
        .default("86400000")
        .at_least(1)
        .low()
        .cluster_wide(),
    int("producer.id.expiration.check.interval.ms", "How often idle producer ids are looked for.")
        .default("600000")
        .at_least(1)
        .low()
        .internal(),
];
