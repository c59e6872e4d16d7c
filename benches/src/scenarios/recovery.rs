//! kill -9 under load with much on the disk: how long until the broker serves again, and that nothing it acknowledged
//! is missing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{BROKERS, BYTES_PER_GB, MILLIS_PER_SECOND, TOPIC};
use crate::args::{Common, Recovery};
use crate::client::Client;
use crate::kind::Kind;
use crate::load::fill::{Acknowledged, Plan};
use crate::peer::{Peer, Setup};
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::{wire, workspace};

const SIZE: usize = 1000;
const LARGE_RECORDS: usize = 900;
const SMALL_RECORDS: usize = 16;
const CONNECTIONS: i32 = 4;
/// Load between the filling and the kill.
const UNDER_LOAD: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(300);
const LATEST: i64 = -1;
/// Room on the disk that is left alone.
const SPARE_GB: f64 = 2.0;

const FIRST: Measure = Measure::plotted("start to first acknowledged produce", "ms", Better::Less);
const ALL: Measure = Measure::plotted("start until every partition took a record", "ms", Better::Less);
const ON_DISK: Measure = Measure::new("on disk", "GB", Better::More);
const LOST: Measure = Measure::new("acknowledged records lost", "records", Better::Less);

const PROMISES: [Promise; 2] = [
    Promise::figure(
        "ready after kill -9 under load with 10 GB in 100 partitions",
        ALL,
        Kind::Barnabas,
        (2000.0, 300.0),
    ),
    Promise::figure("acknowledged records lost by kill -9", LOST, Kind::Barnabas, (0.0, 0.0)),
];

pub(super) fn run(common: &Common, options: &Recovery) -> Result<Written> {
    let mut report = Report::new("recovery", "Start after kill -9", Rounds::Named);
    let kinds = common.wanted(&BROKERS);
    let setup = Setup::new(common, &kinds)?;
    report.promise(&PROMISES);
    let sizes = [options.gb, options.kafka_gb].map(|gb| common.sized(gb));
    report.say(&format!(
        "{} GB in {} partitions of one segment each (Apache Kafka: {} GB), then {} s of load of {SMALL_RECORDS} records per \
         request on {CONNECTIONS} connections, kill -9 in the middle of it, and the start: from just before the process is \
         started to the first acknowledgement, and until every partition took a record. The load goes on and the next kill \
         comes, {} in all. Lost is what was acknowledged and lies behind the end of its partition. The page cache is not \
         dropped.",
        sizes[0],
        options.partitions,
        sizes[1],
        UNDER_LOAD.as_secs(),
        options.kills
    ));
    for kind in kinds {
        let gb = if kind.is_kafka() { sizes[1] } else { sizes[0] };
        measure(kind, &setup, options, gb, &mut report)?;
    }
    report.write(common)
}

fn measure(kind: Kind, setup: &Setup, options: &Recovery, gb: f64, report: &mut Report) -> Result<()> {
    let free_gb = workspace::free_bytes()? as f64 / BYTES_PER_GB;
    if free_gb < gb + SPARE_GB {
        bail!("{gb} GB do not fit: {free_gb:.1} GB are free, {SPARE_GB} are to stay so; use a smaller --gb");
    }
    eprintln!("{}: filling {gb} GB", kind.label());
    let mut peer = Peer::start(kind, setup)?;
    peer.client()?.create_topic(TOPIC, options.partitions)?;
    let acknowledged = Acknowledged::new(options.partitions);
    let (large, small) = (wire::batch(LARGE_RECORDS, SIZE)?, wire::batch(SMALL_RECORDS, SIZE)?);
    let plan = |batch, records: usize| Plan {
        address: peer.address,
        topic: TOPIC,
        partitions: options.partitions,
        batch,
        records: records as i64,
        connections: CONNECTIONS,
    };
    let (filling, load) = (plan(&large, LARGE_RECORDS), plan(&small, SMALL_RECORDS));
    let batches = gb * BYTES_PER_GB / large.len() as f64 / f64::from(options.partitions);
    filling.fill((batches.round() as usize).max(1), &acknowledged)?;
    for number in 1..=options.kills {
        std::thread::scope(|scope| -> Result<()> {
            let loading = scope.spawn(|| load.until_it_dies(UNDER_LOAD, &acknowledged));
            std::thread::sleep(UNDER_LOAD + Duration::from_millis(100));
            peer.kill()?;
            loading.join().map_err(|_| anyhow::anyhow!("the load failed"))?
        })?;
        peer.start_again(setup)?;
        let (first, all, ends) = recovered(&peer, options.partitions)?;
        eprintln!("kill {number}: {}", kind.label());
        let mut add = |measure, value| report.add(measure, kind, Phase::Measured, value);
        add(FIRST, first.as_secs_f64() * MILLIS_PER_SECOND);
        add(ALL, all.as_secs_f64() * MILLIS_PER_SECOND);
        add(ON_DISK, acknowledged.records() as f64 * SIZE as f64 / BYTES_PER_GB);
        add(LOST, acknowledged.missing(&ends) as f64);
    }
    Ok(())
}

/// Time to the first acknowledgement, to one from every partition, and where partitions ended before that. The first
/// one is of another topic, so that ends are not moved by looking.
fn recovered(peer: &Peer, partitions: i32) -> Result<(Duration, Duration, Vec<i64>)> {
    let begun = Instant::now();
    let batch = wire::batch(1, SIZE)?;
    let mut client = Client::connect_when_up(peer.address, POLL).with_context(|| peer.output())?;
    client.produce_when_possible(&wire::produce("bench-is-up", 0, &batch), POLL)?;
    let first = peer.started.elapsed();
    let ends = loop {
        match client.offsets(TOPIC, partitions, LATEST) {
            Ok(ends) if ends.iter().all(|end| *end >= 0) => break ends,
            Err(error) if begun.elapsed() > LIMIT => return Err(error),
            _ => std::thread::sleep(POLL),
        }
    };
    let every: Vec<i32> = (0..partitions).collect();
    let request = wire::produce_to_many(&[(TOPIC, &every)], &batch);
    loop {
        let codes = client.produce_to_many(&request)?;
        if codes.len() == every.len() && codes.iter().all(|(.., code)| *code == 0) {
            return Ok((first, peer.started.elapsed(), ends));
        }
        if begun.elapsed() > LIMIT {
            bail!("not all partitions take records: {codes:?}");
        }
        std::thread::sleep(POLL);
    }
}
