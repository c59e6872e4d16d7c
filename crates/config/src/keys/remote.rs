//! Keys of tiered storage. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, double, int, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    boolean("remote.log.storage.system.enable", "Whether tiered storage is on.").default("false"),
    string("remote.log.storage.manager.class.name", "Class of the remote store plugin.").non_empty(),
    string("remote.log.storage.manager.class.path", "Class path of the remote store plugin."),
    string("remote.log.storage.manager.impl.prefix", "Prefix of the settings handed to the remote store plugin.")
        .default("rsm.config.")
        .non_empty(),
    string("remote.log.metadata.manager.class.name", "Class that keeps track of remote segments.")
        .default("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager")
        .non_empty(),
    string("remote.log.metadata.manager.class.path", "Class path of that plugin."),
    string("remote.log.metadata.manager.impl.prefix", "Prefix of the settings handed to that plugin.")
        .default("rlmm.config.")
        .non_empty(),
    string("remote.log.metadata.manager.listener.name", "Listener through which that plugin reaches the brokers.")
        .non_empty(),
    int("remote.log.metadata.custom.metadata.max.bytes", "Largest custom note a remote store may attach to a segment.")
        .default("128")
        .at_least(0)
        .low(),
    long("remote.log.index.file.cache.total.size.bytes", "Local disk space for indexes of remote segments.")
        .default("1073741824")
        .at_least(1)
        .low()
        .cluster_wide(),
    long("remote.log.index.file.cache.ttl.ms", "How long such an index stays after its last use.")
        .default("900000")
        .at_least(-1)
        .low()
        .internal(),
    int("remote.log.manager.thread.pool.size", "Threads for tiered storage work.").default("2").at_least(1),
    int("remote.log.manager.copier.thread.pool.size", "Threads that copy segments to the remote store.")
        .default("10")
        .at_least(1)
        .cluster_wide(),
    int("remote.log.manager.expiration.thread.pool.size", "Threads that delete expired remote segments.")
        .default("10")
        .at_least(1)
        .cluster_wide(),
    int("remote.log.manager.follower.thread.pool.size", "Threads for tiered storage work of followers.")
        .default("2")
        .at_least(1)
        .cluster_wide(),
    long("remote.log.manager.task.interval.ms", "How often tiered storage work is done.")
        .default("30000")
        .at_least(1)
        .low(),
    long("remote.log.manager.task.retry.backoff.ms", "First pause after failed tiered storage work.")
        .default("500")
        .at_least(1)
        .low()
        .internal(),
    long("remote.log.manager.task.retry.backoff.max.ms", "Longest pause after failed tiered storage work.")
        .default("30000")
        .at_least(1)
        .low()
        .internal(),
    double("remote.log.manager.task.retry.jitter", "Random part of those pauses.")
        .default("0.2")
        .between_doubles(0.0, 0.5)
        .low()
        .internal(),
    long("remote.log.manager.copy.max.bytes.per.second", "Bytes per second copied to the remote store.")
        .default("9223372036854775807")
        .at_least(1)
        .cluster_wide(),
    int("remote.log.manager.copy.quota.window.num", "Samples kept for that limit.").default("11").at_least(1),
    int("remote.log.manager.copy.quota.window.size.seconds", "Length of a sample for that limit.")
        .default("1")
        .at_least(1),
    long("remote.log.manager.fetch.max.bytes.per.second", "Bytes per second read from the remote store.")
        .default("9223372036854775807")
        .at_least(1)
        .cluster_wide(),
    int("remote.log.manager.fetch.quota.window.num", "Samples kept for that read limit.").default("11").at_least(1),
    int("remote.log.manager.fetch.quota.window.size.seconds", "Length of a sample for that read limit.")
        .default("1")
        .at_least(1),
    int("remote.log.reader.threads", "Threads that read from the remote store.")
        .default("10")
        .at_least(1)
        .cluster_wide(),
    int("remote.log.reader.max.pending.tasks", "Remote reads that may wait.").default("100").at_least(1),
    int("remote.fetch.max.wait.ms", "Longest wait of a fetch for the remote store.")
        .default("500")
        .at_least(1)
        .cluster_wide(),
    long("remote.list.offsets.request.timeout.ms", "Longest wait of an offset look-up for the remote store.")
        .default("30000")
        .at_least(1)
        .cluster_wide(),
    boolean(
        "follower.fetch.last.tiered.offset.enable",
        "Whether an empty follower starts at the end of what is in the remote store.",
    )
    .default("false")
    .cluster_wide(),
];
