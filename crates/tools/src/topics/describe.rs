//! `--describe`: asks for topics, settings and moves, and fills the rows that `description.rs` prints.

use std::collections::{BTreeSet, HashMap};

use barnabas_common::Uuid;
use barnabas_protocol::messages::describe_configs_request::DescribeConfigsResource;
use barnabas_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use barnabas_protocol::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use barnabas_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use barnabas_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use barnabas_protocol::messages::{
    DescribeConfigsRequest, DescribeTopicPartitionsRequest, ListPartitionReassignmentsRequest,
};

use super::description::{PartitionRow, Reassignment, TopicRow};
use crate::client::{Client, ClientError};
use crate::java::sort_as_hash_map;

const TOPIC_RESOURCE: i8 = 2;
const DEFAULT_CONFIG: i8 = 5;
const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;

/// How the rows are to be had: eligible leader replicas are told by name only, and only by newer brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Ask for the partitions in pages of this size.
    Pages(i32),
    /// What the metadata said.
    Metadata,
}

/// Rows for these topics, in their order.
pub(super) fn rows(
    client: &mut Client,
    topics: Vec<MetadataResponseTopic>,
    source: Source,
) -> Result<Vec<TopicRow>, ClientError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let live: BTreeSet<i32> = client.brokers().map(|broker| broker.node_id).collect();
    let mut rows = match source {
        Source::Pages(limit) if knows_pages(client)? => paged(client, &topics, limit, &live)?,
        _ => topics.into_iter().map(|topic| from_metadata(topic, &live)).collect::<Result<_, _>>()?,
    };
    add_configs(client, &mut rows)?;
    add_reassignments(client, &mut rows)?;
    Ok(rows)
}

fn knows_pages(client: &mut Client) -> Result<bool, ClientError> {
    Ok(client.bootstrap_connection()?.version_of::<DescribeTopicPartitionsRequest>().is_ok())
}

fn paged(
    client: &mut Client,
    topics: &[MetadataResponseTopic],
    limit: i32,
    live: &BTreeSet<i32>,
) -> Result<Vec<TopicRow>, ClientError> {
    let names = topics.iter().filter_map(|topic| topic.name.clone());
    let mut request = DescribeTopicPartitionsRequest {
        topics: names.map(|name| TopicRequest { name }).collect(),
        response_partition_limit: limit,
        cursor: None,
    };
    let mut rows: Vec<TopicRow> = Vec::new();
    loop {
        let response = client.any(&request)?;
        for topic in response.topics {
            add_page(&mut rows, topic, live)?;
        }
        let Some(next) = response.next_cursor else { return Ok(rows) };
        let cursor = Cursor { topic_name: next.topic_name, partition_index: next.partition_index };
        if request.cursor.as_ref() == Some(&cursor) {
            // A broker that does not get on would keep us here for ever.
            return Err(ClientError::Timeout(format!("The description of topic {} does not end", cursor.topic_name)));
        }
        request.topics.retain(|topic| topic.name >= cursor.topic_name);
        request.cursor = Some(cursor);
    }
}

fn add_page(
    rows: &mut Vec<TopicRow>,
    topic: DescribeTopicPartitionsResponseTopic,
    live: &BTreeSet<i32>,
) -> Result<(), ClientError> {
    ClientError::check(topic.error_code, None)?;
    let name = topic.name.unwrap_or_default();
    let partitions = topic.partitions.into_iter().map(|partition| from_page(partition, live));
    match rows.last_mut() {
        Some(last) if last.name == name => last.partitions.extend(partitions),
        _ => {
            let partitions = partitions.collect();
            let (id, internal) = (topic.topic_id, topic.is_internal);
            rows.push(TopicRow { name, id, internal, partitions, ..TopicRow::default() });
        }
    }
    Ok(())
}

fn from_page(partition: DescribeTopicPartitionsResponsePartition, live: &BTreeSet<i32>) -> PartitionRow {
    PartitionRow {
        index: partition.partition_index,
        leader: Some(partition.leader_id).filter(|id| live.contains(id)),
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        elr: Some(partition.eligible_leader_replicas.unwrap_or_default()),
        last_known_elr: Some(partition.last_known_elr.unwrap_or_default()),
        reassignment: None,
    }
}

fn from_metadata(topic: MetadataResponseTopic, live: &BTreeSet<i32>) -> Result<TopicRow, ClientError> {
    ClientError::check(topic.error_code, None)?;
    let row = |partition: MetadataResponsePartition| PartitionRow {
        index: partition.partition_index,
        leader: Some(partition.leader_id).filter(|id| live.contains(id)),
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        ..PartitionRow::default()
    };
    let (name, id, internal) = (topic.name.unwrap_or_default(), topic.topic_id, topic.is_internal);
    let mut partitions: Vec<PartitionRow> = topic.partitions.into_iter().map(row).collect();
    partitions.sort_by_key(|partition| partition.index);
    Ok(TopicRow { name, id, internal, partitions, ..TopicRow::default() })
}

fn add_configs(client: &mut Client, rows: &mut [TopicRow]) -> Result<(), ClientError> {
    let resource = |row: &TopicRow| DescribeConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: row.name.clone(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest { resources: rows.iter().map(resource).collect(), ..Default::default() };
    let response = client.any(&request)?;
    let mut by_name: HashMap<String, _> =
        response.results.into_iter().map(|result| (result.resource_name.clone(), result)).collect();
    for row in rows {
        let Some(result) = by_name.remove(&row.name) else { continue };
        ClientError::check(result.error_code, result.error_message)?;
        let mut configs = result.configs;
        let minimum = configs.iter().find(|config| config.name == "min.insync.replicas");
        row.min_insync_replicas = minimum.and_then(|config| config.value.as_ref()?.parse().ok()).unwrap_or(1);
        // The order of the line is that of Java's map of all settings.
        sort_as_hash_map(&mut configs, |config| &config.name);
        let own = configs.into_iter().filter(|config| config.config_source != DEFAULT_CONFIG);
        row.overrides = own.map(|config| (config.name, config.value)).collect();
    }
    Ok(())
}

fn add_reassignments(client: &mut Client, rows: &mut [TopicRow]) -> Result<(), ClientError> {
    let topic = |row: &TopicRow| ListPartitionReassignmentsTopics {
        name: row.name.clone(),
        partition_indexes: row.partitions.iter().map(|partition| partition.index).collect(),
    };
    let topics = Some(rows.iter().map(topic).collect());
    let response = match client.any(&ListPartitionReassignmentsRequest { topics, ..Default::default() }) {
        Ok(response) if response.error_code == CLUSTER_AUTHORIZATION_FAILED => return Ok(()),
        Err(ClientError::Unsupported(_)) => return Ok(()),
        other => other?,
    };
    ClientError::check(response.error_code, response.error_message)?;
    for moved in response.topics {
        let Some(row) = rows.iter_mut().find(|row| row.name == moved.name) else { continue };
        for ongoing in moved.partitions {
            let Some(partition) = row.partitions.iter_mut().find(|known| known.index == ongoing.partition_index) else {
                continue;
            };
            let (replicas, adding, removing) =
                (ongoing.replicas.len(), ongoing.adding_replicas, ongoing.removing_replicas);
            partition.reassignment = Some(Reassignment { replicas, adding, removing });
        }
    }
    Ok(())
}

/// Reads an id as Java's `Uuid.fromString` does, with its words for what is wrong.
pub(super) fn parse_id(text: &str) -> Result<Uuid, String> {
    if text.len() > 24 {
        let prefix: String = text.chars().take(24).collect();
        return Err(format!("Input string with prefix `{prefix}` is too long to be decoded as a base64 UUID"));
    }
    text.parse().map_err(|_| {
        let bytes = text.trim_end_matches('=').len() * 3 / 4;
        format!(
            "Input string `{text}` decoded as {bytes} bytes, which is not equal to the expected 16 bytes of a \
             base64-encoded UUID"
        )
    })
}
