//! Which embedded protocols (assignors) the members have in common, and which of them they vote for.

use std::collections::BTreeMap;

use barnabas_protocol::messages::ConsumerProtocolSubscription;
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use barnabas_protocol::{DecodeError, Message, Reader};
use bytes::Bytes;

use super::member::Member;

/// How many members support each protocol.
#[derive(Clone, Debug, Default)]
pub(super) struct ProtocolCounts(BTreeMap<String, usize>);

impl ProtocolCounts {
    pub(super) fn add(&mut self, protocols: &[JoinGroupRequestProtocol]) {
        for protocol in protocols {
            *self.0.entry(protocol.name.clone()).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, protocols: &[JoinGroupRequestProtocol]) {
        for protocol in protocols {
            if let Some(count) = self.0.get_mut(&protocol.name) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.0.remove(&protocol.name);
                }
            }
        }
    }

    /// Whether all of `members` members support the protocol.
    pub(super) fn supported_by_all(&self, protocol: &str, members: usize) -> bool {
        self.0.get(protocol).copied().unwrap_or(0) == members
    }
}

/// The protocol with most votes, where each member votes for the first of its list that all support. Equal votes
/// are decided by the order of `first`, so that the outcome does not depend on chance.
pub(super) fn select<'a>(
    first: &'a Member,
    members: impl Iterator<Item = &'a Member>,
    is_candidate: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members {
        if let Some(protocol) = member.protocols.iter().find(|p| is_candidate(&p.name)) {
            *votes.entry(&protocol.name).or_default() += 1;
        }
    }
    let most = votes.values().copied().max()?;
    let in_order = first.protocols.iter().map(|p| p.name.as_str()).chain(votes.keys().copied());
    in_order.into_iter().find(|name| votes.get(name) == Some(&most)).map(str::to_owned)
}

/// Each name once, and copied out of the request's frame, which would otherwise live as long as the member.
pub(super) fn to_own(protocols: &[JoinGroupRequestProtocol]) -> Vec<JoinGroupRequestProtocol> {
    let mut owned: Vec<JoinGroupRequestProtocol> = Vec::with_capacity(protocols.len());
    let mut seen = std::collections::BTreeSet::new();
    for protocol in protocols {
        if seen.insert(protocol.name.as_str()) {
            let metadata = Bytes::copy_from_slice(&protocol.metadata);
            owned.push(JoinGroupRequestProtocol { name: protocol.name.clone(), metadata });
        }
    }
    owned
}

/// The topics in a consumer's metadata. Read as version 0, which every later version begins with.
pub(super) fn subscribed_topics(metadata: &Bytes) -> Result<Vec<String>, DecodeError> {
    let mut reader = Reader::new(metadata.clone());
    reader.int16()?;
    Ok(ConsumerProtocolSubscription::read(&mut reader, 0)?.topics)
}
