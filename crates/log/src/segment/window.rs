//! Reads a log file through a window in memory: batch headers one after the other without a system call each, CRCs
//! without holding a whole batch.

use std::io;
use std::sync::Arc;

use barnabas_common::vfs::{VfsFile, read_up_to};
use barnabas_protocol::records::{BATCH_HEADER_SIZE, BatchError, BatchHeader};
use bytes::Bytes;

/// The CRC covers a batch from its attributes on.
const CRC_STARTS_AT: u64 = 21;

/// The bytes `[0, end)` of a file, of which some are in memory.
pub(crate) struct Window {
    file: Arc<dyn VfsFile>,
    end: u64,
    start: u64,
    bytes: Bytes,
    read_bytes: usize,
}

/// What stands at a position.
#[derive(Debug)]
pub(crate) enum At {
    Batch(BatchHeader),
    /// Less than a whole batch is left.
    Incomplete,
    /// Not a batch.
    Malformed(BatchError),
}

impl Window {
    /// `read_bytes` is how much one read fetches.
    pub(crate) fn new(file: Arc<dyn VfsFile>, end: u64, read_bytes: usize) -> Self {
        Self { file, end, start: 0, bytes: Bytes::new(), read_bytes: read_bytes.max(BATCH_HEADER_SIZE) }
    }

    pub(crate) fn file(&self) -> &Arc<dyn VfsFile> {
        &self.file
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The memory behind what was read last.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The header at `position`, whose batch lies wholly before the end.
    pub(crate) fn batch_at(&mut self, position: u64) -> io::Result<At> {
        let header_bytes = self.read(position, BATCH_HEADER_SIZE)?;
        match BatchHeader::parse(&header_bytes) {
            Ok(header) if position + header.size_bytes() as u64 <= self.end => Ok(At::Batch(header)),
            Ok(_) | Err(BatchError::Truncated { .. }) => Ok(At::Incomplete),
            Err(error) => Ok(At::Malformed(error)),
        }
    }

    /// Whether the CRC of the batch at `position` is right. Its header has been read before.
    pub(crate) fn crc_matches(&mut self, position: u64, header: &BatchHeader) -> io::Result<bool> {
        let end = position + header.size_bytes() as u64;
        let mut at = position + CRC_STARTS_AT;
        let mut crc = 0;
        while at < end {
            let chunk = self.read(at, usize::try_from(end - at).unwrap_or(usize::MAX).min(self.read_bytes))?;
            if chunk.is_empty() {
                return Ok(false);
            }
            crc = crc32c::crc32c_append(crc, &chunk);
            at += chunk.len() as u64;
        }
        Ok(crc == header.crc)
    }

    /// Up to `len` bytes from `position`; fewer only at the end of the file.
    pub(crate) fn read(&mut self, position: u64, len: usize) -> io::Result<Bytes> {
        let available = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = len.min(available);
        if let Some(bytes) = self.in_memory(position, len) {
            return Ok(bytes);
        }
        self.bytes = read_up_to(&*self.file, position, len.max(self.read_bytes).min(available))?;
        self.start = position;
        Ok(self.bytes.slice(..len.min(self.bytes.len())))
    }

    fn in_memory(&self, position: u64, len: usize) -> Option<Bytes> {
        let at = usize::try_from(position.checked_sub(self.start)?).ok()?;
        let end = at.checked_add(len)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(at..end))
    }
}
