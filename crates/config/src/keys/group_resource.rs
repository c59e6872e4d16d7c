//! Keys of GROUP resources. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, int, string};

pub(super) const KEYS: &[ConfigKey] = &[
    int("consumer.assignment.interval.ms", "Least time between two assignments of the group.")
        .default("1000")
        .at_least(0),
    int("consumer.heartbeat.interval.ms", "Heartbeat interval given to members of the group.")
        .default("5000")
        .at_least(1),
    int("consumer.session.timeout.ms", "Silence after which a member is removed.").default("45000").at_least(1),
    int("share.assignment.interval.ms", "Least time between two assignments of the group.").default("1000").at_least(0),
    string(
        "share.auto.offset.reset",
        "Where a new share group begins: earliest, latest or by_duration:<ISO 8601 duration>.",
    )
    .default("latest")
    .offset_reset(),
    int("share.delivery.count.limit", "Tries after which a record is given up.").default("5").at_least(2),
    int("share.heartbeat.interval.ms", "Heartbeat interval given to members of the group.").default("5000").at_least(1),
    string("share.isolation.level", "Whether records of open and aborted transactions are delivered.")
        .default("read_uncommitted")
        .one_of(&["read_committed", "read_uncommitted"]),
    int("share.partition.max.record.locks", "Records of a partition that may be in flight.")
        .default("2000")
        .at_least(100),
    int("share.record.lock.duration.ms", "How long a delivered record stays locked without an acknowledgement.")
        .default("30000")
        .at_least(1_000),
    boolean("share.renew.acknowledge.enable", "Whether members may renew the lock of a record.").default("true"),
    int("share.session.timeout.ms", "Silence after which a member is removed.").default("45000").at_least(1),
    int("streams.assignment.interval.ms", "Least time between two assignments of the group.")
        .default("1000")
        .at_least(0),
    int("streams.heartbeat.interval.ms", "Heartbeat interval given to members of the group.")
        .default("5000")
        .at_least(1),
    int("streams.initial.rebalance.delay.ms", "How long a new group waits for more members.")
        .default("3000")
        .at_least(0),
    int("streams.num.standby.replicas", "Standby copies of each stateful task.").default("0").at_least(0),
    int("streams.session.timeout.ms", "Silence after which a member is removed.").default("45000").at_least(1),
];
