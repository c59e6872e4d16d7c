//! Measures the broker beside a null server and Apache Kafka in one run, and writes a report with their ratios.
//! Nothing here decides whether a build is good: figures depend on the machine, so no test asserts them.

mod args;
mod client;
mod load;
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
use crate::scenarios::{fetch, footprint, openloop, produce, requests};

fn main() -> anyhow::Result<()> {
    let Bench { common, what } = Bench::parse();
    match what {
        What::Null { port } => null_server::run(port),
        What::Requests(options) => requests::run(&common, &options),
        What::Produce(options) => produce::run(&common, &options),
        What::Openloop(options) => openloop::run(&common, &options),
        What::Fetch(options) => fetch::run(&common, &options),
        What::Footprint(options) => footprint::run(&common, &options),
        What::All => {
            footprint::run(&common, &args::Footprint::default())?;
            requests::run(&common, &args::Requests::default())?;
            produce::run(&common, &args::Produce::default())?;
            fetch::run(&common, &args::Fetch::default())?;
            openloop::run(&common, &args::Openloop::default())
        }
    }
}
