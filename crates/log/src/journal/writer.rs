//! Writing: one group of entries at a time, on disk when the call returns.

use std::io;

use super::entry::{FILE_HEADER_BYTES, FileHeader, JournalEntry};
use super::files::{JournalFile, JournalFiles, Written};

/// Buffers larger than this are not kept for the next group.
const KEEP_BYTES: usize = 1 << 20;

/// Writes the journal. After a failed write or sync it must not be used again: what the disk holds is not known.
#[derive(Default)]
pub struct JournalWriter {
    active: Option<Active>,
    buffer: Vec<u8>,
}

struct Active {
    file: JournalFile,
    header: FileHeader,
    end: u64,
    last_group: u64,
}

/// The file that was written until now is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedFile {
    pub generation: u64,
}

impl JournalWriter {
    /// Whether a group of this size fits into the present file.
    pub fn has_room(&self, files: &JournalFiles, bytes: u64) -> bool {
        let end = files.room_bytes() + FILE_HEADER_BYTES;
        self.active.as_ref().is_some_and(|active| active.end + bytes <= end)
    }

    /// Whether it is time to have the next file ready.
    pub fn is_half_full(&self, files: &JournalFiles) -> bool {
        self.active.as_ref().is_none_or(|active| active.end > files.room_bytes() / 2)
    }

    /// Goes on in a file that [`JournalFiles::take_free`] gave; says which one is full now.
    /// On a full disk the file is free again and everything as it was.
    pub fn next_file(&mut self, files: &mut JournalFiles, file: JournalFile) -> io::Result<Option<ClosedFile>> {
        let written = self.active.as_ref().map(|active| Written {
            generation: active.header.generation,
            end: active.end,
            last_group: active.last_group,
        });
        let header = files.next_header(written);
        // On disk before the first entry: else a crash could leave the old header over parts of new entries.
        if let Err(error) = file.begin(&header) {
            files.add(file);
            return Err(error);
        }
        let last_group = header.first_group - 1;
        files.went_on_in(file.number, &header);
        let full = self.active.replace(Active { file, header, end: FILE_HEADER_BYTES, last_group });
        Ok(full.map(|full| {
            let generation = full.header.generation;
            files.retire(full.file, generation);
            ClosedFile { generation }
        }))
    }

    /// Writes a group; it counts when [`Self::sync`] has returned. There must be room. A full disk leaves the journal as it was.
    pub fn write_group<'a>(&mut self, entries: impl IntoIterator<Item = &'a JournalEntry>) -> io::Result<()> {
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("the journal has no file to write to"));
        };
        let group = active.last_group + 1;
        // Also if it fails: what it leaves behind must never look like part of the next.
        active.last_group = group;
        self.buffer.clear();
        entries.into_iter().for_each(|entry| entry.encode(group, &mut self.buffer));
        active.file.file.write_all_at(&self.buffer, active.end)?;
        active.end += self.buffer.len() as u64;
        if self.buffer.capacity() > KEEP_BYTES {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Brings to disk what was written.
    pub fn sync(&self) -> io::Result<()> {
        self.active.as_ref().map_or(Ok(()), |active| active.file.file.sync_data())
    }
}
