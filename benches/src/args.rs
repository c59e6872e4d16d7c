//! Command line arguments. Their defaults are what the reports in docs/bench are made with.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures the broker beside a null server and Apache Kafka")]
pub(crate) struct Bench {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub what: What,
}

#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Whom to measure.
    #[arg(long, global = true, value_delimiter = ',', default_value = "null,barnabas,kafka")]
    pub peers: Vec<Kind>,
    /// Measured rounds; each runs every peer once.
    #[arg(long, global = true, default_value_t = 5)]
    pub rounds: usize,
    /// Rounds before them. The first one is reported as cold.
    #[arg(long, global = true, default_value_t = 3)]
    pub warm_rounds: usize,
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

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Null,
    Barnabas,
    Kafka,
}

impl Kind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Null => "null server",
            Self::Barnabas => "Barnabas",
            Self::Kafka => "Apache Kafka",
        }
    }
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
    /// Records sent by librdkafka, in large and in small batches.
    Produce(Produce),
    /// One record per request on one pipelined connection, at fixed rates.
    Openloop(Openloop),
    /// Reading a full topic from its start.
    Fetch(Fetch),
    /// Start-up time, memory, idle CPU and the first record of a new group.
    Footprint(Footprint),
    /// Everything, one after the other.
    All,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Requests {
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    #[arg(long, default_value_t = 1)]
    pub partitions: i32,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

impl Default for Requests {
    fn default() -> Self {
        Self { connections: 64, partitions: 1, size: 1000, seconds: 3.0 }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Produce {
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    /// GB of values per round in large batches.
    #[arg(long, default_value_t = 0.5)]
    pub gb: f64,
    /// GB of values per round in batches of 16 records.
    #[arg(long, default_value_t = 0.2)]
    pub small_gb: f64,
}

impl Default for Produce {
    fn default() -> Self {
        Self { size: 1000, gb: 0.5, small_gb: 0.2 }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Openloop {
    /// Requests per second, step by step. A peer that falls behind is not asked for more.
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,10000,20000,40000")]
    pub rates: Vec<u32>,
    #[arg(long, default_value_t = 1000)]
    pub size: usize,
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

impl Default for Openloop {
    fn default() -> Self {
        Self { rates: vec![1000, 5000, 10_000, 20_000, 40_000], size: 1000, seconds: 3.0 }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Fetch {
    /// GB of values in the topic; every round reads all of it.
    #[arg(long, default_value_t = 1.0)]
    pub gb: f64,
    /// Bytes asked for per request.
    #[arg(long, default_value_t = 1 << 20)]
    pub max_bytes: i32,
}

impl Default for Fetch {
    fn default() -> Self {
        Self { gb: 1.0, max_bytes: 1 << 20 }
    }
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

impl Default for Footprint {
    fn default() -> Self {
        Self { starts: 10, groups: 5 }
    }
}
