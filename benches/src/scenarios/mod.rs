//! What is measured: one file per report.

mod ack_latency;
mod clients;
mod connections;
mod disturbance;
mod durable;
mod fanout;
mod fetch;
mod footprint;
mod gzip;
mod knee;
mod openloop;
mod partitions;
mod produce;
mod recovery;
mod requests;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::{Common, What, defaults};
use crate::kind::{DURABILITY_KEY, Kind};
use crate::peer::{Peer, Setup};
use crate::report::{Phase, Report, Written};
use crate::warm::WarmMemory;

const BYTES_PER_GB: f64 = 1e9;
const MICROS_PER_SECOND: f64 = 1e6;
const MILLIS_PER_SECOND: f64 = 1e3;
/// For `wait_for_leaders` and the like, where it is not waiting that is measured.
const TOPIC: &str = "bench";
/// Beside a broker that acknowledges what the page cache has, ours does the same.
const PAGE_CACHE: [Kind; 4] = [Kind::Null, Kind::PageCache, Kind::Kafka, Kind::Other];
/// Everyone as they are by default.
const DEFAULTS: [Kind; 4] = [Kind::Null, Kind::Barnabas, Kind::Kafka, Kind::Other];
/// The same without the null server, which has nothing on a disk.
const BROKERS: [Kind; 3] = [Kind::Barnabas, Kind::Kafka, Kind::Other];
/// For [`delete_topics`]: the disk never holds more than what one turn writes.
const DELETES_AT_ONCE: [&str; 2] = ["log.segment.delete.delay.ms=100", "log.initial.task.delay.ms=500"];
const DELETION_LIMIT: Duration = Duration::from_secs(60);
const DELETION_POLL: Duration = Duration::from_millis(20);

/// Runs one of them, the null server and `all` aside.
pub(crate) fn run(common: &Common, what: &What) -> Result<Written> {
    match what {
        What::Requests(options) => requests::run(common, options),
        What::Durable(options) => durable::run(common, options),
        What::AckLatency(options) => ack_latency::run(common, options),
        What::Produce(options) => produce::run(common, options),
        What::Gzip(options) => gzip::run(common, options),
        What::Openloop(options) if options.find_knee => knee::run(common, options),
        What::Openloop(options) => openloop::run(common, options),
        What::Fetch(options) => fetch::run(common, options),
        What::Fanout(options) => fanout::run(common, options),
        What::Footprint(options) => footprint::run(common, options),
        What::Connections(options) => connections::run(common, options),
        What::Partitions(options) => partitions::run(common, options),
        What::Recovery(options) => recovery::run(common, options),
        What::Disturbance(options) => disturbance::run(common, options),
        What::Clients(options) => clients::run(common, options),
        What::Null { .. } | What::Instructions(_) | What::All => anyhow::bail!("not a single scenario"),
    }
}

/// Name, scenario, and the seconds that it takes on two cores; for `all`.
pub(crate) fn all() -> Vec<(&'static str, What, u32)> {
    let mut knee: crate::args::Openloop = defaults();
    knee.find_knee = true;
    vec![
        ("footprint", What::Footprint(defaults()), 150),
        ("connections", What::Connections(defaults()), 25),
        ("partitions", What::Partitions(defaults()), 90),
        ("requests", What::Requests(defaults()), 60),
        ("durable", What::Durable(defaults()), 90),
        ("ack-latency", What::AckLatency(defaults()), 110),
        ("produce", What::Produce(defaults()), 180),
        ("gzip", What::Gzip(defaults()), 90),
        ("fetch", What::Fetch(defaults()), 60),
        ("fanout", What::Fanout(defaults()), 60),
        ("openloop", What::Openloop(defaults()), 140),
        ("openloop --find-knee", What::Openloop(knee), 180),
        ("clients", What::Clients(defaults()), 180),
        ("disturbance", What::Disturbance(defaults()), 110),
        ("recovery", What::Recovery(defaults()), 150),
    ]
}

/// Runs every peer once per round, so that a disturbance of the machine meets all of them. Rounds start with
/// another peer each.
fn interleave(common: &Common, peers: &[Peer], mut run: impl FnMut(&Peer, Phase) -> Result<()>) -> Result<()> {
    let mut memory = WarmMemory::new(!common.leave_memory_cold)?;
    for round in 0..common.warm_rounds + common.rounds {
        for turn in 0..peers.len() {
            let peer = &peers[(round + turn) % peers.len()];
            eprintln!("round {}: {}", round + 1, peer.kind.label());
            memory.top_up()?;
            run(peer, phase(common, round))?;
        }
    }
    Ok(())
}

/// What a round counts as.
fn phase(common: &Common, round: usize) -> Phase {
    match round {
        0 if common.warm_rounds > 0 => Phase::Cold,
        _ if round < common.warm_rounds => Phase::Warming,
        _ => Phase::Measured,
    }
}

/// Starts the wanted ones of these kinds.
fn start(common: &Common, kinds: &[Kind], report: &mut Report) -> Result<(Setup, Vec<Peer>)> {
    start_with(&[], common, kinds, report)
}

/// Starts them with settings that ours and Kafka get alike.
fn start_with(settings: &[&str], common: &Common, kinds: &[Kind], report: &mut Report) -> Result<(Setup, Vec<Peer>)> {
    let kinds = common.wanted(kinds);
    let setup = settings.iter().fold(Setup::new(common, &kinds)?, |setup, setting| setup.with(setting));
    let peers = Peer::start_all(&kinds, &setup)?;
    for peer in &peers {
        note_durability(peer, report);
    }
    Ok((setup, peers))
}

/// Deletes them and returns when their files are gone. The memory that becomes free is taken as page cache before anybody's
/// next turn, while it is still warm.
fn delete_topics(peer: &Peer, topics: &[&str]) -> Result<()> {
    for topic in topics {
        peer.client()?.delete_topic(topic)?;
    }
    let begun = Instant::now();
    while topics.iter().any(|topic| peer.has_files_of(topic)) {
        if begun.elapsed() > DELETION_LIMIT {
            bail!("{} keeps the files of deleted topics for {} s", peer.kind.label(), DELETION_LIMIT.as_secs());
        }
        std::thread::sleep(DELETION_POLL);
    }
    Ok(())
}

/// Ours must do what is asked; that others do not is said in the report, and the run goes on without the figure.
fn unless_others<T>(peer: &Peer, outcome: Result<T>, report: &mut Report) -> Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if peer.kind.is_ours() => Err(error),
        Err(error) => {
            // The first line: what follows is the peer's output.
            let reason = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
            report.remark(format!("{} is missing in a round: {reason}", peer.kind.label()));
            Ok(None)
        }
    }
}

/// Says in the report when a build does not have the mode that it was asked for.
fn note_durability(peer: &Peer, report: &mut Report) {
    if !peer.knows_its_durability() {
        report.remark(format!(
            "This build does not know {DURABILITY_KEY}: '{}' is whatever it does by default.",
            peer.kind.label()
        ));
    }
}
