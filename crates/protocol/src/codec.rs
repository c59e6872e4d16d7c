//! Kafka's wire primitives over byte buffers, with every declared size checked against the bytes that are
//! really there. Knows nothing of messages.

mod reader;
mod writer;

pub use reader::{DecodeError, Reader};
pub use writer::{TaggedFields, Writer};
