//! `kafka-delete-records`: everything before an offset, by a JSON file.

use std::collections::BTreeMap;

use barnabas_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use barnabas_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{self, ClusterArgs, missing};
use crate::client::{ClientError, PerPartition, TopicPartition, by_topic, request_timeout_ms};
use crate::{Context, Failure, Tool, json_file, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-delete-records", about: "Delete records before given offsets.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Where to delete up to (excluded; -1 for all):
    /// {"partitions": [{"topic": "foo", "partition": 1, "offset": 1}], "version": 1}
    #[arg(long, value_name = "path")]
    offset_json_file: Option<String>,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        let what = "This tool helps to delete records of the given partitions down to the specified offset.";
        return Err(Failure::Usage(what.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    if !options.cluster.has_address() {
        return Err(missing("bootstrap-server"));
    }
    let path = options.offset_json_file.ok_or_else(|| missing("offset-json-file"))?;
    let settings = options.cluster.settings()?;
    let offsets = parse(&json_file::read(&path).map_err(Failure::Message)?)?;
    let mut client = crate::client::Client::connect(settings)?;
    if !context.is_json() {
        context.out("Executing records delete operation")?;
    }
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let outcomes = client.ask_leaders(offsets.keys().cloned(), |asked| request(asked, &offsets, timeout_ms), read)?;
    print(context, &outcomes)
}

fn parse(text: &str) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let invalid = |_| Failure::Message("The input string is not a valid JSON".into());
    let document: Value = serde_json::from_str(text).map_err(invalid)?;
    let fields = json_file::object(&document)?;
    json_file::check_version(fields)?;
    let rows = fields.get("partitions").ok_or_else(|| Failure::Message("Missing partitions field".into()))?;
    let mut offsets = BTreeMap::new();
    let mut twice = Vec::new();
    for row in json_file::array(rows)? {
        let row = json_file::object(row)?;
        let topic = json_file::text(json_file::field(row, "topic")?)?;
        let partition = json_file::integer(json_file::field(row, "partition")?)?;
        let offset = json_file::long(json_file::field(row, "offset")?)?;
        if offsets.insert((topic.clone(), partition), offset).is_some() {
            twice.push(format!("{topic}-{partition}"));
        }
    }
    twice.dedup();
    match twice.as_slice() {
        [] => Ok(offsets),
        _ => {
            Err(Failure::Message(format!("Offset json file contains duplicate topic partitions: {}", twice.join(","))))
        }
    }
}

fn request(asked: &[TopicPartition], offsets: &BTreeMap<TopicPartition, i64>, timeout_ms: i32) -> DeleteRecordsRequest {
    let row = |key: &TopicPartition| DeleteRecordsPartition {
        partition_index: key.1,
        offset: offsets.get(key).copied().unwrap_or_default(),
    };
    let rows = asked.iter().map(|key| (key.0.clone(), row(key)));
    let topics = by_topic(rows).map(|(name, partitions)| DeleteRecordsTopic { name, partitions }).collect();
    DeleteRecordsRequest { topics, timeout_ms }
}

fn read(response: DeleteRecordsResponse) -> Vec<(TopicPartition, Result<i64, ClientError>)> {
    let mut rows = Vec::new();
    for topic in response.topics {
        for row in topic.partitions {
            let outcome = ClientError::check(row.error_code, None).map(|()| row.low_watermark);
            rows.push(((topic.name.clone(), row.partition_index), outcome));
        }
    }
    rows
}

fn print(context: &mut Context<'_>, outcomes: &PerPartition<i64>) -> Result<(), Failure> {
    if !context.is_json() {
        context.out("Records delete operation completed:")?;
    }
    let mut documents = Vec::new();
    for ((topic, partition), outcome) in outcomes {
        if outcome.is_err() {
            context.note_reported_error();
        }
        if context.is_json() {
            documents.push(match outcome {
                Ok(mark) => {
                    json!({ "topic": topic, "partition": partition, "lowWatermark": mark, "result": "deleted" })
                }
                Err(error) => {
                    let error = output::json_error(error.code_name(), &error.to_string());
                    json!({ "topic": topic, "partition": partition, "error": error })
                }
            });
            continue;
        }
        match outcome {
            Ok(mark) => context.out(format_args!("partition: {topic}-{partition}\tlow_watermark: {mark}"))?,
            Err(error) => {
                context.out(format_args!("partition: {topic}-{partition}\terror: {}", error.as_exception()))?
            }
        }
    }
    if context.is_json() {
        context.out(output::json(&json!({ "partitions": documents })))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_refused_as_by_kafkas_tool() {
        let row = |partition: i32| format!("{{\"topic\":\"t\",\"partition\":{partition},\"offset\":-1}}");
        let good = parse(&format!("{{\"partitions\":[{},{}]}}", row(1), row(0))).unwrap();
        assert_eq!(good.into_iter().collect::<Vec<_>>(), [(("t".into(), 0), -1), (("t".into(), 1), -1)]);
        let told = |text: &str| format!("{:?}", parse(text).unwrap_err());
        assert!(told("{bad").contains("The input string is not a valid JSON"));
        assert!(told("{\"version\":1}").contains("Missing partitions field"));
        assert!(
            told(&format!("{{\"partitions\":[{},{}]}}", row(0), row(0))).contains("duplicate topic partitions: t-0")
        );
    }

    #[test]
    fn errors_are_printed_and_counted() {
        let outcomes =
            PerPartition::from([(("t".to_owned(), 0), Ok(4)), (("t".to_owned(), 1), Err(ClientError::api(1, None)))]);
        let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
        let mut context = Context::new(&mut stdin, &mut stdout, &mut stderr, true);
        print(&mut context, &outcomes).unwrap();
        assert_eq!(context.exit_code(), 1);
        let printed = String::from_utf8(stdout).unwrap();
        assert!(printed.contains("partition: t-0\tlow_watermark: 4\n"), "{printed}");
        assert!(printed.contains("partition: t-1\terror: org.apache.kafka.common.errors.OffsetOutOfRangeException: "));
    }
}
