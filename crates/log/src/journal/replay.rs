//! Reading a journal after a crash: all entries that may be missing in the segments, in the order of their groups. What cannot
//! be read is told from what the crash tore in `damage.rs`.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::{Vfs, VfsFile};
use bytes::{Buf, Bytes, BytesMut};

use super::damage::{Damage, Search};
use super::entry::{ENTRY_HEADER_BYTES, FILE_HEADER_BYTES, FileHeader, Parsed, declared_payload, parse};
use super::files::{Found, find, path};
use crate::JournalEntry;

const READ_BYTES: usize = 1 << 20;
/// For where it is not known how many there are without reading them.
const MORE_GROUPS_THAN_A_FILE: u64 = 1 << 40;

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaySummary {
    pub entries: u64,
    pub bytes: u64,
    /// Where entries cannot be read that had been written and synced.
    pub damage: Vec<Damage>,
    /// Generations that must stay as they are, because something in them could not be used yet.
    pub keep: BTreeSet<u64>,
    pub(super) last_generation: u64,
    pub(super) last_group: u64,
    pub(super) end_of_last: u64,
}

/// Hands every entry to `visit`, which says whether it has been dealt with; else its generation is kept. Damage is gone around:
/// what lies behind it is handed over, too.
pub fn replay(
    vfs: &Arc<dyn Vfs>,
    dir: &Path,
    mut visit: impl FnMut(JournalEntry) -> bool,
) -> io::Result<ReplaySummary> {
    let mut summary = ReplaySummary::default();
    let (files, headless) = find(&**vfs, dir)?;
    let newest = files.last().map(|newest| newest.header);
    let oldest_live = newest.map_or(0, |newest| newest.oldest_live);
    summary.last_generation = newest.map_or(0, |newest| newest.generation);
    let mut live = files.iter().filter(|found| found.header.generation >= oldest_live).peekable();
    let oldest = live.peek().map(|oldest| oldest.header).filter(|oldest| oldest.generation == oldest_live);
    for (number, file) in headless {
        let first_group = oldest.map_or(0, |oldest| oldest.first_group);
        let found = Found { number, header: FileHeader { first_group, ..FileHeader::default() }, file };
        // Older entries are not needed; of these it is not known, that was in the header.
        if Scan::new(&found)?.next()?.is_some() {
            summary.damage.push(Damage::of_whole_file(path(dir, number)));
        }
    }
    while let Some(found) = live.next() {
        summary.last_group = summary.last_group.max(found.header.first_group.saturating_sub(1));
        read_file(&path(dir, found.number), found, live.peek().map(|next| next.header), &mut summary, &mut visit)?;
    }
    if summary.damage.iter().any(Damage::is_of_whole_file) {
        // What is left in such a file must never look new.
        summary.last_group = summary.last_group.saturating_add(MORE_GROUPS_THAN_A_FILE);
    }
    Ok(summary)
}

/// Reads one file. Behind damage it goes on where the next entry is.
fn read_file(
    path: &Path,
    found: &Found,
    next: Option<FileHeader>,
    summary: &mut ReplaySummary,
    visit: &mut impl FnMut(JournalEntry) -> bool,
) -> io::Result<()> {
    // Only the generation right before knows where this one must end.
    let promised_end = next.filter(|next| next.generation == found.header.generation + 1).map(|next| next.previous_end);
    let mut scan = Scan::new(found)?;
    loop {
        scan.run(summary, visit)?;
        if promised_end.is_some_and(|end| scan.position >= end) {
            break;
        }
        let search = Search {
            file: scan.file,
            len: scan.len,
            position: scan.position,
            group: scan.group,
            last_group: if scan.position == FILE_HEADER_BYTES { scan.group } else { scan.group.saturating_add(1) },
            promised_end,
            next_group: next.map(|next| next.first_group),
        };
        let Some((damaged, goes_on_at)) = search.run(path, found.header.generation)? else { break };
        summary.damage.push(damaged);
        match goes_on_at {
            Some(position) => scan.go_on_at(position),
            None => break,
        }
    }
    summary.end_of_last = scan.position;
    Ok(())
}

/// Stands for a replay when nothing in the journal is needed, because the directory was left properly.
pub fn skip(vfs: &Arc<dyn Vfs>, dir: &Path) -> io::Result<ReplaySummary> {
    let (files, _) = find(&**vfs, dir)?;
    let Some(newest) = files.last() else { return Ok(ReplaySummary::default()) };
    let last_group = newest.header.first_group.saturating_add(MORE_GROUPS_THAN_A_FILE);
    Ok(ReplaySummary { last_generation: newest.header.generation, last_group, ..ReplaySummary::default() })
}

/// A walk over the entries of one file.
struct Scan<'a> {
    found: &'a Found,
    file: &'a dyn VfsFile,
    len: u64,
    /// Up to where all entries are good.
    position: u64,
    buffer: BytesMut,
    group: u64,
}

impl<'a> Scan<'a> {
    fn new(found: &'a Found) -> io::Result<Self> {
        let len = found.file.len()?;
        let group = found.header.first_group;
        Ok(Self { found, file: &*found.file, len, position: FILE_HEADER_BYTES, buffer: BytesMut::new(), group })
    }

    fn run(&mut self, summary: &mut ReplaySummary, visit: &mut impl FnMut(JournalEntry) -> bool) -> io::Result<()> {
        let generation = self.found.header.generation;
        while let Some(Parsed { group, entry }) = self.next()? {
            summary.entries += 1;
            summary.bytes += entry.batches.len() as u64;
            summary.last_group = summary.last_group.max(group);
            if !visit(entry) {
                summary.keep.insert(generation);
            }
        }
        Ok(())
    }

    /// The next entry; none where what follows is torn, or left over from an earlier use.
    fn next(&mut self) -> io::Result<Option<Parsed>> {
        self.fill(ENTRY_HEADER_BYTES)?;
        let Some(payload_bytes) = declared_payload(&self.buffer) else { return Ok(None) };
        let size = ENTRY_HEADER_BYTES + payload_bytes;
        if self.position + size as u64 > self.len {
            return Ok(None);
        }
        self.fill(size)?;
        let whole: Bytes = match self.buffer.get(..size) {
            Some(whole) => Bytes::copy_from_slice(whole),
            None => return Ok(None),
        };
        let Some(parsed) = parse(&whole) else { return Ok(None) };
        if parsed.group < self.group {
            return Ok(None);
        }
        self.group = parsed.group;
        self.buffer.advance(size);
        self.position += size as u64;
        Ok(Some(parsed))
    }

    fn go_on_at(&mut self, position: u64) {
        self.position = position;
        self.buffer.clear();
    }

    /// Has so many bytes from the position on in memory, as far as the file has them.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let at = self.position + self.buffer.len() as u64;
            let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
            let part = left.min(READ_BYTES.max(wanted - self.buffer.len()));
            if part == 0 {
                return Ok(());
            }
            let start = self.buffer.len();
            self.buffer.resize(start + part, 0);
            let read = self.file.read_at(&mut self.buffer[start..], at);
            self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}
