//! Requests as a client sends them: which response answers which request, and frames in that direction. What a broker
//! serves is in `api.rs`; further below are APIs that only our tools ask for.

use bytes::Bytes;

use crate::api::VersionRange;
use crate::codec::{DecodeError, Reader, Writer};
use crate::message::Message;
use crate::messages;

/// A request that a client can send.
pub trait Request: Message {
    type Response: Message;

    /// The number of the API.
    const API_KEY: i16;
    /// The name of the API, as Kafka spells it.
    const API_NAME: &'static str;

    /// The versions that can be written and whose answers can be read.
    fn versions() -> VersionRange {
        VersionRange { first: Self::MIN_VERSION, last: Self::MAX_VERSION }
    }
}

macro_rules! requests {
    ($($key:literal $name:literal $request:ident $response:ident;)*) => {
        $(impl Request for messages::$request {
            type Response = messages::$response;
            const API_KEY: i16 = $key;
            const API_NAME: &'static str = $name;
        })*
    };
}

// APIs that the broker does not serve yet, but brokers that our tools talk to may.
requests! {
    27 "WriteTxnMarkers" WriteTxnMarkersRequest WriteTxnMarkersResponse;
    49 "AlterClientQuotas" AlterClientQuotasRequest AlterClientQuotasResponse;
    50 "DescribeUserScramCredentials" DescribeUserScramCredentialsRequest DescribeUserScramCredentialsResponse;
    51 "AlterUserScramCredentials" AlterUserScramCredentialsRequest AlterUserScramCredentialsResponse;
    57 "UpdateFeatures" UpdateFeaturesRequest UpdateFeaturesResponse;
    64 "UnregisterBroker" UnregisterBrokerRequest UnregisterBrokerResponse;
    65 "DescribeTransactions" DescribeTransactionsRequest DescribeTransactionsResponse;
    66 "ListTransactions" ListTransactionsRequest ListTransactionsResponse;
    69 "ConsumerGroupDescribe" ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse;
    77 "ShareGroupDescribe" ShareGroupDescribeRequest ShareGroupDescribeResponse;
    80 "AddRaftVoter" AddRaftVoterRequest AddRaftVoterResponse;
    81 "RemoveRaftVoter" RemoveRaftVoterRequest RemoveRaftVoterResponse;
    89 "StreamsGroupDescribe" StreamsGroupDescribeRequest StreamsGroupDescribeResponse;
    90 "DescribeShareGroupOffsets" DescribeShareGroupOffsetsRequest DescribeShareGroupOffsetsResponse;
}

/// ApiVersions keeps the old header for ever: the client does not know yet what it talks to.
const API_VERSIONS: i16 = 18;

/// A whole request frame, size included, as chunks to be sent one after the other.
pub fn encode_request<R: Request>(version: i16, correlation_id: i32, client_id: &str, request: &R) -> Vec<Bytes> {
    let mut w = Writer::frame();
    w.int16(R::API_KEY);
    w.int16(version);
    w.int32(correlation_id);
    w.string(client_id, false);
    if R::is_flexible(version) {
        w.unsigned_varint(0);
    }
    request.write(&mut w, version);
    w.into_frame()
}

/// Splits a response frame (without its size) into correlation id and message.
pub fn decode_response<R: Request>(version: i16, frame: Bytes) -> Result<(i32, R::Response), DecodeError> {
    let mut r = Reader::new(frame);
    let correlation_id = r.int32()?;
    if R::API_KEY != API_VERSIONS && R::Response::is_flexible(version) {
        r.tagged_fields(|_, _| Ok(false))?;
    }
    Ok((correlation_id, R::Response::read(&mut r, version)?))
}
