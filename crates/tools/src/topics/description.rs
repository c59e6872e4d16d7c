//! Topics and partitions as `kafka-topics --describe` prints them. Pure: rows in, lines or JSON out.

use barnabas_common::Uuid;
use serde_json::{Value, json};

/// Which partitions and topics are shown; nothing set shows all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) under_replicated: bool,
    pub(super) unavailable: bool,
    pub(super) under_min_isr: bool,
    pub(super) at_min_isr: bool,
    pub(super) with_overrides: bool,
}

/// A topic, its settings that are not defaults, and its partitions by number.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicRow {
    pub(super) name: String,
    pub(super) id: Uuid,
    pub(super) internal: bool,
    /// In the order of printing.
    pub(super) overrides: Vec<(String, Option<String>)>,
    pub(super) min_insync_replicas: usize,
    pub(super) partitions: Vec<PartitionRow>,
}

/// One partition.
#[derive(Clone, Debug, Default)]
pub(super) struct PartitionRow {
    pub(super) index: i32,
    /// `None` if no live broker leads.
    pub(super) leader: Option<i32>,
    pub(super) leader_epoch: Option<i32>,
    pub(super) replicas: Vec<i32>,
    pub(super) isr: Vec<i32>,
    /// `None` if the broker does not know of eligible leader replicas.
    pub(super) elr: Option<Vec<i32>>,
    pub(super) last_known_elr: Option<Vec<i32>>,
    pub(super) reassignment: Option<Reassignment>,
}

/// A move in progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassignment {
    pub(super) replicas: usize,
    pub(super) adding: Vec<i32>,
    pub(super) removing: Vec<i32>,
}

impl Filter {
    fn is_about_partitions(self) -> bool {
        self.under_replicated || self.unavailable || self.under_min_isr || self.at_min_isr
    }

    fn shows(self, topic: &TopicRow, partition: &PartitionRow) -> bool {
        let (in_sync, minimum) = (partition.isr.len(), topic.min_insync_replicas);
        !self.is_about_partitions()
            || self.under_replicated && partition.replication_factor() > in_sync
            || self.unavailable && partition.leader.is_none()
            || self.under_min_isr && (partition.leader.is_none() || in_sync < minimum)
            || self.at_min_isr && in_sync == minimum
    }

    fn shows_topic(self, topic: &TopicRow) -> bool {
        !self.is_about_partitions() && (!self.with_overrides || !topic.overrides.is_empty())
    }

    fn partitions(self, topic: &TopicRow) -> impl Iterator<Item = &PartitionRow> {
        topic.partitions.iter().filter(move |partition| !self.with_overrides && self.shows(topic, partition))
    }
}

impl PartitionRow {
    /// While replicas are being moved, how many there will be.
    fn replication_factor(&self) -> usize {
        let moving = self.reassignment.as_ref().filter(|reassignment| {
            let mut changing = reassignment.adding.iter().chain(&reassignment.removing);
            changing.any(|id| self.replicas.contains(id))
        });
        moving.map_or(self.replicas.len(), |moving| moving.replicas.saturating_sub(moving.adding.len()))
    }
}

/// The lines for people.
pub(super) fn lines(topic: &TopicRow, filter: Filter) -> Vec<String> {
    let head = filter.shows_topic(topic).then(|| topic_line(topic));
    head.into_iter().chain(filter.partitions(topic).map(|partition| partition_line(&topic.name, partition))).collect()
}

fn topic_line(topic: &TopicRow) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
    let configs: Vec<String> = topic.overrides.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let id = if topic.id.is_zero() { String::new() } else { format!("\tTopicId: {}", topic.id) };
    let factor = topic.partitions.first().map_or(0, PartitionRow::replication_factor);
    format!(
        "Topic: {}{id}\tPartitionCount: {}\tReplicationFactor: {factor}\tConfigs: {}",
        topic.name,
        topic.partitions.len(),
        configs.join(",")
    )
}

fn partition_line(topic: &str, partition: &PartitionRow) -> String {
    let or_none = |ids: &Option<Vec<i32>>| ids.as_deref().map_or_else(|| "N/A".into(), joined);
    let moving = partition.reassignment.as_ref().map_or_else(String::new, |moving| {
        format!("\tAdding Replicas: {}\tRemoving Replicas: {}", joined(&moving.adding), joined(&moving.removing))
    });
    format!(
        "\tTopic: {topic}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}{moving}\tElr: {}\tLastKnownElr: {}",
        partition.index,
        partition.leader.map_or_else(|| "none".into(), |id| id.to_string()),
        joined(&partition.replicas),
        joined(&partition.isr),
        or_none(&partition.elr),
        or_none(&partition.last_known_elr),
    )
}

fn joined(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// The same as JSON; `None` for a topic of which nothing is shown.
pub(super) fn document(topic: &TopicRow, filter: Filter) -> Option<Value> {
    let partitions: Vec<Value> = filter.partitions(topic).map(partition_document).collect();
    if partitions.is_empty() && !filter.shows_topic(topic) {
        return None;
    }
    let configs: serde_json::Map<String, Value> =
        topic.overrides.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    Some(json!({
        "topic": topic.name,
        "topicId": (!topic.id.is_zero()).then(|| topic.id.to_string()),
        "internal": topic.internal,
        "partitionCount": topic.partitions.len(),
        "replicationFactor": topic.partitions.first().map(PartitionRow::replication_factor),
        "configs": configs,
        "partitions": partitions,
    }))
}

fn partition_document(partition: &PartitionRow) -> Value {
    let (adding, removing) =
        partition.reassignment.as_ref().map_or((&[][..], &[][..]), |moving| (&moving.adding, &moving.removing));
    json!({
        "partition": partition.index,
        "leader": partition.leader,
        "leaderEpoch": partition.leader_epoch,
        "replicas": partition.replicas,
        "isr": partition.isr,
        "addingReplicas": adding,
        "removingReplicas": removing,
        "elr": partition.elr,
        "lastKnownElr": partition.last_known_elr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> TopicRow {
        let healthy = PartitionRow {
            leader: Some(1),
            leader_epoch: Some(0),
            replicas: vec![1, 2],
            isr: vec![1, 2],
            elr: Some(vec![]),
            last_known_elr: Some(vec![]),
            ..PartitionRow::default()
        };
        let behind = PartitionRow { index: 1, isr: vec![1], ..healthy.clone() };
        let dead =
            PartitionRow { index: 2, leader: None, isr: vec![2], elr: None, last_known_elr: None, ..healthy.clone() };
        TopicRow {
            name: "t".into(),
            overrides: vec![("retention.ms".into(), Some("-1".into())), ("x".into(), None)],
            min_insync_replicas: 1,
            partitions: vec![healthy, behind, dead],
            ..TopicRow::default()
        }
    }

    #[test]
    fn all_lines() {
        let printed = lines(&topic(), Filter::default());
        assert_eq!(printed[0], "Topic: t\tPartitionCount: 3\tReplicationFactor: 2\tConfigs: retention.ms=-1,x=null");
        assert_eq!(printed[1], "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1,2\tElr: \tLastKnownElr: ");
        assert_eq!(
            printed[3],
            "\tTopic: t\tPartition: 2\tLeader: none\tReplicas: 1,2\tIsr: 2\tElr: N/A\tLastKnownElr: N/A"
        );
    }

    #[test]
    fn filters_choose_partitions() {
        let chosen = |filter: Filter| filter.partitions(&topic()).map(|partition| partition.index).collect::<Vec<_>>();
        assert_eq!(chosen(Filter { under_replicated: true, ..Filter::default() }), [1, 2]);
        assert_eq!(chosen(Filter { unavailable: true, ..Filter::default() }), [2]);
        assert_eq!(chosen(Filter { under_min_isr: true, ..Filter::default() }), [2]);
        assert_eq!(chosen(Filter { at_min_isr: true, ..Filter::default() }), [1, 2]);
        assert_eq!(chosen(Filter { with_overrides: true, ..Filter::default() }), [] as [i32; 0]);
        assert_eq!(lines(&topic(), Filter { with_overrides: true, ..Filter::default() }).len(), 1);
        assert_eq!(lines(&topic(), Filter { unavailable: true, ..Filter::default() }).len(), 1);
    }

    #[test]
    fn a_partition_that_moves_shows_both_sides_and_its_factor_to_be() {
        let moving = Reassignment { replicas: 3, adding: vec![3], removing: vec![1] };
        let row = PartitionRow {
            replicas: vec![1, 2, 3],
            isr: vec![1, 2],
            reassignment: Some(moving),
            ..PartitionRow::default()
        };
        assert_eq!(row.replication_factor(), 2);
        assert!(partition_line("t", &row).contains("\tIsr: 1,2\tAdding Replicas: 3\tRemoving Replicas: 1\tElr"));
    }

    #[test]
    fn json_tells_unknown_as_null() {
        let document = document(&topic(), Filter { unavailable: true, ..Filter::default() }).unwrap();
        assert_eq!(document["partitions"][0]["leader"], Value::Null);
        assert_eq!(document["configs"]["retention.ms"], "-1");
        let none = TopicRow { partitions: vec![], ..topic() };
        assert!(super::document(&none, Filter { unavailable: true, ..Filter::default() }).is_none());
    }
}
