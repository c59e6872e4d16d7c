//! The small files that tell the next start how far each log is flushed and where it begins. One writer at a time.
//!
//! **Invariant:** what a checkpoint says of a partition is never forgotten while the partition exists: of one that is
//! offline the last known offsets are written again, so that damage which was refused once is refused the next time.

use std::collections::BTreeMap;
use std::io;

use barnabas_common::TopicPartition;
use barnabas_log::{Checkpoint, OffsetCheckpoint};
use parking_lot::Mutex;
use tracing::error;

use crate::broker::Broker;
use crate::log_dirs::DataDir;
use crate::partitions::OlderFolder;

/// What is written of one partition.
#[derive(Clone, Copy)]
struct Offsets {
    recovery_point: i64,
    log_start_offset: i64,
    high_watermark: i64,
}

/// The checkpoints of all data folders.
pub(crate) struct Checkpoints {
    state: Mutex<State>,
}

struct State {
    /// After the last write of a stop nothing may be written any more: the logs are gone.
    is_closed: bool,
    /// The last write failed somewhere.
    is_outdated: bool,
    /// In the order of the data folders.
    last: Vec<BTreeMap<TopicPartition, Offsets>>,
}

impl Checkpoints {
    /// Starts from what the last start found.
    pub(crate) fn new(dirs: &[DataDir]) -> Self {
        let last = dirs.iter().map(found_at_start).collect();
        Self { state: Mutex::new(State { is_closed: false, is_outdated: false, last }) }
    }

    /// Writes the files of every folder; goes on after a failure and returns the first one.
    pub(crate) fn write(&self, broker: &Broker) -> io::Result<()> {
        self.write_with(broker, &mut self.state.lock())
    }

    /// Writes what could not be written the last time.
    pub(crate) fn catch_up(&self, broker: &Broker) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.is_outdated { self.write_with(broker, &mut state) } else { Ok(()) }
    }

    /// Drops what a start found of partitions that are gone, so that new ones of their names are not judged by it.
    pub(crate) fn forget_strangers(&self, broker: &Broker) -> io::Result<()> {
        let mut state = self.state.lock();
        let is_gone = |name: &TopicPartition| broker.replicas.get(&name.topic, name.partition).is_none();
        if state.last.iter().flat_map(BTreeMap::keys).any(is_gone) {
            return self.write_with(broker, &mut state);
        }
        Ok(())
    }

    /// Drops what is said of these folders, which are going: new ones of their names are not to be judged by it.
    pub(crate) fn forget(&self, broker: &Broker, folders: &[OlderFolder]) -> io::Result<()> {
        let mut state = self.state.lock();
        for (dir, name) in folders {
            if state.last.get_mut(*dir).is_some_and(|last| last.remove(name).is_some()) {
                broker.log_dirs[*dir].outlived.lock().insert(name.clone());
            }
        }
        self.write_with(broker, &mut state)
    }

    /// The last write before the logs are closed.
    pub(crate) fn close(&self, broker: &Broker) -> io::Result<()> {
        let mut state = self.state.lock();
        let written = self.write_with(broker, &mut state);
        state.is_closed = true;
        written
    }

    fn write_with(&self, broker: &Broker, state: &mut State) -> io::Result<()> {
        if state.is_closed {
            return Ok(());
        }
        let mut outcome = Ok(());
        // Of those that failed nobody asks before they are mended; what is on disk stays as it is.
        let in_use = broker.log_dirs.iter().zip(&mut state.last).filter(|(dir, _)| !dir.watched.has_failed());
        for (dir, last) in in_use {
            let before = std::mem::replace(last, collect(broker, dir, last));
            let mut outlived = dir.outlived.lock();
            match write_dir(dir, last) {
                Ok(()) => outlived.clear(),
                Err(error) => {
                    error!(dir = %dir.path.display(), %error, "cannot write the checkpoints; trying again every second");
                    outlived.extend(before.into_keys().filter(|name| !last.contains_key(name)));
                    outcome = outcome.and(Err(error));
                }
            }
        }
        state.is_outdated = outcome.is_err();
        outcome
    }
}

fn found_at_start(dir: &DataDir) -> BTreeMap<TopicPartition, Offsets> {
    let of = |partition: &TopicPartition| {
        let log_start_offset = dir.log_start_offsets.get(partition).copied().unwrap_or(0);
        let recovery_point = dir.recovery_points.get(partition).copied().unwrap_or(0);
        (partition.clone(), Offsets { recovery_point, log_start_offset, high_watermark: recovery_point })
    };
    // A crash between the two files leaves some in one of them only.
    dir.recovery_points.keys().chain(dir.log_start_offsets.keys()).map(of).collect()
}

fn collect(
    broker: &Broker,
    dir: &DataDir,
    last: &BTreeMap<TopicPartition, Offsets>,
) -> BTreeMap<TopicPartition, Offsets> {
    let mut offsets = BTreeMap::new();
    for partition in broker.replicas.all().iter() {
        let name = &partition.topic_partition;
        let now = partition.with_log(|log| {
            log.dir().starts_with(&dir.path).then(|| Offsets {
                recovery_point: log.recovery_point(),
                log_start_offset: log.log_start_offset(),
                high_watermark: log.log_end_offset(),
            })
        });
        let known = now.unwrap_or_else(|_| last.get(name).copied());
        offsets.extend(known.map(|known| (name.clone(), known)));
    }
    offsets
}

fn write_dir(dir: &DataDir, offsets: &BTreeMap<TopicPartition, Offsets>) -> io::Result<()> {
    let file = |of: fn(&Offsets) -> i64| -> OffsetCheckpoint {
        offsets.iter().map(|(partition, offsets)| (partition.clone(), of(offsets))).collect()
    };
    let mut log_starts = file(|offsets| offsets.log_start_offset);
    log_starts.retain(|_, offset| *offset > 0);
    dir.files.write_checkpoint(Checkpoint::RecoveryPoint, &file(|offsets| offsets.recovery_point))?;
    dir.files.write_checkpoint(Checkpoint::LogStartOffset, &log_starts)?;
    dir.files.write_checkpoint(Checkpoint::Replication, &file(|offsets| offsets.high_watermark))
}
