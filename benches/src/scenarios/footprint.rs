//! What a broker costs before it does anything: the time to the first acknowledged record on an empty directory,
//! memory and CPU at rest, and how long the first record of a new group takes.

mod group;

use std::time::Duration;

use anyhow::{Context, Result};

use super::{DEFAULTS, TOPIC};
use crate::args::{Common, Footprint};
use crate::client::Client;
use crate::kind::Kind;
use crate::peer::{Peer, Setup};
use crate::python::Python;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::{process, wire};

const POLL: Duration = Duration::from_micros(200);
const REST: Duration = Duration::from_secs(5);
const MAX_KAFKA_STARTS: usize = 3;
/// Memory at rest hardly differs from run to run.
const MAX_REST_ROUNDS: usize = 3;

const FIRST_ACK: Measure = Measure::plotted("start to first acknowledged produce", "ms", Better::Less);
const FIRST_ACK_RSS: Measure = Measure::new("memory after it", "MiB", Better::Less);
const IDLE_RSS: Measure = Measure::plotted("idle memory", "MiB", Better::Less);
const IDLE_CPU: Measure = Measure::new("idle CPU", "% of a core", Better::Less);
const VERY_FIRST_GROUP: Measure =
    Measure::new("first record, first group of the broker, raw client", "ms", Better::Less);
const RAW_GROUP: Measure = Measure::plotted("first record in a new group, raw client", "ms", Better::Less);
const CLIENT_GROUP: Measure = Measure::plotted("first record in a new group, librdkafka", "ms", Better::Less);

const PROMISE: Promise = Promise::figure("idle memory", IDLE_RSS, Kind::Barnabas, (15.0, 8.0));

pub(super) fn run(common: &Common, options: &Footprint) -> Result<Written> {
    let python = Python::new()?;
    let kinds = common.wanted(&DEFAULTS);
    let setup = Setup::new(common, &kinds)?;
    let starts = (common.sized(options.starts as f64) as usize).max(1);
    let mut report = Report::new("footprint", "Start, memory and first records", Rounds::Named);
    report.promise(&[PROMISE]);
    report.say(&format!(
        "Start: from just before the process is started on an empty directory to the acknowledgement of one record, with \
         a client that tries to connect every {} µs and lets the topic be created by asking for it; {} starts ({} of \
         Apache Kafka, whose directory is formatted before the clock starts). At rest: resident memory and CPU time over \
         {} s of a broker with one topic. Groups: from the first request (or from creating librdkafka's consumer) to the \
         first record of a topic that has one, default settings on both sides.",
        POLL.as_micros(),
        starts,
        starts.min(MAX_KAFKA_STARTS),
        REST.as_secs()
    ));
    for round in 0..starts {
        for kind in &kinds {
            if !kind.is_kafka() || round < MAX_KAFKA_STARTS {
                eprintln!("start {}: {}", round + 1, kind.label());
                start(*kind, &setup, &mut report)?;
            }
        }
    }
    for kind in &kinds {
        at_rest(*kind, common, &setup, &mut report)?;
    }
    for kind in kinds.iter().filter(|kind| **kind != Kind::Null) {
        groups(*kind, options, &setup, &python, &mut report)?;
    }
    report.write(common)
}

fn start(kind: Kind, setup: &Setup, report: &mut Report) -> Result<()> {
    let request = wire::produce(TOPIC, 0, &wire::batch(1, 100)?);
    let peer = Peer::spawn(kind, setup)?;
    let mut client = Client::connect_when_up(peer.address, POLL)?;
    client.wait_for_leaders(TOPIC, POLL)?;
    client.produce_when_possible(&request, POLL)?;
    report.add(FIRST_ACK, kind, Phase::Measured, peer.started.elapsed().as_secs_f64() * 1000.0);
    report.add(FIRST_ACK_RSS, kind, Phase::Measured, process::rss_mib(peer.pid())?);
    Ok(())
}

fn at_rest(kind: Kind, common: &Common, setup: &Setup, report: &mut Report) -> Result<()> {
    for round in 0..common.rounds.min(MAX_REST_ROUNDS) {
        eprintln!("at rest {}: {}", round + 1, kind.label());
        let peer = Peer::start(kind, setup)?;
        std::thread::sleep(REST);
        let before = process::cpu_seconds(peer.pid())?;
        std::thread::sleep(REST);
        let cpu = process::cpu_seconds(peer.pid())? - before;
        report.add(IDLE_RSS, kind, Phase::Measured, process::rss_mib(peer.pid())?);
        report.add(IDLE_CPU, kind, Phase::Measured, cpu * 100.0 / REST.as_secs_f64());
    }
    Ok(())
}

fn groups(kind: Kind, options: &Footprint, setup: &Setup, python: &Python, report: &mut Report) -> Result<()> {
    let peer = Peer::start(kind, setup)?;
    let mut client = peer.client()?;
    client.create_topic(TOPIC, 1)?;
    client.produce(&wire::produce(TOPIC, 0, &wire::batch(1, 100)?))?;
    eprintln!("first group: {}", kind.label());
    let first = group::first_record(peer.address, TOPIC, "group-0")?;
    report.add(VERY_FIRST_GROUP, kind, Phase::Measured, first.as_secs_f64() * 1000.0);
    for number in 1..=options.groups {
        eprintln!("group {number}: {}", kind.label());
        let took = group::first_record(peer.address, TOPIC, &format!("group-{number}"))?;
        report.add(RAW_GROUP, kind, Phase::Measured, took.as_secs_f64() * 1000.0);
        let arguments = [peer.address.to_string(), TOPIC.to_owned(), format!("librdkafka-{number}")];
        let result = python.start("first_record.py", &arguments)?.result()?;
        report.add(CLIENT_GROUP, kind, Phase::Measured, result["ms"].as_f64().context("no result")?);
    }
    Ok(())
}
