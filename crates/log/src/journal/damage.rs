//! What cannot be read in a journal, and is no tear of a crash: where it ends, and whose records were there. A crash tears the
//! last group alone; so where entries of later groups are found behind, something is lost that had been synced.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use barnabas_common::vfs::VfsFile;
use barnabas_common::{Offset, Uuid};
use barnabas_protocol::records::split_batches;
use bytes::Bytes;

use super::entry::{
    ENTRY_HEADER_BYTES, FILE_HEADER_BYTES, JournalEntry, Parsed, declared_group, declared_payload, parse,
    parse_unchecked,
};

/// How far is looked for later groups where nobody knows up to where there must be some: more than two groups.
const SEARCH_BYTES: u64 = 9 << 20;
const WINDOW_BYTES: usize = 1 << 20;
/// Zeros are skipped in such steps.
const ZEROS_BYTES: usize = 4096;
/// CRC, length and group: enough to see that something is no entry.
const LOOK_BYTES: usize = 16;
/// No file has more groups. It keeps other bytes from being taken for entries, each of which would be read in full.
const MOST_GROUPS: u64 = 1 << 32;

/// Entries that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub file: PathBuf,
    /// Bytes of the file.
    pub from: u64,
    pub to: u64,
    pub generation: u64,
    /// What was there, as far as it can be believed.
    pub entries: Vec<DamagedEntry>,
    /// Whether nothing else was there.
    pub is_all: bool,
}

/// What the header says of an entry that is damaged otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedEntry {
    pub topic_id: Uuid,
    pub partition: i32,
    pub base_offset: Offset,
    /// The offset behind its records, if their headers can be believed.
    pub end_offset: Option<Offset>,
}

impl Damage {
    /// Its header cannot be read, so that it is not known which of the entries are needed.
    pub(super) fn of_whole_file(file: PathBuf) -> Self {
        Self { file, from: 0, to: FILE_HEADER_BYTES, generation: 0, entries: Vec::new(), is_all: false }
    }

    pub(super) fn is_of_whole_file(&self) -> bool {
        self.from < FILE_HEADER_BYTES
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read from byte {} to {}", self.file.display(), self.from, self.to)
    }
}

/// A look beyond the place of a file where entries end.
pub(super) struct Search<'a> {
    pub(super) file: &'a dyn VfsFile,
    pub(super) len: u64,
    /// Up to where all entries are good.
    pub(super) position: u64,
    /// Of the last good one, or the first one of the file.
    pub(super) group: u64,
    /// The only one that a crash may have torn.
    pub(super) last_group: u64,
    /// Before it every entry was synced.
    pub(super) promised_end: Option<u64>,
    /// The first one of the next file.
    pub(super) next_group: Option<u64>,
}

impl Search<'_> {
    /// What is damaged at the position, and where entries go on behind, if they do. None if it is where the file ends.
    pub(super) fn run(&self, path: &Path, generation: u64) -> io::Result<Option<(Damage, Option<u64>)>> {
        let (entries, end) = self.believed()?;
        let goes_on_at = self.first_behind(end.max(self.position + 1))?;
        let Some(to) = goes_on_at.or(self.promised_end) else { return Ok(None) };
        let damage = Damage { file: path.to_owned(), from: self.position, to, generation, is_all: to == end, entries };
        Ok(Some((damage, goes_on_at)))
    }

    /// Up to where it is worth to look.
    fn limit(&self) -> u64 {
        self.promised_end.unwrap_or_else(|| self.position.saturating_add(SEARCH_BYTES)).min(self.len)
    }

    fn is_of_file(&self, group: u64) -> bool {
        let end = self.next_group.unwrap_or_else(|| self.group.saturating_add(MOST_GROUPS));
        (self.group.max(1)..end).contains(&group)
    }

    /// Damaged entries from the position on, as long as the header of one can be believed and so leads to the next; and where
    /// the last one leads.
    fn believed(&self) -> io::Result<(Vec<DamagedEntry>, u64)> {
        let (mut entries, mut at) = (Vec::new(), self.position);
        while let Some(bytes) = self.declared_at(at)? {
            let damaged =
                parse_unchecked(&bytes).filter(|parsed| self.is_of_file(parsed.group) && parse(&bytes).is_none());
            let Some(entry) = damaged.and_then(|parsed| believe(&parsed.entry)) else { break };
            at += bytes.len() as u64;
            entries.push(entry);
        }
        Ok((entries, at))
    }

    /// The first entry from here on, if there are some that were synced for certain.
    fn first_behind(&self, from: u64) -> io::Result<Option<u64>> {
        let (mut at, mut first) = (from, None);
        while let Some((found, parsed)) = self.next_entry(at)? {
            first.get_or_insert(found);
            // What the crash has torn may be any part of one group.
            if self.promised_end.is_some() || parsed.group > self.last_group {
                return Ok(first);
            }
            at = found + parsed.entry.size_bytes();
        }
        Ok(None)
    }

    fn next_entry(&self, from: u64) -> io::Result<Option<(u64, Parsed)>> {
        let mut window = vec![0; WINDOW_BYTES];
        let mut start = from;
        while start < self.limit() {
            let read = self.read(&mut window, start)?;
            let Some(looks) = (read + 1).checked_sub(LOOK_BYTES).filter(|looks| *looks > 0) else { break };
            let mut at = 0;
            while at < looks {
                if at.is_multiple_of(ZEROS_BYTES) && is_zero(&window[..read], at) {
                    at += ZEROS_BYTES + 1 - LOOK_BYTES;
                    continue;
                }
                if declared_group(&window[at..read]).is_some_and(|group| self.is_of_file(group))
                    && let Some(bytes) = self.declared_at(start + at as u64)?
                    && let Some(parsed) = parse(&bytes)
                {
                    return Ok(Some((start + at as u64, parsed)));
                }
                at += 1;
            }
            start += at as u64;
        }
        Ok(None)
    }

    /// As many bytes as an entry at this place claims to have.
    fn declared_at(&self, at: u64) -> io::Result<Option<Bytes>> {
        let mut header = [0; ENTRY_HEADER_BYTES];
        if self.read(&mut header, at)? < ENTRY_HEADER_BYTES {
            return Ok(None);
        }
        let Some(size) = declared_payload(&header).map(|payload| ENTRY_HEADER_BYTES + payload) else { return Ok(None) };
        if at.saturating_add(size as u64) > self.promised_end.unwrap_or(self.len) {
            return Ok(None);
        }
        let mut bytes = vec![0; size];
        let is_there = self.read(&mut bytes, at)? == size;
        Ok(is_there.then(|| bytes.into()))
    }

    fn read(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match self.file.read_at(&mut into[done..], at + done as u64)? {
                0 => break,
                read => done += read,
            }
        }
        Ok(done)
    }
}

/// What a damaged entry says of itself, if its batches say the same: they take as many bytes, and begin where it does.
fn believe(entry: &JournalEntry) -> Option<DamagedEntry> {
    let JournalEntry { topic_id, partition, base_offset, ref batches } = *entry;
    let mut walk = split_batches(batches);
    let headers: Vec<_> = walk.by_ref().map_while(|batch| Some(batch.ok()?.0)).collect();
    let begins_there = headers.first().is_some_and(|first| first.base_offset == base_offset);
    if partition < 0 || base_offset < 0 || !begins_there || walk.whole_bytes() != batches.len() {
        return None;
    }
    let mut end_offset = Some(base_offset);
    for header in headers {
        let counted = header.base_offset.checked_add(header.record_count.into());
        let follows = end_offset == Some(header.base_offset) && counted == Some(header.next_offset());
        end_offset = counted.filter(|_| follows);
    }
    Some(DamagedEntry { topic_id, partition, base_offset, end_offset })
}

fn is_zero(window: &[u8], at: usize) -> bool {
    window.get(at..at + ZEROS_BYTES).is_some_and(|block| block.iter().all(|byte| *byte == 0))
}
