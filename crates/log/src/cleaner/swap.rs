//! Puts a cleaned file in the place of the segments it was made of. The rename to `.swap` is the moment that counts: a
//! crash before it leaves the old segments, a crash after it is completed by the next start.

use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::{Vfs, VfsDir};
use barnabas_common::{Offset, TimestampMs};

use super::rewrite::CleanedGroup;
use crate::config::LogConfig;
use crate::error::LogError;
use crate::log::Log;
use crate::segment::Segment;
use crate::segment::entries::Entries;
use crate::segment::file::SegmentFile;
use crate::segment::files::{Files, Folder};
use crate::segment::load::Load;
use crate::segment::names;

impl Log {
    /// Replaces segments by what cleaning has left of them. `false` if they are not the log's any more, because retention or
    /// a truncation came first, or it is not to be compacted any more; then nothing happens.
    pub fn install(&mut self, group: CleanedGroup, now_ms: TimestampMs) -> Result<bool, LogError> {
        self.check_writable()?;
        let Some(at) = self.position_of(&group) else {
            let _ = self.vfs.remove_file(&group.temporary);
            return Ok(false);
        };
        let folder = self.folder_in_hand()?;
        let swap = names::file_path(&self.dir, group.base_offset, &format!("{}{}", names::LOG, names::SWAP_SUFFIX));
        self.vfs.rename(&group.temporary, &swap).map_err(LogError::io("could not install a cleaned segment"))?;
        folder.sync().map_err(|error| self.fail(format!("could not replace a segment by its cleaned one: {error}")))?;
        let place = names::file_path(&self.dir, group.base_offset, names::LOG);
        let renamed = self.remove_sources(&group, &*folder, now_ms).and_then(|()| self.vfs.rename(&swap, &place));
        // Whatever the folder looks like now: readers find every record in the new file, which is open.
        let count = group.sources.len();
        let segment = self.cleaned_segment(group, now_ms);
        self.segments.splice(at..at + count, [segment]);
        let placed = renamed.and_then(|()| folder.sync());
        placed.map_err(|error| {
            // Its name may be another file's.
            self.segments[at].file.files.removed(true);
            self.fail(format!("could not put a cleaned segment in its place: {error}"))
        })?;
        Ok(true)
    }

    /// On disk before the new file takes its place, or a power loss could bring some of them back beside it. One sync for
    /// all: appends wait.
    fn remove_sources(&mut self, group: &CleanedGroup, folder: &dyn VfsDir, now_ms: TimestampMs) -> io::Result<()> {
        let bases: Vec<Offset> = group.sources.iter().map(|source| source.base_offset).collect();
        bases.into_iter().try_for_each(|base_offset| self.remove_files_of(base_offset, now_ms))?;
        folder.sync()
    }

    /// Where the group's sources are in the log, if all of them still are.
    fn position_of(&self, group: &CleanedGroup) -> Option<usize> {
        let first = group.sources.first().filter(|_| self.config.cleanup_policy.compact)?;
        let at = self.segments.iter().position(|segment| Arc::ptr_eq(&segment.file, first))?;
        let found = self.segments.get(at..at + group.sources.len())?;
        let are_all = found.iter().zip(&group.sources).all(|(segment, source)| Arc::ptr_eq(&segment.file, source));
        let is_closed = at + group.sources.len() < self.segments.len();
        let is_whole = found.last().is_some_and(|last| last.next_offset() == group.next_offset);
        (are_all && is_closed && is_whole).then_some(at)
    }

    fn cleaned_segment(&self, group: CleanedGroup, now_ms: TimestampMs) -> Segment {
        let files = Files::new(self.folder.clone(), group.base_offset);
        files.adopt(group.file);
        let (mut index, mut time_index) = (Entries::empty(files.clone()), Entries::empty(files.clone()));
        index.replace(group.offsets);
        time_index.replace(group.times);
        index.release();
        time_index.release();
        // Every batch in it was checked on its way.
        let (file, created_ms) = (Arc::new(SegmentFile::new(files, 0)), now_ms);
        Segment::new(file, group.size, group.stats, index, time_index, created_ms)
    }
}

/// Completes the swaps that a crash has interrupted. To be called before anything else is done with the folder.
pub(crate) fn complete_swaps(folder: &Arc<Folder>, config: &LogConfig, now_ms: TimestampMs) -> Result<(), LogError> {
    let (vfs, dir) = (&folder.vfs, &*folder.path);
    let failed = || LogError::io(format!("could not complete a compaction in {}", dir.display()));
    let mut bases = Vec::new();
    let listed =
        vfs.read_dir(dir).map_err(LogError::io(format!("could not look into the folder {}", dir.display())))?;
    for entry in listed.into_iter().filter(|entry| !entry.is_dir) {
        let Some(bare) = entry.name.strip_suffix(names::SWAP_SUFFIX) else { continue };
        match names::parse(bare) {
            Some((base_offset, names::LOG)) => bases.push(base_offset),
            // Indexes are built anew from the log.
            _ => vfs.remove_file(&dir.join(&entry.name)).map_err(failed())?,
        }
    }
    for base_offset in bases {
        complete_swap(folder, base_offset, config, now_ms)?;
    }
    Ok(())
}

fn complete_swap(
    folder: &Arc<Folder>,
    base_offset: Offset,
    config: &LogConfig,
    now_ms: TimestampMs,
) -> Result<(), LogError> {
    let (vfs, dir) = (&folder.vfs, &*folder.path);
    let swap = names::file_path(dir, base_offset, &format!("{}{}", names::LOG, names::SWAP_SUFFIX));
    let failed = || LogError::io(format!("could not put {} in its place", swap.display()));
    let load = Load { folder, base_offset, config, now_ms };
    let loaded = load.swapped().map_err(failed())?;
    if let Some(damage) = loaded.damage {
        return Err(LogError::Offline(format!(
            "{} is damaged ({}), and what it was made of may be gone; restore it or remove this partition's folder and let \
             it be replicated again",
            swap.display(),
            damage.reason
        )));
    }
    tracing::info!("completing the compaction of {} that a crash interrupted", swap.display());
    remove_replaced(vfs, dir, base_offset, loaded.segment.next_offset()).map_err(failed())?;
    let place = names::file_path(dir, base_offset, names::LOG);
    vfs.rename(&swap, &place).and_then(|()| vfs.sync_dir(dir)).map_err(failed())
}

/// Removes the files of the segments in this range of offsets: indexes first, since an index without its log means
/// that a log was lost.
fn remove_replaced(vfs: &Arc<dyn Vfs>, dir: &Path, from: Offset, until: Offset) -> io::Result<()> {
    let mut names: Vec<String> = vfs.read_dir(dir)?.into_iter().map(|entry| entry.name).collect();
    names.retain(|name| {
        let parsed = names::parse(name).filter(|(base, _)| (from..until.max(from + 1)).contains(base));
        parsed.is_some_and(|(_, kind)| [names::LOG, names::INDEX, names::TIME_INDEX, names::TXN_INDEX].contains(&kind))
    });
    names.sort_by_key(|name| name.ends_with(names::LOG));
    names.iter().try_for_each(|name| vfs.remove_file(&dir.join(name)))
}
