//! Kafka's wire protocol: frames, messages, the table of APIs, record batches and their compression.
//! Everything that turns bytes of the network or the log into values lives here, and checks them.

mod api;
mod chunk;
mod codec;
mod frame;
mod fuzz;
mod kafka_apis;
mod message;
pub mod messages;
pub mod records;
mod request;

pub use api::{ApiKey, SERVED_APIS, VersionRange};
pub use chunk::{Chunk, RecordData};
pub use codec::{DecodeError, Reader, Writer};
pub use frame::{RequestHeaderView, decode_request_header, encode_response, encode_response_chunks};
#[doc(hidden)]
pub use fuzz::fuzz_one;
pub use kafka_apis::{KAFKA_APIS, KafkaApi, Offered};
pub use message::Message;
pub use request::{Request, decode_response, encode_request};
