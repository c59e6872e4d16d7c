//! Command line arguments. Their defaults are what the reports in docs/bench are made with.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::kind::Kind;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures the broker beside a null server and Apache Kafka")]
pub(crate) struct Bench {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub what: What,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Whom to measure.
    #[arg(long, global = true, value_delimiter = ',', default_value = "null,barnabas,kafka")]
    pub peers: Vec<Family>,
    /// Another broker to measure, as a shell command with {port} and {dir} in it. It must speak Kafka's protocol.
    #[arg(long, global = true, value_name = "COMMAND")]
    pub other: Option<String>,
    /// Measured rounds; each runs every peer once.
    #[arg(long, global = true, default_value_t = 5)]
    pub rounds: usize,
    /// Rounds before them. The first one is reported as cold.
    #[arg(long, global = true, default_value_t = 3)]
    pub warm_rounds: usize,
    /// Two rounds after one, and a quarter of every duration and amount: shows that it works, not how well.
    #[arg(long, global = true)]
    pub quick: bool,
    /// Do not take free memory as page cache before measuring.
    #[arg(long, global = true)]
    pub leave_memory_cold: bool,
    /// The broker's executable. Without it a release build is made and taken.
    #[arg(long, global = true)]
    pub broker: Option<PathBuf>,
    /// A setting for our broker; may be repeated.
    #[arg(long = "override", global = true, value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Where reports go. Default: docs/bench.
    #[arg(long, global = true)]
    pub out: Option<PathBuf>,
}

const QUICK_ROUNDS: usize = 2;
const QUICK_WARM_ROUNDS: usize = 1;
const QUICK_SHARE: f64 = 0.25;

impl Common {
    /// With the rounds that a quick run has, and paths that hold in any folder: brokers are started in their own.
    pub(crate) fn resolved(mut self) -> Result<Self> {
        if self.quick {
            self.rounds = self.rounds.min(QUICK_ROUNDS);
            self.warm_rounds = self.warm_rounds.min(QUICK_WARM_ROUNDS);
        }
        if let Some(broker) = &mut self.broker {
            *broker = broker.canonicalize().with_context(|| {
                format!(
                    "there is no executable {}; --broker takes its path, and without it one is built",
                    broker.display()
                )
            })?;
        }
        Ok(self)
    }

    /// A duration or an amount; less of it in a quick run.
    pub(crate) fn sized(&self, full: f64) -> f64 {
        if self.quick { full * QUICK_SHARE } else { full }
    }

    /// The wanted ones of these.
    pub(crate) fn wanted(&self, kinds: &[Kind]) -> Vec<Kind> {
        let is_wanted = |kind: &Kind| match kind.family() {
            Some(family) => self.peers.contains(&family),
            None => *kind != Kind::Other || self.other.is_some(),
        };
        kinds.iter().copied().filter(is_wanted).collect()
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    Null,
    Barnabas,
    Kafka,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Run the null server.
    Null {
        #[arg(long)]
        port: u16,
    },
    /// One record per request, one request in flight on each connection.
    Requests(Requests),
    /// The same in durable mode, beside the page cache and a Kafka that syncs every message.
    Durable(Durable),
    /// How late acknowledgements are in durable mode, beside a bare write and fdatasync.
    AckLatency(AckLatency),
    /// Records sent by librdkafka, in large and in small batches.
    Produce(Produce),
    /// Compressed batches that were encoded before.
    Gzip(Gzip),
    /// One record per request on one pipelined connection, at fixed rates.
    Openloop(Openloop),
    /// Reading a full topic from its start, by one consumer and by many.
    Fetch(Fetch),
    /// Many consumers at the tail of one topic.
    Fanout(Fanout),
    /// Start-up time, memory, idle CPU and the first record of a new group.
    Footprint(Footprint),
    /// Memory of idle connections.
    Connections(Connections),
    /// Many partitions: creation, restart, memory and idle CPU.
    Partitions(Partitions),
    /// The start after kill -9 under load, and that nothing acknowledged is missing.
    Recovery(Recovery),
    /// Latency while segments roll, retention deletes and compaction runs, beside the same load without.
    Disturbance(Disturbance),
    /// KafkaJS and kafka-python, one message at a time; Kafka's own performance tools.
    Clients(Clients),
    /// Counts instructions per request under valgrind and compares them with benches/instructions.json.
    Instructions(Instructions),
    /// Every measurement, one after the other.
    All,
}

/// What an option group is without arguments.
pub(crate) fn defaults<T: Args + FromArgMatches>() -> T {
    let matches: ArgMatches = T::augment_args(Command::new("bench")).get_matches_from(["bench"]);
    // The defaults are literals in this file, and a test goes through all of them.
    T::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Requests {
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    #[arg(long, default_value_t = 1)]
    pub partitions: i32,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Durable {
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    #[arg(long, default_value_t = 256)]
    pub partitions: i32,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct AckLatency {
    /// Requests per second on one connection.
    #[arg(long, default_value_t = 1000)]
    pub rate: u32,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Produce {
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    /// GB of values per round in large batches.
    #[arg(long, default_value_t = 1.5)]
    pub gb: f64,
    /// GB of values per round in batches of 16 records.
    #[arg(long, default_value_t = 0.4)]
    pub small_gb: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Gzip {
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    /// Records in a batch.
    #[arg(long, default_value_t = 500)]
    pub records: usize,
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Openloop {
    /// Requests per second, step by step. A peer that falls behind is not asked for more.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,40000")]
    pub rates: Vec<u32>,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Look for the highest rate with p99 below 10 ms instead of going through the rates.
    #[arg(long)]
    pub find_knee: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Fetch {
    /// GB of values in the topic; every round reads all of it.
    #[arg(long, default_value_t = 1.0)]
    pub gb: f64,
    /// Bytes asked for per request.
    #[arg(long, default_value_t = 1 << 20)]
    pub max_bytes: i32,
    /// Consumers that read at the same time in the second part; together they read the topic this often by its size
    /// divided by the same number.
    #[arg(long, default_value_t = 16)]
    pub consumers: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Fanout {
    #[arg(long, default_value_t = 10)]
    pub consumers: usize,
    /// Batches per second that are written.
    #[arg(long, default_value_t = 500)]
    pub rate: u32,
    /// KiB in a batch.
    #[arg(long, default_value_t = 64)]
    pub batch_kib: usize,
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Footprint {
    /// Starts on an empty directory.
    #[arg(long, default_value_t = 10)]
    pub starts: usize,
    /// New groups per peer and client.
    #[arg(long, default_value_t = 5)]
    pub groups: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Connections {
    #[arg(long, default_value_t = 1000)]
    pub connections: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Partitions {
    #[arg(long, default_value_t = 10_000)]
    pub partitions: usize,
    /// Of Apache Kafka, which needs long for many.
    #[arg(long, default_value_t = 1000)]
    pub kafka_partitions: usize,
    /// Seconds of rest that idle CPU is measured over.
    #[arg(long, default_value_t = 10.0)]
    pub rest: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Recovery {
    /// GB on disk when the broker is killed.
    #[arg(long, default_value_t = 10.0)]
    pub gb: f64,
    /// The same for Apache Kafka.
    #[arg(long, default_value_t = 2.0)]
    pub kafka_gb: f64,
    #[arg(long, default_value_t = 100)]
    pub partitions: i32,
    /// Kills per peer.
    #[arg(long, default_value_t = 3)]
    pub kills: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Disturbance {
    /// Requests per second on the measured connection.
    #[arg(long, default_value_t = 2000)]
    pub rate: u32,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    /// Seconds of each of the two parts of a round.
    #[arg(long, default_value_t = 6.0)]
    pub seconds: f64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Clients {
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    /// Seconds per round of one message at a time.
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Records per round of Kafka's performance tools.
    #[arg(long, default_value_t = 300_000)]
    pub records: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Instructions {
    /// Keep what is counted instead of comparing.
    #[arg(long)]
    pub write: bool,
    /// Another file of figures.
    #[arg(long)]
    pub figures: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_options_has_its_defaults() {
        assert_eq!(defaults::<Requests>().connections, 64);
        assert_eq!(defaults::<Durable>().partitions, 256);
        assert_eq!(defaults::<AckLatency>().rate, 1000);
        assert_eq!(defaults::<Produce>().size, 1000);
        assert_eq!(defaults::<Gzip>().records, 500);
        assert_eq!(defaults::<Openloop>().rates.len(), 3);
        assert_eq!(defaults::<Fetch>().consumers, 16);
        assert_eq!(defaults::<Fanout>().consumers, 10);
        assert_eq!(defaults::<Footprint>().starts, 10);
        assert_eq!(defaults::<Connections>().connections, 1000);
        assert_eq!(defaults::<Partitions>().partitions, 10_000);
        assert_eq!(defaults::<Recovery>().partitions, 100);
        assert_eq!(defaults::<Disturbance>().rate, 2000);
        assert_eq!(defaults::<Clients>().size, 1000);
    }

    #[test]
    fn a_quick_run_is_short_and_other_brokers_need_a_command() {
        let bench = Bench::parse_from(["bench", "all", "--quick", "--peers", "barnabas"]);
        let common = bench.common.resolved().unwrap();
        assert_eq!((common.rounds, common.warm_rounds), (2, 1));
        assert_eq!(common.sized(8.0), 2.0);
        let kinds = [Kind::Null, Kind::Durable, Kind::PageCache, Kind::Kafka, Kind::Other, Kind::Disk];
        assert_eq!(common.wanted(&kinds), [Kind::Durable, Kind::PageCache, Kind::Disk]);
    }
    #[test]
    fn the_broker_is_found_from_any_folder() {
        let resolved = |path: &str| Bench::parse_from(["bench", "all", "--broker", path]).common.resolved();
        // Tests run in the package's folder.
        assert!(resolved("Cargo.toml").unwrap().broker.unwrap().is_absolute());
        let error = resolved("no/such/broker").unwrap_err();
        assert!(format!("{error:#}").starts_with("there is no executable no/such/broker"), "{error:#}");
    }
}
