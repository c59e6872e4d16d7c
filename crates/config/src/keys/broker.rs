//! General keys of a broker: identity, topic creation, plugins. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, class, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    int("node.id", "Number of this node, unique in the cluster; the same for its broker and controller role.")
        .at_least(0)
        .high(),
    int("broker.id", "Older name of node.id; if both are given they must agree.").default("-1").high(),
    list("process.roles", "Which roles this process plays: broker, controller or both.")
        .one_of(&["broker", "controller"])
        .non_empty()
        .high(),
    string("broker.rack", "Rack or zone of this broker, used to spread replicas and to fetch from a close replica."),
    boolean("auto.create.topics.enable", "Whether asking for an unknown topic creates it.").default("true").high(),
    int("num.partitions", "Partitions of a topic that is created without a count.").default("1").at_least(1),
    int("default.replication.factor", "Replicas of a topic that is created without a factor.").default("1"),
    boolean("delete.topic.enable", "Whether topics may be deleted.").default("true").high(),
    int("background.threads", "Threads for housekeeping work.").default("10").at_least(1).high().cluster_wide(),
    boolean("controlled.shutdown.enable", "Hand leaderships to other brokers before stopping.").default("true"),
    class(
        "create.topic.policy.class.name",
        "Plugin class that may refuse new topics; not loaded here, accepted for compatibility.",
    )
    .low(),
    class(
        "alter.config.policy.class.name",
        "Plugin class that may refuse config changes; not loaded here, accepted for compatibility.",
    )
    .low(),
    list(
        "config.providers",
        "Names of providers that fill in config values from elsewhere; accepted for compatibility.",
    )
    .default("")
    .low()
    .cluster_wide(),
    int(
        "delete.records.purgatory.purge.interval.requests",
        "Finished DeleteRecords requests after which their queue is cleaned.",
    )
    .default("1"),
    int("max.request.partition.size.limit", "Most partitions that one DescribeTopicPartitions answer holds.")
        .default("2000")
        .at_least(1),
    long("server.max.startup.time.ms", "Longest time that start-up may take.")
        .default("9223372036854775807")
        .at_least(0)
        .internal(),
    boolean("unstable.api.versions.enable", "Offer request versions that are not final yet.")
        .default("false")
        .high()
        .internal(),
    boolean("unstable.feature.versions.enable", "Allow feature levels that are not final yet.")
        .default("false")
        .high()
        .internal(),
];
