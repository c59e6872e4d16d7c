//! Measures the broker beside a null server and Apache Kafka in one run, and writes a report with their ratios.
//! Nothing here decides whether a build is good: figures depend on the machine, so no test asserts them. The exception
//! are counted instructions, which do not.

mod all;
mod args;
mod client;
mod instructions;
mod kind;
mod load;
mod node;
mod null_server;
mod peer;
mod process;
mod python;
mod report;
mod scenarios;
mod stats;
mod warm;
mod wire;
mod workspace;

use clap::Parser;

use crate::args::{Bench, What};

fn main() -> anyhow::Result<()> {
    let Bench { common, what } = Bench::parse();
    let common = common.resolved()?;
    match what {
        What::Null { port } => null_server::run(port),
        What::All => all::run(common),
        What::Instructions(options) => instructions::run(common.broker.as_deref(), &options),
        what => scenarios::run(&common, &what).map(drop),
    }
}
