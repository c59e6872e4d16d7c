//! How late acknowledgements are in durable mode, beside what the disk itself takes: a bare write and fdatasync at the
//! same rate, by turns.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{TOPIC, phase};
use crate::args::{AckLatency, Common};
use crate::kind::Kind;
use crate::load::open::{self, Plan};
use crate::peer::{Peer, Setup};
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::stats::percentile;
use crate::{wire, workspace};

const KINDS: [Kind; 4] = [Kind::Null, Kind::Durable, Kind::KafkaSync, Kind::Other];
const P50: Measure = Measure::plotted("latency p50", "ms", Better::Less);
const P99: Measure = Measure::plotted("latency p99", "ms", Better::Less);
const ANSWERED: Measure = Measure::new("answered in time", "% of requests", Better::More);

const BLOCK: usize = 4096;
const FILE_BYTES: usize = 64 << 20;
/// How long the bare disk may go on after its last block was due.
const LATE: Duration = Duration::from_millis(100);

const PROMISES: [Promise; 2] = [
    Promise::ratio(
        "durable acknowledgement p50 at 1,000/s vs bare write + fdatasync",
        P50,
        (Kind::Durable, Kind::Disk),
        (3.0, 1.5),
    ),
    Promise::ratio(
        "durable acknowledgement p99 at 1,000/s vs bare write + fdatasync",
        P99,
        (Kind::Durable, Kind::Disk),
        (5.0, 2.0),
    ),
];

pub(super) fn run(common: &Common, options: &AckLatency) -> Result<Written> {
    let kinds = common.wanted(&KINDS);
    let setup = Setup::new(common, &kinds)?;
    let peers = Peer::start_all(&kinds, &setup)?;
    let mut report = Report::new("ack-latency", "Latency of durable acknowledgements", Rounds::Interleaved);
    report.promise(&PROMISES);
    let seconds = common.sized(options.seconds);
    report.say(&format!(
        "One connection, {} requests/s of one record of {} bytes, acks=all, on schedule for {seconds} s; latency counts from \
         the time a request was due to its acknowledgement. Bare disk: pwrite and fdatasync of {BLOCK} bytes into a file of \
         {} MiB that was written before, at the same rate and on the same disk, counted from the same times.",
        options.rate,
        options.size,
        FILE_BYTES >> 20
    ));
    let requests = [wire::produce(TOPIC, 0, &wire::batch(1, options.size)?)];
    for peer in &peers {
        super::note_durability(peer, &mut report);
        peer.client()?.create_topic(TOPIC, 1)?;
    }
    let mut disk = BareDisk::new(&workspace::scratch()?)?;
    let duration = Duration::from_secs_f64(seconds);
    for round in 0..common.warm_rounds + common.rounds {
        let phase = phase(common, round);
        // Those who are compared directly follow each other.
        for peer in &peers {
            eprintln!("round {}: {}", round + 1, peer.kind.label());
            let plan = Plan { address: peer.address, topic: TOPIC, requests: &requests, rate: options.rate, duration };
            let outcome = open::run(&plan)?;
            add(&mut report, peer.kind, phase, &outcome);
            if peer.kind == Kind::Durable {
                let outcome = disk.run(options.rate, duration)?;
                add(&mut report, Kind::Disk, phase, &outcome);
            }
        }
    }
    report.write(common)
}

fn add(report: &mut Report, kind: Kind, phase: Phase, outcome: &open::Outcome) {
    let millis = |share| f64::from(percentile(&outcome.latencies_us, share)) / 1000.0;
    report.add(P50, kind, phase, millis(0.5));
    report.add(P99, kind, phase, millis(0.99));
    let share = outcome.latencies_us.len() as f64 / (outcome.due.max(1)) as f64;
    report.add(ANSWERED, kind, phase, share * 100.0);
}

/// A file whose blocks are all written, so that a sync has data to write and no metadata.
struct BareDisk {
    file: File,
    at: usize,
}

impl BareDisk {
    fn new(dir: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        file.write_all_at(&vec![0; FILE_BYTES], 0)?;
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// One block per due time, one after the other, counted as the broker's answers are: who waits behind a slow sync is late,
    /// too.
    fn run(&mut self, rate: u32, duration: Duration) -> Result<open::Outcome> {
        let block = [7; BLOCK];
        let due = (f64::from(rate) * duration.as_secs_f64()) as u64;
        open::sleep_precisely();
        let start = Instant::now();
        let mut latencies_us = Vec::new();
        for number in 1..=due {
            let due_at = start + open::due_after(number, rate);
            std::thread::sleep(due_at.saturating_duration_since(Instant::now()));
            if start.elapsed() > duration + LATE {
                break;
            }
            self.file.write_all_at(&block, self.at as u64)?;
            self.file.sync_data()?;
            self.at = (self.at + BLOCK) % FILE_BYTES;
            latencies_us.push(u32::try_from(due_at.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        latencies_us.sort_unstable();
        Ok(open::Outcome { latencies_us, due })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::BareDisk;

    #[test]
    fn due_blocks_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let outcome = BareDisk::new(dir.path()).unwrap().run(1000, Duration::from_millis(20)).unwrap();
        assert_eq!(outcome.due, 20);
        assert!(!outcome.latencies_us.is_empty());
    }
}
