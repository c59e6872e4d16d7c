//! Snapshots as files. The newest counts; it is whole or the start stops, for the log before it is gone.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use parking_lot::Mutex;

use crate::error::QuorumError;
use crate::types::{Snapshot, SnapshotMeta, decode, encode};
use crate::wal::numbered;

const MAGIC: [u8; 4] = *b"BMQ1";
const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".snap";

/// The snapshots of a folder; clones share it.
#[derive(Clone)]
pub(crate) struct SnapshotFiles {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    /// Held while a snapshot is written; true once none may be written any more.
    closed: Arc<Mutex<bool>>,
}

impl SnapshotFiles {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, dir: &Path) -> Self {
        Self { vfs, dir: dir.to_owned(), closed: Arc::default() }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The newest snapshot. Blocks.
    pub(crate) fn load_newest(&self) -> Result<Option<Snapshot>, QuorumError> {
        let io_error = |source| QuorumError::Io { dir: self.dir.clone(), source };
        let Some(newest) = self.numbers().map_err(io_error)?.pop() else {
            return Ok(None);
        };
        let path = self.path_of(newest);
        let bytes = self.vfs.read(&path).map_err(io_error)?;
        unpack(&bytes).map(Some).map_err(|reason| QuorumError::Corrupt { path, reason })
    }

    /// Makes a snapshot durable, then removes older ones. Blocks.
    pub(crate) fn save(&self, meta: &SnapshotMeta, image: &[u8]) -> io::Result<()> {
        let closed = self.closed.lock();
        if *closed {
            return Err(io::Error::other("the metadata quorum is shut down"));
        }
        // Number 0 is a snapshot of nothing.
        let number = meta.last_log_id.map_or(0, |last| last.index() + 1);
        self.vfs.write_atomically(&self.path_of(number), &pack(meta, image)?)?;
        for old in self.numbers()?.into_iter().filter(|n| *n < number) {
            self.vfs.remove_file(&self.path_of(old))?;
        }
        Ok(())
    }

    /// Waits for a snapshot that is being written and lets no other begin: from here on the folder may belong
    /// to somebody else. Blocks.
    pub(crate) fn close(&self) {
        *self.closed.lock() = true;
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let names = self.vfs.read_dir(&self.dir)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|entry| numbered(&entry.name, PREFIX, SUFFIX)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{PREFIX}{number:020}{SUFFIX}"))
    }
}

/// Magic, checksum of the rest, length of the head, head, image.
fn pack(meta: &SnapshotMeta, image: &[u8]) -> io::Result<Vec<u8>> {
    let head = encode(meta)?;
    let head_len = u32::try_from(head.len()).map_err(io::Error::other)?;
    let rest = [&head_len.to_be_bytes()[..], &head, image].concat();
    Ok([&MAGIC[..], &crc32c::crc32c(&rest).to_be_bytes(), &rest].concat())
}

fn unpack(bytes: &[u8]) -> Result<Snapshot, String> {
    let cut = || "the metadata snapshot is cut off".to_owned();
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let (crc, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    if *magic != MAGIC || crc32c::crc32c(rest) != u32::from_be_bytes(*crc) {
        return Err("the metadata snapshot is damaged: its checksum does not match".to_owned());
    }
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| cut())?;
    let (head, image) = rest.split_at_checked(len).ok_or_else(cut)?;
    let meta = decode(head).map_err(|e| format!("the metadata snapshot is of another version: {e}"))?;
    Ok(Snapshot { meta, snapshot: image.to_vec() })
}
