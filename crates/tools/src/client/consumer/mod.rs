//! A consumer on the blocking client: it fetches from all leaders at once, one request under way for each, and keeps
//! fetching while what arrived is being used. Settings, record batches and membership in groups have their own files.

mod batches;
mod config;
mod fetching;
pub(crate) mod group;
mod positions;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use barnabas_protocol::records::{Record, TimestampType};
use regex::Regex;

use super::links::Links;
use super::{Client, ClientError};
use batches::PartitionRecords;
pub use config::{ConsumerConfig, OffsetReset};
use fetching::Fetching;
use group::{Group, Offsets};

/// What to read.
#[derive(Clone, Debug)]
pub enum Subscription {
    /// These topics.
    Topics(Vec<String>),
    /// Every topic whose whole name matches.
    Pattern(Regex),
    /// This partition, from there on.
    Partition(String, i32, Start),
}

/// Where to begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    Offset(i64),
}

/// A record and where it is from.
#[derive(Clone, Debug)]
pub struct ConsumedRecord {
    pub topic: Arc<str>,
    pub partition: i32,
    pub leader_epoch: i32,
    pub timestamp_type: TimestampType,
    pub record: Record,
}

/// A topic and one of its partitions.
pub type Place = (Arc<str>, i32);

struct Position {
    topic_id: Uuid,
    leader: i32,
    /// The offset after the last record that the user got; `None`: to be looked up.
    consumed: Option<i64>,
    /// The offset to be fetched next.
    fetched: i64,
    /// What was fetched before is of no use after a rewind or another assignment.
    round: u64,
    start: Start,
    buffered: usize,
    not_before: Option<Instant>,
}

struct Buffered {
    place: Place,
    round: u64,
    records: PartitionRecords,
}

/// What happened to the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    Assigned(Vec<Place>),
    Revoked(Vec<Place>),
}

/// Reads records from a cluster.
pub struct Consumer {
    client: Client,
    links: Links,
    config: ConsumerConfig,
    subscription: Subscription,
    stop: Arc<AtomicBool>,
    positions: BTreeMap<Place, Position>,
    fetches: HashMap<i32, Fetching>,
    buffered: VecDeque<Buffered>,
    round: u64,
    /// When to look at the topics again.
    next_metadata: Instant,
    warned: bool,
    group: Option<Group>,
    /// What a member subscribes to: with a pattern, the topics that match.
    subscribed: Vec<String>,
    events: Vec<GroupEvent>,
}

impl Consumer {
    /// A consumer on a connected client. `poll` returns early once `stop` is set.
    pub fn new(client: Client, subscription: Subscription, stop: Arc<AtomicBool>) -> Result<Self, ClientError> {
        let config = ConsumerConfig::new(client.settings())?;
        let is_member = !matches!(subscription, Subscription::Partition(..));
        let id = config.group_id.clone().filter(|_| is_member);
        let group = id.map(|id| Group::new(id, config.clone(), stop.clone()));
        let subscribed = if let Subscription::Topics(names) = &subscription { names.clone() } else { Vec::new() };
        Ok(Self {
            client,
            links: Links::default(),
            config,
            subscription,
            stop,
            positions: BTreeMap::new(),
            fetches: HashMap::new(),
            buffered: VecDeque::new(),
            round: 0,
            next_metadata: Instant::now(),
            warned: false,
            group,
            subscribed,
            events: Vec::new(),
        })
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> impl Iterator<Item = &Place> {
        self.positions.keys()
    }

    /// The next records of one partition; none when the time is over or `stop` was set.
    pub fn poll(&mut self, wait: Duration) -> Result<Vec<ConsumedRecord>, ClientError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            self.refresh_if_due()?;
            self.keep_membership()?;
            self.look_up_positions()?;
            self.send_fetches()?;
            let found = self.take_buffered()?;
            if !found.is_empty() {
                return Ok(found);
            }
            let now = Instant::now();
            let left = deadline.map_or(wait, |deadline| deadline.saturating_duration_since(now));
            if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            self.await_fetch(left.min(Duration::from_millis(100)))?;
        }
    }

    /// Takes records back: the next poll gives this one again, and a commit does not count it as read.
    pub fn rewind(&mut self, topic: &Arc<str>, partition: i32, offset: i64) {
        self.round += 1;
        if let Some(position) = self.positions.get_mut(&(topic.clone(), partition)) {
            (position.consumed, position.fetched, position.round) = (Some(offset), offset, self.round);
            position.buffered = 0;
        }
    }

    /// Ends reading: commits what was read if that is to be done automatically, and leaves the group.
    pub fn close(&mut self) {
        self.auto_commit();
        self.revoke();
        if let Some(group) = &mut self.group {
            group.leave(&mut self.client);
        }
        self.fetches.clear();
    }

    /// What happened to the assignment since the last call.
    pub fn take_events(&mut self) -> Vec<GroupEvent> {
        std::mem::take(&mut self.events)
    }

    /// Commits these offsets for the group.
    pub(crate) fn commit(&mut self, offsets: &Offsets) -> Result<(), ClientError> {
        match &mut self.group {
            Some(group) => group.commit(&mut self.client, offsets),
            None => Ok(()),
        }
    }

    fn auto_commit(&mut self) {
        if !self.config.auto_commit {
            return;
        }
        let read = self.positions.iter().filter_map(|(place, position)| Some((place.clone(), position.consumed?)));
        let offsets: Offsets = read.collect();
        if let Err(error) = self.commit(&offsets) {
            // The next member reads these records again.
            let text = format!("Asynchronous auto-commit of offsets failed: {error}");
            eprintln!("{}", crate::log_line::log_line("WARN", &text));
        }
    }

    /// Commits when it is time, and joins the group when it wants that.
    fn keep_membership(&mut self) -> Result<(), ClientError> {
        let Some(group) = &mut self.group else { return Ok(()) };
        if !group.needs_join() {
            if Instant::now() >= group.next_commit {
                self.auto_commit();
            }
            return Ok(());
        }
        self.auto_commit();
        self.revoke();
        let Some(group) = &mut self.group else { return Ok(()) };
        let Some(assigned) = group.join(&mut self.client, &self.subscribed)? else { return Ok(()) };
        let committed = group.committed(&mut self.client, &assigned)?;
        self.round += 1;
        for (topic, partition) in assigned {
            let place: Place = (topic.as_str().into(), partition);
            let start = match committed.get(&place) {
                Some(offset) => Start::Offset(*offset),
                None => self.reset_start(&place)?,
            };
            self.positions.insert(place, Position::new(start, self.round));
        }
        self.events.push(GroupEvent::Assigned(self.positions.keys().cloned().collect()));
        self.next_metadata = Instant::now();
        self.refresh_if_due()
    }

    fn reset_start(&self, place: &Place) -> Result<Start, ClientError> {
        match self.config.offset_reset {
            OffsetReset::Earliest => Ok(Start::Earliest),
            OffsetReset::Latest => Ok(Start::Latest),
            OffsetReset::None => {
                let text = format!("Undefined offset with no reset policy for partitions: [{}-{}]", place.0, place.1);
                Err(ClientError::api(ErrorCode::OffsetOutOfRange.code(), Some(text)))
            }
        }
    }

    fn revoke(&mut self) {
        if self.group.is_some() && self.events_began() {
            self.events.push(GroupEvent::Revoked(self.positions.keys().cloned().collect()));
            self.positions.clear();
            self.buffered.clear();
        }
    }

    fn events_began(&self) -> bool {
        !self.positions.is_empty()
    }

    fn take_buffered(&mut self) -> Result<Vec<ConsumedRecord>, ClientError> {
        while let Some(front) = self.buffered.front_mut() {
            let (topic, partition) = front.place.clone();
            let Some(position) = self.positions.get_mut(&front.place).filter(|known| known.round == front.round) else {
                self.buffered.pop_front();
                continue;
            };
            let mut found = Vec::new();
            while found.len() < self.config.max_poll_records {
                let next = front.records.next().map_err(|error| corrupt(&topic, partition, &error));
                let Some((record, leader_epoch, timestamp_type)) = next? else { break };
                found.push(ConsumedRecord { topic: topic.clone(), partition, leader_epoch, timestamp_type, record });
            }
            position.consumed = Some(front.records.position());
            if found.len() < self.config.max_poll_records {
                position.buffered -= 1;
                self.buffered.pop_front();
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Looks at the topics when the time has come: for new partitions, new leaders, new topics of a pattern.
    fn refresh_if_due(&mut self) -> Result<(), ClientError> {
        let now = Instant::now();
        if now < self.next_metadata {
            return Ok(());
        }
        let names = match &self.subscription {
            Subscription::Topics(names) => Some(names.clone()),
            Subscription::Partition(name, ..) => Some(vec![name.clone()]),
            Subscription::Pattern(_) => None,
        };
        let may_create = self.config.auto_create_topics && names.is_some();
        let topics = self.client.metadata(names.as_deref(), may_create)?.topics;
        let is_complete = self.judge_topics(&topics)?;
        let backoff = self.client.settings().retry_backoff;
        self.next_metadata = now + if is_complete { self.config.metadata_max_age } else { backoff };
        let wanted = topics.into_iter().filter(|topic| self.is_wanted(topic)).collect::<Vec<_>>();
        if self.group.is_some() {
            self.tell_group(&wanted);
        }
        self.assign_all(&wanted);
        Ok(())
    }

    /// New topics of a pattern, and new partitions, make a group share out anew.
    fn tell_group(&mut self, topics: &[MetadataResponseTopic]) {
        let named = topics.iter().filter_map(|topic| Some((topic.name.clone()?, topic.partitions.len())));
        let counts: BTreeMap<String, i32> =
            named.map(|(name, count)| (name, i32::try_from(count).unwrap_or(i32::MAX))).collect();
        let names: Vec<String> = counts.keys().cloned().collect();
        let is_new = matches!(self.subscription, Subscription::Pattern(_)) && names != self.subscribed;
        if is_new {
            self.subscribed = names;
        }
        if let Some(group) = &mut self.group {
            // Other members may read other topics: only what both know can be compared.
            let mut known = group.seen.clone();
            known.extend(counts);
            group.topics_changed(&known, is_new);
        }
    }

    fn is_wanted(&self, topic: &MetadataResponseTopic) -> bool {
        let name = topic.name.as_deref().unwrap_or_default();
        topic.error_code == 0
            && match &self.subscription {
                Subscription::Pattern(pattern) => !topic.is_internal && pattern.is_match(name),
                _ => true,
            }
    }

    /// Whether all that was asked for is there; an error that does not go away is one.
    fn judge_topics(&mut self, topics: &[MetadataResponseTopic]) -> Result<bool, ClientError> {
        let mut is_complete = true;
        for topic in topics {
            let code = ErrorCode::from_code(topic.error_code);
            let name = topic.name.as_deref().unwrap_or_default();
            match code {
                ErrorCode::None => {
                    is_complete &= topic.partitions.iter().all(|partition| partition.leader_id >= 0);
                }
                ErrorCode::InvalidTopicException => {
                    return Err(ClientError::api(topic.error_code, Some(format!("Invalid topics: [{name}]"))));
                }
                ErrorCode::TopicAuthorizationFailed => {
                    let text = format!("Not authorized to access topics: [{name}]");
                    return Err(ClientError::api(topic.error_code, Some(text)));
                }
                code => {
                    is_complete = false;
                    if !std::mem::replace(&mut self.warned, true) {
                        let text = "The metadata response from the cluster reported a recoverable issue";
                        let line = format!("{text} : {{{name}={}}}", code.name());
                        eprintln!("{}", crate::log_line::log_line("WARN", &line));
                    }
                }
            }
        }
        Ok(is_complete)
    }

    /// Without a group, everything that is subscribed to is read.
    fn assign_all(&mut self, topics: &[MetadataResponseTopic]) {
        for topic in topics {
            let name: Arc<str> = topic.name.as_deref().unwrap_or_default().into();
            for partition in &topic.partitions {
                let start = match &self.subscription {
                    Subscription::Partition(_, wanted, start) if *wanted == partition.partition_index => *start,
                    Subscription::Partition(..) => continue,
                    _ if self.config.offset_reset == OffsetReset::Earliest => Start::Earliest,
                    _ => Start::Latest,
                };
                let place = (name.clone(), partition.partition_index);
                if self.group.is_none() {
                    self.positions.entry(place.clone()).or_insert_with(|| Position::new(start, self.round));
                }
                if let Some(position) = self.positions.get_mut(&place) {
                    (position.topic_id, position.leader) = (topic.topic_id, partition.leader_id);
                }
            }
        }
    }
}

impl Position {
    fn new(start: Start, round: u64) -> Self {
        let consumed = if let Start::Offset(offset) = start { Some(offset) } else { None };
        Self {
            topic_id: Uuid::ZERO,
            leader: -1,
            consumed,
            fetched: consumed.unwrap_or_default(),
            round,
            start,
            buffered: 0,
            not_before: None,
        }
    }
}

fn corrupt(topic: &str, partition: i32, error: &dyn std::fmt::Display) -> ClientError {
    let text = format!("Received exception when fetching the next record from {topic}-{partition}: {error}");
    ClientError::api(ErrorCode::CorruptMessage.code(), Some(text))
}
