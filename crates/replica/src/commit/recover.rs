//! After a crash: the journal's entries go to the logs that lack them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{TimestampMs, Uuid};
use barnabas_log::{ReplaySummary, replay_journal};

use crate::partition::Partition;

/// Where an entry belongs.
pub enum Holder {
    Here(Arc<Partition>),
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
        let Holder::Here(partition) = find(entry.topic_id, entry.partition) else { return true };
        let is_taken = match partition.with_log(|log| log.append_journaled(&entry.batches, now_ms)) {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                partition.take_offline(&format!("the journal's records cannot be taken over: {error}"));
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
