//! What clients are told of a partition: what the metadata say, unless its log is out of service on this broker. Then this
//! broker neither leads it nor is in sync.

use barnabas_common::{ErrorCode, NodeId};
use barnabas_metadata::{MetadataImage, NO_LEADER, PartitionImage, TopicImage};

use crate::broker::Broker;

pub(super) struct ShownPartition {
    pub error: ErrorCode,
    pub leader: NodeId,
    pub isr: Vec<NodeId>,
    /// Those that could lead without loss if they came back.
    pub elr: Vec<NodeId>,
    /// Who led last, if nobody does.
    pub last_known_elr: Vec<NodeId>,
    pub offline_replicas: Vec<NodeId>,
}

pub(super) fn shown(
    broker: &Broker,
    image: &MetadataImage,
    topic: &TopicImage,
    index: i32,
    partition: &PartitionImage,
) -> ShownPartition {
    let is_offline_here = broker.replicas.is_offline(topic.id, &topic.name, index);
    let is_offline = |id: &NodeId| !image.is_alive(*id) || is_offline_here && *id == broker.node_id;
    let mut shown = ShownPartition {
        error: ErrorCode::None,
        leader: partition.leader,
        isr: partition.isr.clone(),
        elr: partition.elr.clone(),
        last_known_elr: partition.last_known_elr.clone(),
        offline_replicas: partition.replicas.iter().copied().filter(is_offline).collect(),
    };
    if is_offline_here {
        if shown.leader == broker.node_id {
            shown.leader = NO_LEADER;
            shown.last_known_elr = vec![broker.node_id];
        }
        shown.elr.extend(shown.isr.extract_if(.., |id| *id == broker.node_id));
    }
    if shown.leader == NO_LEADER {
        shown.error = ErrorCode::LeaderNotAvailable;
    }
    shown
}
