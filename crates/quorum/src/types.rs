//! The types that openraft is used with, and their form on disk.

use std::fmt;
use std::io;

use barnabas_common::{NodeId, Uuid};
use barnabas_metadata::{CommandResult, MetadataCommand};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

openraft::declare_raft_types!(
    /// One leader per term, as Kafka's leader epochs have it; voters are known by their directory.
    pub(crate) TypeConfig:
        D = MetadataCommand,
        R = CommandResult,
        NodeId = VoterId,
        Node = Voter,
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, VoterId>,
);

pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, Vec<u8>>;

/// A voter's identity: the id of the directory that holds its log. A node id may come back with an empty disk,
/// and a voter that forgot its votes would break the quorum; a directory id never comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VoterId(pub(crate) Uuid);

impl fmt::Display for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As text, because it is a key of maps.
impl Serialize for VoterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for VoterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
impl From<u64> for VoterId {
    fn from(n: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        Self(Uuid::from_bytes(bytes))
    }
}

/// What else is known of a voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Voter {
    pub(crate) node_id: NodeId,
}

/// A value as the bytes that are stored.
pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::other)
}

/// The value of stored bytes. Their checksum was right, so an error means another version's format.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}
