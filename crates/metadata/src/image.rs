//! The metadata as it stands after some log index. Immutable once shared: a change copies only the maps it
//! touches, everything else is shared between images. How it changes is in `apply`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use barnabas_common::{LeaderEpoch, NodeId, Uuid};
use serde::{Deserialize, Serialize};

/// The leader of a partition that has none.
pub const NO_LEADER: NodeId = -1;

/// The configuration of one resource: only what was set, never defaults.
pub type ConfigMap = BTreeMap<String, String>;

/// All metadata at one log index. Cloning copies a handful of pointers.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataImage {
    /// Index of the last log entry that is part of this image; -1 before the first.
    pub offset: i64,
    pub cluster_id: Arc<str>,
    pub features: Arc<FeaturesImage>,
    pub(crate) brokers: Arc<BTreeMap<NodeId, Arc<BrokerRegistration>>>,
    pub(crate) topics: Arc<BTreeMap<Arc<str>, Arc<TopicImage>>>,
    pub(crate) topic_names: Arc<BTreeMap<Uuid, Arc<str>>>,
    pub(crate) configs: Arc<BTreeMap<ConfigResource, Arc<ConfigMap>>>,
    /// The first producer id that no broker was given yet.
    pub next_producer_id: i64,
}

impl Default for MetadataImage {
    fn default() -> Self {
        Self {
            offset: -1,
            cluster_id: Arc::from(""),
            features: Arc::default(),
            brokers: Arc::default(),
            topics: Arc::default(),
            topic_names: Arc::default(),
            configs: Arc::default(),
            next_producer_id: 0,
        }
    }
}

impl MetadataImage {
    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    /// The topic of this id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.topic_names.get(&id)?)
    }

    /// All topics, by name.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// A partition of a topic.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionImage> {
        self.topic(topic)?.partition(partition)
    }

    /// The broker of this id, fenced or not.
    pub fn broker(&self, node_id: NodeId) -> Option<&Arc<BrokerRegistration>> {
        self.brokers.get(&node_id)
    }

    /// All registered brokers, by id.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Arc<BrokerRegistration>> {
        self.brokers.values()
    }

    /// The brokers that may lead partitions, by id.
    pub fn alive_brokers(&self) -> impl Iterator<Item = &Arc<BrokerRegistration>> {
        self.brokers.values().filter(|broker| !broker.fenced)
    }

    /// Whether the broker is registered and not fenced.
    pub fn is_alive(&self, node_id: NodeId) -> bool {
        self.broker(node_id).is_some_and(|broker| !broker.fenced)
    }

    /// What is set for a resource; `None` when nothing is.
    pub fn config(&self, resource: &ConfigResource) -> Option<&Arc<ConfigMap>> {
        self.configs.get(resource)
    }

    /// One value that is set for a resource itself, without looking at what it inherits.
    pub fn config_value(&self, resource: &ConfigResource, name: &str) -> Option<&str> {
        self.config(resource)?.get(name).map(String::as_str)
    }

    /// Every resource for which something is set.
    pub fn configs(&self) -> impl ExactSizeIterator<Item = (&ConfigResource, &Arc<ConfigMap>)> {
        self.configs.iter()
    }

    /// How many partitions all topics have together.
    pub fn partition_count(&self) -> usize {
        self.topics().map(|topic| topic.partitions.len()).sum()
    }

    /// `min.insync.replicas` as the controller sees it: the topic's, else the cluster's, else 1.
    pub fn min_insync_replicas(&self, topic: &str) -> usize {
        let name = "min.insync.replicas";
        self.config_value(&ConfigResource::Topic(topic.to_owned()), name)
            .or_else(|| self.config_value(&ConfigResource::BrokerDefault, name))
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(1)
    }

    /// Where a set of resources of this image is the same as in another without looking inside.
    pub(crate) fn put_topic(&mut self, topic: TopicImage) {
        let name = topic.name.clone();
        Arc::make_mut(&mut self.topic_names).insert(topic.id, name.clone());
        Arc::make_mut(&mut self.topics).insert(name, Arc::new(topic));
    }

    /// How many replicas in sync make eligible leader replicas needless; 0 when the cluster does not keep them.
    pub(crate) fn elr_threshold(&self, topic: &str) -> usize {
        if self.features.level("eligible.leader.replicas.version") > 0 { self.min_insync_replicas(topic) } else { 0 }
    }

    /// Puts a changed topic in the place of the one with its name and id.
    pub(crate) fn replace_topic(&mut self, topic: TopicImage) {
        Arc::make_mut(&mut self.topics).insert(topic.name.clone(), Arc::new(topic));
    }

    pub(crate) fn remove_topic(&mut self, name: &str) -> Option<Arc<TopicImage>> {
        if !self.topics.contains_key(name) {
            return None;
        }
        let topic = Arc::make_mut(&mut self.topics).remove(name)?;
        Arc::make_mut(&mut self.topic_names).remove(&topic.id);
        self.put_config(ConfigResource::Topic(name.to_owned()), ConfigMap::new());
        Some(topic)
    }

    pub(crate) fn put_broker(&mut self, broker: BrokerRegistration) {
        Arc::make_mut(&mut self.brokers).insert(broker.node_id, Arc::new(broker));
    }

    /// Replaces what is set for a resource; an empty map removes the resource.
    pub(crate) fn put_config(&mut self, resource: ConfigResource, configs: ConfigMap) {
        if !configs.is_empty() {
            Arc::make_mut(&mut self.configs).insert(resource, Arc::new(configs));
        } else if self.configs.contains_key(&resource) {
            Arc::make_mut(&mut self.configs).remove(&resource);
        }
    }
}

/// A topic and its partitions; the index in `partitions` is the partition's number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicImage {
    pub name: Arc<str>,
    pub id: Uuid,
    pub partitions: Vec<PartitionImage>,
}

impl TopicImage {
    /// The partition of this number.
    pub fn partition(&self, partition: i32) -> Option<&PartitionImage> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    /// Replicas per partition, as the first partition has them.
    pub fn replication_factor(&self) -> usize {
        self.partitions.first().map_or(0, |partition| partition.replicas.len())
    }
}

/// Who holds a partition, who is in sync and who leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionImage {
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    /// Eligible leader replicas: out of the ISR, but sure to hold everything below the high watermark.
    pub elr: Vec<NodeId>,
    pub last_known_elr: Vec<NodeId>,
    /// `NO_LEADER` when no replica may lead.
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
    /// Grows with each change of this partition.
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`; zero where it is not known.
    pub directories: Vec<Uuid>,
}

/// A broker as it registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerRegistration {
    pub node_id: NodeId,
    /// Log index of the registration of this incarnation.
    pub epoch: i64,
    /// New with each start of the process.
    pub incarnation_id: Uuid,
    pub directory_ids: Vec<Uuid>,
    pub listeners: Vec<BrokerListener>,
    pub rack: Option<String>,
    /// A fenced broker leads nothing and is not shown to clients.
    pub fenced: bool,
    pub supported_features: BTreeMap<String, FeatureRange>,
}

impl BrokerRegistration {
    /// The listener of this name.
    pub fn listener(&self, name: &str) -> Option<&BrokerListener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

/// An address at which clients or other brokers reach a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerListener {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: SecurityProtocol,
}

/// How a listener is secured, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

impl SecurityProtocol {
    /// The number on the wire.
    pub const fn id(self) -> i16 {
        self as i16
    }
}

/// Levels of a feature that a broker can work at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureRange {
    pub min: i16,
    pub max: i16,
}

/// The features that the whole cluster uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeaturesImage {
    pub finalized: BTreeMap<String, i16>,
    /// Log index of the last change; -1 before the first.
    pub epoch: i64,
}

impl FeaturesImage {
    /// The level in use; 0 for a feature that is off or unknown.
    pub fn level(&self, name: &str) -> i16 {
        self.finalized.get(name).copied().unwrap_or(0)
    }
}

/// What can be configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConfigResource {
    Topic(String),
    Broker(NodeId),
    /// All brokers of the cluster (`--entity-default`).
    BrokerDefault,
    Group(String),
    ClientMetrics(String),
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic '{name}'"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::BrokerDefault => f.write_str("all brokers"),
            Self::Group(name) => write!(f, "group '{name}'"),
            Self::ClientMetrics(name) => write!(f, "client metrics subscription '{name}'"),
        }
    }
}
