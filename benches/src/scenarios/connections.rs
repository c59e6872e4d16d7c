//! What connections cost that sent one request and then nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{DEFAULTS, TOPIC};
use crate::args::{Common, Connections};
use crate::kind::Kind;
use crate::peer::{Peer, Setup};
use crate::process;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::wire;

const PER_CONNECTION: Measure = Measure::plotted("memory per idle connection", "KiB", Better::Less);
const IDLE: Measure = Measure::new("memory before them", "MiB", Better::Less);
const RECORD_SIZE: usize = 1000;
/// Connections that are opened and closed first, so that what is needed once is not divided among the others.
const BEFORE: usize = 50;
/// Time for buffers to be given back.
const REST: Duration = Duration::from_secs(2);
const MAX_ROUNDS: usize = 3;
const KIB_PER_MIB: f64 = 1024.0;

const PROMISE: Promise = Promise::figure("memory per idle connection", PER_CONNECTION, Kind::Barnabas, (8.0, 2.0));

pub(super) fn run(common: &Common, options: &Connections) -> Result<Written> {
    let mut report = Report::new("connections", "Idle connections", Rounds::Named);
    let kinds = common.wanted(&DEFAULTS);
    let setup = Setup::new(common, &kinds)?;
    report.promise(&[PROMISE]);
    let rounds = common.rounds.min(MAX_ROUNDS);
    report.say(&format!(
        "{} connections that each sent one record of {RECORD_SIZE} bytes and got its acknowledgement, then rested for {} s: \
         growth of the broker's resident memory, divided by their number. {BEFORE} connections came and went before. \
         {rounds} fresh brokers of each kind.",
        options.connections,
        REST.as_secs()
    ));
    for round in 0..rounds {
        for kind in &kinds {
            eprintln!("round {}: {}", round + 1, kind.label());
            measure(&Peer::start(*kind, &setup)?, options.connections, &mut report)?;
        }
    }
    report.write(common)
}

fn measure(peer: &Peer, count: usize, report: &mut Report) -> Result<()> {
    peer.client()?.create_topic(TOPIC, 1)?;
    let request = wire::produce(TOPIC, 0, &wire::batch(1, RECORD_SIZE)?);
    drop(open(peer, BEFORE, &request)?);
    std::thread::sleep(REST);
    let before = process::rss_mib(peer.pid())?;
    let connections = open(peer, count, &request)?;
    std::thread::sleep(REST);
    let growth = process::rss_mib(peer.pid())? - before;
    drop(connections);
    report.add(IDLE, peer.kind, Phase::Measured, before);
    report.add(PER_CONNECTION, peer.kind, Phase::Measured, growth * KIB_PER_MIB / count as f64);
    Ok(())
}

/// Connections whose request was answered.
fn open(peer: &Peer, count: usize, request: &[u8]) -> Result<Vec<TcpStream>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(peer.address).context("cannot open so many connections (see ulimit -n)")?;
        stream.write_all(request)?;
        let mut size = [0; 4];
        stream.read_exact(&mut size)?;
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        stream.read_exact(&mut answer)?;
        connections.push(stream);
    }
    Ok(connections)
}
