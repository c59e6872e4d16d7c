//! `kafka-topics`: which topics an option line means, and lists of them. Options are in `options.rs`, changes in `change.rs`,
//! descriptions in `describe.rs` (asking) and `description.rs` (printing).

mod change;
mod configs;
mod describe;
mod description;
mod options;

use barnabas_common::Uuid;
use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use serde_json::{Value, json};

use crate::cli::{self, TopicFilter, is_internal_topic};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool, output};
use change::Plan;
use describe::Source;
use options::{Action, Options};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-topics", about: "Create, list, describe, change and delete topics.", run, help };

const PREFIX: &str = "Error while executing topic command : ";
const DEFAULT_PAGE_PARTITIONS: i32 = 2000;

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage("Create, delete, describe, or change a topic.".into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let action = options.check()?;
    if options.uses_delete_config() {
        context.err(
            "delete-config option is no longer supported and deprecated since version 4.0. The config will be fully \
             removed in future releases.",
        )?;
    }
    match action {
        Action::Create => {
            let plan = Plan::new(&options)?;
            let mut client = connect(&options)?;
            change::create(context, &mut client, plan, options.if_not_exists())
        }
        Action::Alter => {
            let plan = Plan::new(&options)?;
            let mut client = connect(&options)?;
            let topics = chosen_or_failure(&mut client, &options)?;
            change::alter(context, &mut client, &plan, &topics)
        }
        Action::List => {
            let topics = chosen(&mut connect(&options)?, &options)?;
            list(context, &topics)
        }
        Action::Describe => describe(context, &options),
        Action::Delete => {
            let mut client = connect(&options)?;
            let topics = chosen_or_failure(&mut client, &options)?;
            change::delete(context, &mut client, &topics)
        }
    }
}

fn connect(options: &Options) -> Result<Client, Failure> {
    let settings = options.cluster.settings().map_err(|failure| match failure {
        Failure::Cluster { error: error @ ClientError::Config(_), .. } => {
            let exception = error.as_exception();
            let text = format!("Failed to create new KafkaAdminClient\nCaused by: {exception}");
            Failure::Cluster { error, text, on_stdout: false }
        }
        other => other,
    })?;
    Client::connect(settings).map_err(refused)
}

/// An error of the cluster as Kafka's tool tells it.
fn refused(error: ClientError) -> Failure {
    let text = format!("{PREFIX}{error}");
    Failure::Cluster { error, text, on_stdout: true }
}

/// What is wrong with the options, where Kafka's tool finds out only while it works.
fn wrong(message: impl std::fmt::Display) -> Failure {
    Failure::OnStdout(format!("{PREFIX}{message}"))
}

fn list(context: &mut Context<'_>, topics: &[MetadataResponseTopic]) -> Result<(), Failure> {
    if context.is_json() {
        let row = |topic: &MetadataResponseTopic| {
            let id = (!topic.topic_id.is_zero()).then(|| topic.topic_id.to_string());
            json!({ "topic": topic.name, "topicId": id, "internal": topic.is_internal })
        };
        let rows: Vec<Value> = topics.iter().map(row).collect();
        return Ok(context.out(output::json(&json!({ "topics": rows })))?);
    }
    let names: Vec<&str> = topics.iter().filter_map(|topic| topic.name.as_deref()).collect();
    Ok(context.out(names.join("\n"))?)
}

fn describe(context: &mut Context<'_>, options: &Options) -> Result<(), Failure> {
    let id = match options.topic_id()? {
        Some(text) => Some(describe::parse_id(text).map_err(wrong)?).filter(|id| !id.is_zero()),
        None => None,
    };
    if options.if_exists() && options.topic()?.is_some() && options.topic_id()?.is_some() {
        let hint = "Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID";
        if context.is_json() { context.err(hint)? } else { context.out(hint)? }
    }
    let mut client = connect(options)?;
    let (topics, source) = match id {
        Some(id) => (with_id(&mut client, options, id)?, Source::Metadata),
        None => {
            let limit = options.partition_limit()?.unwrap_or(DEFAULT_PAGE_PARTITIONS);
            (chosen_or_failure(&mut client, options)?, Source::Pages(limit))
        }
    };
    let rows = describe::rows(&mut client, topics, source).map_err(refused)?;
    let filter = options.filter();
    if context.is_json() {
        let documents: Vec<Value> = rows.iter().filter_map(|row| description::document(row, filter)).collect();
        return Ok(context.out(output::json(&json!({ "topics": documents })))?);
    }
    for line in rows.iter().flat_map(|row| description::lines(row, filter)) {
        context.out(line)?;
    }
    Ok(())
}

fn with_id(client: &mut Client, options: &Options, id: Uuid) -> Result<Vec<MetadataResponseTopic>, Failure> {
    let exclude = options.exclude_internal();
    let mut topics = client.topics(None).map_err(refused)?;
    topics.retain(|topic| topic.topic_id == id && !(exclude && topic.is_internal));
    if topics.is_empty() && !options.if_exists() {
        return Err(wrong(format!("TopicId '{id}' does not exist as expected")));
    }
    Ok(topics)
}

/// The topics that `--topic` means, by name; all without it.
fn chosen(client: &mut Client, options: &Options) -> Result<Vec<MetadataResponseTopic>, Failure> {
    let exclude = options.exclude_internal();
    let filter = options.topic()?.map(TopicFilter::new).transpose().map_err(|failure| match failure {
        Failure::OnStdout(message) => wrong(message),
        other => other,
    })?;
    let mut topics = client.topics(None).map_err(refused)?;
    topics.retain(|topic| {
        let name = topic.name.as_deref().unwrap_or_default();
        let internal = topic.is_internal || is_internal_topic(name);
        !(exclude && internal) && filter.as_ref().is_none_or(|filter| filter.allows(name, exclude))
    });
    topics.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(topics)
}

/// As [`chosen`], and refuses when a topic was named and none is there, unless `--if-exists` is given.
fn chosen_or_failure(client: &mut Client, options: &Options) -> Result<Vec<MetadataResponseTopic>, Failure> {
    let topics = chosen(client, options)?;
    let named = options.topic()?.filter(|name| !name.is_empty());
    match named {
        Some(name) if topics.is_empty() && !options.if_exists() => {
            Err(wrong(format!("Topic '{name}' does not exist as expected")))
        }
        _ => Ok(topics),
    }
}
