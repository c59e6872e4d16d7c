//! `kafka-log-dirs`: what the log directories of brokers hold.

use std::collections::BTreeSet;

use barnabas_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use barnabas_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{self, AddressArgs, missing};
use crate::client::{Client, ClientError, exception_class};
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-log-dirs", about: "What the log directories of brokers hold.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    address: AddressArgs,
    /// Describe the log directories.
    #[arg(long, action = clap::ArgAction::Count)]
    describe: u8,
    /// Topics, separated by commas; all without it.
    #[arg(long, value_name = "topics", default_value = "", hide_default_value = true)]
    topic_list: String,
    /// Ids of brokers, separated by commas; all without it.
    #[arg(long, value_name = "broker ids", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    broker_list: String,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        let what = "This tool helps to query log directory usage on the specified brokers.";
        return Err(Failure::Usage(what.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    if !options.address.has_address() {
        return Err(missing("bootstrap-server"));
    }
    if options.describe == 0 {
        return Err(missing("describe"));
    }
    let settings = options.address.settings()?;
    let wanted = brokers(&options.broker_list).map_err(Failure::Message)?;
    let topics: BTreeSet<&str> = options.topic_list.split(',').filter(|topic| !topic.is_empty()).collect();
    let mut client = Client::connect(settings)?;
    let existing: BTreeSet<i32> = client.brokers().map(|broker| broker.node_id).collect();
    let unknown: BTreeSet<i32> = wanted.difference(&existing).copied().collect();
    if !unknown.is_empty() {
        return Err(Failure::Message(format!(
            "ERROR: The given brokers do not exist from --broker-list: {}. Current existent brokers: {}",
            joined(&unknown),
            joined(&existing)
        )));
    }
    let asked = if wanted.is_empty() { existing } else { wanted };
    if !context.is_json() {
        context.out("Querying brokers for log directories information")?;
    }
    let answers = ask(&mut client, &asked)?;
    if !context.is_json() {
        context.out(format_args!("Received log directory information from brokers {}", joined(&asked)))?;
    }
    let failed = answers.iter().flat_map(|(_, dirs)| dirs).any(|dir| dir.error_code != 0);
    if failed {
        context.note_reported_error();
    }
    Ok(context.out(document(&answers, &topics))?)
}

fn brokers(list: &str) -> Result<BTreeSet<i32>, String> {
    let ids = list.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(|_| format!("For input string: \"{id}\""))).collect()
}

fn joined(ids: &BTreeSet<i32>) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// All brokers are asked before the first answer is awaited.
fn ask(client: &mut Client, ids: &BTreeSet<i32>) -> Result<Vec<(i32, Vec<DescribeLogDirsResult>)>, ClientError> {
    let timeout = client.settings().request_timeout;
    let request = DescribeLogDirsRequest { topics: None };
    let mut tickets = Vec::new();
    for id in ids {
        tickets.push((*id, client.connection(*id)?.send(&request)?));
    }
    let mut answers = Vec::new();
    for (id, ticket) in tickets {
        let response: DescribeLogDirsResponse = client.connection(id)?.receive(ticket, timeout)?;
        ClientError::check(response.error_code, None)?;
        answers.push((id, response.results));
    }
    Ok(answers)
}

/// Kafka's document on one line, with its order of keys.
fn document(answers: &[(i32, Vec<DescribeLogDirsResult>)], topics: &BTreeSet<&str>) -> String {
    let brokers: Vec<String> = answers
        .iter()
        .map(|(id, dirs)| {
            let dirs: Vec<String> = dirs.iter().map(|dir| log_dir(dir, topics)).collect();
            format!("{{\"broker\":{id},\"logDirs\":[{}]}}", dirs.join(","))
        })
        .collect();
    format!("{{\"brokers\":[{}],\"version\":1}}", brokers.join(","))
}

fn log_dir(dir: &DescribeLogDirsResult, topics: &BTreeSet<&str>) -> String {
    let mut partitions = Vec::new();
    for topic in dir.topics.iter().filter(|topic| topics.is_empty() || topics.contains(topic.name.as_str())) {
        for row in &topic.partitions {
            let text = format!(
                "{{\"partition\":{},\"size\":{},\"offsetLag\":{},\"isFuture\":{}}}",
                json!(format!("{}-{}", topic.name, row.partition_index)),
                row.partition_size,
                row.offset_lag,
                row.is_future_key
            );
            partitions.push((&topic.name, row.partition_index, text));
        }
    }
    partitions.sort();
    let partitions: Vec<String> = partitions.into_iter().map(|(_, _, text)| text).collect();
    let code = ClientError::api(dir.error_code, None).code().filter(|_| dir.error_code != 0);
    let error = code.map_or(Value::Null, |code| json!(exception_class(code)));
    format!("{{\"partitions\":[{}],\"error\":{error},\"logDir\":{}}}", partitions.join(","), json!(dir.log_dir))
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::messages::describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsTopic};

    use super::*;

    fn dir(error_code: i16) -> DescribeLogDirsResult {
        let row = |partition_index| DescribeLogDirsPartition {
            partition_index,
            partition_size: 7,
            ..DescribeLogDirsPartition::default()
        };
        let topic = |name: &str| DescribeLogDirsTopic { name: name.into(), partitions: vec![row(10), row(2)] };
        let topics = vec![topic("t"), topic("a")];
        DescribeLogDirsResult { error_code, log_dir: "/d".into(), topics, ..DescribeLogDirsResult::default() }
    }

    #[test]
    fn the_document_is_kafkas() {
        let row =
            |partition| format!("{{\"partition\":\"t-{partition}\",\"size\":7,\"offsetLag\":0,\"isFuture\":false}}");
        let expected = format!(
            "{{\"brokers\":[{{\"broker\":1,\"logDirs\":[{{\"partitions\":[{},{}],\"error\":null,\"logDir\":\"/d\"}}]}}],\
             \"version\":1}}",
            row(2),
            row(10)
        );
        let printed = document(&[(1, vec![dir(0)])], &BTreeSet::from(["t"]));
        assert_eq!(printed, expected);
        assert!(serde_json::from_str::<Value>(&printed).is_ok());
    }

    #[test]
    fn a_dead_directory_names_the_exception() {
        assert!(
            log_dir(&dir(56), &BTreeSet::new())
                .contains("\"error\":\"org.apache.kafka.common.errors.KafkaStorageException\"")
        );
    }

    #[test]
    fn ids() {
        assert_eq!(brokers("1,,2").unwrap(), BTreeSet::from([1, 2]));
        assert_eq!(brokers("x").unwrap_err(), "For input string: \"x\"");
    }
}
