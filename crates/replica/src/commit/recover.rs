//! After a crash: the journal's entries go to the logs that lack them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{Offset, TimestampMs, Uuid};
use barnabas_log::{ReplaySummary, replay_journal};

use crate::partition::Partition;

/// Where an entry belongs.
pub enum Holder {
    Here(Arc<Partition>),
    /// Its log is in another directory, and was there before: a copy of its own, of which this journal may know nothing.
    Elsewhere(Arc<Partition>),
    /// The topic was deleted.
    Gone,
}

/// Appends to every log what the journal of the directory has of it and the segments have lost. A log that cannot
/// take it goes offline, and the journal keeps what it has of it: those are returned, too.
pub fn recover(
    vfs: &Arc<dyn Vfs>,
    dir: &Path,
    now_ms: TimestampMs,
    find: impl Fn(Uuid, i32) -> Holder,
) -> io::Result<(ReplaySummary, BTreeSet<(Uuid, i32)>)> {
    let mut refused = BTreeSet::new();
    let mut unsynced = None;
    let summary = replay_journal(vfs, dir, |entry| {
        let (partition, taken) = match find(entry.topic_id, entry.partition) {
            Holder::Gone => return true,
            Holder::Here(partition) => {
                let taken = partition.with_log(|log| log.append_journaled(&entry.batches, now_ms));
                (partition, taken.map(|taken| taken.map_err(|error| error.to_string())))
            }
            Holder::Elsewhere(partition) => {
                let lacks = partition.with_log(|log| log.lacks_journaled(&entry.batches));
                (
                    partition,
                    lacks.map(|lacks| if lacks { Err(of_another_copy(dir, entry.base_offset)) } else { Ok(()) }),
                )
            }
        };
        let is_taken = match taken {
            Ok(Ok(())) => true,
            Ok(Err(reason)) => {
                partition.take_offline(&format!("the journal's records cannot be taken over: {reason}"));
                // The entries that it took before are not kept.
                if !matches!(partition.sync_segments(), Ok(true)) {
                    unsynced = Some(partition.topic_partition.clone());
                }
                false
            }
            Err(_offline) => false,
        };
        if !is_taken {
            refused.insert((entry.topic_id, entry.partition));
        }
        is_taken
    })?;
    match unsynced {
        Some(name) => Err(io::Error::other(format!("what the log of {name} took of it could not be brought to disk"))),
        None => Ok((summary, refused)),
    }
}

fn of_another_copy(dir: &Path, base_offset: Offset) -> String {
    let dir = dir.display();
    format!(
        "the journal of {dir} has some from offset {base_offset} on that the log, which is in another log dir, does not have; \
         if the partition's folder was moved, move it back to {dir} and start again; to go on without these records, stop the \
         broker with SIGTERM, so that all other records in the journal are on disk, remove the barnabas-journal-* files in {dir}, \
         and give the journal up with the setting that the next start names"
    )
}
