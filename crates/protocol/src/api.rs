//! The APIs that Barnabas serves and their versions. ApiVersions answers from this table and the broker's
//! dispatch matches on [`ApiKey`] without a catch-all, so nothing can be advertised that is not served.

use bytes::Bytes;

use crate::codec::{DecodeError, Reader};
use crate::message::Message;
use crate::messages;
use crate::request::Request;

/// First and last version of an API, both served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    pub first: i16,
    pub last: i16,
}

impl VersionRange {
    pub fn contains(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }
}

macro_rules! apis {
    ($($name:ident $key:literal $first:literal $last:literal $request:ident $response:ident;)*) => {
        /// A served API. The numbers are Kafka's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey { $($name = $key,)* }

        /// Every served API, in the order of its key.
        pub const SERVED_APIS: &[ApiKey] = &[$(ApiKey::$name,)*];

        impl ApiKey {
            pub fn from_code(code: i16) -> Option<Self> {
                match code { $($key => Some(Self::$name),)* _ => None }
            }

            pub const fn code(self) -> i16 { self as i16 }

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The versions that ApiVersions advertises: those of Apache Kafka 4.3.
            pub const fn versions(self) -> VersionRange {
                match self { $(Self::$name => VersionRange { first: $first, last: $last },)* }
            }

            /// Whether requests of this version carry compact encodings and tagged fields.
            pub fn request_is_flexible(self, version: i16) -> bool {
                match self { $(Self::$name => messages::$request::is_flexible(version),)* }
            }

            pub fn response_is_flexible(self, version: i16) -> bool {
                match self { $(Self::$name => messages::$response::is_flexible(version),)* }
            }

            /// Reads a request's body and writes it again: what hostile bytes are tried on.
            #[doc(hidden)]
            pub fn rewrite_request(self, version: i16, body: Bytes) -> Result<Bytes, DecodeError> {
                match self { $(Self::$name => rewrite::<messages::$request>(version, body).map(|(again, _)| again),)* }
            }

            /// The same for a response's body, of which nothing may be left over.
            #[doc(hidden)]
            pub fn rewrite_response(self, version: i16, body: Bytes) -> Result<Bytes, DecodeError> {
                match self {
                    $(Self::$name => rewrite::<messages::$response>(version, body).and_then(|(again, rest)| {
                        rest.finish().map(|()| again)
                    }),)*
                }
            }
        }

        $(impl Request for messages::$request {
            type Response = messages::$response;
            const API_KEY: i16 = $key;
            const API_NAME: &'static str = stringify!($name);
        })*

        #[cfg(test)]
        const SCHEMA_VERSIONS: &[(ApiKey, VersionRange)] = &[$((ApiKey::$name, VersionRange {
            first: messages::$request::MIN_VERSION,
            last: messages::$request::MAX_VERSION,
        }),)*];
    };
}

apis! {
    Produce 0 0 13 ProduceRequest ProduceResponse;
    Fetch 1 4 18 FetchRequest FetchResponse;
    ListOffsets 2 1 11 ListOffsetsRequest ListOffsetsResponse;
    Metadata 3 0 13 MetadataRequest MetadataResponse;
    OffsetCommit 8 2 10 OffsetCommitRequest OffsetCommitResponse;
    OffsetFetch 9 1 10 OffsetFetchRequest OffsetFetchResponse;
    FindCoordinator 10 0 6 FindCoordinatorRequest FindCoordinatorResponse;
    JoinGroup 11 0 9 JoinGroupRequest JoinGroupResponse;
    Heartbeat 12 0 4 HeartbeatRequest HeartbeatResponse;
    LeaveGroup 13 0 5 LeaveGroupRequest LeaveGroupResponse;
    SyncGroup 14 0 5 SyncGroupRequest SyncGroupResponse;
    DescribeGroups 15 0 6 DescribeGroupsRequest DescribeGroupsResponse;
    ListGroups 16 0 5 ListGroupsRequest ListGroupsResponse;
    ApiVersions 18 0 4 ApiVersionsRequest ApiVersionsResponse;
    CreateTopics 19 2 7 CreateTopicsRequest CreateTopicsResponse;
    DeleteTopics 20 1 6 DeleteTopicsRequest DeleteTopicsResponse;
    DeleteRecords 21 0 2 DeleteRecordsRequest DeleteRecordsResponse;
    InitProducerId 22 0 5 InitProducerIdRequest InitProducerIdResponse;
    OffsetForLeaderEpoch 23 2 4 OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
    DescribeAcls 29 1 3 DescribeAclsRequest DescribeAclsResponse;
    CreateAcls 30 1 3 CreateAclsRequest CreateAclsResponse;
    DeleteAcls 31 1 3 DeleteAclsRequest DeleteAclsResponse;
    DescribeConfigs 32 1 4 DescribeConfigsRequest DescribeConfigsResponse;
    AlterConfigs 33 0 2 AlterConfigsRequest AlterConfigsResponse;
    AlterReplicaLogDirs 34 1 2 AlterReplicaLogDirsRequest AlterReplicaLogDirsResponse;
    DescribeLogDirs 35 1 5 DescribeLogDirsRequest DescribeLogDirsResponse;
    CreatePartitions 37 0 3 CreatePartitionsRequest CreatePartitionsResponse;
    DeleteGroups 42 0 2 DeleteGroupsRequest DeleteGroupsResponse;
    ElectLeaders 43 0 2 ElectLeadersRequest ElectLeadersResponse;
    IncrementalAlterConfigs 44 0 1 IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
    AlterPartitionReassignments 45 0 1 AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse;
    ListPartitionReassignments 46 0 0 ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse;
    OffsetDelete 47 0 0 OffsetDeleteRequest OffsetDeleteResponse;
    DescribeClientQuotas 48 0 1 DescribeClientQuotasRequest DescribeClientQuotasResponse;
    DescribeQuorum 55 0 2 DescribeQuorumRequest DescribeQuorumResponse;
    DescribeCluster 60 0 2 DescribeClusterRequest DescribeClusterResponse;
    DescribeProducers 61 0 0 DescribeProducersRequest DescribeProducersResponse;
    ListConfigResources 74 0 1 ListConfigResourcesRequest ListConfigResourcesResponse;
    DescribeTopicPartitions 75 0 0 DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse;
}

impl ApiKey {
    /// Produce is advertised from version 0, or librdkafka silently stops compressing, but like Apache Kafka 4
    /// we refuse what is older than record batches.
    pub const fn first_decodable_version(self) -> i16 {
        match self {
            Self::Produce => 3,
            other => other.versions().first,
        }
    }
}

fn rewrite<M: Message>(version: i16, body: Bytes) -> Result<(Bytes, Reader), DecodeError> {
    let mut reader = Reader::new(body);
    let message = M::read(&mut reader, version)?;
    Ok((message.encode(version), reader))
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA_VERSIONS, SERVED_APIS};

    #[test]
    fn every_advertised_version_has_a_schema() {
        for (api, schema) in SCHEMA_VERSIONS {
            assert!(schema.contains(api.first_decodable_version()), "{api:?}");
            assert!(schema.contains(api.versions().last), "{api:?}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(SERVED_APIS.is_sorted());
    }
}
