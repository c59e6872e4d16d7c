//! Reading a full topic from its start, as consumers that catch up do: one alone, and many at the same time.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{BYTES_PER_GB, PAGE_CACHE, TOPIC, interleave, start};
use crate::args::{Common, Fetch};
use crate::kind::Kind;
use crate::load::consume::{Consumer, read_by_all};
use crate::peer::Peer;
use crate::report::{Better, Measure, Promise, Report, Rounds, Written};
use crate::wire;

const RECORDS_PER_BATCH: usize = 256;
const SIZE: usize = 1000;
/// How often many consumers read as much as the topic holds, all together.
const TIMES_BY_MANY: usize = 2;
const LIMIT: Duration = Duration::from_secs(120);

struct Case {
    cpu: Measure,
    rate: Measure,
}

const ONE: Case = Case {
    cpu: Measure::plotted("CPU per GB, one consumer", "s", Better::Less),
    rate: Measure::new("rate, one consumer", "MB/s", Better::More),
};
const MANY: Case = Case {
    cpu: Measure::plotted("CPU per GB, many consumers", "s", Better::Less),
    rate: Measure::new("rate, many consumers", "MB/s", Better::More),
};

const PROMISES: [Promise; 2] = [
    Promise::ratio(
        "CPU per GB fetched in catch-up, 1 consumer, vs Kafka",
        ONE.cpu,
        (Kind::PageCache, Kind::Kafka),
        (0.5, 0.25),
    ),
    Promise::ratio(
        "CPU per GB fetched in catch-up, 16 consumers, vs Kafka",
        MANY.cpu,
        (Kind::PageCache, Kind::Kafka),
        (0.6, 0.4),
    ),
];

pub(super) fn run(common: &Common, options: &Fetch) -> Result<Written> {
    let mut report = Report::new("fetch", "Catch-up fetch", Rounds::Interleaved);
    let (_setup, peers) = start(common, &PAGE_CACHE, &mut report)?;
    report.promise(&PROMISES);
    let gb = common.sized(options.gb);
    let batches = (gb * BYTES_PER_GB / (RECORDS_PER_BATCH * SIZE) as f64).ceil() as usize;
    let batch = wire::batch(RECORDS_PER_BATCH, SIZE)?;
    let total = batches * batch.len();
    for peer in peers.iter().filter(|peer| peer.kind != Kind::Null) {
        let mut client = peer.client()?;
        client.create_topic(TOPIC, 1)?;
        let request = wire::produce(TOPIC, 0, &batch);
        for _ in 0..batches {
            client.produce(&request)?;
        }
    }
    report.say(&format!(
        "A raw client reads {gb} GB from the start of one partition, {} KiB per request, one request in flight; then {} of \
         them do so at the same time, {TIMES_BY_MANY} times as much all together. Records of {SIZE} bytes in batches of \
         {RECORDS_PER_BATCH}, all of it in the page cache. The null server sends as many bytes out of its memory.",
        options.max_bytes / 1024,
        options.consumers
    ));
    interleave(common, &peers, |peer, phase| {
        for (case, consumers, share) in
            [(ONE, 1, total), (MANY, options.consumers, total * TIMES_BY_MANY / options.consumers.max(1))]
        {
            let (cpu, rate) = catch_up(peer, consumers, share, options.max_bytes)?;
            report.add(case.cpu, peer.kind, phase, cpu);
            report.add(case.rate, peer.kind, phase, rate);
        }
        Ok(())
    })?;
    report.write(common)
}

/// CPU seconds per GB, and MB/s.
fn catch_up(peer: &Peer, consumers: usize, share: usize, max_bytes: i32) -> Result<(f64, f64)> {
    let new = |_| Consumer::new(peer.address, TOPIC, 0, max_bytes);
    let mut consumers = (0..consumers).map(new).collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    let (cpu, read) = peer.cpu_during(|| read_by_all(&mut consumers, share, LIMIT))?;
    let gb = read as f64 / BYTES_PER_GB;
    Ok((cpu / gb, gb * 1000.0 / started.elapsed().as_secs_f64()))
}
