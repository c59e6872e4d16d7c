//! The binary: arguments, configuration, start, signals. Everything else is in the crates below.

mod args;
mod background;
mod banner;
mod classic;
mod compose;
mod container;
mod discovery;
mod doctor;
mod logging;
mod server;
mod zookeeper_server;
mod zookeeper_shell;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words = args::normal(std::env::args_os());
    if let Some(tool) = words.get(1).and_then(|name| barnabas_tools::find(name)) {
        return ExitCode::from(barnabas_tools::run(tool, &words[2..]));
    }
    let outcome = match args::Cli::parse_from(words).command.unwrap_or_default() {
        args::Command::Server(arguments) => server::run(arguments),
        args::Command::Container(arguments) => container::run(arguments),
        args::Command::Compose(arguments) => compose::run(arguments),
        args::Command::Doctor(arguments) => match doctor::run(&arguments) {
            Ok(true) => Ok(()),
            // The report says why.
            Ok(false) => return ExitCode::FAILURE,
            Err(reason) => Err(reason),
        },
        args::Command::Tools(arguments) => {
            list_tools(arguments.names);
            Ok(())
        }
        args::Command::KafkaServerStart(words) => classic::start(&words.words),
        args::Command::KafkaServerStop(_) => classic::stop(),
        args::Command::ZookeeperServerStart(words) => zookeeper_server::start(&words.words),
        args::Command::ZookeeperServerStop(_) => zookeeper_server::stop(),
        args::Command::ZookeeperShell(words) => zookeeper_shell::run(&words.words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("barnabas: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One line for each tool. Whoever reads no further is not told of it.
fn list_tools(names_only: bool) {
    let mut out = std::io::stdout().lock();
    for tool in barnabas_tools::TOOLS {
        let written =
            if names_only { writeln!(out, "{}", tool.name) } else { writeln!(out, "{:<32} {}", tool.name, tool.about) };
        if written.is_err() {
            return;
        }
    }
}
