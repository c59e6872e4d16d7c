//! What changed between two images, so that a broker can react: open and close partitions, reconfigure logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use barnabas_common::NodeId;

use crate::image::{ConfigResource, MetadataImage, TopicImage};

/// The differences between two images. A topic that was deleted and made again is in `deleted_topics` with its
/// old id and in `created_topics` with its new one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataDelta {
    pub created_topics: Vec<Arc<TopicImage>>,
    pub deleted_topics: Vec<Arc<TopicImage>>,
    pub changed_topics: Vec<TopicChange>,
    /// Resources whose own settings changed. A deleted topic's are not listed.
    pub changed_configs: Vec<ConfigResource>,
    /// Brokers that registered, changed, or are gone.
    pub changed_brokers: Vec<NodeId>,
    pub features_changed: bool,
}

/// A topic with other partitions, leaders, epochs or replicas than before.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicChange {
    pub old: Arc<TopicImage>,
    pub new: Arc<TopicImage>,
}

impl TopicChange {
    /// Numbers of the partitions that are new or differ.
    pub fn changed_partitions(&self) -> impl Iterator<Item = i32> + '_ {
        (0i32..).zip(&self.new.partitions).filter(|(p, new)| self.old.partition(*p) != Some(*new)).map(|(p, _)| p)
    }
}

impl MetadataDelta {
    /// The step from `old` to `new`. What the images share is not looked into.
    pub fn between(old: &MetadataImage, new: &MetadataImage) -> Self {
        let mut delta = Self { features_changed: old.features != new.features, ..Self::default() };
        changes(&old.topics, &new.topics, |_, old, new| delta.add_topic(old, new));
        changes(&old.configs, &new.configs, |resource, _, _| delta.changed_configs.push(resource.clone()));
        changes(&old.brokers, &new.brokers, |node_id, _, _| delta.changed_brokers.push(*node_id));
        let deleted =
            |resource: &ConfigResource| matches!(resource, ConfigResource::Topic(t) if new.topic(t).is_none());
        delta.changed_configs.retain(|resource| !deleted(resource));
        delta
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add_topic(&mut self, old: Option<&Arc<TopicImage>>, new: Option<&Arc<TopicImage>>) {
        match (old, new) {
            (Some(old), Some(new)) if old.id == new.id => {
                self.changed_topics.push(TopicChange { old: old.clone(), new: new.clone() });
            }
            (old, new) => {
                self.deleted_topics.extend(old.cloned());
                self.created_topics.extend(new.cloned());
            }
        }
    }
}

type Map<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// Calls `visit` for each key whose value differs, walking both sorted maps side by side.
fn changes<K: Ord, V: PartialEq>(
    old: &Map<K, V>,
    new: &Map<K, V>,
    mut visit: impl FnMut(&K, Option<&Arc<V>>, Option<&Arc<V>>),
) {
    if Arc::ptr_eq(old, new) {
        return;
    }
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let same = matches!((before, after), (Some((_, a)), Some((_, b))) if Arc::ptr_eq(a, b) || a == b);
        if let (false, Some((key, _))) = (same, before.or(after)) {
            visit(key, before.map(|(_, v)| v), after.map(|(_, v)| v));
        }
    }
}
