//! Which keys stand in for which: topic and group keys for broker keys, and broker keys for coarser broker keys.

/// Broker keys behind a topic key, the strongest first.
pub(crate) fn broker_keys_of_topic_key(topic_key: &str) -> &'static [&'static str] {
    match topic_key {
        "cleanup.policy" => &["log.cleanup.policy"],
        "compression.gzip.level" => &["compression.gzip.level"],
        "compression.lz4.level" => &["compression.lz4.level"],
        "compression.type" => &["compression.type"],
        "compression.zstd.level" => &["compression.zstd.level"],
        "delete.retention.ms" => &["log.cleaner.delete.retention.ms"],
        "file.delete.delay.ms" => &["log.segment.delete.delay.ms"],
        "flush.messages" => &["log.flush.interval.messages"],
        "flush.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "index.interval.bytes" => &["log.index.interval.bytes"],
        "local.retention.bytes" => &["log.local.retention.bytes"],
        "local.retention.ms" => &["log.local.retention.ms"],
        "max.compaction.lag.ms" => &["log.cleaner.max.compaction.lag.ms"],
        "max.message.bytes" => &["message.max.bytes"],
        "message.timestamp.after.max.ms" => &["log.message.timestamp.after.max.ms"],
        "message.timestamp.before.max.ms" => &["log.message.timestamp.before.max.ms"],
        "message.timestamp.type" => &["log.message.timestamp.type"],
        "min.cleanable.dirty.ratio" => &["log.cleaner.min.cleanable.ratio"],
        "min.compaction.lag.ms" => &["log.cleaner.min.compaction.lag.ms"],
        "min.insync.replicas" => &["min.insync.replicas"],
        "preallocate" => &["log.preallocate"],
        "retention.bytes" => &["log.retention.bytes"],
        "retention.ms" => &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
        "segment.bytes" => &["log.segment.bytes"],
        "segment.index.bytes" => &["log.index.size.max.bytes"],
        "segment.jitter.ms" => &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        "segment.ms" => &["log.roll.ms", "log.roll.hours"],
        "unclean.leader.election.enable" => &["unclean.leader.election.enable"],
        _ => &[],
    }
}

/// Milliseconds in one unit of a broker key that backs a topic key.
pub(crate) fn millis_per_unit(broker_key: &str) -> i64 {
    if broker_key.ends_with(".hours") {
        3_600_000
    } else if broker_key.ends_with(".minutes") {
        60_000
    } else {
        1
    }
}

/// The broker key behind a group key.
pub(crate) fn broker_key_of_group_key(group_key: &str) -> Option<String> {
    let own = ["share.auto.offset.reset", "share.isolation.level", "share.renew.acknowledge.enable"];
    (!own.contains(&group_key)).then(|| format!("group.{group_key}"))
}

/// All names under which a broker key can be given, the strongest first.
pub(crate) fn broker_synonyms(name: &str) -> Vec<String> {
    let group: &[&str] = match name {
        "log.roll.ms" | "log.roll.hours" => &["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        "log.flush.interval.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => {
            &["log.retention.ms", "log.retention.minutes", "log.retention.hours"]
        }
        _ => match crate::base_key(name) {
            Some(base) => return vec![name.to_owned(), base.to_owned()],
            None => return vec![name.to_owned()],
        },
    };
    group.iter().map(|key| (*key).to_owned()).collect()
}
