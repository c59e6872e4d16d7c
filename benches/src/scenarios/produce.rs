//! Records through librdkafka, as users' programs send them.

use std::os::unix::fs::FileExt;

use anyhow::{Result, bail};
use barnabas_protocol::records::crc_is_valid;
use rustix::fs::{FallocateFlags, fallocate};

use super::{BYTES_PER_GB, DELETES_AT_ONCE, PAGE_CACHE, delete_topics, interleave, start_with};
use crate::args::{Common, Produce};
use crate::kind::Kind;
use crate::peer::Peer;
use crate::process::cpu_seconds;
use crate::python::Python;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::{wire, workspace};

const BATCH_BYTES: usize = 1_000_000;
const RECORD_BYTES: usize = 1000;
/// Disk space is cheaper in large pieces.
const RESERVED_BYTES: u64 = 16 << 20;

struct Case {
    cpu: Measure,
    rate: Measure,
    topic: &'static str,
    records_per_batch: usize,
}

const LARGE: Case = Case {
    cpu: Measure::plotted("CPU per GB, large batches", "s", Better::Less),
    rate: Measure::new("rate, large batches", "records/s", Better::More),
    topic: "large-batches",
    records_per_batch: 0,
};
const SMALL: Case = Case {
    cpu: Measure::plotted("CPU per GB, 16-record batches", "s", Better::Less),
    rate: Measure::new("rate, 16-record batches", "records/s", Better::More),
    topic: "small-batches",
    records_per_batch: 16,
};

const PROMISES: [Promise; 5] = [
    Promise::ratio(
        "CPU per GB produced through librdkafka, large batches, vs Kafka",
        LARGE.cpu,
        (Kind::PageCache, Kind::Kafka),
        (0.4, 0.28),
    ),
    Promise::ratio(
        "CPU per GB produced through librdkafka, large batches, vs null server",
        LARGE.cpu,
        (Kind::PageCache, Kind::Null),
        (2.2, 1.3),
    ),
    // What can be reached of the one before: docs/adr/0014.
    Promise::ratio(
        "CPU per GB produced through librdkafka, large batches, vs null server + CRC + write",
        LARGE.cpu,
        (Kind::PageCache, Kind::Floor),
        (1.3, 1.1),
    ),
    Promise::ratio(
        "CPU per GB produced through librdkafka, 16-record batches, vs Kafka",
        SMALL.cpu,
        (Kind::PageCache, Kind::Kafka),
        (0.2, 0.1),
    ),
    Promise::ratio(
        "CPU per GB produced through librdkafka, 16-record batches, vs null server",
        SMALL.cpu,
        (Kind::PageCache, Kind::Null),
        (2.0, 1.3),
    ),
];

pub(super) fn run(common: &Common, options: &Produce) -> Result<Written> {
    let python = Python::new()?;
    let mut report = Report::new("produce", "Producing through librdkafka", Rounds::Interleaved);
    let (_setup, peers) = start_with(&DELETES_AT_ONCE, common, &PAGE_CACHE, &mut report)?;
    report.promise(&PROMISES);
    let (gb, small_gb) = (common.sized(options.gb), common.sized(options.small_gb));
    report.say(&format!(
        "confluent-kafka for Python, records of {} bytes, acks=all, linger.ms=5, one partition; {gb} GB per round in batches \
         as large as librdkafka makes them, {small_gb} GB in batches of 16 records. The client shares the machine and \
         bounds the rate; the broker's CPU time per GB of values is what tells brokers apart. Topics are new in every turn and \
         deleted behind it, which is not measured. CRC + write: the CRC of a batch of {} KB and its write to the end of a new \
         file, again and again, by one thread.",
        options.size,
        BATCH_BYTES / 1000
    ));
    interleave(common, &peers, |peer, phase| {
        for (case, gb) in [(LARGE, gb), (SMALL, small_gb)] {
            let count = (gb * BYTES_PER_GB / options.size as f64) as usize;
            let cpu = run_case(&python, peer, &case, count, options.size, phase, &mut report)?;
            if peer.kind == Kind::Null && case.topic == LARGE.topic {
                report.add(case.cpu, Kind::Floor, phase, cpu + check_and_write(gb)? / gb);
            }
        }
        delete_topics(peer, &[LARGE.topic, SMALL.topic])
    })?;
    report.write(common)
}

/// CPU seconds of the broker per GB.
fn run_case(
    python: &Python,
    peer: &Peer,
    case: &Case,
    count: usize,
    size: usize,
    phase: Phase,
    report: &mut Report,
) -> Result<f64> {
    peer.client()?.create_topic(case.topic, 1)?;
    let arguments = [
        peer.address.to_string(),
        case.topic.to_owned(),
        count.to_string(),
        size.to_string(),
        case.records_per_batch.to_string(),
    ];
    let mut producer = python.start("produce.py", &arguments)?;
    producer.wait_until_ready()?;
    let (cpu, result) = peer.cpu_during(|| {
        producer.go()?;
        producer.result()
    })?;
    if result["failed"] != 0 {
        bail!("{} refused records: {}", peer.kind.label(), result["first"]);
    }
    let gb = (count * size) as f64 / BYTES_PER_GB;
    report.add(case.cpu, peer.kind, phase, cpu / gb);
    report.add(case.rate, peer.kind, phase, count as f64 / result["seconds"].as_f64().unwrap_or(f64::NAN));
    Ok(cpu / gb)
}

/// CPU seconds for the CRC and the write of so much, as much at a time as librdkafka sends.
fn check_and_write(gb: f64) -> Result<f64> {
    let batch = wire::batch(BATCH_BYTES / RECORD_BYTES, RECORD_BYTES)?;
    let file = tempfile::tempfile_in(workspace::scratch()?)?;
    let own = std::process::id();
    let began = cpu_seconds(own)?;
    let mut end = 0;
    while (end as f64) < gb * BYTES_PER_GB {
        if !crc_is_valid(&batch) {
            bail!("the batch that is written has a wrong CRC");
        }
        if end % RESERVED_BYTES < batch.len() as u64 {
            let _ = fallocate(&file, FallocateFlags::KEEP_SIZE, end, RESERVED_BYTES);
        }
        file.write_all_at(&batch, end)?;
        end += batch.len() as u64;
    }
    Ok(cpu_seconds(own)? - began)
}
