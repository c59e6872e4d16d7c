//! The messages, generated from `schema/` when the crate is built. One module per message holds its structs;
//! the message itself is re-exported here.
#![allow(
    clippy::all,
    unused_parens,
    unused_mut,
    unreachable_pub,
    clippy::too_many_lines,
    unused_variables,
    missing_docs
)]

mod prelude {
    pub(super) use barnabas_common::Uuid;
    pub(super) use bytes::Bytes;

    pub(super) use crate::chunk::RecordData;
    pub(super) use crate::codec::{DecodeError, Reader, TaggedFields, Writer};
    pub(super) use crate::message::Message;

    pub(super) fn required<T>(value: Option<T>, name: &'static str) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::UnexpectedNull(name))
    }
}

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
