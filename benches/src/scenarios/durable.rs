//! Small requests over many partitions, each acknowledged when it is on the disk: beside our own page cache, beside
//! a Kafka that does not sync, and beside one that does.

use anyhow::Result;

use super::{TOPIC, interleave, requests, start};
use crate::args::{Common, Durable, Requests};
use crate::kind::Kind;
use crate::report::{Promise, Report, Rounds, Written};

const KINDS: [Kind; 6] = [Kind::Null, Kind::Durable, Kind::PageCache, Kind::Kafka, Kind::KafkaSync, Kind::Other];

const PROMISES: [Promise; 4] = [
    Promise::ratio(
        "durable, 64 connections, 256 partitions: requests/s vs Kafka not syncing",
        requests::RATE,
        (Kind::Durable, Kind::Kafka),
        (0.8, 1.2),
    ),
    Promise::ratio(
        "durable, 64 connections, 256 partitions: requests/s vs Kafka syncing each message",
        requests::RATE,
        (Kind::Durable, Kind::KafkaSync),
        (5.0, 8.0),
    ),
    Promise::ratio(
        "durable, 64 connections, 256 partitions: CPU per request vs Kafka not syncing",
        requests::CPU,
        (Kind::Durable, Kind::Kafka),
        (0.75, 0.55),
    ),
    Promise::ratio(
        "durable vs own page-cache mode: requests/s",
        requests::RATE,
        (Kind::Durable, Kind::PageCache),
        (0.45, 0.9),
    ),
];

pub(super) fn run(common: &Common, options: &Durable) -> Result<Written> {
    let mut report = Report::new("durable", "Small produce requests, acknowledged when on disk", Rounds::Interleaved);
    let (_setup, peers) = start(common, &KINDS, &mut report)?;
    report.promise(&PROMISES);
    let seconds = common.sized(options.seconds);
    let Durable { connections, partitions, size, .. } = *options;
    report.say(&format!(
        "{connections} connections go round {partitions} partitions, each with one request in flight: one record of {size} \
         bytes, acks=all, {seconds} s per round. Durable: barnabas.durability=journal, every acknowledgement waits for a \
         sync. Page cache: barnabas.durability=page-cache, as Apache Kafka by default. Syncing: Apache Kafka with \
         log.flush.interval.messages=1."
    ));
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, partitions)?;
    }
    let load = Requests { connections, partitions, size, seconds };
    interleave(common, &peers, |peer, phase| requests::round(peer, &load, seconds, phase, &mut report))?;
    report.write(common)
}
