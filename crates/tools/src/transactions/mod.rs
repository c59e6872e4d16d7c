//! `kafka-transactions`: who is in the middle of a transaction, and ending one that hangs. The command line is here;
//! `show.rs` lists and describes, `hanging.rs` finds and aborts.

mod hanging;
mod show;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::argparse::{Kind, Opt, Parsed, Parser, Stop};
use crate::cli::{self};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-transactions", about: "List, describe and abort transactions.", run, help: || PARSER.help() };
/// As it calls itself.
const OWN_NAME: &str = "kafka-transactions.sh";

const TOPIC: Opt = Opt { names: &["--topic"], kind: Kind::One, help: "a topic" };
const PARTITION: Opt = Opt { names: &["--partition"], kind: Kind::One, help: "a partition of it" };
const BROKER: Opt = Opt { names: &["--broker-id"], kind: Kind::One, help: "the broker to ask" };

static PARSER: Parser = Parser {
    usage: "kafka-transactions.sh [-h] [-v] [--command-config FILE]\n                             \
            --bootstrap-server host:port COMMAND ...",
    options: &[
        Opt { names: &["-v", "--version"], kind: Kind::Switch, help: "the version" },
        Opt { names: &["--command-config"], kind: Kind::One, help: "a properties file for the client" },
        Opt { names: &["--bootstrap-server"], kind: Kind::One, help: "host:port of brokers, separated by commas" },
    ],
    commands: &[
        ("list", &LIST),
        ("describe", &DESCRIBE),
        ("describe-producers", &DESCRIBE_PRODUCERS),
        ("abort", &ABORT),
        ("find-hanging", &FIND_HANGING),
        ("forceTerminateTransaction", &TERMINATE),
    ],
    required: &[&["--bootstrap-server"]],
    exclusive: &[],
};
static LIST: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port list [-h]\n                             \
            [--duration-filter DURATION_FILTER]\n                             \
            [--transactional-id-pattern TRANSACTIONAL_ID_PATTERN]",
    options: &[
        Opt { names: &["--duration-filter"], kind: Kind::One, help: "only those that run longer, in milliseconds" },
        Opt { names: &["--transactional-id-pattern"], kind: Kind::One, help: "only ids that match" },
    ],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static DESCRIBE: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port describe [-h]\n                             \
            --transactional-id TRANSACTIONAL_ID",
    options: &[Opt { names: &["--transactional-id"], kind: Kind::One, help: "the transactional id" }],
    commands: &[],
    required: &[&["--transactional-id"]],
    exclusive: &[],
};
static DESCRIBE_PRODUCERS: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port\n                             \
            describe-producers [-h]\n                             \
            [--broker-id BROKER_ID] --topic TOPIC\n                             --partition PARTITION",
    options: &[BROKER, TOPIC, PARTITION],
    commands: &[],
    required: &[&["--partition"], &["--topic"]],
    exclusive: &[],
};
static ABORT: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port abort [-h]\n                             \
            --topic TOPIC --partition PARTITION\n                             \
            [--start-offset START_OFFSET]\n                             \
            [--producer-id PRODUCER_ID]\n                             \
            [--producer-epoch PRODUCER_EPOCH]\n                             \
            [--coordinator-epoch COORDINATOR_EPOCH]",
    options: &[
        TOPIC,
        PARTITION,
        Opt { names: &["--start-offset"], kind: Kind::One, help: "where the transaction begins" },
        Opt { names: &["--producer-id"], kind: Kind::One, help: "its producer, for brokers before 3.0" },
        Opt { names: &["--producer-epoch"], kind: Kind::One, help: "the epoch of the producer" },
        Opt { names: &["--coordinator-epoch"], kind: Kind::One, help: "the epoch of the coordinator" },
    ],
    commands: &[],
    required: &[&["--partition"], &["--topic"]],
    exclusive: &[],
};
static FIND_HANGING: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port find-hanging\n                             \
            [-h] [--broker-id BROKER_ID]\n                             \
            [--max-transaction-timeout MAX_TRANSACTION_TIMEOUT]\n                             \
            [--topic TOPIC] [--partition PARTITION]",
    options: &[
        BROKER,
        Opt { names: &["--max-transaction-timeout"], kind: Kind::One, help: "minutes; 15 unless given" },
        TOPIC,
        PARTITION,
    ],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static TERMINATE: Parser = Parser {
    usage: "kafka-transactions.sh --bootstrap-server host:port\n                             \
            forceTerminateTransaction [-h]\n                             --transactionalId TRANSACTIONALID",
    options: &[Opt { names: &["--transactionalId"], kind: Kind::One, help: "the transactional id" }],
    commands: &[],
    required: &[&["--transactionalId"]],
    exclusive: &[],
};

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.first().is_some_and(|word| word == "-v") {
        return Ok(context.out(crate::version())?);
    }
    let parsed = match PARSER.parse(arguments) {
        // Whoever asks this tool for help gets exit code 1.
        Err(Stop::Help(text)) => return Err(Failure::OnStdout(text)),
        other => other.map_err(|stop| stop.into_failure(context, OWN_NAME))?,
    };
    let settings = cli::settings(parsed.one("--bootstrap-server").unwrap_or_default(), parsed.one("--command-config"));
    let settings = settings.map_err(|failure| match failure {
        Failure::Cluster { error, .. } => {
            let first = "Exception in thread \"main\" org.apache.kafka.common.KafkaException: Failed to create new \
                         KafkaAdminClient";
            let text = format!("{first}\nCaused by: {}", error.as_exception());
            Failure::Cluster { error, text, on_stdout: false }
        }
        other => other,
    })?;
    hanging::check(&parsed)?;
    let mut client = Client::connect(settings)?;
    match parsed.command {
        "list" => show::list(context, &mut client, &parsed),
        "describe" => show::describe(context, &mut client, parsed.one("--transactional-id").unwrap_or_default()),
        "describe-producers" => show::describe_producers(context, &mut client, &parsed),
        "find-hanging" => hanging::find(context, &mut client, &parsed),
        "abort" => hanging::abort(&mut client, &parsed),
        _ => hanging::terminate(&mut client, parsed.one("--transactionalId").unwrap_or_default()),
    }
}

/// What Kafka's tool says when a call failed.
fn failed(what: impl std::fmt::Display, error: ClientError) -> Failure {
    let text = format!("{what}: {error}. Enable debug logging for additional detail.");
    Failure::Cluster { error, text, on_stdout: false }
}

/// A number that an option gives.
fn number<T: std::str::FromStr>(parsed: &Parsed, name: &str, java_type: &str) -> Result<Option<T>, Failure> {
    let command = PARSER.commands.iter().find(|(name, _)| *name == parsed.command);
    let usage = command.map_or(PARSER.usage, |(_, parser)| parser.usage);
    let convert = |text: &str| {
        text.parse().map_err(|_| {
            let reason = format!("could not convert '{text}' to {java_type} (For input string: \"{text}\")");
            Failure::Message(format!("usage: {usage}\n{OWN_NAME}: error: argument {name}: {reason}"))
        })
    };
    parsed.one(name).map(convert).transpose()
}

/// The rows as a table, or the documents.
fn print(
    context: &mut Context<'_>,
    header: &[&str],
    rows: &[Vec<String>],
    key: &str,
    documents: Vec<Value>,
) -> Result<(), Failure> {
    if context.is_json() {
        return Ok(context.out(output::json(&json!({ key: documents })))?);
    }
    Ok(output::tabbed(header, rows).iter().try_for_each(|line| context.out(line))?)
}

fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
