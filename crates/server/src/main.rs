//! The binary: arguments, configuration, start, signals. Everything else is in the crates below.

mod args;
mod banner;
mod logging;
mod server;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = match args::Cli::parse().command.unwrap_or_default() {
        args::Command::Server(arguments) => server::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("barnabas: {reason}");
            ExitCode::FAILURE
        }
    }
}
