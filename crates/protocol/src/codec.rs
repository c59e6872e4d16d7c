//! Kafka's wire primitives over byte buffers, with every declared size checked against the bytes that are
//! really there. Knows nothing of messages.

mod reader;
mod writer;

pub use reader::{DecodeError, Reader};
pub(crate) use writer::TaggedFields;
pub use writer::Writer;
