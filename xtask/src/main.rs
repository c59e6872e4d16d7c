//! `cargo xtask`: what developers and the build server run. This file holds the command line only;
//! each subcommand has a module of its own.

mod application;
mod bench;
mod binary;
mod check;
mod clients;
mod docker;
mod docs;
mod fix;
mod peers;
mod repo;
mod run;
mod shell;
mod tap;
mod test;
mod toolbox;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::application::Drive;

/// Developer tasks of Barnabas.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Changes nothing: format, lints, layers, shape of the source, fresh documents, unit tests.
    Check {
        /// Leave `cargo test` out.
        #[arg(long)]
        no_tests: bool,
    },
    /// Formats the source and writes the generated documents.
    Fix {
        /// Let clippy change the source, too.
        #[arg(long)]
        clippy: bool,
    },
    /// Writes the generated documents.
    Docs,
    /// Starts a broker (debug build) on a throw-away folder; what follows `--` goes to the broker.
    Run {
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Everything: check, all client suites, tools, short runs of the tests with kills and of the image's.
    Test,
    /// Runs the client suites of tests/clients, each against a fresh broker.
    Clients {
        #[command(flatten)]
        broker: BinaryChoice,
        /// The broker under test.
        #[arg(long, value_enum, default_value = "barnabas")]
        peer: Peer,
        /// Only checks whose name contains this; may be repeated.
        #[arg(long = "only", value_name = "PART")]
        only: Vec<String>,
        /// How many suites run at the same time.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Suites to run; without a name, all.
        names: Vec<String>,
    },
    /// Compares tools with Apache Kafka's own against Apache Kafka: the same tools against the broker, ours against both.
    Tools {
        #[command(flatten)]
        broker: BinaryChoice,
        /// Only steps whose name contains this; may be repeated.
        parts: Vec<String>,
    },
    /// Measures: `bench SCENARIO …`, `bench all`; try `bench -- --help`.
    Bench {
        /// The scenario and its options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Counts user instructions per request under valgrind; more than benches/instructions.json allows is a failure.
    Instructions {
        #[command(flatten)]
        broker: BinaryChoice,
        /// Keep what is counted as the new measure.
        #[arg(long)]
        write: bool,
    },
    /// Builds the container image barnabas:dev with the Docker engine that is there.
    DockerImage {
        /// A debug build: quick to make, for working on the image.
        #[arg(long)]
        debug: bool,
        /// A static binary that is there already, instead of a build.
        #[arg(long, value_name = "PATH")]
        binary: Option<PathBuf>,
        /// Name of the image.
        #[arg(long, default_value = docker::image::IMAGE)]
        tag: String,
    },
    /// The image under people's compose files, Testcontainers and the calls of Kafka UI.
    DockerTest {
        /// An image that is there already, instead of a build.
        #[arg(long, value_name = "NAME")]
        image: Option<String>,
        /// A few files, and Testcontainers in one language.
        #[arg(long)]
        quick: bool,
        /// Write docs/COMPOSE.md.
        #[arg(long)]
        write: bool,
        /// Only compose files whose name contains this; may be repeated.
        #[arg(long = "only", value_name = "PART")]
        only: Vec<String>,
        /// How many compose files run at the same time, as far as their ports allow.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
    },
    /// Producers and consumers as users write them, while the broker is killed; then reads all back.
    App(Driven),
    /// Kills the broker again and again under idempotent load; then reads all back.
    Crash(Driven),
}

#[derive(Args)]
struct Driven {
    #[command(flatten)]
    broker: BinaryChoice,
    /// What follows `--` goes to the program's run.py; try `-- --help`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Args)]
struct BinaryChoice {
    /// The broker to test, instead of a release build of this work tree.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

impl BinaryChoice {
    fn ready(self) -> anyhow::Result<PathBuf> {
        match self.binary {
            Some(path) => Ok(std::path::absolute(path)?),
            None => binary::build_release(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Barnabas,
    Kafka,
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Check { no_tests } => check::run(!no_tests),
        Task::Fix { clippy } => fix::run(clippy),
        Task::Docs => docs::write(),
        Task::Run { arguments } => run::run(arguments),
        Task::Test => test::run(),
        Task::Clients { broker, peer, only, jobs, names } => {
            let suites = clients::chosen(&names)?;
            let binary = match peer {
                Peer::Barnabas => Some(broker.ready()?),
                Peer::Kafka => None,
            };
            clients::install(&suites)?;
            clients::run(&suites, &clients::Options { binary, only, jobs })
        }
        Task::Tools { broker, parts } => tools::run(&broker.ready()?, &parts),
        Task::Bench { arguments } => bench::run(&arguments),
        Task::Instructions { broker, write } => bench::instructions(&broker.ready()?, write),
        Task::DockerImage { debug, binary, tag } => docker::image::run(&docker::image::Options { debug, binary, tag }),
        Task::DockerTest { image, quick, write, only, jobs } => {
            docker::test::run(&docker::test::Options { image, quick, write, only, jobs })
        }
        Task::App(app) => application::run(Drive::Application, &app.broker.ready()?, &app.arguments),
        Task::Crash(crash) => application::run(Drive::CrashLoop, &crash.broker.ready()?, &crash.arguments),
    }
}
