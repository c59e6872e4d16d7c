//! Logs that wait for room on their disk. A cleaning writes before it removes: it may use a part of the reserve, so that a
//! disk that is full of what compaction would remove gets empty, but never all of it.

use std::collections::BTreeMap;

use barnabas_common::{TimestampMs, TopicPartition, Uuid};
use barnabas_replica::Partition;
use tracing::warn;

use super::Chosen;
use crate::broker::Broker;
use crate::disk_space::{RESERVE_KEY, bytes};

/// Where the disk refused although it seemed to have room, so much more must be free before it is tried again.
const MORE_ROOM_BYTES: u64 = 1 << 20;

/// A log for which there was no room.
pub(super) struct Waiting {
    topic_id: Uuid,
    needed_bytes: u64,
    /// How dirty it was.
    dirty_bytes: u64,
}

impl Waiting {
    pub(super) fn is_of(&self, partition: &Partition) -> bool {
        self.topic_id == partition.topic_id
    }
}

/// What a cleaning leaves free.
pub(super) fn keep_free_bytes(broker: &Broker, partition: &Partition) -> u64 {
    broker.dirs.home_of(partition).map_or(0, |home| home.space.keep_free_bytes())
}

/// Whether there is still no room for a log. One that got a good deal dirtier since is worth another try: less may be left
/// of it.
pub(super) fn waits(
    broker: &Broker,
    waiting: &BTreeMap<TopicPartition, Waiting>,
    partition: &Partition,
    dirty_bytes: u64,
) -> bool {
    let Some(waiting) = waiting.get(&partition.topic_partition).filter(|waiting| waiting.is_of(partition)) else {
        return false;
    };
    let is_much_dirtier = dirty_bytes > waiting.dirty_bytes.saturating_add(waiting.dirty_bytes / 2);
    let room = || broker.dirs.home_of(partition)?.space.room_to_make_room();
    !is_much_dirtier && room().is_some_and(|room| room < waiting.needed_bytes)
}

/// Lets a log wait, and says so if it did not wait before.
pub(super) fn wait(broker: &Broker, chosen: &Chosen, needed_bytes: u64, now_ms: TimestampMs) {
    let partition = &*chosen.partition;
    let Some(home) = broker.dirs.home_of(partition) else { return };
    let room = home.space.room_to_make_room().unwrap_or(0);
    let dirty_bytes = partition.with_log(|log| log.cleanable(chosen.first_dirty, now_ms).dirty_bytes);
    let needed_bytes = if room < needed_bytes { needed_bytes } else { room.saturating_add(MORE_ROOM_BYTES) };
    let waiting = Waiting { topic_id: partition.topic_id, needed_bytes, dirty_bytes: dirty_bytes.unwrap_or_default() };
    let name = &partition.topic_partition;
    if broker.cleaner.state.lock().waiting.insert(name.clone(), waiting).is_none() {
        warn!(
            partition = %name,
            "cannot compact the log for now: the new segment needs {}, and the log dir {} has {} above half of its reserve \
             ({RESERVE_KEY}). Make room: delete records or topics, lower retention, or enlarge the volume; then it is \
             compacted by itself",
            bytes(needed_bytes),
            home.path().display(),
            bytes(room),
        );
    }
}
