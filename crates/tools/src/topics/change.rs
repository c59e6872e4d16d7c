//! `--create`, `--alter` and `--delete`: what is asked of the controller and what is said about the answer.

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use barnabas_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use barnabas_protocol::messages::delete_topics_request::DeleteTopicState;
use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use barnabas_protocol::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use serde_json::{Value, json};

use super::options::Options;
use super::{configs, refused, wrong};
use crate::client::{Client, ClientError, request_timeout_ms};
use crate::{Context, Failure, output};

/// What an option line says about a topic to be created or enlarged.
pub(super) struct Plan {
    name: String,
    partitions: Option<i32>,
    replication_factor: Option<i32>,
    assignment: Vec<Vec<i32>>,
    configs: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let assignment = options.replica_assignment()?.filter(|text| !text.is_empty());
        Ok(Self {
            name: options.topic()?.unwrap_or_default().to_owned(),
            partitions: options.partitions()?,
            replication_factor: options.replication_factor()?,
            assignment: assignment.map(parse_assignment).transpose()?.unwrap_or_default(),
            configs: configs::parse(&options.config)?,
        })
    }
}

pub(super) fn create(
    context: &mut Context<'_>,
    client: &mut Client,
    plan: Plan,
    if_not_exists: bool,
) -> Result<(), Failure> {
    if plan.name.contains(['.', '_']) && !context.is_json() {
        context.out(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could \
             collide. To avoid issues it is best to use either, but not both.",
        )?;
    }
    if plan.replication_factor.is_some_and(|factor| !(1..=i32::from(i16::MAX)).contains(&factor)) {
        return Err(wrong("The replication factor must be between 1 and 32767 inclusive"));
    }
    if plan.partitions.is_some_and(|count| count < 1) {
        return Err(wrong("The partitions must be greater than 0"));
    }
    if plan.name.is_empty() {
        return Err(wrong("The given topic name '' cannot be represented in a request."));
    }
    let name = plan.name.clone();
    match send_create(client, plan) {
        Ok(_) if !context.is_json() => Ok(context.out(format_args!("Created topic {name}."))?),
        Ok(id) => {
            let id = (!id.is_zero()).then(|| id.to_string());
            tell(context, vec![json!({ "topic": name, "topicId": id, "result": "created" })])
        }
        Err(error) if if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) => {
            tell(context, vec![json!({ "topic": name, "result": "unchanged" })])
        }
        Err(error) => Err(refused(error)),
    }
}

fn send_create(client: &mut Client, plan: Plan) -> Result<Uuid, ClientError> {
    let factor = plan.replication_factor.and_then(|factor| i16::try_from(factor).ok());
    let assigned = |(index, broker_ids): (usize, Vec<i32>)| CreatableReplicaAssignment {
        partition_index: i32::try_from(index).unwrap_or(i32::MAX),
        broker_ids,
    };
    let config = |(name, value)| CreatableTopicConfig { name, value: Some(value) };
    let topic = CreatableTopic {
        name: plan.name,
        num_partitions: plan.partitions.unwrap_or(-1),
        replication_factor: factor.unwrap_or(-1),
        assignments: plan.assignment.into_iter().enumerate().map(assigned).collect(),
        configs: plan.configs.into_iter().map(config).collect(),
    };
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms, validate_only: false };
    let mut response = client.any(&request)?;
    let result = response.topics.pop().unwrap_or_default();
    ClientError::check(result.error_code, result.error_message)?;
    Ok(result.topic_id)
}

pub(super) fn alter(
    context: &mut Context<'_>,
    client: &mut Client,
    plan: &Plan,
    topics: &[MetadataResponseTopic],
) -> Result<(), Failure> {
    if topics.is_empty() {
        return tell(context, Vec::new());
    }
    let count = plan.partitions.unwrap_or_default();
    let rest = |topic: &MetadataResponseTopic| {
        let new = plan.assignment.iter().skip(topic.partitions.len());
        new.map(|ids| CreatePartitionsAssignment { broker_ids: ids.clone() }).collect()
    };
    let enlarged = |topic: &MetadataResponseTopic| CreatePartitionsTopic {
        name: topic.name.clone().unwrap_or_default(),
        count,
        assignments: (!plan.assignment.is_empty()).then(|| rest(topic)),
    };
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let request =
        CreatePartitionsRequest { topics: topics.iter().map(enlarged).collect(), timeout_ms, validate_only: false };
    let response = client.any(&request).map_err(refused)?;
    let results = response.results.into_iter();
    let outcomes = results.map(|result| (result.name, ClientError::check(result.error_code, result.error_message)));
    judge(context, outcomes.collect(), "altered")
}

pub(super) fn delete(
    context: &mut Context<'_>,
    client: &mut Client,
    topics: &[MetadataResponseTopic],
) -> Result<(), Failure> {
    if topics.is_empty() {
        return tell(context, Vec::new());
    }
    let names: Vec<String> = topics.iter().filter_map(|topic| topic.name.clone()).collect();
    let state = |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let request = DeleteTopicsRequest { topics: names.iter().map(state).collect(), topic_names: names, timeout_ms };
    let response = client.any(&request).map_err(refused)?;
    let results = response.responses.into_iter();
    let outcomes = results
        .map(|result| (result.name.unwrap_or_default(), ClientError::check(result.error_code, result.error_message)));
    judge(context, outcomes.collect(), "deleted")
}

/// Kafka's tool tells the first error only; JSON has one row per topic.
fn judge(
    context: &mut Context<'_>,
    outcomes: Vec<(String, Result<(), ClientError>)>,
    done: &str,
) -> Result<(), Failure> {
    if !context.is_json() {
        return outcomes.into_iter().try_for_each(|(_, outcome)| outcome.map_err(refused));
    }
    let mut rows = Vec::new();
    for (name, outcome) in outcomes {
        rows.push(match outcome {
            Ok(()) => json!({ "topic": name, "result": done }),
            Err(error) => {
                context.note_reported_error();
                json!({ "topic": name, "error": output::json_error(error.code_name(), &error.to_string()) })
            }
        });
    }
    tell(context, rows)
}

fn tell(context: &mut Context<'_>, rows: Vec<Value>) -> Result<(), Failure> {
    if context.is_json() {
        context.out(output::json(&json!({ "topics": rows })))?;
    }
    Ok(())
}

/// `1:2,2:3`: the brokers of partition 0, of partition 1 …
fn parse_assignment(text: &str) -> Result<Vec<Vec<i32>>, Failure> {
    let mut partitions: Vec<Vec<i32>> = Vec::new();
    for (index, list) in text.trim_end_matches(',').split(',').enumerate() {
        let ids = list.trim_end_matches(':').split(':').map(|id| {
            let id = id.trim();
            id.parse::<i32>().map_err(|_| wrong(format!("For input string: \"{id}\"")))
        });
        let ids: Vec<i32> = ids.collect::<Result<_, _>>()?;
        let mut twice: Vec<i32> =
            ids.iter().copied().filter(|id| ids.iter().filter(|other| *other == id).count() > 1).collect();
        twice.sort_unstable();
        twice.dedup();
        if !twice.is_empty() {
            let twice: Vec<String> = twice.iter().map(i32::to_string).collect();
            let told = format!("Partition replica lists may not contain duplicate entries: {}", twice.join(","));
            return Err(wrong(told));
        }
        if partitions.first().is_some_and(|first| first.len() != ids.len()) {
            return Err(wrong(format!("Partition {index} has different replication factor: {ids:?}")));
        }
        partitions.push(ids);
    }
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        assert_eq!(parse_assignment("1:2, 2:3,").unwrap(), [[1, 2], [2, 3]]);
        let told = |text| format!("{:?}", parse_assignment(text).err());
        assert!(told("1:1").contains("duplicate entries: 1"));
        assert!(told("1:2,1").contains("Partition 1 has different replication factor: [1]"));
        assert!(told("a").contains("For input string: \\\"a\\\""));
    }
}
