//! What a damaged journal means: partitions whose acknowledged records were in what cannot be read, and are not in their logs
//! either, are not served without them. Where it is not known whose they were, that is said. Damage is found in the `log` crate.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use barnabas_common::Uuid;
use barnabas_log::{DamagedEntry, JournalDamage, ReplaySummary};
use barnabas_replica::{Holder, Partition};
use tracing::{error, warn};

/// Of one damaged entry, when all others have been taken over.
enum Judged {
    InTheLog,
    Lost,
    /// It may be damaged in what names its partition, or its topic was deleted.
    Unknown,
}

/// Takes partitions offline that have lost records by damage. They join those whose logs `refused` entries, and the
/// journal keeps what says so.
pub(crate) fn judge(
    dir: &Path,
    found: &mut ReplaySummary,
    refused: &mut BTreeSet<(Uuid, i32)>,
    find: impl Fn(Uuid, i32) -> Holder,
) -> io::Result<()> {
    for damage in &found.damage {
        let mut is_all_known = damage.is_all;
        for entry in &damage.entries {
            let Holder::Here(partition) = find(entry.topic_id, entry.partition) else {
                is_all_known = false;
                continue;
            };
            match look_up(&partition, entry) {
                Judged::InTheLog => {}
                Judged::Unknown => is_all_known = false,
                Judged::Lost => {
                    give_out_of_service(dir, damage, entry, &partition)?;
                    refused.insert((entry.topic_id, entry.partition));
                    found.keep.insert(damage.generation);
                }
            }
        }
        tell(dir, damage, is_all_known);
    }
    Ok(())
}

fn look_up(partition: &Partition, entry: &DamagedEntry) -> Judged {
    match (partition.with_log(|log| log.log_end_offset()), entry.end_offset) {
        (Ok(end), Some(entry_end)) if entry_end <= end => Judged::InTheLog,
        (Ok(end), None) if entry.base_offset < end => Judged::Unknown,
        // Of one that is offline already it is not known.
        _ => Judged::Lost,
    }
}

fn give_out_of_service(
    dir: &Path,
    damage: &JournalDamage,
    entry: &DamagedEntry,
    partition: &Partition,
) -> io::Result<()> {
    if partition.is_offline() {
        return Ok(());
    }
    partition.take_offline(&format!(
        "the journal is damaged: {damage}, where acknowledged records of this partition from offset {} on were, which are not in \
         its log; restore the partition's folder from a copy; to give these records up, stop the broker with SIGTERM, so that \
         all other records in the journal are on disk, remove the barnabas-journal-* files in {}, and give the journal up with \
         the setting that the next start names",
        entry.base_offset,
        dir.display()
    ));
    // What it took over from other files of the journal is not kept there.
    match partition.sync_segments()? {
        true => Ok(()),
        false => {
            Err(io::Error::other(format!("the log of {} could not be brought to disk", partition.topic_partition)))
        }
    }
}

fn tell(dir: &Path, damage: &JournalDamage, is_all_known: bool) {
    let dir = dir.display();
    if is_all_known {
        warn!(
            "the journal is damaged: {damage}. It is known whose records were there: partitions whose logs have not got them are \
             offline, all others have lost nothing. Check the disk of {dir}"
        );
    } else {
        error!(
            "the journal is damaged: {damage}, and whose records were there is not known. Of any partition in {dir} the last \
             records that were acknowledged before the broker ended may be lost, with an offset that will be given to others; \
             partitions with later records in the journal are offline if they have lost some. If only the process ended, and \
             the machine went on, the logs have all of them. Check the disk, and compare what producers and consumers know"
        );
    }
}
