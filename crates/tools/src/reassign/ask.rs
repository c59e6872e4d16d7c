//! What `kafka-reassign-partitions` asks of brokers and of the controller, one function per question.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use barnabas_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use barnabas_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use barnabas_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterReplicaLogDirsRequest, DescribeLogDirsRequest,
    IncrementalAlterConfigsRequest, ListPartitionReassignmentsRequest,
};

use super::moves::{Ongoing, Replica};
use super::plan::{Assignment, LogDirs};
use crate::client::{Client, ClientError, PerPartition, TopicPartition, by_topic, request_timeout_ms};

const TOPIC_RESOURCE: i8 = 2;
const BROKER_RESOURCE: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;

/// Settings to be set, or to be deleted where there is no value.
pub(super) type Changes<'a> = Vec<(&'a str, Option<String>)>;

/// Moves in progress; of these partitions only, if some are named.
pub(super) fn ongoing(client: &mut Client, only: Option<&BTreeSet<TopicPartition>>) -> Result<Ongoing, ClientError> {
    let topics = only.map(|partitions| {
        let grouped = by_topic(partitions.iter().cloned());
        grouped.map(|(name, partition_indexes)| ListPartitionReassignmentsTopics { name, partition_indexes }).collect()
    });
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let response = client.any(&ListPartitionReassignmentsRequest { timeout_ms, topics })?;
    ClientError::check(response.error_code, response.error_message)?;
    let mut rows = Ongoing::new();
    for topic in response.topics {
        rows.extend(topic.partitions.into_iter().map(|row| ((topic.name.clone(), row.partition_index), row)));
    }
    Ok(rows)
}

/// The replicas of all partitions of these topics; `None` for a topic that does not exist.
pub(super) fn assignment(
    client: &mut Client,
    topics: &BTreeSet<String>,
) -> Result<BTreeMap<String, Option<Assignment>>, ClientError> {
    if topics.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = topics.iter().cloned().collect();
    let mut found = BTreeMap::new();
    for topic in client.topics(Some(&names))? {
        let name = topic.name.unwrap_or_default();
        if topic.error_code == ErrorCode::UnknownTopicOrPartition.code() {
            found.insert(name, None);
            continue;
        }
        ClientError::check(topic.error_code, None)?;
        let rows = topic.partitions.into_iter().map(|row| ((name.clone(), row.partition_index), row.replica_nodes));
        found.insert(name.clone(), Some(rows.collect()));
    }
    Ok(found)
}

/// Where these replicas are, and where they are on the way to. Brokers that are not alive know nothing.
pub(super) fn log_dirs(client: &mut Client, replicas: &BTreeSet<Replica>) -> Result<(LogDirs, LogDirs), ClientError> {
    let live: BTreeSet<i32> = client.brokers().map(|broker| broker.node_id).collect();
    let timeout = client.settings().request_timeout;
    let mut tickets = Vec::new();
    for id in replicas.iter().map(|replica| replica.0).collect::<BTreeSet<_>>().intersection(&live) {
        let on_broker = replicas.iter().filter(|replica| replica.0 == *id);
        let grouped = by_topic(on_broker.map(|(_, topic, partition)| (topic.clone(), *partition)));
        let topics = grouped.map(|(topic, partitions)| DescribableLogDirTopic { topic, partitions }).collect();
        tickets.push((*id, client.connection(*id)?.send(&DescribeLogDirsRequest { topics: Some(topics) })?));
    }
    let (mut current, mut future) = (LogDirs::new(), LogDirs::new());
    for (id, ticket) in tickets {
        let response = client.connection(id)?.receive(ticket, timeout)?;
        ClientError::check(response.error_code, None)?;
        for dir in response.results.into_iter().filter(|dir| dir.error_code == 0) {
            for topic in dir.topics {
                for row in topic.partitions {
                    let side = if row.is_future_key { &mut future } else { &mut current };
                    side.insert((id, topic.name.clone(), row.partition_index), dir.log_dir.clone());
                }
            }
        }
    }
    Ok((current, future))
}

/// Starts moves, or stops them where there are no replicas.
pub(super) fn alter(
    client: &mut Client,
    changes: &BTreeMap<TopicPartition, Option<Vec<i32>>>,
) -> Result<PerPartition<()>, ClientError> {
    let row = |(key, replicas): (&TopicPartition, &Option<Vec<i32>>)| {
        (key.0.clone(), ReassignablePartition { partition_index: key.1, replicas: replicas.clone() })
    };
    let grouped = by_topic(changes.iter().map(row));
    let topics = grouped.map(|(name, partitions)| ReassignableTopic { name, partitions }).collect();
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let request = AlterPartitionReassignmentsRequest { timeout_ms, allow_replication_factor_change: true, topics };
    let response = client.any(&request)?;
    ClientError::check(response.error_code, response.error_message)?;
    let mut outcomes = PerPartition::new();
    for topic in response.responses {
        for row in topic.partitions {
            let outcome = ClientError::check(row.error_code, row.error_message);
            outcomes.insert((topic.name.clone(), row.partition_index), outcome);
        }
    }
    Ok(outcomes)
}

/// Moves replicas between the log directories of their brokers; gives what each broker said.
pub(super) fn move_between_dirs(
    client: &mut Client,
    targets: &LogDirs,
) -> Result<BTreeMap<Replica, Result<(), ClientError>>, ClientError> {
    let mut outcomes = BTreeMap::new();
    for id in targets.keys().map(|replica| replica.0).collect::<BTreeSet<_>>() {
        let mut by_dir: HashMap<&String, Vec<(String, i32)>> = HashMap::new();
        for ((_, topic, partition), dir) in targets.iter().filter(|(replica, _)| replica.0 == id) {
            by_dir.entry(dir).or_default().push((topic.clone(), *partition));
        }
        let dir = |(path, rows): (&String, Vec<(String, i32)>)| AlterReplicaLogDir {
            path: path.clone(),
            topics: by_topic(rows).map(|(name, partitions)| AlterReplicaLogDirTopic { name, partitions }).collect(),
        };
        let request = AlterReplicaLogDirsRequest { dirs: by_dir.into_iter().map(dir).collect() };
        for topic in client.broker(id, &request)?.results {
            for row in topic.partitions {
                let outcome = ClientError::check(row.error_code, None);
                outcomes.insert((id, topic.topic_name.clone(), row.partition_index), outcome);
            }
        }
    }
    Ok(outcomes)
}

/// Changes settings of a broker. It has to be alive: it checks its own settings.
pub(super) fn alter_broker(client: &mut Client, id: i32, changes: &Changes<'_>) -> Result<(), ClientError> {
    if !client.brokers().any(|broker| broker.node_id == id) {
        return Err(ClientError::Timeout(format!(
            "Broker {id} is not alive, so its throttle cannot be changed; try again when it is back"
        )));
    }
    let request = config_request(BROKER_RESOURCE, &[id.to_string()], |_| changes.clone());
    let response = client.broker(id, &request)?;
    response.responses.into_iter().try_for_each(|row| ClientError::check(row.error_code, row.error_message))
}

/// Changes settings of topics.
pub(super) fn alter_topics<'a>(
    client: &mut Client,
    topics: &[String],
    changes: impl Fn(&str) -> Changes<'a>,
) -> Result<(), ClientError> {
    if topics.is_empty() {
        return Ok(());
    }
    let response = client.any(&config_request(TOPIC_RESOURCE, topics, changes))?;
    response.responses.into_iter().try_for_each(|row| ClientError::check(row.error_code, row.error_message))
}

fn config_request<'a>(
    kind: i8,
    names: &[String],
    changes: impl Fn(&str) -> Changes<'a>,
) -> IncrementalAlterConfigsRequest {
    let config = |(name, value): (&str, Option<String>)| AlterableConfig {
        name: name.to_owned(),
        config_operation: if value.is_some() { SET } else { DELETE },
        value,
    };
    let resource = |name: &String| AlterConfigsResource {
        resource_type: kind,
        resource_name: name.clone(),
        configs: changes(name).into_iter().map(config).collect(),
    };
    IncrementalAlterConfigsRequest { resources: names.iter().map(resource).collect(), validate_only: false }
}
