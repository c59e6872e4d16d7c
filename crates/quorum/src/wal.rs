//! The quorum's log on disk: one append-only file of checksummed frames. Knows records and bytes, not what an
//! entry means, and runs on whichever thread calls it. A frame is one group of records that became durable with
//! one sync, so of the file only its last frame can be torn by a crash: an unreadable frame with a readable one
//! behind it is damage, and damage stops the start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::{OpenMode, Vfs, VfsFile, is_of_room, is_passing};

use crate::error::QuorumError;

const MAGIC: [u8; 4] = *b"BMW1";
/// Magic, length of the payload, checksum.
const FRAME_HEADER: usize = 4 + 4 + 4;
/// Kind, index, length of the body.
const RECORD_HEADER: usize = 1 + 8 + 4;
/// Zeros kept written behind the last frame: on a full disk the metadata can still be changed a little, so that the
/// broker starts and topics can be deleted. Appending to blocks that exist also syncs faster.
const RESERVE_BYTES: u64 = 256 << 10;
const PREFIX: &str = "raft-";
const SUFFIX: &str = ".wal";

/// One thing that happened to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Vote(Arc<[u8]>),
    Committed(Arc<[u8]>),
    /// Everything up to the index is gone; the body names the last entry that is.
    Purged(u64, Arc<[u8]>),
    Entry(u64, Arc<[u8]>),
    /// Everything from the index on is gone.
    Truncated(u64),
}

/// What the log holds after all its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) vote: Option<Arc<[u8]>>,
    pub(crate) committed: Option<Arc<[u8]>>,
    pub(crate) purged: Option<(u64, Arc<[u8]>)>,
    pub(crate) entries: BTreeMap<u64, Arc<[u8]>>,
}

impl Contents {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Vote(body) => self.vote = Some(body),
            Record::Committed(body) => self.committed = Some(body),
            Record::Purged(index, body) => {
                self.entries = self.entries.split_off(&index.saturating_add(1));
                self.purged = Some((index, body));
            }
            Record::Entry(index, body) => {
                self.entries.insert(index, body);
            }
            Record::Truncated(from) => {
                self.entries.split_off(&from);
            }
        }
    }

    /// The records that make these contents.
    fn records(&self) -> Vec<Record> {
        let vote = self.vote.clone().map(Record::Vote);
        let purged = self.purged.clone().map(|(index, body)| Record::Purged(index, body));
        let committed = self.committed.clone().map(Record::Committed);
        let entries = self.entries.iter().map(|(index, body)| Record::Entry(*index, body.clone()));
        vote.into_iter().chain(purged).chain(committed).chain(entries).collect()
    }

    /// Raft looks only at the last entry, so a hole would never be noticed.
    fn hole(&self) -> Option<u64> {
        let first = self.entries.keys().next().copied()?;
        let start = self.purged.as_ref().map_or(first, |(index, _)| index.saturating_add(1));
        (start..).zip(self.entries.keys()).find(|(expected, index)| expected != *index).map(|(expected, _)| expected)
    }
}

/// The open log.
pub(crate) struct Wal {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    sequence: u64,
    file: Arc<dyn VfsFile>,
    len: u64,
    /// Length of the file with the zeros behind the last frame.
    reserved: u64,
    /// Length after the last rewrite.
    compact_len: u64,
    /// A file that grew by less than this since is not worth rewriting.
    compact_bytes: u64,
    contents: Contents,
}

impl Wal {
    /// Opens the log of a folder, or makes an empty one where there is none. Cuts a torn tail off.
    pub(crate) fn open(vfs: Arc<dyn Vfs>, dir: &Path, compact_bytes: u64) -> Result<Self, QuorumError> {
        let io_error = |source: io::Error| match source.kind() {
            io::ErrorKind::StorageFull => QuorumError::NoRoom { is_under_way: false },
            _ => QuorumError::Io { dir: dir.to_owned(), source },
        };
        let sequences = sequences(&*vfs, dir).map_err(io_error)?;
        let Some(&sequence) = sequences.last() else {
            return Self::create(vfs, dir, 1, Contents::default(), compact_bytes).map_err(io_error);
        };
        // A rewritten file gets its name when it is complete, so a crash leaves at most files to remove.
        for old in &sequences[..sequences.len() - 1] {
            vfs.remove_file(&path_of(dir, *old)).map_err(io_error)?;
        }
        let path = path_of(dir, sequence);
        let bytes = vfs.read(&path).map_err(io_error)?;
        let (contents, len) =
            replay(&bytes, sequence).map_err(|reason| QuorumError::Corrupt { path: path.clone(), reason })?;
        let file = vfs.open(&path, OpenMode::WRITE).map_err(io_error)?;
        let tail = bytes.get(usize::try_from(len).unwrap_or(usize::MAX)..).unwrap_or_default();
        let mut reserved = bytes.len() as u64;
        if tail.iter().any(|byte| *byte != 0) {
            reserved = len;
            tracing::warn!(path = %path.display(), cut = bytes.len() as u64 - len, "cut an unfinished write off the metadata log");
            file.set_len(len).and_then(|()| file.sync_all()).map_err(io_error)?;
        }
        Ok(Self { vfs, dir: dir.to_owned(), sequence, file, len, reserved, compact_len: len, compact_bytes, contents })
    }

    fn create(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        sequence: u64,
        contents: Contents,
        compact_bytes: u64,
    ) -> io::Result<Self> {
        let path = path_of(dir, sequence);
        let bytes = frame(&contents.records(), sequence, 0)?;
        // Once the file has its name it is the log, whatever fails: all handles are taken before.
        let folder = vfs.open_dir(dir)?;
        let temporary = path.with_extension("wal.tmp");
        let file = vfs.open(&temporary, OpenMode::TRUNCATE)?;
        let written = file.write_all_at(&bytes, 0).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| vfs.rename(&temporary, &path)) {
            let _ = vfs.remove_file(&temporary);
            return Err(error);
        }
        folder.sync().map_err(io::Error::other)?;
        let len = bytes.len() as u64;
        Ok(Self {
            vfs,
            dir: dir.to_owned(),
            sequence,
            file,
            len,
            reserved: len,
            compact_len: len,
            compact_bytes,
            contents,
        })
    }

    /// What the log holds.
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Writes the records as one frame and makes it durable. A full disk leaves the log as it was: the same may be tried again,
    /// over what is left of the write. After any other error the log must not be used again: what the disk holds is not
    /// known.
    pub(crate) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        self.keep_reserve();
        let bytes = frame(records, self.sequence, self.len)?;
        self.file.write_all_at(&bytes, self.len)?;
        // A full disk that is noticed only here is a failed sync like any other.
        self.file.sync_data().map_err(io::Error::other)?;
        self.len += bytes.len() as u64;
        self.reserved = self.reserved.max(self.len);
        for record in records {
            self.contents.apply(record.clone());
        }
        Ok(())
    }

    /// Writes zeros ahead when half of them are used up. A disk without room for them is no error yet.
    fn keep_reserve(&mut self) {
        if self.reserved >= self.len + RESERVE_BYTES / 2 {
            return;
        }
        let wanted = self.len + RESERVE_BYTES;
        let zeros = vec![0; usize::try_from(wanted - self.reserved).unwrap_or(0)];
        if self.file.write_all_at(&zeros, self.reserved).is_ok() {
            self.reserved = wanted;
        }
    }

    /// Rewrites the log without what is gone, if enough of it is. Without room or a file handle that is left for later.
    pub(crate) fn compact_if_worthwhile(&mut self) -> io::Result<()> {
        let live: usize = self.contents.entries.values().map(|body| body.len() + RECORD_HEADER).sum();
        if self.len < self.compact_len.saturating_add(self.compact_bytes) || self.len < 2 * live as u64 {
            return Ok(());
        }
        let old = path_of(&self.dir, self.sequence);
        let contents = self.contents.clone();
        match Self::create(self.vfs.clone(), &self.dir, self.sequence + 1, contents, self.compact_bytes) {
            Err(error) if is_of_room(&error) || is_passing(&error) => return Ok(()),
            created => *self = created?,
        }
        self.vfs.remove_file(&old)
    }

    /// Bytes in the file.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

/// Whether a folder holds a log.
pub(crate) fn exists(vfs: &dyn Vfs, dir: &Path) -> io::Result<bool> {
    Ok(!sequences(vfs, dir)?.is_empty())
}

fn sequences(vfs: &dyn Vfs, dir: &Path) -> io::Result<Vec<u64>> {
    let names = vfs.read_dir(dir)?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|entry| numbered(&entry.name, PREFIX, SUFFIX)).collect();
    sequences.sort_unstable();
    Ok(sequences)
}

/// The number in a file name like `raft-00000000000000000001.wal`.
pub(crate) fn numbered(name: &str, prefix: &str, suffix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
}

fn path_of(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{sequence:020}{SUFFIX}"))
}

fn frame(records: &[Record], sequence: u64, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; FRAME_HEADER];
    for record in records {
        put_record(&mut bytes, record)?;
    }
    let len = u32::try_from(bytes.len() - FRAME_HEADER).map_err(io::Error::other)?;
    let (header, payload) = bytes.split_at_mut(FRAME_HEADER);
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&len.to_be_bytes());
    header[8..].copy_from_slice(&checksum(sequence, offset, payload).to_be_bytes());
    Ok(bytes)
}

/// The place is part of the checksum: a frame is only right where it was written.
fn checksum(sequence: u64, offset: u64, payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&sequence.to_be_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_be_bytes());
    let crc = crc32c::crc32c_append(crc, &(payload.len() as u64).to_be_bytes());
    crc32c::crc32c_append(crc, payload)
}

fn put_record(bytes: &mut Vec<u8>, record: &Record) -> io::Result<()> {
    let (kind, index, body): (u8, u64, &[u8]) = match record {
        Record::Vote(body) => (1, 0, body),
        Record::Committed(body) => (2, 0, body),
        Record::Purged(index, body) => (3, *index, body),
        Record::Entry(index, body) => (4, *index, body),
        Record::Truncated(from) => (5, *from, &[]),
    };
    bytes.push(kind);
    bytes.extend_from_slice(&index.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes());
    bytes.extend_from_slice(body);
    Ok(())
}

/// Reads a whole file: its contents and where its readable part ends, or why it is damaged.
fn replay(bytes: &[u8], sequence: u64) -> Result<(Contents, u64), String> {
    let mut contents = Contents::default();
    let mut at = 0;
    while let Some(payload) = frame_at(bytes, at, sequence) {
        read_records(payload, |record| contents.apply(record))
            .ok_or_else(|| format!("the frame at byte {at} holds records of an unknown kind"))?;
        at += FRAME_HEADER + payload.len();
    }
    if at == 0 {
        return Err("the first frame, which is written before the file gets its name, cannot be read".to_owned());
    }
    if let Some(later) = next_frame(bytes, at + 1, sequence) {
        return Err(format!("the frame at byte {at} cannot be read, and the one at byte {later} can"));
    }
    match contents.hole() {
        Some(index) => Err(format!("entry {index} is missing")),
        None => Ok((contents, at as u64)),
    }
}

/// The payload of the frame that starts here, if a whole one does.
fn frame_at(bytes: &[u8], at: usize, sequence: u64) -> Option<&[u8]> {
    let (magic, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    let intact = *magic == MAGIC && checksum(sequence, at as u64, payload) == u32::from_be_bytes(*crc);
    intact.then_some(payload)
}

fn next_frame(bytes: &[u8], from: usize, sequence: u64) -> Option<usize> {
    let starts = bytes.get(from..)?.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    starts.map(|(i, _)| from + i).find(|at| frame_at(bytes, *at, sequence).is_some())
}

fn read_records(mut bytes: &[u8], mut visit: impl FnMut(Record)) -> Option<()> {
    while !bytes.is_empty() {
        let (kind, rest) = bytes.split_first()?;
        let (index, rest) = rest.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        let index = u64::from_be_bytes(*index);
        visit(match kind {
            1 => Record::Vote(body.into()),
            2 => Record::Committed(body.into()),
            3 => Record::Purged(index, body.into()),
            4 => Record::Entry(index, body.into()),
            5 => Record::Truncated(index),
            _ => return None,
        });
        bytes = rest;
    }
    Some(())
}

#[cfg(test)]
#[path = "wal_tests.rs"]
mod tests;
