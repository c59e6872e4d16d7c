//! Membership in a group of the classic protocol: joining, the leader's work, committed offsets, leaving. Heartbeats and
//! assignors have their own files.
//!
//! It subscribes as Java's consumer does by default, with `range` and `cooperative-sticky`, so both can share a group. All
//! partitions are given up before each join.

pub(crate) mod assignor;
mod heartbeat;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use barnabas_protocol::messages::leave_group_request::MemberIdentity;
use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use barnabas_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use barnabas_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest,
    consumer_protocol_assignment,
};
use barnabas_protocol::{Message, Request};

use super::{ClientError, ConsumerConfig};
use crate::client::{Address, Client, Connection, CoordinatorType};
use assignor::{Assignment, Member, cooperative, range};
use heartbeat::{Heartbeat, Rules};

const RANGE: &str = "range";
const COOPERATIVE_STICKY: &str = "cooperative-sticky";
const PROTOCOL_TYPE: &str = "consumer";
/// The newest version of member metadata that everyone reads.
const SUBSCRIPTION_VERSION: i16 = 1;
const ASSIGNMENT_VERSION: i16 = 1;
/// Later versions of OffsetFetch and OffsetCommit name topics by ids.
const LAST_VERSION_WITH_NAMES: i16 = 9;

/// Topic, partition and offset.
pub(crate) type Offsets = BTreeMap<(Arc<str>, i32), i64>;

/// A membership, or the wish for one.
pub(super) struct Group {
    id: String,
    config: ConsumerConfig,
    stop: Arc<AtomicBool>,
    member_id: String,
    generation: i32,
    connection: Option<(Address, Connection)>,
    heartbeat: Option<Heartbeat>,
    must_join: bool,
    /// Topics and partition counts at the time of joining: the leader joins again when they change.
    pub(super) seen: BTreeMap<String, i32>,
    is_leader: bool,
    pub(super) next_commit: Instant,
}

impl Group {
    pub(super) fn new(id: String, config: ConsumerConfig, stop: Arc<AtomicBool>) -> Self {
        let next_commit = Instant::now() + config.auto_commit_interval;
        Self {
            id,
            config,
            stop,
            member_id: String::new(),
            generation: -1,
            connection: None,
            heartbeat: None,
            must_join: true,
            seen: BTreeMap::new(),
            is_leader: false,
            next_commit,
        }
    }

    /// Tells the heartbeats that the user is alive; says whether the group has to be joined.
    pub(super) fn needs_join(&mut self) -> bool {
        if let Some(heartbeat) = &self.heartbeat {
            self.must_join |= heartbeat.wants_rejoin();
            if heartbeat.is_lost() {
                self.forget();
            }
            heartbeat_polled(self.heartbeat.as_ref());
        }
        self.must_join
    }

    /// Joins again when what the members subscribe to has changed.
    pub(super) fn topics_changed(&mut self, topics: &BTreeMap<String, i32>, subscribed: bool) {
        if self.seen != *topics && (self.is_leader || subscribed) {
            self.must_join = true;
        }
    }

    /// The next join is that of a new member.
    fn forget(&mut self) {
        (self.member_id, self.generation, self.must_join, self.is_leader) = (String::new(), -1, true, false);
    }

    /// Joins, and gives the partitions to read; nothing if it was stopped. Tries until it works or fails for good.
    pub(super) fn join(
        &mut self,
        client: &mut Client,
        topics: &[String],
    ) -> Result<Option<Vec<(String, i32)>>, ClientError> {
        self.heartbeat = None;
        while !self.stop.load(Ordering::Relaxed) {
            match self.try_join(client, topics) {
                Ok(Some(assigned)) => {
                    self.must_join = false;
                    self.start_heartbeats(client);
                    return Ok(Some(assigned));
                }
                Ok(None) => {}
                Err(error) => self.recover(client, error)?,
            }
        }
        Ok(None)
    }

    /// What is to be done about an error: nothing but another try, or to give up.
    fn recover(&mut self, client: &mut Client, error: ClientError) -> Result<(), ClientError> {
        match error.code() {
            Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => self.forget(),
            Some(ErrorCode::RebalanceInProgress | ErrorCode::MemberIdRequired) => {}
            _ if error.is_retriable() => {
                self.connection = None;
                client.coordinators.remove(&(CoordinatorType::Group, self.id.clone()));
                std::thread::sleep(client.settings().retry_backoff);
            }
            _ => return Err(error),
        }
        Ok(())
    }

    fn try_join(&mut self, client: &mut Client, topics: &[String]) -> Result<Option<Vec<(String, i32)>>, ClientError> {
        let request = self.join_request(topics);
        let timeout = self.config.max_poll_interval + client.settings().request_timeout;
        let Some(joined) = self.call(client, &request, timeout)? else { return Ok(None) };
        if ErrorCode::from_code(joined.error_code) == ErrorCode::MemberIdRequired {
            self.member_id = joined.member_id;
            return Ok(None);
        }
        ClientError::check(joined.error_code, None)?;
        (self.member_id, self.generation) = (joined.member_id.clone(), joined.generation_id);
        let protocol = joined.protocol_name.clone();
        self.is_leader = joined.leader == joined.member_id;
        let assignments =
            if self.is_leader && !joined.skip_assignment { self.assign(client, joined)? } else { Vec::new() };
        let sync = SyncGroupRequest {
            group_id: self.id.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: protocol,
            assignments,
        };
        let Some(synced) = self.call(client, &sync, timeout)? else { return Ok(None) };
        ClientError::check(synced.error_code, None)?;
        if synced.assignment.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let assignment = ConsumerProtocolAssignment::decode_versioned(synced.assignment)
            .map_err(|source| ClientError::Decode { address: "the coordinator".into(), source })?;
        let topics = assignment.assigned_partitions.into_iter();
        Ok(Some(
            topics.flat_map(|one| one.partitions.into_iter().map(move |index| (one.topic.clone(), index))).collect(),
        ))
    }

    fn join_request(&self, topics: &[String]) -> JoinGroupRequest {
        let subscription = ConsumerProtocolSubscription { topics: topics.to_vec(), ..Default::default() };
        let metadata = subscription.encode_versioned(SUBSCRIPTION_VERSION);
        let protocol = |name: &str| JoinGroupRequestProtocol { name: name.into(), metadata: metadata.clone() };
        let milliseconds = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        JoinGroupRequest {
            group_id: self.id.clone(),
            session_timeout_ms: milliseconds(self.config.session_timeout),
            rebalance_timeout_ms: milliseconds(self.config.max_poll_interval),
            member_id: self.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.into(),
            protocols: vec![protocol(RANGE), protocol(COOPERATIVE_STICKY)],
            reason: None,
        }
    }

    /// The leader's work.
    fn assign(
        &mut self,
        client: &mut Client,
        joined: JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
        let members = joined.members.into_iter().map(|member| {
            let subscription = ConsumerProtocolSubscription::decode_versioned(member.metadata)
                .map_err(|source| ClientError::Decode { address: member.member_id.clone(), source })?;
            let owned = subscription.owned_partitions.into_iter();
            Ok(Member {
                id: member.member_id,
                instance_id: member.group_instance_id,
                topics: subscription.topics,
                owned: owned
                    .flat_map(|one| one.partitions.into_iter().map(move |index| (one.topic.clone(), index)))
                    .collect(),
            })
        });
        let members: Vec<Member> = members.collect::<Result<_, ClientError>>()?;
        let topics: BTreeSet<String> = members.iter().flat_map(|member| member.topics.iter().cloned()).collect();
        let topics: Vec<String> = topics.into_iter().collect();
        let counts = partition_counts(client, &topics)?;
        let assignment = match joined.protocol_name.as_deref() {
            Some(COOPERATIVE_STICKY) => cooperative(&members, &counts),
            _ => range(&members, &counts),
        };
        self.seen = counts;
        Ok(encode(assignment))
    }

    fn start_heartbeats(&mut self, client: &Client) {
        let Some((address, _)) = &self.connection else { return };
        let member = HeartbeatRequest {
            group_id: self.id.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
        };
        let rules = Rules {
            client_id: client.settings().client_id.clone(),
            request_timeout: client.settings().request_timeout,
            interval: self.config.heartbeat_interval,
            max_poll_interval: self.config.max_poll_interval,
        };
        self.heartbeat = Some(Heartbeat::start(address.clone(), member, rules));
    }

    /// Asks the coordinator; nothing if it was stopped while waiting.
    fn call<R: Request>(
        &mut self,
        client: &mut Client,
        request: &R,
        timeout: Duration,
    ) -> Result<Option<R::Response>, ClientError> {
        let newest = self.connect(client)?.version_of::<R>()?;
        self.call_version(client, newest, request, timeout)
    }

    fn call_version<R: Request>(
        &mut self,
        client: &mut Client,
        version: i16,
        request: &R,
        timeout: Duration,
    ) -> Result<Option<R::Response>, ClientError> {
        let stop = self.stop.clone();
        let was_stopped = stop.load(Ordering::Relaxed);
        let connection = self.connect(client)?;
        let ticket = connection.send_version(version, request)?;
        let deadline = Instant::now() + timeout;
        while !connection.is_readable(Duration::from_millis(100)) {
            if stop.load(Ordering::Relaxed) && !was_stopped {
                // Its answer would come before the next one.
                self.connection = None;
                return Ok(None);
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        let answer = connection.receive(ticket, Duration::from_secs(1));
        if answer.is_err() {
            self.connection = None;
        }
        answer.map(Some)
    }

    fn connect(&mut self, client: &mut Client) -> Result<&mut Connection, ClientError> {
        if self.connection.is_none() {
            let id = client.coordinator_id(CoordinatorType::Group, &self.id)?;
            let broker = client.brokers().find(|broker| broker.node_id == id).cloned();
            let broker = broker.ok_or_else(|| ClientError::api(ErrorCode::CoordinatorNotAvailable.code(), None))?;
            let address = Address { host: broker.host, port: u16::try_from(broker.port).unwrap_or_default() };
            let settings = client.settings();
            let opened = Connection::open(&address, &settings.client_id, settings.request_timeout)?;
            self.connection = Some((address, opened));
        }
        let known = self.connection.as_mut().map(|(_, connection)| connection);
        known.ok_or_else(|| ClientError::api(ErrorCode::CoordinatorNotAvailable.code(), None))
    }

    /// What the group has committed for these partitions; those without an offset are left out.
    pub(super) fn committed(&mut self, client: &mut Client, places: &[(String, i32)]) -> Result<Offsets, ClientError> {
        let deadline = Instant::now() + client.settings().api_timeout;
        let request = self.offset_fetch(places);
        loop {
            let newest = self.connect(client)?.version_of::<OffsetFetchRequest>()?;
            let timeout = client.settings().request_timeout;
            let answer = self.call_version(client, newest.min(LAST_VERSION_WITH_NAMES), &request, timeout);
            let read = answer.and_then(|response| response.map_or(Ok(Offsets::new()), read_committed));
            match read {
                Err(error) if error.is_retriable() && Instant::now() < deadline => self.recover(client, error)?,
                other => return other,
            }
        }
    }

    fn offset_fetch(&self, places: &[(String, i32)]) -> OffsetFetchRequest {
        let mut by_topic: BTreeMap<&String, Vec<i32>> = BTreeMap::new();
        places.iter().for_each(|(topic, partition)| by_topic.entry(topic).or_default().push(*partition));
        let old = by_topic.iter().map(|(name, indexes)| OffsetFetchRequestTopic {
            name: (*name).clone(),
            partition_indexes: indexes.clone(),
        });
        let new = by_topic.iter().map(|(name, indexes)| OffsetFetchRequestTopics {
            name: (*name).clone(),
            partition_indexes: indexes.clone(),
            ..Default::default()
        });
        OffsetFetchRequest {
            group_id: self.id.clone(),
            topics: Some(old.collect()),
            groups: vec![OffsetFetchRequestGroup {
                group_id: self.id.clone(),
                topics: Some(new.collect()),
                ..Default::default()
            }],
            require_stable: self.config.read_committed,
        }
    }

    /// Commits; an error is that of the first partition that has one.
    pub(super) fn commit(&mut self, client: &mut Client, offsets: &Offsets) -> Result<(), ClientError> {
        self.next_commit = Instant::now() + self.config.auto_commit_interval;
        if offsets.is_empty() || self.generation < 0 {
            return Ok(());
        }
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for ((topic, partition), offset) in offsets {
            let entry = OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_metadata: Some(String::new()),
                ..Default::default()
            };
            match topics.last_mut().filter(|last| *last.name == **topic) {
                Some(last) => last.partitions.push(entry),
                None => topics.push(OffsetCommitRequestTopic {
                    name: topic.to_string(),
                    partitions: vec![entry],
                    ..Default::default()
                }),
            }
        }
        let request = OffsetCommitRequest {
            group_id: self.id.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
            topics,
            ..Default::default()
        };
        self.send_commit(client, &request)
    }

    fn send_commit(&mut self, client: &mut Client, request: &OffsetCommitRequest) -> Result<(), ClientError> {
        let deadline = Instant::now() + client.settings().api_timeout;
        loop {
            let newest = self.connect(client)?.version_of::<OffsetCommitRequest>()?;
            let timeout = client.settings().request_timeout;
            let answer = self.call_version(client, newest.min(LAST_VERSION_WITH_NAMES), request, timeout);
            let judged = answer.and_then(|response| {
                let topics = response.map(|response| response.topics).unwrap_or_default();
                let codes = topics.iter().flat_map(|topic| topic.partitions.iter()).map(|one| one.error_code);
                codes.into_iter().try_for_each(|code| ClientError::check(code, None))
            });
            match judged {
                Err(error) if error.is_retriable() && Instant::now() < deadline => self.recover(client, error)?,
                other => return other,
            }
        }
    }

    /// Leaves, so that others need not wait for the session to end. Static members stay until it does.
    pub(super) fn leave(&mut self, client: &mut Client) {
        self.heartbeat = None;
        if self.member_id.is_empty() || self.config.group_instance_id.is_some() {
            return;
        }
        let member = MemberIdentity {
            member_id: self.member_id.clone(),
            group_instance_id: None,
            reason: Some("the consumer is being closed".into()),
        };
        let request =
            LeaveGroupRequest { group_id: self.id.clone(), member_id: self.member_id.clone(), members: vec![member] };
        // A coordinator that does not hear it notices when the session ends.
        let _ = self.call(client, &request, Duration::from_secs(5));
        self.forget();
    }
}

fn heartbeat_polled(heartbeat: Option<&Heartbeat>) {
    if let Some(heartbeat) = heartbeat {
        heartbeat.polled();
    }
}

fn partition_counts(client: &mut Client, topics: &[String]) -> Result<BTreeMap<String, i32>, ClientError> {
    let found = client.topics(Some(topics))?.into_iter().filter(|topic| topic.error_code == 0);
    let counted = found.filter_map(|topic| Some((topic.name?, i32::try_from(topic.partitions.len()).ok()?)));
    Ok(counted.collect())
}

fn encode(assignment: Assignment) -> Vec<SyncGroupRequestAssignment> {
    let one = |(member_id, places): (String, Vec<(String, i32)>)| {
        let mut by_topic: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        places.into_iter().for_each(|(topic, partition)| by_topic.entry(topic).or_default().push(partition));
        let assigned = by_topic.into_iter();
        let assigned = assigned
            .map(|(topic, partitions)| consumer_protocol_assignment::TopicPartition { topic, partitions })
            .collect();
        let message = ConsumerProtocolAssignment { assigned_partitions: assigned, user_data: None };
        SyncGroupRequestAssignment { member_id, assignment: message.encode_versioned(ASSIGNMENT_VERSION) }
    };
    assignment.into_iter().map(one).collect()
}

fn read_committed(response: OffsetFetchResponse) -> Result<Offsets, ClientError> {
    ClientError::check(response.error_code, None)?;
    let mut rows = Vec::new();
    for topic in response.topics {
        rows.extend(
            topic
                .partitions
                .into_iter()
                .map(|one| (topic.name.clone(), one.partition_index, one.committed_offset, one.error_code)),
        );
    }
    for group in response.groups {
        ClientError::check(group.error_code, None)?;
        for topic in group.topics {
            rows.extend(
                topic
                    .partitions
                    .into_iter()
                    .map(|one| (topic.name.clone(), one.partition_index, one.committed_offset, one.error_code)),
            );
        }
    }
    let mut offsets = Offsets::new();
    for (topic, partition, offset, code) in rows {
        ClientError::check(code, None)?;
        if offset >= 0 {
            offsets.insert((topic.into(), partition), offset);
        }
    }
    Ok(offsets)
}
