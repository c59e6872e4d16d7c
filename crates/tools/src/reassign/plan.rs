//! Assignments as files say and as they are printed: parsing, checks, JSON. Nothing here talks to a broker.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::exception;
use crate::Failure;
use crate::client::TopicPartition;
use crate::json_file::{self, ShapeError};

/// Replicas of partitions.
pub(super) type Assignment = BTreeMap<TopicPartition, Vec<i32>>;
/// Log directories of replicas: broker, topic, partition.
pub(super) type LogDirs = BTreeMap<(i32, String, i32), String>;

const ANY_LOG_DIR: &str = "any";
const COMMAND_FAILED: &str = "org.apache.kafka.tools.AdminCommandFailedException";
const OPERATION: &str = "org.apache.kafka.tools.AdminOperationException";
const SHAPE: &str = "com.fasterxml.jackson.databind.JsonMappingException";

/// What a reassignment file asks for, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) partitions: Vec<(TopicPartition, Vec<i32>)>,
    pub(super) log_dirs: LogDirs,
}

impl Plan {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let document: Value = serde_json::from_str(text).map_err(|error| exception(OPERATION, &error.to_string()))?;
        let fields = json_file::object(&document).map_err(shape)?;
        json_file::check_version(fields).map_err(|error| exception(OPERATION, &error.0))?;
        let mut plan = Self::default();
        let rows = fields.get("partitions").map(json_file::array).transpose().map_err(shape)?;
        for row in rows.unwrap_or_default() {
            plan.add(row)?;
        }
        Ok(plan)
    }

    fn add(&mut self, row: &Value) -> Result<(), Failure> {
        let (topic, partition, replicas, dirs) = fields_of(row).map_err(shape)?;
        let dirs = dirs.unwrap_or_else(|| vec![ANY_LOG_DIR.to_owned(); replicas.len()]);
        if dirs.len() != replicas.len() {
            let dirs = dirs.join(", ");
            return Err(exception(
                COMMAND_FAILED,
                &format!(
                    "Size of replicas list {replicas:?} is different from size of log dirs list [{dirs}] for partition \
                     {topic}-{partition}"
                ),
            ));
        }
        for (replica, dir) in replicas.iter().zip(dirs).filter(|(_, dir)| dir != ANY_LOG_DIR) {
            self.log_dirs.insert((*replica, topic.clone(), partition), dir);
        }
        self.partitions.push(((topic, partition), replicas));
        Ok(())
    }

    /// The assignment, if it can be carried out.
    pub(super) fn checked(&self) -> Result<Assignment, Failure> {
        let wrong = |message: String| Err(exception(COMMAND_FAILED, &message));
        if self.partitions.is_empty() {
            return wrong("Partition reassignment list cannot be empty".into());
        }
        if self.partitions.iter().any(|(_, replicas)| replicas.is_empty()) {
            return wrong("Partition replica list cannot be empty".into());
        }
        let twice = duplicates(self.partitions.iter().map(|(partition, _)| partition));
        if !twice.is_empty() {
            let names: Vec<String> = twice.into_iter().map(name).collect();
            return wrong(format!("Partition reassignment contains duplicate topic partitions: {}", names.join(",")));
        }
        let told: Vec<String> = self
            .partitions
            .iter()
            .filter_map(|(partition, replicas)| {
                let twice = duplicates(replicas.iter());
                (!twice.is_empty())
                    .then(|| format!("{} contains multiple entries for {}", name(partition), joined(twice)))
            })
            .collect();
        if !told.is_empty() {
            let told = told.join(". ");
            return wrong(format!("Partition replica lists may not contain duplicate entries: {told}"));
        }
        Ok(self.partitions.iter().cloned().collect())
    }
}

type Row = (String, i32, Vec<i32>, Option<Vec<String>>);

fn fields_of(row: &Value) -> Result<Row, ShapeError> {
    let row = json_file::object(row)?;
    let topic = json_file::text(json_file::field(row, "topic")?)?;
    let partition = json_file::integer(json_file::field(row, "partition")?)?;
    let replicas = json_file::array(json_file::field(row, "replicas")?)?;
    let replicas = replicas.iter().map(json_file::integer).collect::<Result<_, _>>()?;
    let dirs = row.get("log_dirs").map(json_file::array).transpose()?;
    let dirs = dirs.map(|dirs| dirs.iter().map(json_file::text).collect::<Result<_, _>>()).transpose()?;
    Ok((topic, partition, replicas, dirs))
}

fn shape(error: ShapeError) -> Failure {
    exception(SHAPE, &error.0)
}

/// The topics of a `--topics-to-move-json-file`.
pub(super) fn parse_topics(text: &str) -> Result<Vec<String>, Failure> {
    let invalid = |_| exception(OPERATION, "The input string is not a valid JSON");
    let document: Value = serde_json::from_str(text).map_err(invalid)?;
    let fields = json_file::object(&document).map_err(shape)?;
    json_file::check_version(fields).map_err(|error| exception(OPERATION, &error.0))?;
    let topic = |row: &Value| json_file::text(json_file::field(json_file::object(row)?, "topic")?);
    let rows = fields.get("topics").map(json_file::array).transpose().map_err(shape)?.unwrap_or_default();
    let topics: Vec<String> = rows.iter().map(topic).collect::<Result<_, _>>().map_err(shape)?;
    let twice = duplicates(topics.iter());
    if twice.is_empty() {
        return Ok(topics);
    }
    let twice: Vec<&str> = twice.into_iter().map(String::as_str).collect();
    let message = format!("List of topics to reassign contains duplicate entries: [{}]", twice.join(", "));
    Err(exception(COMMAND_FAILED, &message))
}

/// The ids of a `--broker-list`.
pub(super) fn parse_brokers(text: &str) -> Result<Vec<i32>, Failure> {
    let wrong = |id: &str| exception("java.lang.NumberFormatException", &format!("For input string: \"{id}\""));
    let ids = text.trim_end_matches(',').split(',').map(|id| id.parse().map_err(|_| wrong(id)));
    let ids: Vec<i32> = ids.collect::<Result<_, _>>()?;
    let twice: Vec<String> = duplicates(ids.iter()).into_iter().map(i32::to_string).collect();
    if twice.is_empty() {
        return Ok(ids);
    }
    let message = format!("Broker list contains duplicate entries: [{}]", twice.join(", "));
    Err(exception(COMMAND_FAILED, &message))
}

/// Kafka's document on one line, with its order of keys.
pub(super) fn document(assignment: &Assignment, log_dirs: &LogDirs) -> String {
    let rows: Vec<String> = assignment
        .iter()
        .map(|((topic, partition), replicas)| {
            let dir = |id: &i32| {
                let known = log_dirs.get(&(*id, topic.clone(), *partition)).map(String::as_str);
                json!(known.unwrap_or(ANY_LOG_DIR)).to_string()
            };
            let dirs: Vec<String> = replicas.iter().map(dir).collect();
            format!(
                "{{\"topic\":{},\"partition\":{partition},\"replicas\":[{}],\"log_dirs\":[{}]}}",
                json!(topic),
                joined(replicas),
                dirs.join(",")
            )
        })
        .collect();
    format!("{{\"version\":1,\"partitions\":[{}]}}", rows.join(","))
}

/// `topic-partition`.
pub(super) fn name((topic, partition): &TopicPartition) -> String {
    format!("{topic}-{partition}")
}

/// Ids with commas between.
pub(super) fn joined<'a>(ids: impl IntoIterator<Item = &'a i32>) -> String {
    ids.into_iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

fn duplicates<'a, T: Ord>(items: impl Iterator<Item = &'a T>) -> BTreeSet<&'a T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| !seen.insert(*item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
        match outcome {
            Err(Failure::OnStdout(text)) => text.lines().next().unwrap_or_default().to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn plan(partitions: &str) -> Result<Plan, Failure> {
        Plan::parse(&format!("{{\"version\":1,\"partitions\":[{partitions}]}}"))
    }

    #[test]
    fn files_are_read() {
        let read = plan(r#"{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["/d","any"]}"#).unwrap();
        assert_eq!(read.partitions, [(("t".to_owned(), 0), vec![1, 2])]);
        assert_eq!(read.log_dirs, LogDirs::from([((1, "t".to_owned(), 0), "/d".to_owned())]));
        let printed = document(&read.checked().unwrap(), &read.log_dirs);
        assert_eq!(
            printed,
            r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["/d","any"]}]}"#
        );
    }

    #[test]
    fn wrong_files_are_told_in_kafkas_words() {
        let row = |replicas: &str| format!("{{\"topic\":\"t\",\"partition\":0,\"replicas\":{replicas}}}");
        assert_eq!(told(Plan::parse("{\"version\":2}")), "Error: Not supported version field value 2");
        assert_eq!(told(plan("{\"topic\":\"t\",\"partition\":0}")), "Error: No such field exists: `replicas`");
        let checked = |rows: &str| told(plan(rows).unwrap().checked());
        assert_eq!(checked(""), "Error: Partition reassignment list cannot be empty");
        assert_eq!(checked(&row("[]")), "Error: Partition replica list cannot be empty");
        let twice = format!("{},{}", row("[1]"), row("[1]"));
        assert_eq!(checked(&twice), "Error: Partition reassignment contains duplicate topic partitions: t-0");
        assert!(checked(&row("[1,1]")).ends_with("duplicate entries: t-0 contains multiple entries for 1"));
        let dirs = r#"{"topic":"t","partition":0,"replicas":[1],"log_dirs":["any","any"]}"#;
        assert!(told(plan(dirs)).contains("replicas list [1] is different from size of log dirs list [any, any] for"));
    }

    #[test]
    fn topics_and_brokers() {
        assert_eq!(parse_topics(r#"{"topics":[{"topic":"a"}]}"#).unwrap(), ["a"]);
        assert!(told(parse_topics(r#"{"topics":[{"topic":"a"},{"topic":"a"}]}"#)).ends_with("duplicate entries: [a]"));
        assert_eq!(parse_brokers("1,2").unwrap(), [1, 2]);
        assert_eq!(told(parse_brokers("1,1")), "Error: Broker list contains duplicate entries: [1]");
        assert_eq!(told(parse_brokers("a")), "Error: For input string: \"a\"");
    }
}
