//! DescribeTopicPartitions (75), version 0 (KIP-966): partitions with their eligible leader replicas, in pages.
//!
//! - Topics come in the order of their names; an empty list means all topics.
//! - The cursor names the first partition of the next page; a cursor into a topic that is gone goes on behind it.

use barnabas_common::ErrorCode;
use barnabas_metadata::{MetadataImage, PartitionImage, TopicImage};
use barnabas_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use barnabas_protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use super::authorized;
use super::shown::{ShownPartition, shown};
use crate::broker::Broker;
use crate::dispatch::{Answer, Refused, RequestContext};
use crate::topics::is_internal_topic;

/// `max.request.partition.size.limit`.
const MAX_PARTITIONS: i32 = 2000;

pub(crate) fn handle(ctx: &RequestContext, request: DescribeTopicPartitionsRequest) -> Result<Answer, Refused> {
    let image = ctx.broker.image();
    let mut names: Vec<String> = if request.topics.is_empty() {
        image.topics().map(|topic| topic.name.to_string()).collect()
    } else {
        request.topics.into_iter().map(|topic| topic.name).collect()
    };
    names.sort_unstable();
    names.dedup();
    let (first_topic, mut first_partition) =
        request.cursor.map_or((String::new(), 0), |cursor| (cursor.topic_name, cursor.partition_index.max(0)));
    let mut room = request.response_partition_limit.clamp(1, MAX_PARTITIONS);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.into_iter().skip_while(|name| *name < first_topic) {
        let start = if name == first_topic { std::mem::take(&mut first_partition) } else { 0 };
        if room == 0 {
            response.next_cursor = Some(Cursor { topic_name: name, partition_index: start });
            break;
        }
        let Some(topic) = image.topic(&name) else {
            response.topics.push(unknown_topic(name));
            continue;
        };
        let (described, next) = describe(&ctx.broker, &image, topic, start, room);
        room -= described.partitions.len() as i32;
        response.topics.push(described);
        if let Some(partition_index) = next {
            response.next_cursor = Some(Cursor { topic_name: name, partition_index });
            break;
        }
    }
    Ok(ctx.ready(&response))
}

fn unknown_topic(name: String) -> DescribeTopicPartitionsResponseTopic {
    let code = if barnabas_metadata::validate_topic_name(&name).is_err() {
        ErrorCode::InvalidTopicException
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    DescribeTopicPartitionsResponseTopic { error_code: code.code(), name: Some(name), ..Default::default() }
}

/// At most `room` partitions from `start` on, and the first that did not fit.
fn describe(
    broker: &Broker,
    image: &MetadataImage,
    topic: &TopicImage,
    start: i32,
    room: i32,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let count = topic.partitions.len() as i32;
    let end = count.min(start.saturating_add(room));
    let partitions = (start..end).filter_map(|index| {
        let partition = topic.partition(index)?;
        Some(describe_partition(index, partition, shown(broker, image, topic, index, partition)))
    });
    let described = DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: authorized::TOPIC,
        ..Default::default()
    };
    (described, (end < count).then_some(end))
}

fn describe_partition(
    index: i32,
    partition: &PartitionImage,
    shown: ShownPartition,
) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition {
        error_code: shown.error.code(),
        partition_index: index,
        leader_id: shown.leader,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: shown.isr,
        eligible_leader_replicas: Some(shown.elr),
        last_known_elr: Some(shown.last_known_elr),
        offline_replicas: shown.offline_replicas,
    }
}
