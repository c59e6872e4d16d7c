//! Request and response headers. What a frame is on the socket (four bytes of size first) is the network
//! shell's affair.

use bytes::Bytes;

use crate::api::ApiKey;
use crate::chunk::Chunk;
use crate::codec::{DecodeError, Reader, Writer};
use crate::message::Message;

/// The header of a request, in every version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeaderView {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

/// Splits a frame into its header and the body's bytes. The header of an API or version that is not served is
/// read as far as it can be known: up to the client id.
pub fn decode_request_header(frame: Bytes) -> Result<(RequestHeaderView, Bytes), DecodeError> {
    let mut r = Reader::new(frame);
    let api_key = r.int16()?;
    let api_version = r.int16()?;
    let correlation_id = r.int32()?;
    let client_id = r.nullable_string(false)?;
    let api = ApiKey::from_code(api_key);
    if api.is_some_and(|api| api.versions().contains(api_version) && api.request_is_flexible(api_version)) {
        r.tagged_fields(|_, _| Ok(false))?;
    }
    Ok((RequestHeaderView { api_key, api_version, correlation_id, client_id }, r.into_rest()))
}

/// A whole response frame, size included, as chunks to be sent one after the other.
pub fn encode_response<M: Message>(api: ApiKey, version: i16, correlation_id: i32, response: &M) -> Vec<Bytes> {
    write_response(api, version, correlation_id, response).into_frame()
}

/// Like [`encode_response`] for answers that may refer to files.
pub fn encode_response_chunks<M: Message>(api: ApiKey, version: i16, correlation_id: i32, response: &M) -> Vec<Chunk> {
    write_response(api, version, correlation_id, response).into_chunks()
}

fn write_response<M: Message>(api: ApiKey, version: i16, correlation_id: i32, response: &M) -> Writer {
    let mut w = Writer::frame();
    w.int32(correlation_id);
    // The header of ApiVersions never became flexible: the client does not know yet what it talks to.
    if api != ApiKey::ApiVersions && api.response_is_flexible(version) {
        w.unsigned_varint(0);
    }
    response.write(&mut w, version);
    w
}
