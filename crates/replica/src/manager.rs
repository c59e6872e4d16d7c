//! The partitions that this broker holds, by name and by topic id.

use std::collections::HashMap;
use std::sync::Arc;

use barnabas_common::Uuid;
use parking_lot::RwLock;

use crate::fetch_memory::FetchMemory;
use crate::partition::Partition;

/// All partitions of this broker.
#[derive(Default)]
pub struct ReplicaManager {
    topics: RwLock<Topics>,
    pub(crate) fetch_memory: FetchMemory,
}

#[derive(Default)]
struct Topics {
    by_name: HashMap<Arc<str>, Vec<Option<Arc<Partition>>>>,
    names: HashMap<Uuid, Arc<str>>,
}

impl ReplicaManager {
    pub fn get(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(partition).ok()?;
        self.topics.read().by_name.get(topic)?.get(index)?.clone()
    }

    /// The name of the topic that has this id here.
    pub fn topic_name(&self, id: Uuid) -> Option<Arc<str>> {
        self.topics.read().names.get(&id).cloned()
    }

    pub fn insert(&self, partition: Arc<Partition>) {
        let topic = Arc::clone(&partition.topic_partition.topic);
        let Ok(index) = usize::try_from(partition.topic_partition.partition) else { return };
        let mut topics = self.topics.write();
        topics.names.insert(partition.topic_id, Arc::clone(&topic));
        let partitions = topics.by_name.entry(topic).or_default();
        if partitions.len() <= index {
            partitions.resize(index + 1, None);
        }
        partitions[index] = Some(partition);
    }

    /// Takes out a topic. Its id must match, so that a topic made anew under the same name stays.
    pub fn remove_topic(&self, topic: &str, id: Uuid) -> Vec<Arc<Partition>> {
        let mut topics = self.topics.write();
        if topics.names.remove(&id).is_none() {
            return Vec::new();
        }
        topics.by_name.remove(topic).into_iter().flatten().flatten().collect()
    }

    /// All partitions, in no order.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.topics.read().by_name.values().flatten().flatten().cloned().collect()
    }

    pub fn of_topic(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.topics.read().by_name.get(topic).into_iter().flatten().flatten().cloned().collect()
    }
}
