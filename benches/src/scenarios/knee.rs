//! The highest rate of one-record requests on one pipelined connection that is still answered in time.

use std::time::Duration;

use anyhow::Result;

use super::{TOPIC, start};
use crate::args::{Common, Openloop};
use crate::kind::Kind;
use crate::load::open::{self, Plan};
use crate::peer::Peer;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::stats::percentile;
use crate::warm::WarmMemory;
use crate::wire;

const KINDS: [Kind; 5] = [Kind::Null, Kind::Durable, Kind::PageCache, Kind::Kafka, Kind::Other];
const IN_TIME_US: u32 = 10_000;
/// Rates that are tried, upwards.
const STEPS: [u32; 12] = [500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 40_000, 60_000, 80_000, 120_000, 160_000];
/// How often a rate may fail before it counts as too high: one hiccup of the machine must not decide.
const TRIES: usize = 2;
/// Between the last good and the first bad rate.
const REFINEMENTS: usize = 1;
const STEP_SECONDS: f64 = 1.0;
/// So that a broker in Java has compiled itself before it is judged.
const WARM_UP_RATE: u32 = 2000;
/// Time for a peer that fell behind to work off what it still has.
const RECOVERY: Duration = Duration::from_secs(2);

const KNEE: Measure = Measure::plotted("highest rate with p99 < 10 ms", "requests/s", Better::More);

const PROMISES: [Promise; 2] = [
    Promise::figure(
        "one pipelined connection, one record per request: rate with p99 < 10 ms",
        KNEE,
        Kind::PageCache,
        (30_000.0, 80_000.0),
    ),
    Promise::ratio(
        "one pipelined connection, one record per request: rate with p99 < 10 ms vs null server",
        KNEE,
        (Kind::PageCache, Kind::Null),
        (0.375, 1.0),
    ),
];

pub(super) fn run(common: &Common, options: &Openloop) -> Result<Written> {
    let mut report = Report::new("knee", "Highest rate on one connection", Rounds::Interleaved);
    let (_setup, peers) = start(common, &KINDS, &mut report)?;
    report.promise(&PROMISES);
    let requests = [wire::produce(TOPIC, 0, &wire::batch(1, options.size)?)];
    let seconds = common.sized(STEP_SECONDS).max(0.5);
    report.say(&format!(
        "One pipelined connection, requests of one record of {} bytes, acks=all, sent on schedule. Rates go up step by step, \
         {seconds} s each; the figure is the highest one at which every request was answered and p99, counted from the time \
         a request was due, stayed below {} ms. A rate has failed when it failed {TRIES} times. Every peer is warmed up with \
         {WARM_UP_RATE} requests/s before.",
        options.size,
        IN_TIME_US / 1000
    ));
    let mut memory = WarmMemory::new(!common.leave_memory_cold)?;
    let plan = |peer: &Peer, rate, seconds| -> Result<open::Outcome> {
        let duration = Duration::from_secs_f64(seconds);
        open::run(&Plan { address: peer.address, topic: TOPIC, requests: &requests, rate, duration })
    };
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, 1)?;
        for _ in 0..common.warm_rounds {
            plan(peer, WARM_UP_RATE, seconds)?;
        }
    }
    for round in 0..common.rounds {
        for peer in &peers {
            memory.top_up()?;
            eprintln!("round {}: {}", round + 1, peer.kind.label());
            let knee = find(|rate| {
                let outcome = plan(peer, rate, seconds)?;
                let is_good = is_in_time(&outcome);
                eprintln!("  {rate}/s: {}", if is_good { "in time" } else { "too late" });
                if !outcome.kept_up() {
                    std::thread::sleep(RECOVERY);
                }
                Ok(is_good)
            })?;
            report.add(KNEE, peer.kind, Phase::Measured, f64::from(knee));
        }
    }
    report.write(common)
}

fn is_in_time(outcome: &open::Outcome) -> bool {
    outcome.kept_up() && percentile(&outcome.latencies_us, 0.99) < IN_TIME_US
}

/// The highest rate that passes, 0 if none does.
fn find(mut passes: impl FnMut(u32) -> Result<bool>) -> Result<u32> {
    let mut passes_at_last = |rate| -> Result<bool> {
        for _ in 0..TRIES {
            if passes(rate)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let (mut good, mut bad) = (0, None);
    for rate in STEPS {
        if !passes_at_last(rate)? {
            bad = Some(rate);
            break;
        }
        good = rate;
    }
    for _ in 0..REFINEMENTS {
        let Some(too_high) = bad else { break };
        let middle = good + (too_high - good) / 2;
        if passes_at_last(middle)? {
            good = middle;
        } else {
            bad = Some(middle);
        }
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::{find, is_in_time};
    use crate::load::open::Outcome;

    #[test]
    fn the_highest_passing_rate_is_found() {
        assert_eq!(find(|rate| Ok(rate <= 36_000)).unwrap(), 35_000);
        assert_eq!(find(|rate| Ok(rate < 500)).unwrap(), 250);
        assert_eq!(find(|_| Ok(false)).unwrap(), 0);
        assert_eq!(find(|_| Ok(true)).unwrap(), 160_000);
    }

    #[test]
    fn one_hiccup_does_not_decide() {
        let mut tries = Vec::new();
        let knee = find(|rate| {
            tries.push(rate);
            Ok(rate <= 2000 && (rate != 1000 || tries.iter().filter(|tried| **tried == rate).count() > 1))
        });
        assert_eq!(knee.unwrap(), 2000);
    }

    #[test]
    fn unanswered_requests_are_not_in_time() {
        let outcome = |answered, due| Outcome { latencies_us: vec![100; answered], due };
        assert!(is_in_time(&outcome(100, 100)));
        assert!(!is_in_time(&outcome(99, 100)));
        assert!(!is_in_time(&Outcome { latencies_us: vec![20_000; 10], due: 10 }));
    }
}
