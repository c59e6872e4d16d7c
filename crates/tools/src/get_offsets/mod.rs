//! `kafka-get-offsets`: the offsets of partitions at a time. Which partitions are meant is in `filter.rs`.

mod filter;

use std::collections::BTreeMap;

use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use clap::{ArgAction, Args};
use serde_json::json;

use crate::cli::{self, ClusterArgs, missing};
use crate::client::{Client, ClientError, ListedOffset, PerPartition, TopicPartition};
use crate::{Context, Failure, Tool, output};
use filter::Filter;

pub(crate) const TOOL: Tool = Tool { name: "kafka-get-offsets", about: "Offsets of partitions.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Topics and partitions, separated by commas: topic:1, topic:0-3 (3 excluded), topic:5-, topic:-3, topic, :0.
    #[arg(long, action = ArgAction::Append, value_name = "topic1:1,topic2:0-3,…", allow_hyphen_values = true)]
    topic_partitions: Vec<String>,
    /// A topic, or a regular expression; all topics without it.
    #[arg(long, action = ArgAction::Append, value_name = "topic", allow_hyphen_values = true)]
    topic: Vec<String>,
    /// Numbers of partitions, separated by commas; all without it.
    #[arg(long, action = ArgAction::Append, value_name = "partition ids", allow_hyphen_values = true)]
    partitions: Vec<String>,
    /// latest (-1), earliest (-2), max-timestamp (-3), earliest-local (-4), latest-tiered (-5),
    /// earliest-pending-upload (-6), or milliseconds since 1970: the first offset from then on.
    #[arg(long, action = ArgAction::Append, value_name = "time", allow_hyphen_values = true)]
    time: Vec<String>,
    /// Leave out topics in which Kafka keeps its own data.
    #[arg(long, action = ArgAction::Count)]
    exclude_internal_topics: u8,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage("An interactive shell for getting topic-partition offsets.".into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments).map_err(|failure| match failure {
        Failure::Usage(message) => occurred(message),
        other => other,
    })?;
    let mut client = connect(&options.cluster)?;
    let has_other_filter = !options.topic.is_empty() || !options.partitions.is_empty();
    if !options.topic_partitions.is_empty() && has_other_filter {
        return Err(occurred("--topic-partitions cannot be used with --topic or --partitions"));
    }
    let time = parse_time(single(&options.time, "time")?.unwrap_or("latest")).map_err(occurred)?;
    let filter = match single(&options.topic_partitions, "topic-partitions")? {
        Some(rules) => Filter::of_rules(rules),
        None => Filter::of_topic(single(&options.topic, "topic")?, single(&options.partitions, "partitions")?),
    };
    let filter = filter.map_err(occurred)?;
    let topics = client.topics(None).map_err(refused)?;
    let times = chosen(&topics, &filter, options.exclude_internal_topics > 0, time);
    if times.is_empty() {
        return Err(occurred("Could not match any topic-partitions with the specified filters"));
    }
    let offsets = client.list_offsets(&times, 0).map_err(refused)?;
    print(context, &offsets)
}

fn connect(cluster: &ClusterArgs) -> Result<Client, Failure> {
    let settings = cluster.settings().map_err(|failure| match failure {
        Failure::Cluster { error: ClientError::Config(_), .. } => {
            Failure::Usage("Please provide valid host:port like host1:9091,host2:9092\n".into())
        }
        Failure::Message(message) => occurred(message),
        _ => missing("bootstrap-server"),
    })?;
    Client::connect(settings).map_err(refused)
}

fn occurred(message: impl std::fmt::Display) -> Failure {
    Failure::Message(format!("Error occurred: {message}"))
}

fn refused(error: ClientError) -> Failure {
    let text = format!("Error occurred: {}", error.as_exception());
    Failure::Cluster { error, text, on_stdout: false }
}

fn single<'a>(values: &'a [String], option: &str) -> Result<Option<&'a str>, Failure> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(occurred(format!("Found multiple arguments for option {option}, but you asked for only one"))),
    }
}

/// A time, or Kafka's number for what is not one.
fn parse_time(text: &str) -> Result<i64, String> {
    Ok(match text {
        "latest" => -1,
        "earliest" => -2,
        "max-timestamp" => -3,
        "earliest-local" => -4,
        "latest-tiered" => -5,
        "earliest-pending-upload" => -6,
        number => number.parse().map_err(|_| {
            format!(
                "Malformed time argument {number}. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or \
                 earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format \
                 timestamp"
            )
        })?,
    })
}

fn chosen(
    topics: &[MetadataResponseTopic],
    filter: &Filter,
    exclude_internal: bool,
    time: i64,
) -> BTreeMap<TopicPartition, i64> {
    let visible = topics.iter().filter(|topic| !(exclude_internal && topic.is_internal));
    let partitions = visible.flat_map(|topic| {
        let name = topic.name.clone().unwrap_or_default();
        topic.partitions.iter().map(move |partition| (name.clone(), partition.partition_index))
    });
    partitions.filter(|(topic, partition)| filter.allows(topic, *partition)).map(|key| (key, time)).collect()
}

fn print(context: &mut Context<'_>, offsets: &PerPartition<ListedOffset>) -> Result<(), Failure> {
    let mut rows: Vec<_> = offsets.iter().collect();
    for (_, outcome) in &rows {
        if outcome.is_err() {
            context.note_reported_error();
        }
    }
    if context.is_json() {
        let documents: Vec<_> = rows.iter().map(|(key, outcome)| document(key, outcome.as_ref())).collect();
        return Ok(context.out(output::json(&json!({ "offsets": documents })))?);
    }
    // Kafka's tool sorts by name and number as one text: 10 comes before 2.
    rows.sort_by_cached_key(|((topic, partition), _)| format!("{topic}-{partition}"));
    for ((topic, partition), outcome) in rows {
        match outcome {
            Ok(ListedOffset { offset: Some(offset), .. }) => {
                context.out(format_args!("{topic}:{partition}:{offset}"))?
            }
            Ok(_) => {}
            Err(error) => context.err(format_args!(
                "Skip getting offsets for topic-partition {topic}-{partition} due to error: {}",
                error.as_exception()
            ))?,
        }
    }
    Ok(())
}

fn document((topic, partition): &TopicPartition, outcome: Result<&ListedOffset, &ClientError>) -> serde_json::Value {
    match outcome {
        Ok(listed) => json!({
            "topic": topic,
            "partition": partition,
            "offset": listed.offset,
            "timestampMs": listed.timestamp_ms,
            "leaderEpoch": listed.leader_epoch,
        }),
        Err(error) => json!({
            "topic": topic,
            "partition": partition,
            "error": output::json_error(error.code_name(), &error.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse_time("latest"), Ok(-1));
        assert_eq!(parse_time("-6"), Ok(-6));
        assert_eq!(parse_time("1600000000000"), Ok(1_600_000_000_000));
        assert!(parse_time("soon").unwrap_err().starts_with("Malformed time argument soon. Please use -1 or latest"));
    }

    #[test]
    fn lines_are_in_the_order_of_kafkas_tool_and_unknown_offsets_are_left_out() {
        let at = |offset| Ok(ListedOffset { offset, timestamp_ms: None, leader_epoch: None });
        let row = |partition, outcome| (("t".to_owned(), partition), outcome);
        let error = Err(ClientError::api(35, None));
        let rows = PerPartition::from([row(2, at(Some(5))), row(10, at(Some(7))), row(3, at(None)), row(4, error)]);
        let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
        let mut context = Context::new(&mut stdin, &mut stdout, &mut stderr, true);
        print(&mut context, &rows).unwrap();
        assert_eq!(context.exit_code(), 1);
        assert_eq!(String::from_utf8(stdout).unwrap(), "t:10:7\nt:2:5\n");
        let told = String::from_utf8(stderr).unwrap();
        assert!(told.starts_with("Skip getting offsets for topic-partition t-4 due to error: org.apache.kafka"));
    }
}
