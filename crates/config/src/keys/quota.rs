//! Keys of quotas and throttles. One row each; no parsing here.

use crate::key::{ConfigKey, class, int, long};

pub(super) const KEYS: &[ConfigKey] = &[
    class("client.quota.callback.class", "Plugin class that decides quotas; accepted for compatibility.").low(),
    int("quota.window.num", "Samples kept for client quotas.").default("11").at_least(1).low(),
    int("quota.window.size.seconds", "Length of a sample for client quotas.").default("1").at_least(1).low(),
    int("controller.quota.window.num", "Samples kept for controller mutation quotas.").default("11").at_least(1).low(),
    int("controller.quota.window.size.seconds", "Length of a sample for controller mutation quotas.")
        .default("1")
        .at_least(1)
        .low(),
    int("replication.quota.window.num", "Samples kept for replication quotas.").default("11").at_least(1).low(),
    int("replication.quota.window.size.seconds", "Length of a sample for replication quotas.")
        .default("1")
        .at_least(1)
        .low(),
    int("alter.log.dirs.replication.quota.window.num", "Samples kept for the quota of moves between data folders.")
        .default("11")
        .at_least(1)
        .low(),
    int("alter.log.dirs.replication.quota.window.size.seconds", "Length of a sample for that quota.")
        .default("1")
        .at_least(1)
        .low(),
    long("leader.replication.throttled.rate", "Bytes per second a leader sends for throttled replicas.")
        .default("9223372036854775807")
        .at_least(0)
        .cluster_wide()
        .dynamic_only(),
    long("follower.replication.throttled.rate", "Bytes per second a follower takes for throttled replicas.")
        .default("9223372036854775807")
        .at_least(0)
        .cluster_wide()
        .dynamic_only(),
    long("replica.alter.log.dirs.io.max.bytes.per.second", "Bytes per second for moves between data folders.")
        .default("9223372036854775807")
        .at_least(0)
        .cluster_wide()
        .dynamic_only(),
];
