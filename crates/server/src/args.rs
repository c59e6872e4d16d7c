//! Command line arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::compose::ComposeArgs;
use crate::doctor::DoctorArgs;

/// The words of the command line as if the program had been called by its own name: `kafka-topics.sh --list` through a
/// link is `barnabas kafka-topics --list`. Under a name that is no command it is the program itself.
pub(crate) fn normal(words: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let called_as = words.first().map_or("", |path| path.rsplit('/').next().unwrap_or(path));
    let bare = called_as.strip_suffix(".sh").unwrap_or(called_as).to_owned();
    if barnabas_tools::find(&bare).is_some() || Cli::command().find_subcommand(&bare).is_some() {
        words.splice(..words.len().min(1), ["barnabas".to_owned(), bare]);
    }
    words
}

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
    /// Start the broker as Kafka's images do: what the image's entry points run.
    Container(ContainerArgs),
    /// Works on compose files.
    Compose(ComposeArgs),
    /// Explains what clients are told and whether they reach it, and finds what is wrong. Exits 1 if something is.
    Doctor(DoctorArgs),
    /// Lists Kafka's tools that this program is.
    Tools(ToolsArgs),
    /// Kafka's start command: [-daemon] FILE [--override KEY=VALUE]...
    KafkaServerStart(Words),
    /// Kafka's stop command.
    KafkaServerStop(Words),
    /// ZooKeeper's start command: [-daemon] [FILE]. A small server that keeps nothing on disk.
    #[command(alias = "zookeeper-server-start.sh")]
    ZookeeperServerStart(Words),
    /// ZooKeeper's stop command.
    #[command(alias = "zookeeper-server-stop.sh")]
    ZookeeperServerStop(Words),
    /// A few commands of ZooKeeper's shell: HOST:PORT [ls PATH | get PATH | ...].
    #[command(alias = "zookeeper-shell.sh")]
    ZookeeperShell(Words),
}

#[derive(Args, Debug)]
pub(crate) struct ToolsArgs {
    /// Names only, one per line: for making links.
    #[arg(long)]
    pub names: bool,
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

#[derive(Args, Debug)]
pub(crate) struct ContainerArgs {
    /// Settings that the environment goes before; may be missing.
    pub file: Option<PathBuf>,
    /// A setting that goes before all others; may be repeated.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Only write the settings to this file.
    #[arg(long, value_name = "FILE")]
    pub write_properties: Option<PathBuf>,
}

/// Words that are read by the command itself, in Kafka's manner.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn links_are_commands() {
        let words = |line: &str| normal(line.split(' ').map(Into::into)).join(" ");
        assert_eq!(words("/usr/bin/kafka-topics.sh --list"), "barnabas kafka-topics --list");
        assert_eq!(words("target/debug/barnabas kafka-topics --list"), "target/debug/barnabas kafka-topics --list");
        assert_eq!(words("/opt/barnabas-0.1 server"), "/opt/barnabas-0.1 server");
        assert_eq!(words("/tmp/mine server"), "/tmp/mine server");
        assert_eq!(words("/usr/bin/kafka-server-start x"), "barnabas kafka-server-start x");
    }
}
