//! Partitions behind offsets: which exist, who leads them, and where their logs start and end.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_protocol::messages::ListOffsetsRequest;
use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::TopicPartition;
use crate::client::{Client, ClientError};

/// The leader of each partition of some topics; `None` without one.
pub(crate) type Leaders = BTreeMap<TopicPartition, Option<i32>>;

impl Client {
    /// All partitions of these topics. An unknown topic is an error.
    pub(crate) fn leaders_of(&mut self, topics: &[String]) -> Result<Leaders, ClientError> {
        if topics.is_empty() {
            return Ok(Leaders::new());
        }
        let mut leaders = Leaders::new();
        for topic in self.topics(Some(topics))? {
            let name = topic.name.unwrap_or_default();
            // A partition without leader makes the topic's error 5, which is no reason to know nothing of it.
            if topic.partitions.is_empty() {
                ClientError::check(topic.error_code, None)?;
            }
            for partition in topic.partitions {
                let leader = (partition.leader_id >= 0).then_some(partition.leader_id);
                leaders.insert((name.clone(), partition.partition_index), leader);
            }
        }
        Ok(leaders)
    }

    /// The offset that each partition gives for this timestamp (-1 latest, -2 earliest); one request per leader.
    /// -1 means that no record is that new. Partitions without leader are left out.
    pub(crate) fn offsets_at(
        &mut self,
        partitions: &BTreeSet<TopicPartition>,
        leaders: &Leaders,
        timestamp: i64,
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let topics: BTreeSet<&String> = partitions.iter().map(|(topic, _)| topic).collect();
        let topics: Vec<String> = topics.into_iter().cloned().collect();
        let mut known = Some(leaders.clone());
        self.of_groups("listOffsets", |client| {
            let leaders = match known.take() {
                Some(leaders) => leaders,
                None => client.leaders_of(&topics)?,
            };
            client.offsets_at_leaders(partitions, &leaders, timestamp)
        })
    }

    fn offsets_at_leaders(
        &mut self,
        partitions: &BTreeSet<TopicPartition>,
        leaders: &Leaders,
        timestamp: i64,
    ) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
        let mut by_leader: BTreeMap<i32, BTreeMap<String, Vec<ListOffsetsPartition>>> = BTreeMap::new();
        for (topic, partition_index) in partitions {
            let Some(Some(leader)) = leaders.get(&(topic.clone(), *partition_index)) else { continue };
            let entry = ListOffsetsPartition { partition_index: *partition_index, timestamp, ..Default::default() };
            by_leader.entry(*leader).or_default().entry(topic.clone()).or_default().push(entry);
        }
        let timeout_ms = crate::client::request_timeout_ms(self.settings.request_timeout);
        let topic = |(name, partitions)| ListOffsetsTopic { name, partitions };
        let request = |(id, topics): (i32, BTreeMap<String, Vec<ListOffsetsPartition>>)| {
            let topics = topics.into_iter().map(topic).collect();
            (id, ListOffsetsRequest { replica_id: -1, isolation_level: 0, topics, timeout_ms })
        };
        let mut offsets = BTreeMap::new();
        for (_, answer) in self.at_brokers(by_leader.into_iter().map(request).collect())? {
            for topic in answer.topics {
                for partition in topic.partitions {
                    ClientError::check(partition.error_code, None)?;
                    offsets.insert((topic.name.clone(), partition.partition_index), partition.offset);
                }
            }
        }
        Ok(offsets)
    }
}
