//! Creating and deleting topics.

use barnabas_common::{ErrorCode, NodeId};

use super::{assignment, configs, unknown_topic};
use crate::MAX_PARTITIONS_PER_REQUEST;
use crate::command::{CreateTopicsItem, TopicDefaults, TopicSelector};
use crate::config_rules::ConfigRules;
use crate::image::{ConfigMap, ConfigResource, MetadataImage, TopicImage};
use crate::result::{ApiError, CreatedTopic, DeletedTopic, ItemResult};
use crate::topic_name::{can_collide, collide, validate_topic_name};

pub(super) fn create_all(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    topics: &[CreateTopicsItem],
    defaults: TopicDefaults,
) -> Vec<ItemResult<CreatedTopic>> {
    if let Err(error) = check_total(topics, defaults) {
        return topics.iter().map(|_| Err(error.clone())).collect();
    }
    topics.iter().map(|topic| create(image, rules, topic, defaults)).collect()
}

/// One request must not become an endless log entry.
fn check_total(topics: &[CreateTopicsItem], defaults: TopicDefaults) -> ItemResult<()> {
    let of_topic = |topic: &CreateTopicsItem| match (topic.assignments.len(), topic.partitions) {
        (0, -1) => usize::try_from(defaults.partitions).unwrap_or(0),
        (0, partitions) => usize::try_from(partitions).unwrap_or(0),
        (assigned, _) => assigned,
    };
    let total = topics.iter().map(of_topic).fold(0, usize::saturating_add);
    check_request_size(total)
}

pub(super) fn check_request_size(partitions: usize) -> ItemResult<()> {
    if partitions <= MAX_PARTITIONS_PER_REQUEST {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::PolicyViolation,
        format!(
            "The request asks for {partitions} new partitions, and one request may create at most \
             {MAX_PARTITIONS_PER_REQUEST}: ask for fewer, or in several requests."
        ),
    ))
}

fn create(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    item: &CreateTopicsItem,
    defaults: TopicDefaults,
) -> ItemResult<CreatedTopic> {
    check_name(image, &item.name)?;
    if item.id.is_zero() || image.topic_by_id(item.id).is_some() {
        let message = format!("Topic id {} proposed for {:?} is not free; try again.", item.id, item.name);
        return Err(ApiError::new(ErrorCode::UnknownServerError, message));
    }
    let resource = ConfigResource::Topic(item.name.clone());
    let configs = configs::validated(rules, &resource, &item.configs, &ConfigMap::new())?;
    let replicas = replicas(image, item, defaults)?;
    let partitions: Vec<_> = replicas.into_iter().map(|replicas| assignment::new_partition(image, replicas)).collect();
    let topic = TopicImage { name: item.name.as_str().into(), id: item.id, partitions };
    let created = CreatedTopic {
        name: item.name.clone(),
        id: item.id,
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(topic.replication_factor()).unwrap_or(i16::MAX),
    };
    image.put_topic(topic);
    image.put_config(resource, configs);
    Ok(created)
}

fn check_name(image: &MetadataImage, name: &str) -> ItemResult<()> {
    validate_topic_name(name)?;
    if image.topic(name).is_some() {
        return Err(ApiError::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
    }
    if !can_collide(name) {
        return Ok(());
    }
    match image.topics.keys().find(|other| collide(name, other)) {
        None => Ok(()),
        Some(other) => Err(ApiError::new(
            ErrorCode::InvalidTopicException,
            format!("Topic '{name}' collides with existing topic: {other}"),
        )),
    }
}

fn replicas(image: &MetadataImage, item: &CreateTopicsItem, defaults: TopicDefaults) -> ItemResult<Vec<Vec<NodeId>>> {
    if !item.assignments.is_empty() {
        return manual_replicas(image, item);
    }
    let partitions = if item.partitions == -1 { defaults.partitions } else { item.partitions };
    let replication_factor =
        if item.replication_factor == -1 { defaults.replication_factor } else { item.replication_factor };
    let partitions = positive(i64::from(partitions)).ok_or_else(|| {
        let message = format!("A topic has at least 1 partition, not {partitions}; -1 stands for the default.");
        ApiError::new(ErrorCode::InvalidPartitions, message)
    })?;
    let replication_factor = positive(i64::from(replication_factor)).ok_or_else(|| {
        let message =
            format!("The replication factor is at least 1, not {replication_factor}; -1 stands for the default.");
        ApiError::new(ErrorCode::InvalidReplicationFactor, message)
    })?;
    assignment::place(image, 0, partitions, replication_factor, item.id)
}

fn positive(n: i64) -> Option<usize> {
    usize::try_from(n).ok().filter(|n| *n > 0)
}

fn manual_replicas(image: &MetadataImage, item: &CreateTopicsItem) -> ItemResult<Vec<Vec<NodeId>>> {
    if item.replication_factor != -1 || item.partitions != -1 {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            "A manual assignment already says how many partitions and replicas there are: leave both numbers at -1.",
        ));
    }
    let mut assignments: Vec<_> = item.assignments.iter().collect();
    assignments.sort_by_key(|(partition, _)| *partition);
    let replication_factor = assignments.first().map_or(0, |(_, replicas)| replicas.len());
    for (expected, (partition, replicas)) in assignments.iter().enumerate() {
        if i64::from(*partition) != expected as i64 {
            return Err(ApiError::new(
                ErrorCode::InvalidReplicaAssignment,
                format!("The manual assignment must name each partition from 0 on once, and {expected} is missing."),
            ));
        }
        assignment::check_manual(image, expected, replicas, replication_factor)?;
    }
    Ok(assignments.into_iter().map(|(_, replicas)| replicas.clone()).collect())
}

pub(super) fn delete(image: &mut MetadataImage, selector: &TopicSelector) -> ItemResult<DeletedTopic> {
    let name =
        match selector {
            TopicSelector::Name(name) => name.as_str().into(),
            TopicSelector::Id(id) => image.topic_names.get(id).cloned().ok_or_else(|| {
                ApiError::new(ErrorCode::UnknownTopicId, format!("There is no topic with the id {id}."))
            })?,
        };
    let topic = image.remove_topic(&name).ok_or_else(|| unknown_topic(&name))?;
    Ok(DeletedTopic { name: topic.name.to_string(), id: topic.id })
}
