//! Keys of the controllers, their metadata log and the broker's session with them. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("controller.quorum.voters", "Controllers of the cluster, as id@host:port, when the set is fixed.")
        .default("")
        .high(),
    list("controller.quorum.bootstrap.servers", "Addresses at which to find the controllers, when the set may change.")
        .default("")
        .high(),
    boolean("controller.quorum.auto.join.enable", "Whether a new controller adds itself to the voters.")
        .default("false")
        .low(),
    list("controller.listener.names", "Listeners that belong to the controller; clients are not told about them.")
        .non_empty()
        .high(),
    int("controller.quorum.election.timeout.ms", "Time without a leader after which an election starts.")
        .default("1000")
        .at_least(0)
        .high(),
    int("controller.quorum.election.backoff.max.ms", "Longest random wait before another election try.")
        .default("1000")
        .at_least(0)
        .high(),
    int("controller.quorum.fetch.timeout.ms", "Time without a successful fetch after which a leader counts as lost.")
        .default("2000")
        .at_least(0)
        .high(),
    int("controller.quorum.fetch.max.bytes", "Most bytes of one fetch of the metadata log.")
        .default("1048576")
        .at_least(1)
        .low(),
    int("controller.quorum.fetch.snapshot.max.bytes", "Most bytes of one fetch of a metadata snapshot.")
        .default("1048576")
        .at_least(1)
        .low(),
    int("controller.quorum.request.timeout.ms", "Time limit for requests between controllers.")
        .default("2000")
        .at_least(0),
    int("controller.quorum.retry.backoff.ms", "Pause before such a request is tried again.")
        .default("20")
        .at_least(0)
        .low(),
    int("controller.quorum.append.linger.ms", "How long the leader gathers metadata writes before one flush.")
        .default("25")
        .at_least(0),
    int("controller.socket.timeout.ms", "Socket time limit between a broker and the controller.").default("30000"),
    long("controller.performance.sample.period.ms", "How often slow controller events are summed up.")
        .default("60000")
        .at_least(100)
        .internal(),
    long("controller.performance.always.log.threshold.ms", "Controller events slower than this are always logged.")
        .default("2000")
        .at_least(0)
        .internal(),
    int("broker.heartbeat.interval.ms", "How often a broker tells the controller that it lives.").default("2000"),
    int("broker.session.timeout.ms", "Silence after which the controller fences a broker.").default("9000"),
    int("initial.broker.registration.timeout.ms", "How long a starting broker tries to register before it stops.")
        .default("60000"),
    string("metadata.log.dir", "Folder of the metadata log; the first data folder when unset.").high(),
    int("metadata.log.segment.bytes", "Segment size of the metadata log.")
        .default("1073741824")
        .at_least(8_388_608)
        .high(),
    long("metadata.log.segment.ms", "Age at which a segment of the metadata log is closed.")
        .default("604800000")
        .high(),
    long("metadata.log.max.record.bytes.between.snapshots", "New metadata bytes after which a snapshot is taken.")
        .default("20971520")
        .at_least(1)
        .high(),
    long(
        "metadata.log.max.snapshot.interval.ms",
        "Longest time between snapshots while there are changes; 0 for no limit.",
    )
    .default("3600000")
    .at_least(0)
    .high(),
    int(
        "metadata.max.idle.interval.ms",
        "How often the controller writes an empty entry when nothing happens; 0 for never.",
    )
    .default("500")
    .at_least(0)
    .low(),
    long("metadata.max.retention.bytes", "Size of metadata log and snapshots above which old ones are deleted.")
        .default("104857600")
        .high(),
    long("metadata.max.retention.ms", "Age at which old metadata log parts and snapshots are deleted.")
        .default("604800000")
        .high(),
    int("internal.metadata.log.segment.bytes", "Segment size of the metadata log for tests, without lower limit.")
        .low()
        .internal(),
    int("internal.metadata.max.batch.size.in.bytes", "Largest batch of the metadata log.")
        .default("8388608")
        .low()
        .internal(),
    long("internal.metadata.delete.delay.millis", "Delay before a metadata segment taken out of use is deleted.")
        .default("60000")
        .low()
        .internal(),
];
