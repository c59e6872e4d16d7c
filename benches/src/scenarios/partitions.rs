//! Many partitions: how long until all of them can be written, what they cost at rest, and how long a clean restart
//! takes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{BROKERS, MILLIS_PER_SECOND};
use crate::args::{Common, Partitions};
use crate::client::Client;
use crate::kind::Kind;
use crate::peer::{Peer, Setup};
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::{process, wire};

const PER_TOPIC: usize = 100;
/// Topics in one request of ours.
const TOPICS_AT_ONCE: usize = 10;
const RECORD_SIZE: usize = 100;
const POLL: Duration = Duration::from_micros(500);
const LIMIT: Duration = Duration::from_secs(180);
const SETTLE: Duration = Duration::from_secs(2);
const KIB_PER_MIB: f64 = 1024.0;

const CREATED: Measure = Measure::plotted("create until every partition took a record", "ms", Better::Less);
const LED: Measure = Measure::new("create until every partition has a leader", "ms", Better::Less);
const PER_EMPTY: Measure = Measure::plotted("memory per partition without records", "KiB", Better::Less);
const PER_USED: Measure = Measure::new("memory per partition with one record", "KiB", Better::Less);
const PER_RESTARTED: Measure = Measure::new("memory per partition after the restart", "KiB", Better::Less);
const IDLE_CPU: Measure = Measure::plotted("idle CPU", "% of a core", Better::Less);
const STOP: Measure = Measure::new("clean stop", "ms", Better::Less);
const ANSWERS: Measure = Measure::new("start to first metadata answer with all leaders", "ms", Better::Less);
const READY: Measure = Measure::plotted("start to first acknowledged produce", "ms", Better::Less);

const PROMISES: [Promise; 4] = [
    Promise::figure("10,000 partitions: create until all can be written", CREATED, Kind::Barnabas, (5000.0, 600.0)),
    Promise::figure("10,000 partitions: clean restart to first acknowledgement", READY, Kind::Barnabas, (300.0, 150.0)),
    Promise::figure("10,000 partitions: idle CPU", IDLE_CPU, Kind::Barnabas, (0.5, 0.1)),
    Promise::figure("memory per idle partition", PER_EMPTY, Kind::Barnabas, (2.0, 0.39)),
];

pub(super) fn run(common: &Common, options: &Partitions) -> Result<Written> {
    let mut report = Report::new("partitions", "Many partitions", Rounds::Named);
    let kinds = common.wanted(&BROKERS);
    let setup = Setup::new(common, &kinds)?;
    report.promise(&PROMISES);
    let counts = [options.partitions, options.kafka_partitions].map(|count| rounded(common.sized(count as f64)));
    report.say(&format!(
        "{} partitions in topics of {PER_TOPIC}; Apache Kafka with {} (its figures are for those). Created by {TOPICS_AT_ONCE} \
         topics per request; every partition then takes one record. Idle CPU over {} s. The restart is a clean one, from just \
         before the process is started; the produce goes to the last partition.",
        counts[0], counts[1], options.rest
    ));
    // Kept until all are measured: ext4 does not use the inodes of deleted files again for minutes, and creating files takes
    // many times as long while it looks for others.
    let mut done = Vec::new();
    for kind in kinds {
        let count = if kind.is_kafka() { counts[1] } else { counts[0] };
        let mut peer = measure(kind, &setup, count, common.sized(options.rest), &mut report)?;
        peer.kill()?;
        done.push(peer);
    }
    report.write(common)
}

/// Whole topics, one at least.
fn rounded(partitions: f64) -> usize {
    ((partitions / PER_TOPIC as f64).round() as usize).max(1) * PER_TOPIC
}

fn measure(kind: Kind, setup: &Setup, count: usize, rest: f64, report: &mut Report) -> Result<Peer> {
    eprintln!("{}: {count} partitions", kind.label());
    let names: Vec<String> = (0..count / PER_TOPIC).map(|number| format!("many-{number}")).collect();
    let mut peer = Peer::start(kind, setup)?;
    std::thread::sleep(SETTLE);
    let empty_mib = process::rss_mib(peer.pid())?;
    let mut add = |measure, value| report.add(measure, kind, Phase::Measured, value);
    let begun = Instant::now();
    let mut client = peer.client()?;
    for some in names.chunks(TOPICS_AT_ONCE) {
        client.create_topics(some, i32::try_from(PER_TOPIC)?, &[])?;
    }
    until_led(&mut client, &names)?;
    let led = begun.elapsed();
    add(LED, led.as_secs_f64() * MILLIS_PER_SECOND);
    // Memory is looked at while nothing was written; that does not count as time to create.
    std::thread::sleep(SETTLE);
    add(PER_EMPTY, per_partition(&peer, empty_mib, count)?);
    let resumed = Instant::now();
    write_to_all(&mut client, &names)?;
    add(CREATED, (led + resumed.elapsed()).as_secs_f64() * MILLIS_PER_SECOND);
    std::thread::sleep(SETTLE);
    add(PER_USED, per_partition(&peer, empty_mib, count)?);
    let before = process::cpu_seconds(peer.pid())?;
    std::thread::sleep(Duration::from_secs_f64(rest));
    add(IDLE_CPU, (process::cpu_seconds(peer.pid())? - before) * 100.0 / rest);
    drop(client);
    add(STOP, peer.stop()?.as_secs_f64() * MILLIS_PER_SECOND);
    peer.start_again(setup)?;
    let (answers, ready) = restart(&peer, &names)?;
    add(ANSWERS, answers.as_secs_f64() * MILLIS_PER_SECOND);
    add(READY, ready.as_secs_f64() * MILLIS_PER_SECOND);
    std::thread::sleep(SETTLE);
    add(PER_RESTARTED, per_partition(&peer, empty_mib, count)?);
    Ok(peer)
}

fn per_partition(peer: &Peer, empty_mib: f64, count: usize) -> Result<f64> {
    Ok((process::rss_mib(peer.pid())? - empty_mib) * KIB_PER_MIB / count as f64)
}

fn until_led(client: &mut Client, names: &[String]) -> Result<()> {
    let begun = Instant::now();
    while !client.are_led(names, PER_TOPIC)? {
        if begun.elapsed() > LIMIT {
            bail!("not all partitions have leaders after {} s", LIMIT.as_secs());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// One record for each partition; what is refused is sent again.
fn write_to_all(client: &mut Client, names: &[String]) -> Result<()> {
    let batch = wire::batch(1, RECORD_SIZE)?;
    let indexes: Vec<i32> = (0..i32::try_from(PER_TOPIC)?).collect();
    let begun = Instant::now();
    for name in names {
        let mut left = indexes.clone();
        while !left.is_empty() {
            let codes = client.produce_to_many(&wire::produce_to_many(&[(name, &left)], &batch))?;
            let taken: HashSet<i32> =
                codes.iter().filter(|(.., code)| *code == 0).map(|(_, index, _)| *index).collect();
            left.retain(|index| !taken.contains(index));
            if begun.elapsed() > LIMIT {
                bail!("{} partitions of {name} take no record after {} s: {codes:?}", left.len(), LIMIT.as_secs());
            }
        }
    }
    Ok(())
}

/// From the start of the process: to an answer that names all leaders, and to an acknowledgement.
fn restart(peer: &Peer, names: &[String]) -> Result<(Duration, Duration)> {
    let mut client = Client::connect_when_up(peer.address, POLL)?;
    until_led(&mut client, names)?;
    let answers = peer.started.elapsed();
    let last = names.last().context("no topics")?;
    let request = wire::produce(last, i32::try_from(PER_TOPIC)? - 1, &wire::batch(1, RECORD_SIZE)?);
    client.produce_when_possible(&request, POLL)?;
    Ok((answers, peer.started.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn partitions_are_whole_topics() {
        assert_eq!(rounded(10_000.0), 10_000);
        assert_eq!(rounded(2510.0), 2500);
        assert_eq!(rounded(3.0), 100);
    }
}
