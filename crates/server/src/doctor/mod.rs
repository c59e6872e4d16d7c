//! `barnabas doctor`: what clients of each kind are told and whether it works for them, and what else keeps a broker from
//! serving well. `facts.rs` says what is looked at, `probe.rs` looks, `clients.rs` and `checks.rs` judge (both pure),
//! `report.rs` prints. Changes nothing.

mod checks;
mod clients;
mod facts;
mod probe;
mod report;

use std::path::PathBuf;

use clap::Args;

pub(crate) use report::OutputFormat;

/// What to look at.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// server.properties or TOML of the broker. Without it: what `barnabas server` would run with here, or, in the image,
    /// what the container's broker runs with.
    pub file: Option<PathBuf>,
    /// A setting that goes before the environment (KAFKA_…) and the file; may be repeated.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Asks the brokers at these addresses, as a client of this machine, and checks what they tell.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap_server: Option<String>,
    /// For people, or one JSON document.
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

/// Prints the report. Gives whether nothing is wrong.
pub(crate) fn run(arguments: &DoctorArgs) -> Result<bool, String> {
    let facts = probe::gather(arguments)?;
    let report = report::Report::of(&facts);
    report.print(arguments.output);
    Ok(report.wrong() == 0)
}
