//! Batches that the client compressed: what checking them costs a broker.

use std::time::Duration;

use anyhow::Result;
use barnabas_protocol::records::Compression;

use super::{BYTES_PER_GB, DELETES_AT_ONCE, PAGE_CACHE, TOPIC, delete_topics, interleave, start_with};
use crate::args::{Common, Gzip};
use crate::kind::Kind;
use crate::load::closed::{self, Plan};
use crate::report::{Better, Measure, Promise, Report, Rounds, Written};
use crate::wire;

const CPU: Measure = Measure::plotted("CPU per logical GB", "s", Better::Less);
const RATE: Measure = Measure::new("logical rate", "MB/s", Better::More);

const PROMISE: Promise =
    Promise::ratio("gzip produce: CPU per logical GB vs Kafka", CPU, (Kind::PageCache, Kind::Kafka), (0.1, 0.05));

pub(super) fn run(common: &Common, options: &Gzip) -> Result<Written> {
    let mut report = Report::new("gzip", "Compressed batches", Rounds::Interleaved);
    let (_setup, peers) = start_with(&DELETES_AT_ONCE, common, &PAGE_CACHE, &mut report)?;
    report.promise(&[PROMISE]);
    let seconds = common.sized(options.seconds);
    let batch = wire::compressed_batch(options.records, options.size, Compression::Gzip)?;
    let logical_bytes = options.records * options.size;
    report.say(&format!(
        "A raw generator sends batches that were compressed with gzip before: {} records of {} bytes of words, {} bytes on \
         the wire for {logical_bytes}; {} connections with one request in flight each, one partition, acks=all, {seconds} s \
         per round. A logical GB is a GB of values. The topic is new in every turn and deleted behind it, which is not \
         measured.",
        options.records,
        options.size,
        batch.len(),
        options.connections
    ));
    interleave(common, &peers, |peer, phase| {
        peer.client()?.create_topic(TOPIC, 1)?;
        let plan = Plan {
            address: peer.address,
            topic: TOPIC.to_owned(),
            partitions: 1,
            connections: options.connections,
            duration: Duration::from_secs_f64(seconds),
            batch: batch.clone(),
        };
        let (cpu, outcome) = peer.cpu_during(|| closed::run(plan))?;
        // The first request of every connection is not in the latencies, but in the CPU time.
        let requests = outcome.latencies_us.len() + options.connections;
        let gb = (requests * logical_bytes) as f64 / BYTES_PER_GB;
        report.add(CPU, peer.kind, phase, cpu / gb);
        report.add(RATE, peer.kind, phase, gb * 1000.0 / outcome.elapsed.as_secs_f64());
        delete_topics(peer, &[TOPIC])
    })?;
    report.write(common)
}
