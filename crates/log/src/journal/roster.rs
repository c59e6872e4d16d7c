//! `barnabas-needs-journal`: which files a journal has, as long as acknowledged records may be in them alone. So it is noticed
//! when one of them was removed after a crash; a directory that was left properly needs none. What follows is not known here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use barnabas_common::Uuid;
use barnabas_common::vfs::Vfs;

use super::files::{file_name, number_of, path};

/// Its name is not among those that somebody takes who removes the files of the journal.
const FILE_NAME: &str = "barnabas-needs-journal";
const REMARK: &str =
    "# Until the broker has stopped properly, acknowledged records may be in these files alone. Keep them.";
const ID: &str = "journal";

/// Files of a journal that are gone or were cut short, though records may be missing without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostJournal {
    /// Of this journal alone, from one start to the next: whoever gives it up does not give up another one.
    pub id: Uuid,
    pub files: Vec<String>,
}

/// The number and size of each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roster {
    pub(super) id: Uuid,
    pub(super) files: BTreeMap<u32, u64>,
}

impl Roster {
    /// Replaces what the directory says, durably.
    pub(super) fn write(&self, vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
        if self.files.is_empty() {
            return forget(vfs, dir);
        }
        let mut text = format!("{REMARK}\n{ID} {}\n", self.id);
        for (number, size) in &self.files {
            let _ = writeln!(text, "{} {size}", file_name(*number));
        }
        vfs.write_atomically(&dir.join(FILE_NAME), text.as_bytes())
    }

    fn read(vfs: &dyn Vfs, dir: &Path) -> io::Result<Option<Roster>> {
        let path = dir.join(FILE_NAME);
        let bytes = match vfs.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let parsed = std::str::from_utf8(&bytes).ok().and_then(Self::parse);
        let damaged = || {
            let what = format!(
                "{} is damaged, which names the files of its journal; if none of them was removed, remove that file",
                path.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, what)
        };
        parsed.ok_or_else(damaged).map(Some)
    }

    fn parse(text: &str) -> Option<Roster> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let id = lines.next()?.strip_prefix(ID)?.trim().parse().ok()?;
        let file = |line: &str| {
            let (name, size) = line.split_once(' ')?;
            Some((number_of(name)?, size.parse().ok()?))
        };
        let files: BTreeMap<_, _> = lines.map(file).collect::<Option<_>>()?;
        (!files.is_empty()).then_some(Roster { id, files })
    }
}

/// What is missing of the journal that a directory needs.
pub(crate) fn lost(vfs: &dyn Vfs, dir: &Path) -> io::Result<Option<LostJournal>> {
    let Some(Roster { id, files }) = Roster::read(vfs, dir)? else { return Ok(None) };
    let mut lost = Vec::new();
    for (number, size) in files {
        let is_whole = match vfs.stat(&path(dir, number)) {
            Ok(stat) => stat.len >= size,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_whole {
            lost.push(file_name(number));
        }
    }
    Ok((!lost.is_empty()).then_some(LostJournal { id, files: lost }))
}

/// From now on the directory can do without its journal.
pub(crate) fn forget(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    match vfs.remove_file(&dir.join(FILE_NAME)) {
        Ok(()) => vfs.sync_dir(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
