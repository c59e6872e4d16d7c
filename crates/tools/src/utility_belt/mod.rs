//! `cub`, `dub` and `ub`: the helpers of Confluent's images that wait for services and check the environment. Start
//! scripts, health checks and init containers call them. Commands are in the files beside this one; how each of the
//! three names reports what went wrong is here.

mod checks;
mod http;
mod kafka_ready;
mod properties;
mod services;
mod words;

use crate::{Context, Failure, Tool};
use words::Words;

pub(crate) const CUB: Tool = Tool {
    name: "cub",
    about: "Wait for Kafka, ZooKeeper, Schema Registry … (Confluent utility belt).",
    run: |context, arguments| run(Belt::Cub, context, arguments),
    help: || help("cub"),
};
pub(crate) const DUB: Tool = Tool {
    name: "dub",
    about: "Check the environment and wait for services (Docker utility belt).",
    run: |context, arguments| run(Belt::Dub, context, arguments),
    help: || help("dub"),
};
pub(crate) const UB: Tool = Tool {
    name: "ub",
    about: "What cub and dub do, in newer images.",
    run: |context, arguments| run(Belt::Ub, context, arguments),
    help: || help("ub"),
};

const COMMANDS: &str = "\
  kafka-ready [-b BROKERS | -z ZOOKEEPER] [-c FILE] [-s PROTOCOL] MIN_BROKERS TIMEOUT_S
  zk-ready HOST:PORT[,…] TIMEOUT_S
  sr-ready | kr-ready | connect-ready | ksql-server-ready | control-center-ready HOST PORT TIMEOUT_S
  topic-exists -b BROKERS TOPIC [TIMEOUT_S]
  http-ready URL TIMEOUT_S
  wait HOST PORT TIMEOUT_S
  path PATH readable|writable|executable|exists
  ensure NAME
  ensure-atleast-one NAME…
  listeners ADVERTISED_LISTENERS
  render-properties SPEC_FILE";

fn help(name: &str) -> String {
    format!("usage: {name} COMMAND …\n\ncommands:\n{COMMANDS}")
}

/// Under which of the three names it was called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belt {
    Cub,
    Dub,
    Ub,
}

impl Belt {
    fn name(self) -> &'static str {
        match self {
            Self::Cub => "cub",
            Self::Dub => "dub",
            Self::Ub => "ub",
        }
    }
}

/// Why a command did not succeed.
enum Trouble {
    /// The command line is wrong.
    Usage(String),
    /// What was checked or waited for is not so.
    Failed(String),
    /// Whoever read the output has gone.
    Output(std::io::Error),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

fn run(belt: Belt, context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        context.out(help(belt.name()))?;
        return if belt == Belt::Ub { Ok(()) } else { Err(Failure::Exit(1)) };
    };
    let outcome = Words::parse(rest).and_then(|words| dispatch(belt, context, command, &words));
    outcome.or_else(|trouble| report(belt, context, command, arguments, trouble))
}

fn dispatch(belt: Belt, context: &mut Context<'_>, command: &str, words: &Words) -> Result<(), Trouble> {
    match command {
        "kafka-ready" => kafka_ready::kafka_ready(context, words),
        "topic-exists" => kafka_ready::topic_exists(context, words),
        "zk-ready" => services::zookeeper_ready(words),
        "sr-ready" => services::http_service(words, "/config", "compatibilityLevel"),
        "kr-ready" => services::http_service(words, "/topics", ""),
        "connect-ready" => services::http_service(words, "/", "version"),
        "ksql-server-ready" | "ksr-ready" => services::http_service(words, "/info", "sql"),
        "control-center-ready" => services::http_service(words, "/", "Control Center"),
        "http-ready" => services::http_ready(words),
        "wait" => services::wait(words),
        "path" => checks::path(words),
        "ensure" => checks::ensure(words, belt == Belt::Dub),
        "ensure-atleast-one" => checks::ensure_one(words),
        "listeners" => Ok(context.out(checks::listeners(words, belt == Belt::Ub)?)?),
        "render-properties" => properties::render(context, words),
        "template" | "render-template" | "ensure-topic" => Err(Trouble::Failed(format!(
            "{command} needs a template language that is not here; the broker reads its environment itself, and topics \
             are made with kafka-topics --create --if-not-exists"
        ))),
        _ => Err(Trouble::Usage(format!("unknown command \"{command}\" for \"{}\"", belt.name()))),
    }
}

/// Python's belts exit 2 on a wrong command line; otherwise a failure is 1.
fn report(
    belt: Belt,
    context: &mut Context<'_>,
    command: &str,
    arguments: &[String],
    trouble: Trouble,
) -> Result<(), Failure> {
    match (belt, trouble) {
        (_, Trouble::Output(error)) => return Err(error.into()),
        (Belt::Ub, Trouble::Usage(text) | Trouble::Failed(text)) => {
            context.err(format!("error in executing the command: {text}"))?;
        }
        (_, Trouble::Usage(text)) => {
            context.err(help(belt.name()))?;
            context.err(format!("{} {command}: error: {text}", belt.name()))?;
            return Err(Failure::Exit(2));
        }
        (Belt::Cub, Trouble::Failed(text)) => context.err(text)?,
        (Belt::Dub, Trouble::Failed(text)) => {
            if !text.is_empty() {
                context.err(text)?;
            }
            context.err(format!("Command [dub {}] FAILED !", arguments.join(" ")))?;
        }
    }
    Err(Failure::Exit(1))
}

#[cfg(test)]
mod tests;
