//! The files of a journal: which there are, which are in use, which are free. Making a new one takes a while and
//! is done aside.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::Uuid;
use barnabas_common::vfs::{OpenMode, Vfs, VfsFile};
use tracing::error;

use super::entry::{FILE_HEADER_BYTES, FileHeader};
use super::roster::{self, Roster};

/// Plain files: Apache Kafka leaves those alone in its log directories.
const NAME_PREFIX: &str = "barnabas-journal-";
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// One file, in use or free.
pub struct JournalFile {
    pub(super) number: u32,
    pub(super) file: Arc<dyn VfsFile>,
}

impl JournalFile {
    /// Puts a new generation in the place of what was in the file. A failed sync is no full disk, whatever the disk says.
    pub(super) fn begin(&self, header: &FileHeader) -> io::Result<()> {
        self.file.write_all_at(&header.encode(), 0)?;
        self.file.sync_data().map_err(io::Error::other)
    }
}

/// A file that is full, or was found at the start, and may be needed for recovery.
struct Used {
    generation: u64,
    file: JournalFile,
}

/// How far the present generation has been written.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) generation: u64,
    pub(super) end: u64,
    pub(super) last_group: u64,
}

/// All files of the journal but the one that is being written.
pub struct JournalFiles {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    file_bytes: u64,
    max_files: u32,
    /// What the directory was told of all of them.
    roster: Roster,
    free: Vec<JournalFile>,
    used: VecDeque<Used>,
    active: Option<u32>,
    last_generation: u64,
    last_group: u64,
    previous_end: u64,
}

/// Whether there is a journal in the directory, from this or an earlier run.
pub fn journal_exists(vfs: &dyn Vfs, dir: &Path) -> io::Result<bool> {
    Ok(!numbers(vfs, dir)?.is_empty())
}

fn numbers(vfs: &dyn Vfs, dir: &Path) -> io::Result<Vec<u32>> {
    let names = vfs.read_dir(dir)?.into_iter().filter(|entry| !entry.is_dir);
    Ok(names.filter_map(|entry| number_of(&entry.name)).collect())
}

pub(super) fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix(NAME_PREFIX)?.parse().ok()
}

pub(super) fn file_name(number: u32) -> String {
    format!("{NAME_PREFIX}{number}")
}

pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(file_name(number))
}

/// A file with the header of its last use.
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) header: FileHeader,
    pub(super) file: Arc<dyn VfsFile>,
}

/// A file with something in the place of its header that is none, and its number.
type Headless = (u32, Arc<dyn VfsFile>);

/// The files that have been in use, oldest generation first; and those of which that is not known any more.
pub(super) fn find(vfs: &dyn Vfs, dir: &Path) -> io::Result<(Vec<Found>, Vec<Headless>)> {
    let (mut found, mut headless) = (Vec::new(), Vec::new());
    for number in numbers(vfs, dir)? {
        let file = vfs.open(&path(dir, number), OpenMode::WRITE)?;
        let mut head = vec![0; FILE_HEADER_BYTES as usize];
        match file.read_exact_at(&mut head, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(error) => return Err(error),
        }
        match FileHeader::parse(&head) {
            Some(header) => found.push(Found { number, header, file }),
            None if head.iter().any(|byte| *byte != 0) => headless.push((number, file)),
            None => {}
        }
    }
    found.sort_by_key(|found| found.header.generation);
    Ok((found, headless))
}

impl JournalFiles {
    /// Takes over the files of a directory after [`super::replay`]: the generations to `keep` stay as they are, all others
    /// are free. Files of another size than wanted are removed. With `max_files` 0 there is no journal. `id` is a new one: the
    /// directory needs the journal by that name until it is left properly.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        dir: PathBuf,
        (total_bytes, max_files): (u64, u32),
        id: Uuid,
        last: &super::ReplaySummary,
    ) -> io::Result<JournalFiles> {
        let file_bytes = (total_bytes / u64::from(max_files.max(1))).max(FILE_HEADER_BYTES * 2);
        let mut files = JournalFiles {
            vfs,
            dir,
            file_bytes,
            max_files,
            roster: Roster { id, files: BTreeMap::new() },
            free: Vec::new(),
            used: VecDeque::new(),
            active: None,
            last_generation: last.last_generation,
            // One more than the group that a crash may have torn: what is left of that one must never look new.
            last_group: last.last_group + 1,
            previous_end: last.end_of_last,
        };
        let (mut in_use, _) = find(&*files.vfs, &files.dir)?;
        in_use.retain(|found| last.keep.contains(&found.header.generation));
        let mut useless = Vec::new();
        for number in numbers(&*files.vfs, &files.dir)? {
            if let Some(at) = in_use.iter().position(|found| found.number == number) {
                let Found { header, file, .. } = in_use.remove(at);
                files.roster.files.insert(number, file.len()?);
                files.used.push_back(Used { generation: header.generation, file: JournalFile { number, file } });
                continue;
            }
            let file = files.vfs.open(&path(&files.dir, number), OpenMode::WRITE)?;
            if file.len()? == file_bytes && number < max_files {
                files.roster.files.insert(number, file_bytes);
                files.free.push(JournalFile { number, file });
            } else {
                useless.push(number);
            }
        }
        // Before any of them goes, or it would be missed. What is not told now is told with the next new file.
        if write_roster(&files.roster, &*files.vfs, &files.dir) {
            for number in useless {
                files.vfs.remove_file(&path(&files.dir, number))?;
            }
        }
        files.used.make_contiguous().sort_by_key(|used| used.generation);
        Ok(files)
    }

    /// Makes void what was found and is not kept: it is in the segments and on disk. Else the next start would read it again,
    /// and bring back what was given up meanwhile.
    pub fn begin_anew(&mut self) -> io::Result<()> {
        let Some(next) = self.free.last().filter(|_| self.last_generation > 0) else { return Ok(()) };
        let header = self.next_header(None);
        next.begin(&header)?;
        self.last_generation = header.generation;
        self.previous_end = FILE_HEADER_BYTES;
        Ok(())
    }

    /// Removes every file; the journal is not wanted any more and everything in it is in the segments.
    pub fn remove_all(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
        roster::forget(vfs, dir)?;
        let numbers = numbers(vfs, dir)?;
        for number in &numbers {
            vfs.remove_file(&path(dir, *number))?;
        }
        if numbers.is_empty() { Ok(()) } else { vfs.sync_dir(dir) }
    }

    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Files that are full, or were found at the start, and may be needed for recovery.
    pub fn used_count(&self) -> usize {
        self.used.len()
    }

    pub fn max_files(&self) -> u32 {
        self.max_files
    }

    /// Entries of one group must not be larger together.
    pub fn room_bytes(&self) -> u64 {
        self.file_bytes - FILE_HEADER_BYTES
    }

    /// A way to make another file, if there may be more. To be run without holding up anybody.
    pub fn plan_another(&self) -> Option<NewFile> {
        let is_taken = |number: &u32| {
            self.active == Some(*number)
                || self.free.iter().any(|file| file.number == *number)
                || self.used.iter().any(|used| used.file.number == *number)
        };
        let number = (0..self.max_files).find(|number| !is_taken(number))?;
        let mut roster = self.roster.clone();
        roster.files.insert(number, self.file_bytes);
        Some(NewFile { vfs: self.vfs.clone(), dir: self.dir.clone(), number, size: self.file_bytes, roster })
    }

    pub fn add(&mut self, file: JournalFile) {
        self.roster.files.insert(file.number, self.file_bytes);
        self.free.push(file);
    }

    /// A file to go on in, if one is free.
    pub fn take_free(&mut self) -> Option<JournalFile> {
        self.free.pop()
    }

    /// The header of the next generation, after what has been written of the present one.
    pub(super) fn next_header(&self, written: Option<Written>) -> FileHeader {
        let generation = self.last_generation + 1;
        let oldest_used = self.used.front().map(|oldest| oldest.generation);
        FileHeader {
            generation,
            oldest_live: oldest_used.or(written.map(|written| written.generation)).unwrap_or(generation),
            first_group: written.map_or(self.last_group, |written| written.last_group) + 1,
            previous_end: written.map_or(self.previous_end, |written| written.end),
        }
    }

    /// The next generation has begun; the file of the one before is full.
    pub(super) fn went_on_in(&mut self, number: u32, header: &FileHeader) {
        self.active = Some(number);
        self.last_generation = header.generation;
    }

    /// The file is full and may be needed for recovery.
    pub(super) fn retire(&mut self, file: JournalFile, generation: u64) {
        self.used.push_back(Used { generation, file });
    }

    /// Everything in this generation is on disk elsewhere, and what says so is, too: its file is free.
    pub fn release(&mut self, generation: u64) {
        if let Some(at) = self.used.iter().position(|used| used.generation == generation)
            && let Some(used) = self.used.remove(at)
        {
            self.free.push(used.file);
        }
    }
}

/// A file that is to be made.
pub struct NewFile {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    number: u32,
    size: u64,
    /// Of all files, with this one.
    roster: Roster,
}

/// Whether that worked. The journal is as good without; but nobody would notice if it were removed.
fn write_roster(roster: &Roster, vfs: &dyn Vfs, dir: &Path) -> bool {
    let written = roster.write(vfs, dir);
    if let Err(error) = &written {
        error!("cannot write down which files the journal in {} has: {error}; going on", dir.display());
    }
    written.is_ok()
}

impl NewFile {
    /// Fills the file with zeros, so that its blocks exist and have been written. Of a failed try nothing is left.
    pub fn make(self) -> io::Result<JournalFile> {
        let path = path(&self.dir, self.number);
        let made = self.fill(&path);
        match &made {
            Ok(_) => drop(write_roster(&self.roster, &*self.vfs, &self.dir)),
            Err(_) => drop(self.vfs.remove_file(&path)),
        }
        made
    }

    fn fill(&self, path: &Path) -> io::Result<JournalFile> {
        let usable = self.vfs.disk_space(&self.dir)?.usable_bytes;
        if usable < self.size.saturating_mul(2) {
            // What is left is for records.
            let needed = format!("{usable} bytes are free, {} are needed", self.size.saturating_mul(2));
            return Err(io::Error::new(io::ErrorKind::StorageFull, needed));
        }
        let file = self.vfs.open(path, OpenMode::TRUNCATE)?;
        let mut position = 0;
        while position < self.size {
            let part = (self.size - position).min(ZEROS.len() as u64);
            file.write_all_at(&ZEROS[..part as usize], position)?;
            position += part;
        }
        file.sync_all()?;
        self.vfs.sync_dir(&self.dir)?;
        Ok(JournalFile { number: self.number, file })
    }
}
