//! Who leads a partition after brokers came, went or were asked for.

use barnabas_common::{ErrorCode, NodeId};

use super::partitions::with_isr;
use crate::command::ElectionType;
use crate::image::{MetadataImage, NO_LEADER, PartitionImage};
use crate::result::{ApiError, ElectionResult, ItemResult};

/// What happened to the broker because of which leaders are looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokerChange {
    /// It became alive or went away; `image.is_alive` tells which.
    Liveness,
    /// Its process was replaced after a clean stop.
    Restarted,
    /// Its process was replaced after a crash: it may lack what it had.
    RestartedUnclean,
}

/// Looks at every partition that the broker is a replica of, after `image.brokers` was changed.
pub(super) fn reassess_all(image: &mut MetadataImage, node_id: NodeId, change: BrokerChange) {
    let mut changed_topics = Vec::new();
    for topic in image.topics() {
        let min_insync = std::cell::LazyCell::new(|| image.elr_threshold(&topic.name));
        let mut changed = None;
        for (i, partition) in topic.partitions.iter().enumerate() {
            if !partition.replicas.contains(&node_id) {
                continue;
            }
            let after = reassess(image, partition, node_id, change, || *min_insync);
            if after != *partition {
                changed.get_or_insert_with(|| (**topic).clone()).partitions[i] = after;
            }
        }
        changed_topics.extend(changed);
    }
    for topic in changed_topics {
        image.replace_topic(topic);
    }
}

fn reassess(
    image: &MetadataImage,
    partition: &PartitionImage,
    node_id: NodeId,
    change: BrokerChange,
    min_insync: impl Fn() -> usize,
) -> PartitionImage {
    let alive = |id: &NodeId| image.is_alive(*id);
    let in_sync = |id: &NodeId| alive(id) && !(change == BrokerChange::RestartedUnclean && *id == node_id);
    let isr: Vec<_> = partition.isr.iter().copied().filter(|id| in_sync(id)).collect();
    // The last in-sync replica stays in the set even when it is gone: nobody else has all the data.
    let keep = isr.is_empty() || isr.len() == partition.isr.len();
    let mut after = if keep { partition.clone() } else { with_isr(partition, isr, min_insync()) };
    if change == BrokerChange::RestartedUnclean && after.elr.contains(&node_id) {
        after.elr.retain(|id| *id != node_id);
        after.last_known_elr.push(node_id);
    }
    let restarted = change != BrokerChange::Liveness && partition.leader == node_id;
    let leader_stays = !restarted && alive(&partition.leader) && after.isr.contains(&partition.leader);
    if !leader_stays {
        let leader = choose_leader(image, &after);
        if leader != partition.leader || (restarted && leader != NO_LEADER) {
            set_leader(&mut after, leader);
        }
    }
    if after != *partition {
        after.partition_epoch = partition.partition_epoch.saturating_add(1);
    }
    after
}

/// The first alive replica in sync, else the first alive one that is known to have everything.
fn choose_leader(image: &MetadataImage, partition: &PartitionImage) -> NodeId {
    let first_alive =
        |set: &[NodeId]| partition.replicas.iter().copied().find(|id| set.contains(id) && image.is_alive(*id));
    first_alive(&partition.isr).or_else(|| first_alive(&partition.elr)).unwrap_or(NO_LEADER)
}

fn set_leader(partition: &mut PartitionImage, leader: NodeId) {
    partition.leader = leader;
    partition.leader_epoch = partition.leader_epoch.saturating_add(1);
    if leader == NO_LEADER || partition.isr.contains(&leader) {
        return;
    }
    let former_isr = std::mem::replace(&mut partition.isr, vec![leader]);
    if partition.elr.contains(&leader) {
        // Whoever was in sync has all that the new leader has, and stays eligible.
        partition.elr.extend(former_isr);
        partition.elr.retain(|id| *id != leader);
    } else {
        // An unclean election: what the others have may not be what the new leader has.
        partition.elr.clear();
        partition.last_known_elr.clear();
    }
}

pub(super) fn elect(
    image: &mut MetadataImage,
    election_type: ElectionType,
    partitions: Option<&[(String, i32)]>,
) -> Vec<ElectionResult> {
    let all = partitions.is_none();
    let wanted: Vec<(String, i32)> = match partitions {
        Some(partitions) => partitions.to_vec(),
        None => image
            .topics()
            .flat_map(|topic| (0i32..).zip(&topic.partitions).map(|(p, _)| (topic.name.to_string(), p)))
            .collect(),
    };
    let mut results = Vec::new();
    for (topic, partition) in wanted {
        let leader = elect_one(image, election_type, &topic, partition);
        let not_needed = matches!(&leader, Err(error) if error.code == ErrorCode::ElectionNotNeeded);
        if !(all && not_needed) {
            results.push(ElectionResult { topic, partition, leader });
        }
    }
    results
}

fn elect_one(image: &mut MetadataImage, election_type: ElectionType, name: &str, number: i32) -> ItemResult<NodeId> {
    let unknown = |what: String| ApiError::new(ErrorCode::UnknownTopicOrPartition, format!("No such {what}"));
    let topic = image.topic(name).cloned().ok_or_else(|| unknown(format!("topic as {name}")))?;
    let partition = topic.partition(number).ok_or_else(|| unknown(format!("partition as {name}-{number}")))?;
    let leader = match election_type {
        ElectionType::Preferred => preferred_leader(image, partition)?,
        ElectionType::Unclean => unclean_leader(image, partition)?,
    };
    let mut changed = (*topic).clone();
    if let Some(partition) = usize::try_from(number).ok().and_then(|i| changed.partitions.get_mut(i)) {
        set_leader(partition, leader);
        partition.partition_epoch = partition.partition_epoch.saturating_add(1);
    }
    image.replace_topic(changed);
    Ok(leader)
}

fn preferred_leader(image: &MetadataImage, partition: &PartitionImage) -> ItemResult<NodeId> {
    let preferred = partition.replicas.first().copied().unwrap_or(NO_LEADER);
    if partition.leader == preferred {
        let message = format!("Broker {preferred}, the preferred leader, leads already.");
        return Err(ApiError::new(ErrorCode::ElectionNotNeeded, message));
    }
    if !image.is_alive(preferred) || !partition.isr.contains(&preferred) {
        let message = format!("Broker {preferred}, the preferred leader, is not alive or not in sync.");
        return Err(ApiError::new(ErrorCode::PreferredLeaderNotAvailable, message));
    }
    Ok(preferred)
}

fn unclean_leader(image: &MetadataImage, partition: &PartitionImage) -> ItemResult<NodeId> {
    if partition.leader != NO_LEADER {
        let message = format!("The partition has a leader, broker {}.", partition.leader);
        return Err(ApiError::new(ErrorCode::ElectionNotNeeded, message));
    }
    let clean = choose_leader(image, partition);
    let any = partition.replicas.iter().copied().find(|id| image.is_alive(*id));
    Some(clean).filter(|leader| *leader != NO_LEADER).or(any).ok_or_else(|| {
        let message = format!("None of the replicas {:?} is alive.", partition.replicas);
        ApiError::new(ErrorCode::EligibleLeadersNotAvailable, message)
    })
}
