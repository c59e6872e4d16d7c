//! One record per request, one request in flight on each of many connections: what small services send.

use std::time::Duration;

use anyhow::Result;

use super::{MICROS_PER_SECOND, PAGE_CACHE, TOPIC, interleave, start};
use crate::args::{Common, Requests};
use crate::kind::Kind;
use crate::load::closed::{self, Plan};
use crate::peer::Peer;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::stats::percentile;
use crate::wire;

pub(super) const CPU: Measure = Measure::plotted("CPU per request", "µs", Better::Less);
pub(super) const RATE: Measure = Measure::plotted("requests", "1/s", Better::More);
const P50: Measure = Measure::new("latency p50", "ms", Better::Less);
const P99: Measure = Measure::new("latency p99", "ms", Better::Less);

const PROMISES: [Promise; 3] = [
    Promise::ratio(
        "one-record requests on 64 connections: CPU per request vs Kafka",
        CPU,
        (Kind::PageCache, Kind::Kafka),
        (0.45, 0.28),
    ),
    Promise::ratio(
        "one-record requests on 64 connections: CPU per request vs null server",
        CPU,
        (Kind::PageCache, Kind::Null),
        (1.9, 1.25),
    ),
    Promise::ratio(
        "one-record requests on 64 connections: requests/s vs Kafka",
        RATE,
        (Kind::PageCache, Kind::Kafka),
        (1.4, 2.0),
    ),
];

pub(super) fn run(common: &Common, options: &Requests) -> Result<Written> {
    let mut report = Report::new("requests", "Small produce requests", Rounds::Interleaved);
    let (_setup, peers) = start(common, &PAGE_CACHE, &mut report)?;
    report.promise(&PROMISES);
    let seconds = common.sized(options.seconds);
    report.say(&format!(
        "{} connections, {} partition(s), each connection with one request in flight: one record of {} bytes, acks=all, \
         {seconds} s per round. A raw generator sends requests that were encoded before; CPU is user and system time of \
         the broker's process.",
        options.connections, options.partitions, options.size
    ));
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, options.partitions)?;
    }
    interleave(common, &peers, |peer, phase| round(peer, options, seconds, phase, &mut report))?;
    report.write(common)
}

/// One peer's turn; the topic exists.
pub(super) fn round(peer: &Peer, options: &Requests, seconds: f64, phase: Phase, report: &mut Report) -> Result<()> {
    let plan = Plan {
        address: peer.address,
        topic: TOPIC.to_owned(),
        partitions: options.partitions,
        connections: options.connections,
        duration: Duration::from_secs_f64(seconds),
        batch: wire::batch(1, options.size)?,
    };
    let (cpu, outcome) = peer.cpu_during(|| closed::run(plan))?;
    let requests = outcome.latencies_us.len() as f64;
    report.add(CPU, peer.kind, phase, cpu * MICROS_PER_SECOND / requests);
    report.add(RATE, peer.kind, phase, requests / outcome.elapsed.as_secs_f64());
    report.add(P50, peer.kind, phase, f64::from(percentile(&outcome.latencies_us, 0.5)) / 1000.0);
    report.add(P99, peer.kind, phase, f64::from(percentile(&outcome.latencies_us, 0.99)) / 1000.0);
    Ok(())
}
