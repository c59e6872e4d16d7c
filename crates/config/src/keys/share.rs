//! Broker keys of share groups and their coordinator. One row each; no parsing here.

use crate::key::{ConfigKey, int, list, short, string};

pub(super) const KEYS: &[ConfigKey] = &[
    int("group.share.assignment.interval.ms", "Least time between two assignments of a share group.")
        .default("1000")
        .at_least(0)
        .cluster_wide(),
    int("group.share.min.assignment.interval.ms", "Smallest value a share group may set for its assignment interval.")
        .default("0")
        .at_least(0),
    int("group.share.max.assignment.interval.ms", "Largest value a share group may set for its assignment interval.")
        .default("15000")
        .at_least(0),
    list("group.share.assignors", "Server side assignors for share groups.").default("simple").non_empty(),
    int("group.share.delivery.count.limit", "Tries after which a shared record is given up.")
        .default("5")
        .between(2, 10),
    int("group.share.min.delivery.count.limit", "Smallest delivery limit a share group may set.")
        .default("2")
        .between(2, 5),
    int("group.share.max.delivery.count.limit", "Largest delivery limit a share group may set.")
        .default("10")
        .between(5, 25),
    int("group.share.heartbeat.interval.ms", "Heartbeat interval given to members of share groups.")
        .default("5000")
        .at_least(1),
    int("group.share.min.heartbeat.interval.ms", "Smallest heartbeat interval a share group may set.")
        .default("5000")
        .at_least(1),
    int("group.share.max.heartbeat.interval.ms", "Largest heartbeat interval a share group may set.")
        .default("15000")
        .at_least(1),
    int("group.share.session.timeout.ms", "Silence after which a member of a share group is removed.")
        .default("45000")
        .at_least(1),
    int("group.share.min.session.timeout.ms", "Smallest session timeout a share group may set.")
        .default("45000")
        .at_least(1),
    int("group.share.max.session.timeout.ms", "Largest session timeout a share group may set.")
        .default("60000")
        .at_least(1),
    int("group.share.max.share.sessions", "Share sessions this broker keeps.").default("2000").at_least(1),
    int("group.share.max.size", "Most members of a share group.").default("200").between(1, 1_000),
    int("group.share.partition.max.record.locks", "Records of a partition that may be in flight to a share group.")
        .default("2000")
        .between(100, 10_000),
    int("group.share.min.partition.max.record.locks", "Smallest in-flight limit a share group may set.")
        .default("100")
        .between(100, 2_000),
    int("group.share.max.partition.max.record.locks", "Largest in-flight limit a share group may set.")
        .default("4000")
        .between(2_000, 10_000),
    int("group.share.record.lock.duration.ms", "How long a delivered record stays locked without an acknowledgement.")
        .default("30000")
        .between(1_000, 3_600_000),
    int("group.share.min.record.lock.duration.ms", "Smallest lock duration a share group may set.")
        .default("15000")
        .between(1_000, 30_000),
    int("group.share.max.record.lock.duration.ms", "Largest lock duration a share group may set.")
        .default("60000")
        .between(30_000, 3_600_000),
    int(
        "group.share.initialize.retry.interval.ms",
        "Pause before the state of a share partition is set up again after a failure.",
    )
    .default("30000")
    .at_least(1)
    .low()
    .internal(),
    string(
        "group.share.persister.class.name",
        "Class that stores the state of share groups; accepted for compatibility.",
    )
    .default("org.apache.kafka.server.share.persister.DefaultStatePersister")
    .internal(),
    int("share.coordinator.append.linger.ms", "How long the share coordinator gathers writes; -1 chooses by load.")
        .default("-1")
        .at_least(-1),
    int("share.coordinator.cached.buffer.max.bytes", "Largest write buffer a share coordinator keeps for reuse.")
        .default("1048588")
        .at_least(524_288)
        .cluster_wide(),
    int(
        "share.coordinator.cold.partition.snapshot.interval.ms",
        "How often state of quiet share partitions is written anew.",
    )
    .default("300000")
    .at_least(1)
    .low()
    .internal(),
    int("share.coordinator.load.buffer.size", "Read size when a share coordinator loads its state.")
        .default("5242880")
        .at_least(1)
        .high(),
    int("share.coordinator.snapshot.update.records.per.snapshot", "State updates between two full snapshots.")
        .default("500")
        .between(0, 500),
    int("share.coordinator.state.topic.compression.codec", "Codec of __share_group_state, as a number.")
        .default("0")
        .high(),
    short("share.coordinator.state.topic.min.isr", "In-sync replicas that __share_group_state needs.")
        .default("2")
        .at_least(1)
        .high(),
    int("share.coordinator.state.topic.num.partitions", "Partitions of __share_group_state; not to be changed later.")
        .default("50")
        .at_least(1)
        .high(),
    int(
        "share.coordinator.state.topic.prune.interval.ms",
        "How often records no longer needed are deleted from __share_group_state.",
    )
    .default("300000")
    .at_least(1)
    .low()
    .internal(),
    short(
        "share.coordinator.state.topic.replication.factor",
        "Replicas of __share_group_state; a smaller cluster uses as many as it has brokers.",
    )
    .default("3")
    .at_least(1)
    .high(),
    int("share.coordinator.state.topic.segment.bytes", "Segment size of __share_group_state.")
        .default("104857600")
        .at_least(1)
        .high(),
    int("share.coordinator.threads", "Threads of the share coordinator.").default("1").at_least(1),
    int("share.coordinator.write.timeout.ms", "How long a write of share state waits for the replicas.")
        .default("5000")
        .at_least(1)
        .high(),
    int("share.fetch.purgatory.purge.interval.requests", "Finished share fetches after which their queue is cleaned.")
        .default("1000"),
];
