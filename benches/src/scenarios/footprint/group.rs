//! The only member of a new classic group, request by request as a consumer sends them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use barnabas_protocol::messages::leave_group_request::MemberIdentity;
use barnabas_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use barnabas_protocol::messages::{
    ConsumerProtocolSubscription, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use barnabas_protocol::{ApiKey, Message};
use bytes::{Buf, Bytes};

use crate::client::Client;
use crate::wire;

const FIND_COORDINATOR_VERSION: i16 = 3;
const JOIN_VERSION: i16 = 7;
const SYNC_VERSION: i16 = 5;
const LEAVE_VERSION: i16 = 4;
const SUBSCRIPTION_VERSION: i16 = 0;
const SESSION_TIMEOUT_MS: i32 = 45_000;
const REBALANCE_TIMEOUT_MS: i32 = 300_000;
const MAX_BYTES: i32 = 1 << 20;
const RETRY: Duration = Duration::from_millis(1);
const GIVE_UP: Duration = Duration::from_secs(60);
const RETRIABLE: [i16; 3] = [14, 15, 16];
const MEMBER_ID_REQUIRED: i16 = 79;
const PROTOCOL_TYPE: &str = "consumer";
const PROTOCOL: &str = "range";

/// Joins the group and fetches until a record comes. Says how long that took.
pub(super) fn first_record(address: SocketAddr, topic: &str, group: &str) -> Result<Duration> {
    let started = Instant::now();
    let mut client = Client::connect(address)?;
    find_coordinator(&mut client, group, started)?;
    let joined = join(&mut client, group, topic, started)?;
    sync(&mut client, group, &joined)?;
    while fetch(&mut client, topic)? == 0 {}
    let took = started.elapsed();
    leave(&mut client, group, &joined)?;
    Ok(took)
}

fn find_coordinator(client: &mut Client, group: &str, started: Instant) -> Result<()> {
    let request = FindCoordinatorRequest { key: group.to_owned(), ..Default::default() };
    loop {
        let found: FindCoordinatorResponse =
            client.call(ApiKey::FindCoordinator, FIND_COORDINATOR_VERSION, &request)?;
        match found.error_code {
            0 => return Ok(()),
            code => pause(code, started)?,
        }
    }
}

fn join(client: &mut Client, group: &str, topic: &str, started: Instant) -> Result<JoinGroupResponse> {
    let subscription = ConsumerProtocolSubscription { topics: vec![topic.to_owned()], ..Default::default() };
    let metadata = subscription.encode_versioned(SUBSCRIPTION_VERSION);
    let mut request = JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: SESSION_TIMEOUT_MS,
        rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
        protocol_type: PROTOCOL_TYPE.to_owned(),
        protocols: vec![JoinGroupRequestProtocol { name: PROTOCOL.to_owned(), metadata }],
        ..Default::default()
    };
    loop {
        let joined: JoinGroupResponse = client.call(ApiKey::JoinGroup, JOIN_VERSION, &request)?;
        match joined.error_code {
            0 => return Ok(joined),
            MEMBER_ID_REQUIRED => request.member_id = joined.member_id,
            code => pause(code, started)?,
        }
    }
}

fn sync(client: &mut Client, group: &str, joined: &JoinGroupResponse) -> Result<()> {
    let assignment = Bytes::from_static(b"anything: the group hands it back as it is");
    let request = SyncGroupRequest {
        group_id: group.to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some(PROTOCOL_TYPE.to_owned()),
        protocol_name: Some(PROTOCOL.to_owned()),
        assignments: vec![SyncGroupRequestAssignment { member_id: joined.member_id.clone(), assignment }],
        ..Default::default()
    };
    let synced: SyncGroupResponse = client.call(ApiKey::SyncGroup, SYNC_VERSION, &request)?;
    if synced.error_code != 0 {
        bail!("SyncGroup was answered with error {}", synced.error_code);
    }
    Ok(())
}

/// Bytes of records at the start of the topic.
fn fetch(client: &mut Client, topic: &str) -> Result<usize> {
    let mut answer = client.exchange(&wire::fetch(topic, 0, MAX_BYTES))?;
    answer.advance(5.min(answer.len()));
    let response = FetchResponse::decode(answer, wire::FETCH_VERSION)?;
    let partition = response.responses.into_iter().flat_map(|topic| topic.partitions).next();
    Ok(partition.context("an empty answer to Fetch")?.records.map_or(0, |records| records.len()))
}

/// So that the next group is not measured beside a member that still has its session.
fn leave(client: &mut Client, group: &str, joined: &JoinGroupResponse) -> Result<()> {
    let member = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
    let request = LeaveGroupRequest { group_id: group.to_owned(), members: vec![member], ..Default::default() };
    let _: LeaveGroupResponse = client.call(ApiKey::LeaveGroup, LEAVE_VERSION, &request)?;
    Ok(())
}

fn pause(code: i16, started: Instant) -> Result<()> {
    if !RETRIABLE.contains(&code) || started.elapsed() > GIVE_UP {
        bail!("the group coordinator answers with error {code}");
    }
    std::thread::sleep(RETRY);
    Ok(())
}
