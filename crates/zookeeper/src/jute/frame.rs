//! Frames: a length of four bytes before each message. Memory follows the bytes that arrive, not the length.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::JuteError;

/// Largest message, ZooKeeper's default for `jute.maxbuffer`.
pub const MAX_FRAME_BYTES: usize = 0xf_ffff;

/// Why there is no next message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or ended.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The length is negative or above [`MAX_FRAME_BYTES`].
    #[error("a message claims {0} bytes; at most {MAX_FRAME_BYTES} are accepted")]
    Length(i32),
    /// The message cannot be read.
    #[error(transparent)]
    Jute(#[from] JuteError),
}

/// The message with its length before it.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len().saturating_add(4));
    framed.put_i32(i32::try_from(message.len()).unwrap_or(i32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// Reads the rest of a message whose length has been read.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin), declared: i32) -> Result<Bytes, FrameError> {
    let fits = |length: &usize| *length <= MAX_FRAME_BYTES;
    let length = usize::try_from(declared).ok().filter(fits).ok_or(FrameError::Length(declared))?;
    let mut message = Vec::new();
    let got = stream.take(length as u64).read_to_end(&mut message).await?;
    if got < length { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(message.into()) }
}
