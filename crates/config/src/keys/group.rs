//! Broker keys of classic, consumer and streams groups and of committed offsets. One row each; no parsing here.

use crate::key::{ConfigKey, int, list, long, short, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("group.coordinator.rebalance.protocols", "Group protocols that are served; the classic one always is.")
        .default("classic,consumer,streams")
        .one_of(&["consumer", "classic", "share", "streams"])
        .non_empty(),
    int("group.coordinator.threads", "Threads of the group coordinator.").default("4").at_least(1).high(),
    int("group.coordinator.background.threads", "Threads for the coordinator's slow work, such as assignments.")
        .default("2")
        .at_least(1)
        .high(),
    int("group.coordinator.append.linger.ms", "How long coordinator writes are gathered; -1 chooses by load.")
        .default("-1")
        .at_least(-1),
    int("group.coordinator.cached.buffer.max.bytes", "Largest write buffer a coordinator keeps for reuse.")
        .default("1048588")
        .at_least(524_288)
        .cluster_wide(),
    int("group.initial.rebalance.delay.ms", "How long a new classic group waits for more members.").default("3000"),
    int("group.min.session.timeout.ms", "Shortest session timeout a classic member may ask for.").default("6000"),
    int("group.max.session.timeout.ms", "Longest session timeout a classic member may ask for.").default("1800000"),
    int("group.max.size", "Most members of a classic group.").default("2147483647").at_least(1),
    int("group.consumer.assignment.interval.ms", "Least time between two assignments of a consumer group.")
        .default("1000")
        .at_least(0)
        .cluster_wide(),
    int("group.consumer.min.assignment.interval.ms", "Smallest value a group may set for its assignment interval.")
        .default("0")
        .at_least(0),
    int("group.consumer.max.assignment.interval.ms", "Largest value a group may set for its assignment interval.")
        .default("15000")
        .at_least(0),
    list("group.consumer.assignors", "Server side assignors for consumer groups; the first one is the default.")
        .default("uniform,range")
        .non_empty(),
    int("group.consumer.heartbeat.interval.ms", "Heartbeat interval given to members of consumer groups.")
        .default("5000")
        .at_least(1),
    int("group.consumer.min.heartbeat.interval.ms", "Smallest heartbeat interval a consumer group may set.")
        .default("5000")
        .at_least(1),
    int("group.consumer.max.heartbeat.interval.ms", "Largest heartbeat interval a consumer group may set.")
        .default("15000")
        .at_least(1),
    int("group.consumer.session.timeout.ms", "Silence after which a member of a consumer group is removed.")
        .default("45000")
        .at_least(1),
    int("group.consumer.min.session.timeout.ms", "Smallest session timeout a consumer group may set.")
        .default("45000")
        .at_least(1),
    int("group.consumer.max.session.timeout.ms", "Largest session timeout a consumer group may set.")
        .default("60000")
        .at_least(1),
    int("group.consumer.max.size", "Most members of a consumer group.").default("2147483647").at_least(1),
    string(
        "group.consumer.migration.policy",
        "Which way a group may change between the classic and the consumer protocol.",
    )
    .default("bidirectional")
    .one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]),
    int(
        "group.consumer.regex.refresh.interval.ms",
        "How often subscribed patterns are matched against the topics again.",
    )
    .default("600000")
    .at_least(10_000)
    .internal(),
    int("group.streams.assignment.interval.ms", "Least time between two assignments of a streams group.")
        .default("1000")
        .at_least(0)
        .cluster_wide(),
    int(
        "group.streams.min.assignment.interval.ms",
        "Smallest value a streams group may set for its assignment interval.",
    )
    .default("0")
    .at_least(0),
    int(
        "group.streams.max.assignment.interval.ms",
        "Largest value a streams group may set for its assignment interval.",
    )
    .default("15000")
    .at_least(0),
    int("group.streams.heartbeat.interval.ms", "Heartbeat interval given to members of streams groups.")
        .default("5000")
        .at_least(1),
    int("group.streams.min.heartbeat.interval.ms", "Smallest heartbeat interval a streams group may set.")
        .default("5000")
        .at_least(1),
    int("group.streams.max.heartbeat.interval.ms", "Largest heartbeat interval a streams group may set.")
        .default("15000")
        .at_least(1),
    int("group.streams.session.timeout.ms", "Silence after which a member of a streams group is removed.")
        .default("45000")
        .at_least(1),
    int("group.streams.min.session.timeout.ms", "Smallest session timeout a streams group may set.")
        .default("45000")
        .at_least(1),
    int("group.streams.max.session.timeout.ms", "Largest session timeout a streams group may set.")
        .default("60000")
        .at_least(1),
    int("group.streams.max.size", "Most members of a streams group.").default("2147483647").at_least(1),
    int("group.streams.num.standby.replicas", "Standby copies of each stateful task.").default("0").at_least(0),
    int("group.streams.max.standby.replicas", "Most standby copies a streams group may set.").default("2").at_least(0),
    int("group.streams.initial.rebalance.delay.ms", "How long a new streams group waits for more members.")
        .default("3000")
        .at_least(0),
    int("offset.metadata.max.bytes", "Longest text that may go with a committed offset.").default("4096").high(),
    int("offsets.commit.timeout.ms", "How long a commit waits for the replicas.").default("5000").at_least(1).high(),
    int("offsets.load.buffer.size", "Read size when a coordinator loads committed offsets.")
        .default("5242880")
        .at_least(1)
        .high(),
    int("offsets.retention.minutes", "How long offsets of an empty group are kept.")
        .default("10080")
        .at_least(1)
        .high(),
    long("offsets.retention.check.interval.ms", "How often expired offsets are looked for.")
        .default("600000")
        .at_least(1)
        .high(),
    int("offsets.topic.num.partitions", "Partitions of __consumer_offsets; not to be changed later.")
        .default("50")
        .at_least(1)
        .high(),
    short(
        "offsets.topic.replication.factor",
        "Replicas of __consumer_offsets; a smaller cluster uses as many as it has brokers.",
    )
    .default("3")
    .at_least(1)
    .high(),
    int("offsets.topic.segment.bytes", "Segment size of __consumer_offsets.").default("104857600").at_least(1).high(),
    int("offsets.topic.compression.codec", "Codec of commits in __consumer_offsets, as a number.").default("0").high(),
];
