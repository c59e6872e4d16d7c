//! Keys of transactions and their coordinator. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, int, short};

pub(super) const KEYS: &[ConfigKey] = &[
    int("transaction.max.timeout.ms", "Longest transaction a producer may ask for.")
        .default("900000")
        .at_least(1)
        .high(),
    int("transactional.id.expiration.ms", "How long an unused transactional id is remembered.")
        .default("604800000")
        .at_least(1)
        .high(),
    int("transaction.state.log.num.partitions", "Partitions of __transaction_state; not to be changed later.")
        .default("50")
        .at_least(1)
        .high(),
    short(
        "transaction.state.log.replication.factor",
        "Replicas of __transaction_state; a smaller cluster uses as many as it has brokers.",
    )
    .default("3")
    .at_least(1)
    .high(),
    int("transaction.state.log.min.isr", "In-sync replicas that __transaction_state needs.")
        .default("2")
        .at_least(1)
        .high(),
    int("transaction.state.log.segment.bytes", "Segment size of __transaction_state.")
        .default("104857600")
        .at_least(1)
        .high(),
    int("transaction.state.log.load.buffer.size", "Read size when a coordinator loads its transactions.")
        .default("5242880")
        .at_least(1)
        .high(),
    int(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "How often overdue transactions are looked for and aborted.",
    )
    .default("10000")
    .at_least(1)
    .low(),
    int(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        "How often expired transactional ids are looked for.",
    )
    .default("3600000")
    .at_least(1)
    .low(),
    boolean(
        "transaction.partition.verification.enable",
        "Whether a partition checks that a transaction is really open before it takes its records.",
    )
    .default("true")
    .low()
    .cluster_wide(),
    boolean(
        "transaction.two.phase.commit.enable",
        "Whether producers may take part in two-phase commits, without time limit.",
    )
    .default("false")
    .low(),
    int("add.partitions.to.txn.retry.backoff.ms", "First pause before a partition is added to a transaction again.")
        .default("20")
        .at_least(1)
        .high(),
    int("add.partitions.to.txn.retry.backoff.max.ms", "Longest total time for adding a partition to a transaction.")
        .default("100")
        .at_least(0)
        .high(),
];
