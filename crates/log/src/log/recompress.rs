//! Storing a produced batch in another codec than its producer's. This takes time and memory: callers do it where it holds
//! up nobody.

use std::ops::ControlFlow;

use barnabas_common::ErrorCode;
use barnabas_protocol::records::{Codec, DecompressionLimit, RecompressError, recompress};
use bytes::BytesMut;

use super::survey::record_error;
use crate::error::AppendError;

/// The batch with its records in another codec, or why it is refused.
pub fn recompress_records(batch: &[u8], codec: Codec, limit: DecompressionLimit) -> Result<BytesMut, AppendError> {
    let written = recompress(batch, codec, limit, |_| ControlFlow::<std::convert::Infallible>::Continue(()));
    match written {
        Ok(ControlFlow::Continue(written)) => Ok(written),
        Ok(ControlFlow::Break(never)) => match never {},
        Err(RecompressError::Records(error)) => Err(record_error(error)),
        Err(failed) => Err(AppendError::rejected(ErrorCode::UnknownServerError, failed.to_string())),
    }
}
