//! More partitions for a topic, and new in-sync replica sets.

use barnabas_common::{ErrorCode, NodeId};

use super::topics::check_request_size;
use super::{assignment, check_broker_epoch, unknown_topic};
use crate::command::{AlterPartitionItem, CreatePartitionsItem};
use crate::image::{MetadataImage, PartitionImage, TopicImage};
use crate::result::{ApiError, ItemResult};

pub(super) fn create_all(image: &mut MetadataImage, items: &[CreatePartitionsItem]) -> Vec<ItemResult<()>> {
    let mut created = 0;
    items.iter().map(|item| create(image, item, &mut created)).collect()
}

/// `created` counts what this request has made so far.
fn create(image: &mut MetadataImage, item: &CreatePartitionsItem, created: &mut usize) -> ItemResult<()> {
    let topic = image.topic(&item.name).ok_or_else(|| unknown_topic(&item.name))?.clone();
    let present = topic.partitions.len();
    let wanted = usize::try_from(item.count).unwrap_or(0);
    if wanted <= present {
        // Scripts look for these two lines in the output of kafka-topics.
        let message = if wanted == present {
            format!("Topic already has {present} partition(s).")
        } else {
            let (name, count) = (&item.name, item.count);
            format!("The topic {name} currently has {present} partition(s); {count} would not be an increase.")
        };
        return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
    }
    let additional = wanted - present;
    check_request_size(created.saturating_add(additional))?;
    let replicas = replicas(image, item, &topic, additional)?;
    let mut topic = (*topic).clone();
    topic.partitions.extend(replicas.into_iter().map(|replicas| assignment::new_partition(image, replicas)));
    image.replace_topic(topic);
    *created += additional;
    Ok(())
}

fn replicas(
    image: &MetadataImage,
    item: &CreatePartitionsItem,
    topic: &TopicImage,
    additional: usize,
) -> ItemResult<Vec<Vec<NodeId>>> {
    let present = topic.partitions.len();
    let replication_factor = topic.replication_factor();
    let Some(assignments) = &item.assignments else {
        return assignment::place(image, present, additional, replication_factor, topic.id);
    };
    if assignments.len() != additional {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            ),
        ));
    }
    for (i, replicas) in assignments.iter().enumerate() {
        assignment::check_manual(image, present + i, replicas, replication_factor)?;
    }
    Ok(assignments.clone())
}

pub(super) fn alter_all(
    image: &mut MetadataImage,
    broker_id: NodeId,
    broker_epoch: i64,
    items: &[AlterPartitionItem],
) -> ItemResult<Vec<ItemResult<PartitionImage>>> {
    check_broker_epoch(image, broker_id, broker_epoch)?;
    Ok(items.iter().map(|item| alter(image, broker_id, item)).collect())
}

fn alter(image: &mut MetadataImage, broker_id: NodeId, item: &AlterPartitionItem) -> ItemResult<PartitionImage> {
    let topic = image.topic_by_id(item.topic_id).cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::UnknownTopicId, format!("There is no topic with the id {}.", item.topic_id))
    })?;
    let Some((index, partition)) =
        usize::try_from(item.partition).ok().and_then(|i| Some((i, topic.partitions.get(i)?)))
    else {
        let message = format!("Topic {:?} has no partition {}.", topic.name, item.partition);
        return Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, message));
    };
    check_alteration(image, broker_id, item, partition)?;
    let isr: Vec<_> = item.new_isr.iter().map(|(node_id, _)| *node_id).collect();
    let changed = with_isr(partition, isr, image.elr_threshold(&topic.name));
    if changed != *partition {
        let mut topic = (*topic).clone();
        topic.partitions[index] = changed.clone();
        image.replace_topic(topic);
    }
    Ok(changed)
}

fn check_alteration(
    image: &MetadataImage,
    broker_id: NodeId,
    item: &AlterPartitionItem,
    partition: &PartitionImage,
) -> ItemResult<()> {
    let fail = |code, message: String| Err(ApiError::new(code, message));
    let (leader_epoch, partition_epoch) = (partition.leader_epoch, partition.partition_epoch);
    if item.leader_epoch > leader_epoch || item.partition_epoch > partition_epoch {
        let message = "The request knows newer epochs than this controller: another controller has taken over.";
        return fail(ErrorCode::NotController, message.to_owned());
    }
    if item.leader_epoch < leader_epoch {
        let message = format!("Leader epoch {} has ended, the current one is {leader_epoch}.", item.leader_epoch);
        return fail(ErrorCode::FencedLeaderEpoch, message);
    }
    if broker_id != partition.leader {
        let message = format!("Broker {broker_id} does not lead the partition, {} does.", partition.leader);
        return fail(ErrorCode::InvalidRequest, message);
    }
    if item.partition_epoch < partition_epoch {
        let message =
            format!("The partition has changed: its epoch is {partition_epoch}, not {}.", item.partition_epoch);
        return fail(ErrorCode::InvalidUpdateVersion, message);
    }
    check_isr(image, broker_id, item, partition)
}

fn check_isr(
    image: &MetadataImage,
    leader: NodeId,
    item: &AlterPartitionItem,
    partition: &PartitionImage,
) -> ItemResult<()> {
    let members = || item.new_isr.iter().map(|(node_id, _)| *node_id);
    let duplicate = members().enumerate().any(|(i, a)| members().skip(i + 1).any(|b| a == b));
    if duplicate || !members().all(|node_id| partition.replicas.contains(&node_id)) || !members().any(|n| n == leader) {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!(
                "The in-sync replicas {:?} must be some of the replicas {:?}, each once, the leader {leader} among them.",
                members().collect::<Vec<_>>(),
                partition.replicas
            ),
        ));
    }
    for (node_id, epoch) in &item.new_isr {
        let eligible = image.broker(*node_id).is_some_and(|b| !b.fenced && (*epoch == -1 || *epoch == b.epoch));
        if !eligible {
            return Err(ApiError::new(
                ErrorCode::IneligibleReplica,
                format!("Broker {node_id} cannot join the in-sync replicas: it is fenced or has restarted since."),
            ));
        }
    }
    Ok(())
}

/// The partition with another ISR. Replicas that drop out while too few are in sync stay eligible to lead: they
/// hold everything below the high watermark, which does not move until enough are in sync again.
pub(super) fn with_isr(partition: &PartitionImage, isr: Vec<NodeId>, min_insync: usize) -> PartitionImage {
    if isr == partition.isr {
        return partition.clone();
    }
    let mut changed = partition.clone();
    changed.partition_epoch = changed.partition_epoch.saturating_add(1);
    if isr.len() >= min_insync.min(partition.replicas.len()) {
        changed.elr.clear();
        changed.last_known_elr.clear();
    } else {
        for node_id in &partition.isr {
            if !changed.elr.contains(node_id) {
                changed.elr.push(*node_id);
            }
        }
        changed.elr.retain(|node_id| !isr.contains(node_id));
        changed.last_known_elr.retain(|node_id| !isr.contains(node_id));
    }
    changed.isr = isr;
    changed
}
