//! Many consumers at the tail of one topic, while one producer writes to it at a fixed rate.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{BYTES_PER_GB, TOPIC, interleave, start, unless_others};
use crate::args::{Common, Fanout};
use crate::kind::Kind;
use crate::load::consume::{Consumer, read_by_all};
use crate::load::open::{self, Plan};
use crate::peer::Peer;
use crate::report::{Better, Measure, Report, Rounds, Written};
use crate::stats::percentile;
use crate::wire;

/// The null server hands records to every fetch at once, it has no tail.
const KINDS: [Kind; 4] = [Kind::Durable, Kind::PageCache, Kind::Kafka, Kind::Other];
const CPU: Measure = Measure::plotted("CPU per delivered GB", "s", Better::Less);
const ACK: Measure = Measure::new("acknowledgement p99", "ms", Better::Less);
const RECORD_SIZE: usize = 1000;
const MAX_BYTES: i32 = 1 << 20;
const LATEST: i64 = -1;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(common: &Common, options: &Fanout) -> Result<Written> {
    let mut report = Report::new("fanout", "Consumers at the tail of one topic", Rounds::Interleaved);
    let (_setup, peers) = start(common, &KINDS, &mut report)?;
    let seconds = common.sized(options.seconds);
    let batch = wire::batch((options.batch_kib * 1024 / RECORD_SIZE).max(1), RECORD_SIZE)?;
    report.say(&format!(
        "One producer writes {} batches of {} bytes per second to one partition for {seconds} s, {} consumers wait for each \
         of them (max.wait 500 ms, min.bytes 1). CPU is that of writing and of all deliveries together, per GB that reached a \
         consumer.",
        options.rate,
        batch.len(),
        options.consumers
    ));
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, 1)?;
    }
    interleave(common, &peers, |peer, phase| {
        let delivered = deliver(peer, options, &batch, seconds);
        let Some((cpu, ack_ms)) = unless_others(peer, delivered, &mut report)? else { return Ok(()) };
        report.add(CPU, peer.kind, phase, cpu);
        report.add(ACK, peer.kind, phase, ack_ms);
        Ok(())
    })?;
    report.write(common)
}

/// CPU seconds per delivered GB, and the producer's p99 in milliseconds.
fn deliver(peer: &Peer, options: &Fanout, batch: &bytes::Bytes, seconds: f64) -> Result<(f64, f64)> {
    let end = peer.client()?.offsets(TOPIC, 1, LATEST)?[0];
    let new = |_| Consumer::new(peer.address, TOPIC, end, MAX_BYTES);
    let mut consumers = (0..options.consumers).map(new).collect::<Result<Vec<_>>>()?;
    let requests = [wire::produce(TOPIC, 0, batch)];
    let duration = Duration::from_secs_f64(seconds);
    let plan = Plan { address: peer.address, topic: TOPIC, requests: &requests, rate: options.rate, duration };
    let total = (f64::from(options.rate) * seconds) as usize * batch.len();
    let (cpu, (outcome, read)) = peer.cpu_during(|| {
        std::thread::scope(|scope| {
            let readers = scope.spawn(|| read_by_all(&mut consumers, total, LIMIT));
            let outcome = open::run(&plan)?;
            let read = readers.join().map_err(|_| anyhow::anyhow!("the consumers failed"))??;
            Ok((outcome, read))
        })
    })?;
    if !outcome.kept_up() {
        bail!("only {} of {} batches were acknowledged in time", outcome.latencies_us.len(), outcome.due);
    }
    let ack_ms = f64::from(percentile(&outcome.latencies_us, 0.99)) / 1000.0;
    Ok((cpu * BYTES_PER_GB / read as f64, ack_ms))
}
