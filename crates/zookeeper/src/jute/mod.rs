//! ZooKeeper's encoding of values ("jute"): big-endian numbers, lengths before bytes. No declared length is believed
//! beyond the bytes that are there. Messages are in `messages.rs`, frames in `frame.rs`.

mod frame;
mod messages;
#[cfg(test)]
mod tests;

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub use frame::{FrameError, MAX_FRAME_BYTES, frame, read_frame};
pub use messages::{
    ConnectRequest, ConnectResponse, CreateMode, PING_XID, ReplyHeader, Request, RequestHeader, Response, Stat,
    WATCH_XID, op,
};

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JuteError {
    /// It ends too early.
    #[error("the message ends within {0}")]
    Truncated(&'static str),
    /// A length or a count is negative or larger than what is left.
    #[error("{what} claims a length of {declared}, {left} bytes are left")]
    Length {
        /// What was read.
        what: &'static str,
        /// What it claims.
        declared: i32,
        /// What is there.
        left: usize,
    },
    /// A text is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
}

/// Reads values one after the other.
#[derive(Debug)]
pub struct Reader {
    bytes: Bytes,
}

impl Reader {
    /// Over a whole frame, without its length.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn need(&self, count: usize, what: &'static str) -> Result<(), JuteError> {
        if self.bytes.len() < count { Err(JuteError::Truncated(what)) } else { Ok(()) }
    }

    /// A 32-bit number.
    pub fn int(&mut self, what: &'static str) -> Result<i32, JuteError> {
        self.need(4, what)?;
        Ok(self.bytes.get_i32())
    }

    /// A 64-bit number.
    pub fn long(&mut self, what: &'static str) -> Result<i64, JuteError> {
        self.need(8, what)?;
        Ok(self.bytes.get_i64())
    }

    /// One byte; anything but 0 is true.
    pub fn boolean(&mut self, what: &'static str) -> Result<bool, JuteError> {
        self.need(1, what)?;
        Ok(self.bytes.get_u8() != 0)
    }

    /// Bytes; the length -1 reads as empty.
    pub fn buffer(&mut self, what: &'static str) -> Result<Bytes, JuteError> {
        let length = self.length(what, 1)?;
        Ok(self.bytes.split_to(length))
    }

    /// A text.
    pub fn string(&mut self, what: &'static str) -> Result<String, JuteError> {
        let bytes = self.buffer(what)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| JuteError::NotText(what))
    }

    /// Texts.
    pub fn strings(&mut self, what: &'static str) -> Result<Vec<String>, JuteError> {
        let count = self.length(what, 4)?;
        (0..count).map(|_| self.string(what)).collect()
    }

    /// A count of elements that take at least so many bytes each; -1 reads as none.
    fn length(&mut self, what: &'static str, least_bytes_each: usize) -> Result<usize, JuteError> {
        let declared = self.int(what)?;
        if declared == -1 {
            return Ok(0);
        }
        let left = self.bytes.len();
        let fits = |count: &usize| count.checked_mul(least_bytes_each).is_some_and(|bytes| bytes <= left);
        usize::try_from(declared).ok().filter(fits).ok_or(JuteError::Length { what, declared, left })
    }

    /// A list of permissions: counted, read and forgotten.
    fn skip_acls(&mut self) -> Result<(), JuteError> {
        let count = self.length("permissions", 12)?;
        for _ in 0..count {
            self.int("permission bits")?;
            self.buffer("permission scheme")?;
            self.buffer("permission id")?;
        }
        Ok(())
    }
}

/// Writes values one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    /// What has been written.
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// A 32-bit number.
    pub fn int(&mut self, value: i32) {
        self.bytes.put_i32(value);
    }

    /// A 64-bit number.
    pub fn long(&mut self, value: i64) {
        self.bytes.put_i64(value);
    }

    /// One byte.
    pub fn boolean(&mut self, value: bool) {
        self.bytes.put_u8(u8::from(value));
    }

    /// Bytes with their length.
    pub fn buffer(&mut self, value: &[u8]) {
        self.count(value.len());
        self.bytes.put_slice(value);
    }

    /// A text.
    pub fn string(&mut self, value: &str) {
        self.buffer(value.as_bytes());
    }

    /// Texts.
    pub fn strings<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a String>) {
        self.count(values.len());
        for value in values {
            self.string(value);
        }
    }

    /// Everything is allowed to everybody.
    fn open_acl(&mut self) {
        const ALL_PERMISSIONS: i32 = 31;
        self.count(1);
        self.int(ALL_PERMISSIONS);
        self.string("world");
        self.string("anyone");
    }

    /// What is written here is far below 2 GiB; if it were not, the peer would refuse the frame.
    fn count(&mut self, count: usize) {
        self.int(i32::try_from(count).unwrap_or(i32::MAX));
    }
}
