//! The cluster as the controller sees it, and the metadata quorum.

use barnabas_metadata::{MetadataImage, PartitionImage};

use super::MAX_SERIES;
use super::encoder::{Encoder, labels};
use super::families as f;
use super::memory::{Moment, ScrapeMemory};
use super::partitions::HeldPartition;
use crate::broker::Broker;
use crate::metrics::read;

/// The controller's families. What concerns the whole cluster is told by the active controller only.
pub(super) fn controller(out: &mut Encoder, broker: &Broker, image: &MetadataImage, held: &[HeldPartition<'_>]) {
    let leads_quorum = broker.quorum.status().leader_id == broker.node_id;
    out.single(&f::ACTIVE_CONTROLLERS, leads_quorum);
    out.single(&f::UNCLEAN_ELECTIONS, read(&broker.metrics.partition_changes.unclean_elections));
    if !leads_quorum {
        return;
    }
    let partitions = || image.topics().flat_map(|topic| &topic.partitions);
    let is_leaderless = |partition: &&PartitionImage| !image.is_alive(partition.leader);
    let is_imbalanced =
        |partition: &&PartitionImage| partition.replicas.first().is_some_and(|first| *first != partition.leader);
    // The metadata may still call this broker leader of a partition whose log it cannot use.
    let out_of_service = held.iter().filter(|p| p.is_led_here && p.is_out_of_service()).count();
    out.single(&f::OFFLINE_PARTITIONS, partitions().filter(is_leaderless).count() + out_of_service);
    out.single(&f::PREFERRED_IMBALANCE, partitions().filter(is_imbalanced).count());
    out.single(&f::GLOBAL_TOPICS, image.topics().len());
    out.single(&f::GLOBAL_PARTITIONS, image.partition_count());
    let alive = image.alive_brokers().count();
    out.single(&f::ACTIVE_BROKERS, alive);
    out.single(&f::FENCED_BROKERS, image.brokers().len() - alive);
    out.single(&f::BROKERS, alive);
    let mut samples = out.family(&f::BROKER_INFO);
    for registered in image.alive_brokers() {
        if let Some(listener) = registered.listeners.first() {
            let address = format!("{}:{}", listener.host, listener.port);
            samples.add(&labels(&[("id", &registered.node_id), ("address", &address)]), 1);
        }
    }
    let mut samples = out.family(&f::TOPIC_PARTITIONS);
    for topic in image.topics().take(MAX_SERIES) {
        samples.add(&labels(&[("topic", &topic.name)]), topic.partitions.len());
    }
}

/// The metadata quorum as this node sees it.
pub(super) fn quorum(out: &mut Encoder, broker: &Broker, memory: &ScrapeMemory, now: &Moment) {
    let status = broker.quorum.status();
    let state = match status.leader_id {
        leader if leader == broker.node_id => "leader",
        -1 => "unattached",
        _ => "follower",
    };
    out.family(&f::RAFT_STATE).add(&labels(&[("current_state", &state)]), 1);
    out.single(&f::RAFT_LEADER, status.leader_id);
    out.single(&f::RAFT_EPOCH, status.leader_epoch);
    out.single(&f::RAFT_HIGH_WATERMARK, status.high_watermark);
    if let Some(own) = status.voters.iter().find(|voter| voter.node_id == broker.node_id) {
        out.single(&f::RAFT_LOG_END, own.log_end_offset);
    }
    let commits = memory.recent_commits(now);
    if commits.total() > 0 {
        out.single(&f::RAFT_COMMIT_LATENCY, commits.sum_us as f64 / 1e3 / commits.total() as f64);
    }
}
