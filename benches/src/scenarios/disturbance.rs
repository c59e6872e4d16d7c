//! What housekeeping does to latency: the same load on the same broker, by turns on topics that are left alone and on
//! topics whose segments roll, are deleted and are compacted all the time.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;

use super::{BROKERS, phase, start_with, unless_others};
use crate::args::{Common, Disturbance};
use crate::kind::Kind;
use crate::load::open::{self, Plan};
use crate::peer::Peer;
use crate::report::{Better, Measure, Phase, Promise, Report, Rounds, Written};
use crate::stats::percentile;
use crate::warm::WarmMemory;
use crate::wire;

/// Of everybody, so that the quiet part has the same settings.
const SETTINGS: [&str; 3] =
    ["log.retention.check.interval.ms=500", "log.cleaner.backoff.ms=200", "log.initial.task.delay.ms=500"];
const SEGMENT_BYTES: &str = "1048576";
const RETENTION_BYTES: &str = "4194304";
/// In a quick run, too: less does not write so much that retention and compaction have anything to do.
const MIN_SECONDS: f64 = 4.0;
/// Keys of the compacted topic: every one is written many times.
const KEYS: usize = 50;
/// Requests per second of the other connection, whose topic is compacted in the disturbed part.
const KEYED_RATE: u32 = 2000;
const EARLIEST: i64 = -2;
const MAX_ROUNDS: usize = 3;
const CHECKPOINT: &str = "cleaner-offset-checkpoint";
/// Housekeeping of the last part must not reach into the next one.
const CALM: Duration = Duration::from_secs(1);

const QUIET: Measure = Measure::plotted("p99.9, nothing else happens", "ms", Better::Less);
const DISTURBED: Measure = Measure::plotted("p99.9, rolls, retention and compaction", "ms", Better::Less);
const FACTOR: Measure = Measure::plotted("p99.9 disturbed / quiet", "times", Better::Less);
const DELETED: Measure = Measure::new("records deleted by retention meanwhile", "records", Better::More);

const PROMISE: Promise =
    Promise::figure("p99.9 during retention, roll and compaction vs quiet", FACTOR, Kind::Barnabas, (3.0, 1.2));

pub(super) fn run(common: &Common, options: &Disturbance) -> Result<Written> {
    let mut report = Report::new("disturbance", "Latency during housekeeping", Rounds::Named);
    let (_setup, peers) = start_with(&SETTINGS, common, &BROKERS, &mut report)?;
    report.promise(&[PROMISE]);
    let seconds = common.sized(options.seconds).max(MIN_SECONDS.min(options.seconds));
    let rounds = common.rounds.min(MAX_ROUNDS);
    report.say(&format!(
        "Two connections with requests of one record of {} bytes on schedule: {}/s whose latency is measured, and {KEYED_RATE}/s \
         of {KEYS} keys to another topic; {seconds} s each by turns. Quiet: topics with default settings. Disturbed: the first \
         with segments of {SEGMENT_BYTES} bytes of which {RETENTION_BYTES} bytes are kept, the second compacted as soon as \
         there is anything to compact. That retention deleted and the cleaner ran is checked. {rounds} rounds after one to \
         warm up.",
        options.size, options.rate
    ));
    let mut memory = WarmMemory::new(!common.leave_memory_cold)?;
    let common = Common { warm_rounds: 1, rounds, ..common.clone() };
    for round in 0..=rounds {
        for peer in &peers {
            eprintln!("round {}: {}", round + 1, peer.kind.label());
            memory.top_up()?;
            let parts = Parts { peer, options, seconds, round };
            let measured = parts.measure(phase(&common, round), &mut report);
            unless_others(peer, measured, &mut report)?;
        }
    }
    report.write(&common)
}

/// One round of one peer.
struct Parts<'a> {
    peer: &'a Peer,
    options: &'a Disturbance,
    seconds: f64,
    round: usize,
}

impl Parts<'_> {
    fn measure(&self, phase: Phase, report: &mut Report) -> Result<()> {
        // Every other round has them in the other order, so that none always comes second.
        let order = if self.round.is_multiple_of(2) { [false, true] } else { [true, false] };
        let mut millis = [0.0; 2];
        for is_disturbed in order {
            millis[usize::from(is_disturbed)] = self.part(is_disturbed)?;
            std::thread::sleep(CALM);
        }
        let kind = self.peer.kind;
        report.add(QUIET, kind, phase, millis[0]);
        report.add(DISTURBED, kind, phase, millis[1]);
        report.add(FACTOR, kind, phase, millis[1] / millis[0]);
        let start = self.peer.client()?.offsets(&self.name("plain", true), 1, EARLIEST)?[0];
        report.add(DELETED, kind, phase, start as f64);
        if start <= 0 {
            bail!("{}: retention deleted nothing, so nothing was disturbed; use a longer --seconds", kind.label());
        }
        let keyed = self.name("keyed", true);
        if !is_cleaned(&self.peer.data_dir(), &keyed)? {
            bail!("{}: {keyed} was never compacted; use a longer --seconds", kind.label());
        }
        Ok(())
    }

    fn name(&self, what: &str, is_disturbed: bool) -> String {
        format!("{what}-{}-{}", if is_disturbed { "disturbed" } else { "quiet" }, self.round)
    }

    /// p99.9 in milliseconds.
    fn part(&self, is_disturbed: bool) -> Result<f64> {
        let (plain, keyed) = (self.name("plain", is_disturbed), self.name("keyed", is_disturbed));
        let mut client = self.peer.client()?;
        let (plain_configs, keyed_configs): (&[_], &[_]) = if is_disturbed {
            (
                &[
                    ("segment.bytes", SEGMENT_BYTES),
                    ("retention.bytes", RETENTION_BYTES),
                    ("file.delete.delay.ms", "1000"),
                ],
                &[
                    ("segment.bytes", SEGMENT_BYTES),
                    ("cleanup.policy", "compact"),
                    ("min.cleanable.dirty.ratio", "0.01"),
                ],
            )
        } else {
            (&[], &[])
        };
        client.create_topics(std::slice::from_ref(&plain), 1, plain_configs)?;
        client.create_topics(std::slice::from_ref(&keyed), 1, keyed_configs)?;
        client.wait_until_writable(&plain, 1)?;
        client.wait_until_writable(&keyed, 1)?;
        let requests = [
            vec![wire::produce(&plain, 0, &wire::batch(1, self.options.size)?)],
            keyed_batches(self.options.size)?.iter().map(|batch| wire::produce(&keyed, 0, batch)).collect(),
        ];
        let duration = Duration::from_secs_f64(self.seconds);
        let plan = |topic, requests, rate| Plan { address: self.peer.address, topic, requests, rate, duration };
        let (plain, keyed) = (plan(&plain, &requests[0], self.options.rate), plan(&keyed, &requests[1], KEYED_RATE));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| open::run(&keyed));
            let outcome = open::run(&plain)?;
            let other = other.join().map_err(|_| anyhow::anyhow!("the other load failed"))??;
            if !outcome.kept_up() || !other.kept_up() {
                bail!("{} does not keep up with the rate", self.peer.kind.label());
            }
            Ok(f64::from(percentile(&outcome.latencies_us, 0.999)) / 1000.0)
        })
    }
}

fn keyed_batches(size: usize) -> Result<Vec<Bytes>> {
    (0..KEYS).map(|number| wire::keyed_batch(format!("key-{number}").as_bytes(), size)).collect()
}

/// Whether the cleaner noted how far it came in this topic.
fn is_cleaned(data_dir: &Path, topic: &str) -> Result<bool> {
    let path = data_dir.join(CHECKPOINT);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(names_topic(&text, topic))
}

/// Lines of the file are: topic, partition, offset.
fn names_topic(checkpoint: &str, topic: &str) -> bool {
    checkpoint.lines().any(|line| line.split(' ').next() == Some(topic) && !line.ends_with(" 0"))
}

#[cfg(test)]
mod tests {
    use super::names_topic;

    #[test]
    fn a_cleaned_topic_is_in_the_checkpoint() {
        let text = "0\n2\nkeyed-disturbed-1 0 4711\nother 0 0\n";
        assert!(names_topic(text, "keyed-disturbed-1"));
        assert!(!names_topic(text, "keyed-disturbed-10"));
        assert!(!names_topic(text, "other"));
    }
}
