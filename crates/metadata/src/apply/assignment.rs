//! Which brokers hold a new partition: chosen by the controller, or checked when the client chose.

use std::collections::BTreeMap;

use barnabas_common::{ErrorCode, NodeId, Uuid};

use crate::image::{BrokerRegistration, MetadataImage, NO_LEADER, PartitionImage};
use crate::result::{ApiError, ItemResult};

/// Replicas for `count` partitions from number `first` on. Leaders go round the brokers and each partition's
/// replicas are neighbours in an order in which racks alternate, so that copies spread over racks. `seed` turns
/// the circle, so that not every topic starts at the same broker.
pub(super) fn place(
    image: &MetadataImage,
    first: usize,
    count: usize,
    replication_factor: usize,
    seed: Uuid,
) -> ItemResult<Vec<Vec<NodeId>>> {
    let total = image.brokers().len();
    if replication_factor > total {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "Unable to replicate the partition {replication_factor} time(s): The target replication factor of \
                 {replication_factor} cannot be reached because only {total} broker(s) are registered or some brokers \
                 have all their log directories cordoned."
            ),
        ));
    }
    let alive = in_rack_order(image.brokers().filter(|broker| !broker.fenced));
    if alive.is_empty() {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicationFactor,
            "No broker is alive: all registered brokers are fenced.",
        ));
    }
    let fenced = in_rack_order(image.brokers().filter(|broker| broker.fenced));
    let start = seed.as_bytes().iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let start = start % alive.len();
    Ok((first..first + count).map(|p| replicas_of(&alive, &fenced, start + p, p, replication_factor)).collect())
}

/// The alive brokers from a point of the circle on; fenced ones only where the alive do not suffice. The second
/// replica moves one further with each round, so that one broker's followers are not all on the next broker.
fn replicas_of(
    alive: &[NodeId],
    fenced: &[NodeId],
    leader_at: usize,
    partition: usize,
    replication_factor: usize,
) -> Vec<NodeId> {
    let others = alive.len().saturating_sub(1);
    let shift = (partition / alive.len()).checked_rem(others).unwrap_or(0);
    let followers = (0..others).map(|i| 1 + (i + shift) % others);
    let from_alive = std::iter::once(0).chain(followers).map(|step| alive[(leader_at + step) % alive.len()]);
    let from_fenced = (0..fenced.len()).map(|i| fenced[(leader_at + i) % fenced.len()]);
    from_alive.chain(from_fenced).take(replication_factor).collect()
}

/// One broker of each rack in turn.
fn in_rack_order<'a>(brokers: impl Iterator<Item = &'a std::sync::Arc<BrokerRegistration>>) -> Vec<NodeId> {
    let mut place_in_rack: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut order: Vec<_> = brokers
        .map(|broker| {
            let rack = broker.rack.as_deref();
            let place = place_in_rack.entry(rack).or_default();
            *place += 1;
            (*place, rack, broker.node_id)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, node_id)| node_id).collect()
}

/// Checks replicas that a client chose for partition `partition`.
pub(super) fn check_manual(
    image: &MetadataImage,
    partition: usize,
    replicas: &[NodeId],
    replication_factor: usize,
) -> ItemResult<()> {
    let includes = |what: String| {
        let message = format!("The manual partition assignment includes {what}.");
        Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message))
    };
    if replicas.is_empty() {
        return includes("an empty replica list".to_owned());
    }
    for (i, node_id) in replicas.iter().enumerate() {
        if image.broker(*node_id).is_none() {
            return includes(format!("broker {node_id}, but no such broker is registered"));
        }
        if replicas[..i].contains(node_id) {
            return includes(format!("the broker {node_id} more than once"));
        }
    }
    if replicas.len() != replication_factor {
        return includes(format!(
            "a partition with {} replica(s), but this is not consistent with previous partitions, which have \
             {replication_factor} replica(s)",
            replicas.len()
        ));
    }
    if !replicas.iter().any(|node_id| image.is_alive(*node_id)) {
        return includes(format!("only fenced brokers for partition {partition}"));
    }
    Ok(())
}

/// A partition on its first day: every alive replica in sync, the first of them leads.
pub(super) fn new_partition(image: &MetadataImage, replicas: Vec<NodeId>) -> PartitionImage {
    let isr: Vec<_> = replicas.iter().copied().filter(|node_id| image.is_alive(*node_id)).collect();
    PartitionImage {
        leader: isr.first().copied().unwrap_or(NO_LEADER),
        isr,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(|node_id| only_directory(image, *node_id)).collect(),
        replicas,
    }
}

/// With several log directories the broker chooses by itself and tells later.
fn only_directory(image: &MetadataImage, node_id: NodeId) -> Uuid {
    match image.broker(node_id).map(|broker| broker.directory_ids.as_slice()) {
        Some([directory]) => *directory,
        _ => Uuid::ZERO,
    }
}
