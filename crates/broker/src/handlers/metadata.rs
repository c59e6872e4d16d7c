//! Metadata (3), versions 0-13. Brokers, topics and leaders as this broker serves them now.
//!
//! - Topics that do not exist are created when the request and `auto.create.topics.enable` allow it; the answer
//!   waits until they can be used, so no client sees LEADER_NOT_AVAILABLE.
//! - Version 0 lists all topics for an empty list, later versions for null (and nothing for an empty list).
//! - A partition whose log is out of service here has no leader (LEADER_NOT_AVAILABLE), as in Kafka.
//! - Topics may be asked for by id from version 12 on (KIP-516); cluster operations moved to DescribeCluster in 11.

use std::sync::Arc;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_metadata::{CreateTopicsItem, MetadataImage, PartitionImage, TopicImage};
use barnabas_protocol::messages::metadata_request::MetadataRequestTopic;
use barnabas_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use barnabas_protocol::messages::{MetadataRequest, MetadataResponse};

use super::addresses::Addresses;
use super::authorized;
use super::shown::{ShownPartition, shown};
use crate::dispatch::{Answer, Refused, RequestContext};
use crate::topics::is_internal_topic;

pub(crate) fn handle(ctx: &RequestContext, request: MetadataRequest) -> Result<Answer, Refused> {
    let image = ctx.broker.image();
    let missing = topics_to_create(ctx, &request, &image);
    if missing.is_empty() {
        return Ok(ctx.ready(&respond(ctx, &request, &image, &[])));
    }
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let failed = create_missing(&work, missing).await;
        respond(&work, &request, &work.broker.image(), &failed)
    }))
}

/// A topic that could not be created, and why.
type Failed = (String, ErrorCode);

fn topics_to_create(ctx: &RequestContext, request: &MetadataRequest, image: &MetadataImage) -> Vec<String> {
    if !request.allow_auto_topic_creation || !ctx.broker.configs.auto_create_topics() {
        return Vec::new();
    }
    let mut missing: Vec<String> = request
        .topics
        .iter()
        .flatten()
        .filter_map(|topic| topic.name.clone().filter(|name| topic.topic_id.is_zero() && !name.is_empty()))
        .filter(|name| image.topic(name).is_none())
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

async fn create_missing(ctx: &RequestContext, names: Vec<String>) -> Vec<Failed> {
    let items = names.iter().map(|name| CreateTopicsItem {
        name: name.clone(),
        id: Uuid::random(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    });
    match ctx.broker.create_topics(items.collect(), false).await {
        Ok(results) => names
            .into_iter()
            .zip(results)
            .filter_map(|(name, result)| Some((name, result.err()?.code)))
            .filter(|(_, code)| *code != ErrorCode::TopicAlreadyExists)
            .collect(),
        Err(error) => names.into_iter().map(|name| (name, error.code)).collect(),
    }
}

fn respond(
    ctx: &RequestContext,
    request: &MetadataRequest,
    image: &MetadataImage,
    failed: &[Failed],
) -> MetadataResponse {
    let all = match &request.topics {
        None => true,
        Some(topics) => ctx.version == 0 && topics.is_empty(),
    };
    let operations = authorized::when(request.include_topic_authorized_operations, authorized::TOPIC);
    let topics = if all {
        image.topics().map(|topic| describe_topic(ctx, image, topic, operations)).collect()
    } else {
        let asked = request.topics.iter().flatten();
        asked.map(|topic| lookup_topic(ctx, image, topic, failed, operations)).collect()
    };
    MetadataResponse {
        brokers: brokers(ctx, image),
        cluster_id: Some(image.cluster_id.to_string()),
        controller_id: ctx.broker.controller_id(),
        topics,
        cluster_authorized_operations: authorized::when(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Default::default()
    }
}

fn brokers(ctx: &RequestContext, image: &MetadataImage) -> Vec<MetadataResponseBroker> {
    let addresses = Addresses::new(ctx, image);
    image
        .alive_brokers()
        .filter_map(|broker| {
            let address = addresses.of(broker)?;
            Some(MetadataResponseBroker {
                node_id: broker.node_id,
                host: address.host,
                port: address.port,
                rack: broker.rack.clone(),
            })
        })
        .collect()
}

fn lookup_topic(
    ctx: &RequestContext,
    image: &MetadataImage,
    asked: &MetadataRequestTopic,
    failed: &[Failed],
    operations: i32,
) -> MetadataResponseTopic {
    let by_id = !asked.topic_id.is_zero();
    let found = match &asked.name {
        _ if by_id => image.topic_by_id(asked.topic_id),
        Some(name) => image.topic(name),
        None => None,
    };
    if let Some(topic) = found {
        return describe_topic(ctx, image, topic, operations);
    }
    let name = asked.name.clone().unwrap_or_default();
    let code = match failed.iter().find(|(failed, _)| *failed == name) {
        _ if by_id => ErrorCode::UnknownTopicId,
        Some((_, code)) => *code,
        None if barnabas_metadata::validate_topic_name(&name).is_err() => ErrorCode::InvalidTopicException,
        None => ErrorCode::UnknownTopicOrPartition,
    };
    MetadataResponseTopic {
        error_code: code.code(),
        is_internal: is_internal_topic(&name),
        name: if by_id { None } else { Some(name) },
        topic_id: asked.topic_id,
        ..Default::default()
    }
}

fn describe_topic(
    ctx: &RequestContext,
    image: &MetadataImage,
    topic: &Arc<TopicImage>,
    operations: i32,
) -> MetadataResponseTopic {
    let describe =
        |(index, partition)| describe_partition(index, partition, shown(&ctx.broker, image, topic, index, partition));
    MetadataResponseTopic {
        error_code: 0,
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions: (0..).zip(&topic.partitions).map(describe).collect(),
        topic_authorized_operations: operations,
    }
}

fn describe_partition(index: i32, partition: &PartitionImage, shown: ShownPartition) -> MetadataResponsePartition {
    MetadataResponsePartition {
        error_code: shown.error.code(),
        partition_index: index,
        leader_id: shown.leader,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: shown.isr,
        offline_replicas: shown.offline_replicas,
    }
}
