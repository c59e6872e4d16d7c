//! A producer on the blocking client: records are collected per partition, sent to the leaders with several requests
//! under way, and sent again where that neither loses nor doubles them. It has no thread of its own: whoever uses it
//! calls `poll` now and then. Settings, partitions and batches have their own files, sending has `sender.rs`.

mod batch;
mod config;
mod partitioner;
mod sender;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use barnabas_protocol::records::RecordHeader;

use super::links::Links;
use super::{Client, ClientError};
use batch::{BatchRules, Identity, PartitionQueue};
pub use config::ProducerConfig;
use partitioner::Sticky;
pub use partitioner::partition_of_key;
use sender::InFlight;

/// A record to be sent; its bytes are copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    pub topic: &'a str,
    /// `None`: by key, or any.
    pub partition: Option<i32>,
    /// Milliseconds; `None` is now.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [RecordHeader],
    /// Comes back with what became of the record.
    pub tag: u64,
}

impl Record<'_> {
    /// Bytes it takes at most in a batch.
    fn size_bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize =
            headers.map(|header| 10 + header.key.len() + header.value.as_ref().map_or(0, |value| value.len())).sum();
        36 + self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }
}

/// What became of the records of one batch.
#[derive(Debug)]
pub struct Delivered {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The offset of the first record; -1 if the broker did not say.
    pub base_offset: i64,
    /// The tags of the records, in their order.
    pub tags: Vec<u64>,
    /// Why all of them were refused.
    pub error: Option<ClientError>,
    /// What is wrong with single records, by their index.
    pub record_errors: Vec<(i32, Option<String>)>,
}

struct Topic {
    name: Arc<str>,
    id: Uuid,
    queues: Vec<PartitionQueue>,
    /// Partitions that have a leader.
    usable: Vec<i32>,
    sticky: Sticky,
    refreshed: Instant,
}

/// Sends records to a cluster.
pub struct Producer {
    client: Client,
    links: Links,
    config: ProducerConfig,
    random: RandomState,
    drawn: u64,
    identity: Option<Identity>,
    topics: Vec<Topic>,
    by_name: HashMap<String, usize>,
    /// Partitions with records that are not sent yet: topic, partition.
    active: BTreeSet<(usize, usize)>,
    in_flight: HashMap<i32, VecDeque<InFlight>>,
    /// Bytes of records that are not acknowledged.
    buffered: usize,
    delivered: Vec<Delivered>,
    stale_metadata: bool,
    refreshed: Instant,
}

impl Producer {
    /// A producer on a connected client.
    pub fn new(client: Client) -> Result<Self, ClientError> {
        let config = ProducerConfig::new(client.settings())?;
        Ok(Self {
            client,
            links: Links::default(),
            config,
            random: RandomState::new(),
            drawn: 0,
            identity: None,
            topics: Vec::new(),
            by_name: HashMap::new(),
            active: BTreeSet::new(),
            in_flight: HashMap::new(),
            buffered: 0,
            delivered: Vec::new(),
            stale_metadata: false,
            refreshed: Instant::now(),
        })
    }

    /// The settings it works by.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Takes a record over. Waits for the topic to be known, and for room while `buffer.memory` is used up.
    pub fn send(&mut self, record: &Record<'_>) -> Result<(), ClientError> {
        let size = record.size_bytes();
        self.check_size(size)?;
        let topic = self.topic_index(record.topic)?;
        let partition = self.choose_partition(topic, record, size)?;
        let now = Instant::now();
        let rules = BatchRules {
            batch_size: self.config.batch_size,
            compression: self.config.compression,
            level: self.config.compression_level,
        };
        let timestamp = record.timestamp.unwrap_or_else(now_ms);
        let Some(queue) = self.topics[topic].queues.get_mut(partition) else { return Ok(()) };
        self.buffered += queue.add(record, timestamp, rules, now);
        self.active.insert((topic, partition));
        if !queue.waiting.is_empty() {
            self.pump();
        }
        self.wait_for_room(now + self.config.max_block)
    }

    fn check_size(&self, size: usize) -> Result<(), ClientError> {
        let max = self.config.max_request_size;
        if size <= max {
            return Ok(());
        }
        let text = format!(
            "The message is {size} bytes when serialized which is larger than {max}, which is the value of the \
             max.request.size configuration."
        );
        Err(ClientError::api(ErrorCode::MessageTooLarge.code(), Some(text)))
    }

    fn wait_for_room(&mut self, deadline: Instant) -> Result<(), ClientError> {
        while self.buffered >= self.config.buffer_memory {
            if Instant::now() >= deadline {
                let waited = self.config.max_block.as_millis();
                return Err(ClientError::Timeout(format!(
                    "Failed to allocate memory within the configured max blocking time {waited} ms."
                )));
            }
            self.poll(Duration::from_millis(50));
        }
        Ok(())
    }

    fn choose_partition(&mut self, topic: usize, record: &Record<'_>, size: usize) -> Result<usize, ClientError> {
        let drawn = &mut self.drawn;
        let random = &self.random;
        let topic = &mut self.topics[topic];
        let count = i32::try_from(topic.queues.len()).unwrap_or(i32::MAX);
        let chosen = match (record.partition, record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of_key(key, count),
            (None, None) => topic.sticky.next(size, self.config.batch_size, &topic.usable, || {
                *drawn += 1;
                let mut hasher = random.build_hasher();
                hasher.write_u64(*drawn);
                hasher.finish()
            }),
        };
        usize::try_from(chosen).ok().filter(|index| *index < topic.queues.len()).ok_or_else(|| {
            ClientError::Config(format!(
                "Invalid partition {chosen} for topic {}: it has {count} partitions",
                topic.name
            ))
        })
    }

    /// The topic, once the cluster says who leads its partitions.
    fn topic_index(&mut self, name: &str) -> Result<usize, ClientError> {
        if let Some(index) = self.by_name.get(name) {
            return Ok(*index);
        }
        let deadline = Instant::now() + self.config.max_block;
        loop {
            let names = [name.to_owned()];
            let found = self.client.metadata(Some(&names), true)?.topics.pop();
            let code = found.as_ref().map_or(0, |topic| topic.error_code);
            if let Some(found) = found.filter(|topic| code == 0 && !topic.partitions.is_empty()) {
                return Ok(self.add_topic(name, &found));
            }
            if !ErrorCode::from_code(code).is_retriable() && code != 0 {
                let text =
                    (code == ErrorCode::InvalidTopicException.code()).then(|| format!("Invalid topics: [{name}]"));
                return Err(ClientError::api(code, text));
            }
            if Instant::now() >= deadline {
                let waited = self.config.max_block.as_millis();
                let text = format!("Topic {name} not present in metadata after {waited} ms.");
                return Err(ClientError::Timeout(text));
            }
            std::thread::sleep(self.client.settings().retry_backoff.min(Duration::from_millis(100)));
        }
    }

    fn add_topic(&mut self, name: &str, found: &MetadataResponseTopic) -> usize {
        let index = self.topics.len();
        let now = Instant::now();
        let mut topic = Topic {
            name: name.into(),
            id: found.topic_id,
            queues: Vec::new(),
            usable: Vec::new(),
            sticky: Sticky::default(),
            refreshed: now,
        };
        topic.refresh(found, now);
        self.topics.push(topic);
        self.by_name.insert(name.to_owned(), index);
        index
    }

    /// What became of records since the last call.
    pub fn take_delivered(&mut self) -> Vec<Delivered> {
        std::mem::take(&mut self.delivered)
    }

    /// Whether requests wait for their answers.
    pub fn has_in_flight(&self) -> bool {
        self.in_flight.values().any(|requests| !requests.is_empty())
    }

    /// When `poll` has to be called at the latest; `None`: not before the next record.
    pub fn next_deadline(&self) -> Option<Instant> {
        let queues = self.active.iter().filter_map(|(topic, partition)| self.topics[*topic].queues.get(*partition));
        let due = |queue: &PartitionQueue| match queue.open_since() {
            _ if !queue.waiting.is_empty() => Some(queue.not_before.unwrap_or_else(Instant::now)),
            since => since.map(|since| since + self.config.linger),
        };
        queues.filter_map(due).min()
    }

    /// Sends what is due, takes what was answered, waits for answers at most this long.
    pub fn poll(&mut self, wait: Duration) {
        self.pump();
        if !wait.is_zero() && self.has_in_flight() {
            self.await_answer(wait);
            self.pump();
        } else if !wait.is_zero() && !self.active.is_empty() {
            std::thread::sleep(wait.min(Duration::from_millis(10)));
        }
    }

    /// Returns when everything sent so far is delivered or has failed for good.
    pub fn flush(&mut self) {
        loop {
            for (topic, partition) in self.active.clone() {
                if let Some(queue) = self.topics[topic].queues.get_mut(partition) {
                    queue.close();
                }
            }
            self.poll(Duration::from_millis(100));
            if self.active.is_empty() && !self.has_in_flight() {
                return;
            }
        }
    }
}

impl Topic {
    fn refresh(&mut self, found: &MetadataResponseTopic, now: Instant) {
        self.id = found.topic_id;
        self.refreshed = now;
        for partition in &found.partitions {
            let Ok(index) = usize::try_from(partition.partition_index) else { continue };
            while self.queues.len() <= index && self.queues.len() < found.partitions.len() {
                self.queues.push(PartitionQueue::default());
            }
            if let Some(queue) = self.queues.get_mut(index) {
                queue.leader = partition.leader_id;
            }
        }
        let led = self.queues.iter().enumerate().filter(|(_, queue)| queue.leader >= 0);
        self.usable = led.filter_map(|(index, _)| i32::try_from(index).ok()).collect();
        if self.usable.is_empty() {
            self.usable = (0..i32::try_from(self.queues.len()).unwrap_or_default()).collect();
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
