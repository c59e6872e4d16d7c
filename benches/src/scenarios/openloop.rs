//! One record per request on one pipelined connection at fixed rates: how late answers are, and from which rate on
//! a broker no longer keeps up.

use std::time::Duration;

use anyhow::Result;

use super::{MICROS_PER_SECOND, PAGE_CACHE, TOPIC, start};
use crate::args::{Common, Openloop};
use crate::load::open::{self, Plan};
use crate::peer::Peer;
use crate::report::{Better, Measure, Phase, Report, Rounds, Written};
use crate::stats::percentile;
use crate::warm::WarmMemory;
use crate::wire;

/// Time for a peer that fell behind to work off what it still has.
const RECOVERY: Duration = Duration::from_secs(3);

pub(super) fn run(common: &Common, options: &Openloop) -> Result<Written> {
    let mut report = Report::new("openloop", "Latency at fixed rates on one connection", Rounds::Interleaved);
    let (_setup, peers) = start(common, &PAGE_CACHE, &mut report)?;
    let seconds = common.sized(options.seconds);
    let requests = [wire::produce(TOPIC, 0, &wire::batch(1, options.size)?)];
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, 1)?;
    }
    report.say(&format!(
        "One connection, requests of one record of {} bytes, acks=all, sent on schedule for {seconds} s whether or not \
         earlier ones are answered; latency counts from the time a request was due. A rate without figures was not \
         sustained.",
        options.size
    ));
    let mut memory = WarmMemory::new(!common.leave_memory_cold)?;
    let rounds = common.warm_rounds + common.rounds;
    for rate in &options.rates {
        for round in 0..rounds {
            for turn in 0..peers.len() {
                let peer = &peers[(round + turn) % peers.len()];
                if round > 0 && report.is_missing(P99, Some(*rate), peer.kind) {
                    continue;
                }
                eprintln!("{rate}/s, round {}: {}", round + 1, peer.kind.label());
                memory.top_up()?;
                let plan = Plan {
                    address: peer.address,
                    topic: TOPIC,
                    requests: &requests,
                    rate: *rate,
                    duration: Duration::from_secs_f64(seconds),
                };
                let phase = if round < common.warm_rounds { Phase::Warming } else { Phase::Measured };
                step(peer, &plan, phase, &mut report)?;
            }
        }
    }
    report.write(common)
}

const CPU: Measure = Measure::new("CPU per request", "µs", Better::Less);
const P50: Measure = Measure::new("latency p50", "ms", Better::Less);
const P99: Measure = Measure::plotted("latency p99", "ms", Better::Less);

fn step(peer: &Peer, plan: &Plan<'_>, phase: Phase, report: &mut Report) -> Result<()> {
    let (cpu, outcome) = peer.cpu_during(|| open::run(plan))?;
    if !outcome.kept_up() {
        std::thread::sleep(RECOVERY);
        return Ok(());
    }
    let millis = |share| f64::from(percentile(&outcome.latencies_us, share)) / 1000.0;
    report.add_at(P50, plan.rate, peer.kind, phase, millis(0.5));
    report.add_at(P99, plan.rate, peer.kind, phase, millis(0.99));
    report.add_at(CPU, plan.rate, peer.kind, phase, cpu * MICROS_PER_SECOND / outcome.due as f64);
    Ok(())
}
