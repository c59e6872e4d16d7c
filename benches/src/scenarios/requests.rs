//! One record per request, one request in flight on each of many connections: what small services send.

use std::time::Duration;

use anyhow::Result;

use super::{MICROS_PER_SECOND, TOPIC, interleave};
use crate::args::{Common, Requests};
use crate::load::closed::{self, Plan};
use crate::peer::{Peer, Setup};
use crate::report::{Better, Measure, Report, Rounds};
use crate::stats::percentile;
use crate::wire;

const CPU: Measure = Measure::plotted("CPU per request", "µs", Better::Less);
const RATE: Measure = Measure::plotted("requests", "1/s", Better::More);
const P50: Measure = Measure::new("latency p50", "ms", Better::Less);
const P99: Measure = Measure::new("latency p99", "ms", Better::Less);

pub(crate) fn run(common: &Common, options: &Requests) -> Result<()> {
    let setup = Setup::new(common)?;
    let peers = Peer::start_all(common, &setup)?;
    let batch = wire::batch(1, options.size)?;
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, options.partitions)?;
    }
    let mut report = Report::new("requests", "Small produce requests", Rounds::Interleaved);
    report.say(&format!(
        "{} connections, {} partition(s), each connection with one request in flight: one record of {} bytes, acks=all, \
         {} s per round. A raw generator sends requests that were encoded before; CPU is user and system time of the \
         broker's process.",
        options.connections, options.partitions, options.size, options.seconds
    ));
    interleave(common, &peers, |peer, phase| {
        let plan = Plan {
            address: peer.address,
            topic: TOPIC.to_owned(),
            partitions: options.partitions,
            connections: options.connections,
            duration: Duration::from_secs_f64(options.seconds),
            batch: batch.clone(),
        };
        let (cpu, outcome) = peer.cpu_during(|| closed::run(plan))?;
        let requests = outcome.latencies_us.len() as f64;
        report.add(CPU, peer.kind, phase, cpu * MICROS_PER_SECOND / requests);
        report.add(RATE, peer.kind, phase, requests / outcome.elapsed.as_secs_f64());
        report.add(P50, peer.kind, phase, f64::from(percentile(&outcome.latencies_us, 0.5)) / 1000.0);
        report.add(P99, peer.kind, phase, f64::from(percentile(&outcome.latencies_us, 0.99)) / 1000.0);
        Ok(())
    })?;
    report.write(common)
}
