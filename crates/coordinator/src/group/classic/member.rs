//! One member of a classic group. What its requests mean for the group is decided elsewhere.

use barnabas_protocol::messages::describe_groups_response::DescribedGroupMember;
use barnabas_protocol::messages::group_metadata_value::MemberMetadata;
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use bytes::Bytes;

use crate::effects::ReplyToken;

/// A deadline that never comes.
pub(super) const NEVER: i64 = i64::MAX;

#[derive(Clone, Debug)]
pub(in crate::group) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// In the member's order of preference, each name once.
    pub(super) protocols: Vec<JoinGroupRequestProtocol>,
    pub(super) assignment: Bytes,
    /// A JoinGroup that waits for the group to complete its join phase.
    pub(super) awaiting_join: Option<ReplyToken>,
    /// A SyncGroup that waits for the leader's assignment.
    pub(super) awaiting_sync: Option<ReplyToken>,
    /// Has not been in a generation yet, so it cannot heartbeat.
    pub(super) is_new: bool,
    pub(super) session_deadline_ms: i64,
}

impl Member {
    pub(super) fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    /// Members that wait for the coordinator cannot be late, except new ones, whose wait itself is limited.
    pub(super) fn is_excused_from_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// What the member said about itself under this protocol; empty if it does not support it.
    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|p| p.name == protocol).map(|p| p.metadata.clone()).unwrap_or_default()
    }

    pub(super) fn describe(&self, protocol: Option<&str>) -> DescribedGroupMember {
        DescribedGroupMember {
            member_id: self.id.clone(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            member_metadata: protocol.map(|name| self.metadata(name)).unwrap_or_default(),
            member_assignment: self.assignment.clone(),
        }
    }

    pub(super) fn to_record(&self, protocol: &str) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.clone(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: self.rebalance_timeout_ms,
            session_timeout: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }

    pub(super) fn from_record(record: &MemberMetadata, protocol: Option<&str>) -> Self {
        let metadata = Bytes::copy_from_slice(&record.subscription);
        let protocol = protocol.map(|name| JoinGroupRequestProtocol { name: name.to_owned(), metadata });
        Self {
            id: record.member_id.clone(),
            instance_id: record.group_instance_id.clone(),
            client_id: record.client_id.clone(),
            client_host: record.client_host.clone(),
            rebalance_timeout_ms: effective_rebalance_timeout(record.rebalance_timeout, record.session_timeout),
            session_timeout_ms: record.session_timeout,
            protocols: protocol.into_iter().collect(),
            assignment: Bytes::copy_from_slice(&record.assignment),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            session_deadline_ms: NEVER,
        }
    }
}

/// Members of old clients name no rebalance timeout: their session timeout serves for both.
pub(super) fn effective_rebalance_timeout(rebalance_timeout_ms: i32, session_timeout_ms: i32) -> i32 {
    if rebalance_timeout_ms < 0 { session_timeout_ms } else { rebalance_timeout_ms }
}
