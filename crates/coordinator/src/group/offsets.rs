//! Committed offsets by group, topic and partition. Who may commit, and when offsets expire, is decided elsewhere.

use std::collections::BTreeMap;

use barnabas_common::{TimestampMs, Uuid};
use barnabas_protocol::messages::OffsetCommitValue;

/// A committed offset as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    pub offset: i64,
    /// -1 if the client did not say.
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp_ms: TimestampMs,
    /// Only set by commits of old versions that brought a retention time.
    pub expire_timestamp_ms: Option<TimestampMs>,
    /// Zero if not known.
    pub topic_id: Uuid,
}

impl From<OffsetCommitValue> for CommittedOffset {
    fn from(value: OffsetCommitValue) -> Self {
        Self {
            offset: value.offset,
            leader_epoch: value.leader_epoch.max(-1),
            metadata: value.metadata,
            commit_timestamp_ms: value.commit_timestamp,
            expire_timestamp_ms: (value.expire_timestamp >= 0).then_some(value.expire_timestamp),
            topic_id: value.topic_id,
        }
    }
}

impl CommittedOffset {
    /// As the log format with an expiry time keeps it, which knows neither leader epoch nor topic id.
    pub(super) fn without_newer_fields(self) -> Self {
        Self { leader_epoch: -1, topic_id: Uuid::ZERO, ..self }
    }
}

pub(super) type PartitionOffsets = BTreeMap<i32, CommittedOffset>;
pub(super) type TopicOffsets = BTreeMap<String, PartitionOffsets>;

/// All offsets of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OffsetStore {
    groups: BTreeMap<String, TopicOffsets>,
}

impl OffsetStore {
    pub(super) fn put(&mut self, group: &str, topic: &str, partition: i32, offset: CommittedOffset) {
        // Names are copied only for what is new: commits of known partitions are the busy path.
        if let Some(partitions) = self.groups.get_mut(group).and_then(|topics| topics.get_mut(topic)) {
            partitions.insert(partition, offset);
            return;
        }
        let topics = self.groups.entry(group.to_owned()).or_default();
        topics.entry(topic.to_owned()).or_default().insert(partition, offset);
    }

    pub(super) fn remove(&mut self, group: &str, topic: &str, partition: i32) -> bool {
        let Some(topics) = self.groups.get_mut(group) else { return false };
        let Some(partitions) = topics.get_mut(topic) else { return false };
        let removed = partitions.remove(&partition).is_some();
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.groups.remove(group);
        }
        removed
    }

    pub(super) fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.groups.get(group)?.get(topic)?.get(&partition)
    }

    pub(super) fn of_group(&self, group: &str) -> Option<&TopicOffsets> {
        self.groups.get(group)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&str, &TopicOffsets)> {
        self.groups.iter().map(|(group, topics)| (group.as_str(), topics))
    }

    /// Every partition of the group that has an offset.
    pub(super) fn partitions_of(&self, group: &str) -> Vec<(String, i32)> {
        let topics = self.groups.get(group).into_iter().flatten();
        topics.flat_map(|(topic, partitions)| partitions.keys().map(|p| (topic.clone(), *p))).collect()
    }
}
