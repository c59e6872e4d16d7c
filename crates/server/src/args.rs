//! Command line arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A message broker that speaks Apache Kafka's protocol.
#[derive(Debug, Parser)]
#[command(name = "barnabas", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the broker (the default).
    Server(ServerArgs),
}

impl Default for Command {
    fn default() -> Self {
        Self::Server(ServerArgs::default())
    }
}

#[derive(Args, Debug, Default)]
pub(crate) struct ServerArgs {
    /// server.properties, or TOML with the same keys. Without it the broker listens on 127.0.0.1:9092 and keeps
    /// its data in ./barnabas-data.
    pub file: Option<PathBuf>,
    /// A setting that goes before the environment (KAFKA_…) and the file; may be repeated.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}
