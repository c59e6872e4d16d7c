//! The partitions that this broker holds, by name and by topic id.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use barnabas_common::Uuid;
use parking_lot::{Mutex, RwLock};

use crate::fetch_memory::FetchMemory;
use crate::partition::Partition;
use crate::recent::RecentMemory;

/// All partitions of this broker.
#[derive(Default)]
pub struct ReplicaManager {
    topics: RwLock<Topics>,
    /// What [`Self::all`] gave last, until partitions come or go.
    listed: Mutex<Option<Arc<[Arc<Partition>]>>>,
    pub(crate) fetch_memory: FetchMemory,
    pub(crate) recent_memory: Arc<RecentMemory>,
    /// Whether any partition has gone offline so far.
    some_offline: Arc<AtomicBool>,
    /// Partitions that keep recent batches in memory.
    keeping: Mutex<Vec<Weak<Partition>>>,
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
        partition.tell_when_offline(&self.some_offline);
        let mut topics = self.topics.write();
        topics.names.insert(partition.topic_id, Arc::clone(&topic));
        let partitions = topics.by_name.entry(topic).or_default();
        if partitions.len() <= index {
            partitions.resize(index + 1, None);
        }
        partitions[index] = Some(partition);
        drop(topics);
        *self.listed.lock() = None;
    }

    /// Whether the log of a partition that is here is out of service. Costs nothing as long as that has happened to none.
    pub fn is_offline(&self, topic_id: Uuid, topic: &str, partition: i32) -> bool {
        let is_it = |held: Arc<Partition>| held.topic_id == topic_id && held.is_offline();
        self.some_offline.load(Ordering::Acquire) && self.get(topic, partition).is_some_and(is_it)
    }

    /// Takes out a topic. Its id must match, so that a topic made anew under the same name stays.
    pub fn remove_topic(&self, topic: &str, id: Uuid) -> Vec<Arc<Partition>> {
        let mut topics = self.topics.write();
        if topics.names.remove(&id).is_none() {
            return Vec::new();
        }
        let removed = topics.by_name.remove(topic);
        drop(topics);
        *self.listed.lock() = None;
        removed.into_iter().flatten().flatten().collect()
    }

    /// Lets the consumers at the tail of the partition share what is appended.
    pub(crate) fn keep_recent(&self, partition: &Arc<Partition>) {
        if partition.keep_recent(&self.recent_memory) {
            self.keeping.lock().push(Arc::downgrade(partition));
        }
    }

    /// Gives up recent batches that nobody has read for a few calls. To be called about once per second.
    pub fn give_up_unused_recent(&self) {
        self.recent_memory.next_round();
        let is_used = |partition: &Weak<Partition>| partition.upgrade().is_some_and(|p| p.give_up_unused_recent());
        self.keeping.lock().retain(is_used);
    }

    /// All partitions, in no order. One list serves every walk: making one touches the counter of each partition, which costs
    /// more than the look that most walks take at it.
    pub fn all(&self) -> Arc<[Arc<Partition>]> {
        let mut listed = self.listed.lock();
        let list = || self.topics.read().by_name.values().flatten().flatten().cloned().collect();
        Arc::clone(listed.get_or_insert_with(list))
    }

    pub fn of_topic(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.topics.read().by_name.get(topic).into_iter().flatten().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use barnabas_common::TopicPartition;

    use super::*;

    fn insert(manager: &ReplicaManager, topic: &str, id: Uuid, index: i32) {
        let name = TopicPartition::new(topic, index);
        manager.insert(Arc::new(Partition::offline(name, id, "for the test".to_owned())));
    }

    fn listed(manager: &ReplicaManager) -> Vec<String> {
        let mut names: Vec<_> = manager.all().iter().map(|partition| partition.topic_partition.to_string()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_list_follows_what_comes_and_goes() {
        let manager = ReplicaManager::default();
        assert!(listed(&manager).is_empty());
        insert(&manager, "a", Uuid::ZERO, 1);
        assert_eq!(listed(&manager), ["a-1"]);
        insert(&manager, "b", Uuid::from_bytes([1; 16]), 0);
        insert(&manager, "a", Uuid::ZERO, 0);
        assert_eq!(listed(&manager), ["a-0", "a-1", "b-0"]);
        assert!(Arc::ptr_eq(&manager.all(), &manager.all()), "nothing changed");
        let removed = manager.remove_topic("a", Uuid::ZERO);
        assert_eq!(listed(&manager), ["b-0"]);
        assert!(removed.iter().all(|partition| Arc::strong_count(partition) == 1), "no list holds them");
    }

    #[test]
    fn partitions_that_are_offline_are_known_by_topic_and_id() {
        let manager = ReplicaManager::default();
        let id = Uuid::from_bytes([1; 16]);
        assert!(!manager.is_offline(id, "a", 0));
        insert(&manager, "a", id, 0);
        assert!(manager.is_offline(id, "a", 0));
        assert!(!manager.is_offline(id, "a", 1) && !manager.is_offline(Uuid::ZERO, "a", 0));
    }
}
