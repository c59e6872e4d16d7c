//! `kafka-reassign-partitions`: which action, and what the actions share. Files and documents are in `plan.rs`, proposals in
//! `placement.rs`, what is computed about moves in `moves.rs`, questions to the cluster in `ask.rs`.

mod ask;
mod execute;
mod generate;
mod moves;
mod options;
mod placement;
mod plan;
mod progress;

use std::collections::BTreeSet;
use std::time::Duration;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;
use serde_json::{Value, json};

use crate::cli;
use crate::client::{Client, ClientError, TopicPartition};
use crate::{Context, Failure, Tool, json_file, output};
use execute::Limits;
use moves::Replica;
use options::{Action, Options};
use plan::{Assignment, LogDirs, Plan};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-reassign-partitions", about: "Move partitions between brokers and directories.", run, help };

const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";
const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
const LOG_DIR_RATE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage("This tool helps to move topic partitions between replicas.".into()));
    }
    let mut options: Options = cli::parse(TOOL.name, arguments).map_err(uncaught)?;
    let action = options.action()?;
    let mut client = connect(&options)?;
    match action {
        Action::List => list(context, &mut client),
        Action::Generate { topics_file, brokers, rack_aware } => {
            generate::generate(context, &mut client, &read(&topics_file)?, &brokers, rack_aware)
        }
        Action::Execute { file, additional } => {
            let text = read(&file)?;
            let limits = Limits { between_brokers: options.throttle()?, between_dirs: options.log_dir_throttle()? };
            let patience = patience(options.timeout_ms()?);
            execute::execute(context, &mut client, &Plan::parse(&text)?, additional, &limits, patience)
        }
        Action::Verify { file, preserve_throttles } => {
            progress::verify(context, &mut client, &Plan::parse(&read(&file)?)?, preserve_throttles)
        }
        Action::Cancel { file, preserve_throttles } => {
            let text = read(&file)?;
            let patience = patience(options.timeout_ms()?);
            progress::cancel(context, &mut client, &Plan::parse(&text)?, preserve_throttles, patience)
        }
    }
}

fn connect(options: &Options) -> Result<Client, Failure> {
    let settings = options.address.settings().map_err(|failure| match failure {
        Failure::Cluster { error: ClientError::Config(_), .. } => {
            exception("org.apache.kafka.common.KafkaException", "Failed to create new KafkaAdminClient")
        }
        Failure::Message(message) => Failure::OnStdout(format!("Error: {message}")),
        other => other,
    })?;
    Client::connect(settings).map_err(refused)
}

fn read(path: &str) -> Result<String, Failure> {
    json_file::read(path).map_err(|message| exception("java.io.IOException", &message))
}

fn patience(timeout_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}

/// What ends this tool: the message, and the exception as Java's stack trace begins; an empty line is its end.
fn exception(class: &str, message: &str) -> Failure {
    Failure::OnStdout(format!("Error: {message}\n{class}: {message}\n"))
}

fn refused(error: ClientError) -> Failure {
    let told = error.as_exception();
    let text = format!("Error: {told}\njava.util.concurrent.ExecutionException: {told}\n");
    Failure::Cluster { error, text, on_stdout: true }
}

/// Errors of the command line leave `main` as exceptions here.
fn uncaught(failure: Failure) -> Failure {
    let Failure::Usage(message) = failure else { return failure };
    let class = match () {
        () if message.ends_with("is not a recognized option") => "UnrecognizedOptionException",
        () if message.ends_with("requires an argument") => "OptionMissingRequiredArgumentException",
        () => "OptionArgumentConversionException",
    };
    Failure::Message(format!("Exception in thread \"main\" joptsimple.{class}: {message}"))
}

/// A line for people; JSON is one document at the end.
fn say(context: &mut Context<'_>, line: impl std::fmt::Display) -> Result<(), Failure> {
    if context.is_json() { Ok(()) } else { Ok(context.out(line)?) }
}

fn finish(context: &mut Context<'_>, document: &Value) -> Result<(), Failure> {
    if context.is_json() { Ok(context.out(output::json(document))?) } else { Ok(()) }
}

fn list(context: &mut Context<'_>, client: &mut Client) -> Result<(), Failure> {
    let rows = ask::ongoing(client, None).map_err(refused)?;
    let lines: Vec<String> = rows.iter().map(|(partition, row)| moves::listed(partition, row)).collect();
    if lines.is_empty() {
        say(context, "No partition reassignments found.")?;
    } else {
        say(context, format_args!("Current partition reassignments:\n{}", lines.join("\n")))?;
    }
    let document = |((topic, partition), row): (&TopicPartition, &OngoingPartitionReassignment)| {
        json!({
            "topic": topic,
            "partition": partition,
            "replicas": row.replicas,
            "addingReplicas": row.adding_replicas,
            "removingReplicas": row.removing_replicas,
        })
    };
    finish(context, &json!({ "reassignments": rows.iter().map(document).collect::<Vec<_>>() }))
}

fn parsed(document: &str) -> Value {
    serde_json::from_str(document).unwrap_or_default()
}

/// The replicas of these topics, all of which have to exist.
fn existing(client: &mut Client, topics: &BTreeSet<String>) -> Result<Assignment, Failure> {
    let mut all = Assignment::new();
    for (topic, found) in ask::assignment(client, topics).map_err(refused)? {
        let unknown = || unknown(format!("Topic {topic} not found."));
        all.extend(found.ok_or_else(unknown)?);
    }
    Ok(all)
}

fn unknown(message: String) -> Failure {
    refused(ClientError::Api { code: ErrorCode::UnknownTopicOrPartition, message: Some(message) })
}

fn current_log_dirs(client: &mut Client, assignment: &Assignment) -> Result<LogDirs, Failure> {
    let replicas = |((topic, partition), ids): (&TopicPartition, &Vec<i32>)| {
        ids.iter().map(|id| (*id, topic.clone(), *partition)).collect::<Vec<_>>()
    };
    let replicas: BTreeSet<Replica> = assignment.iter().flat_map(replicas).collect();
    Ok(ask::log_dirs(client, &replicas).map_err(refused)?.0)
}
