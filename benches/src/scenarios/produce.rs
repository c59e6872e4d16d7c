//! Records through librdkafka, as users' programs send them.

use anyhow::{Result, bail};

use super::{BYTES_PER_GB, interleave};
use crate::args::{Common, Produce};
use crate::peer::{Peer, Setup};
use crate::python::Python;
use crate::report::{Better, Measure, Phase, Report, Rounds};

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

pub(crate) fn run(common: &Common, options: &Produce) -> Result<()> {
    let python = Python::new()?;
    let setup = Setup::new(common)?;
    let peers = Peer::start_all(common, &setup)?;
    let mut report = Report::new("produce", "Producing through librdkafka", Rounds::Interleaved);
    report.say(&format!(
        "confluent-kafka for Python, records of {} bytes, acks=all, linger.ms=5, one partition; {} GB per round in batches \
         as large as librdkafka makes them, {} GB in batches of 16 records. The client shares the machine and bounds the \
         rate; the broker's CPU time per GB of values is what tells brokers apart.",
        options.size, options.gb, options.small_gb
    ));
    interleave(common, &peers, |peer, phase| {
        for (case, gb) in [(LARGE, options.gb), (SMALL, options.small_gb)] {
            let count = (gb * BYTES_PER_GB / options.size as f64) as usize;
            run_case(&python, peer, &case, count, options.size, phase, &mut report)?;
        }
        Ok(())
    })?;
    report.write(common)
}

fn run_case(
    python: &Python,
    peer: &Peer,
    case: &Case,
    count: usize,
    size: usize,
    phase: Phase,
    report: &mut Report,
) -> Result<()> {
    // Nothing is deleted in between: memory that becomes free would be cold for whoever comes next.
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
    Ok(())
}
