//! The shell around the group coordinator: one shard per partition of `__consumer_offsets`, its effects carried
//! out in order, its timers run by one task.
//!
//! **Invariant:** a reply leaves only after the records of its effects, and of all effects before, are in the log and, with a
//! journal, on disk.
//! A failed append unloads the shard and replays it from the log, so that memory never runs ahead of the disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::broker::Broker;
use crate::watched_dirs::WatchedDirs;
use barnabas_common::{Clock, ErrorCode, Uuid};
use barnabas_coordinator::{
    CoordinatorRecord, Effects, GroupCoordinatorConfig, GroupReply, GroupShard, Now, ReplyToken, partition_for,
};
use barnabas_log::AppendOrigin;
use barnabas_metadata::{MetadataDelta, MetadataImage};
use barnabas_protocol::records::{
    BatchBuilder, Compression, DecompressionLimit, TimestampType, read_records, split_batches,
};
use barnabas_replica::{Partition, PartitionError, ReplicaManager, Ticket};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};
use tracing::{debug, error, warn};

/// Bytes read from the offsets log at a time while it is replayed.
const REPLAY_CHUNK_BYTES: usize = 4 << 20;
/// More than any batch that this broker writes to the offsets log.
const REPLAY_BATCH_LIMIT_BYTES: usize = 256 << 20;

/// Bytes of records in one batch, if there are several.
const MAX_BATCH_BYTES: usize = 512 << 10;
/// Pause before the log is replayed after a failed append, and after a failed replay.
const REPLAY_SOON_MS: i64 = 200;
const REPLAY_PAUSE_MS: i64 = 10_000;
/// When to replay the log of a partition that is offline: when it is loaded as one that is not.
const NEVER_MS: i64 = i64::MAX;

/// The groups of this broker.
pub(crate) struct GroupService {
    config: Arc<GroupCoordinatorConfig>,
    clock: Arc<dyn Clock>,
    dirs: Arc<WatchedDirs>,
    shards: RwLock<BTreeMap<i32, Arc<Shard>>>,
    /// By which offsets of topics that are gone are told. Never older than what clients are shown.
    image: RwLock<Arc<MetadataImage>>,
    timers_changed: Notify,
    /// Why partitions are offline, as far as that was said: many are so for one reason.
    told_offline: Mutex<HashSet<String>>,
}

struct Shard {
    partition: Arc<Partition>,
    state: Mutex<ShardState>,
}

#[derive(Default)]
struct ShardState {
    /// `None` while the log is being replayed, and after a failure until it can be.
    groups: Option<GroupShard>,
    /// When to replay the log again after a failure; monotonic.
    replay_at_ms: Option<i64>,
    /// Why the last replay failed, if it did.
    failure: Option<String>,
    waiting: HashMap<ReplyToken, oneshot::Sender<Promised>>,
    /// Tombstones of offsets that could not be written: the state is what the log says and these. They come before
    /// whatever is written next.
    owed: Vec<CoordinatorRecord>,
    /// Of the last append; none once that is durable.
    durable: Option<Ticket>,
    next_token: u64,
}

/// A reply, and what it rests on.
pub(crate) struct Promised {
    reply: GroupReply,
    durable: Option<Ticket>,
}

/// The answer that a request will get, when everything it rests on is durable. None means that this has failed, and that
/// the client should ask again.
pub(crate) enum PendingReply {
    Waiting(oneshot::Receiver<Promised>),
    Settling(Box<GroupReply>, Ticket),
}

impl PendingReply {
    /// The reply if it is there already, else what is to be waited for.
    pub(crate) fn now(self) -> Result<Option<GroupReply>, PendingReply> {
        let Self::Waiting(mut receiver) = self else { return Err(self) };
        let Promised { reply, durable } = match receiver.try_recv() {
            Ok(promised) => promised,
            Err(TryRecvError::Closed) => return Ok(None),
            Err(TryRecvError::Empty) => return Err(Self::Waiting(receiver)),
        };
        match durable.map(|ticket| (ticket.outcome(), ticket)) {
            None | Some((Some(Ok(())), _)) => Ok(Some(reply)),
            Some((Some(Err(_)), _)) => Ok(None),
            Some((None, ticket)) => Err(Self::Settling(Box::new(reply), ticket)),
        }
    }

    pub(crate) async fn wait(self) -> Option<GroupReply> {
        let (reply, durable) = match self {
            Self::Waiting(receiver) => receiver.await.ok().map(|promised| (promised.reply, promised.durable))?,
            Self::Settling(reply, ticket) => (*reply, Some(ticket)),
        };
        match durable {
            Some(ticket) => ticket.wait().await.ok().map(|()| reply),
            None => Some(reply),
        }
    }
}

impl GroupService {
    pub(crate) fn new(
        config: GroupCoordinatorConfig,
        clock: Arc<dyn Clock>,
        dirs: Arc<WatchedDirs>,
        image: Arc<MetadataImage>,
    ) -> Self {
        Self {
            config: Arc::new(config),
            clock,
            dirs,
            shards: RwLock::default(),
            image: RwLock::new(image),
            timers_changed: Notify::new(),
            told_offline: Mutex::default(),
        }
    }

    fn now(&self) -> Now {
        Now { wall_ms: self.clock.wall_ms(), monotonic_ms: self.clock.monotonic_ms() }
    }

    /// Takes over the groups of a partition of the offsets topic: replays its log, then serves. Blocks.
    pub(crate) fn load(&self, partition: Arc<Partition>) {
        let index = partition.topic_partition.partition;
        let shard = Arc::new(Shard { partition, state: Mutex::default() });
        self.shards.write().insert(index, Arc::clone(&shard));
        self.replay(&shard);
    }

    /// Loads the groups of partitions that were offline when it was their turn and could be opened since. Blocks.
    pub(crate) fn load_late(&self, replicas: &ReplicaManager) {
        for shard in self.all_shards() {
            if shard.state.lock().replay_at_ms != Some(NEVER_MS) {
                continue;
            }
            let name = &shard.partition.topic_partition;
            let present = replicas.get(&name.topic, name.partition).filter(|partition| !partition.is_offline());
            present.into_iter().for_each(|partition| self.load(partition));
        }
    }

    /// Makes the groups of a shard from its log. The lock is taken only for the result: others are served meanwhile.
    fn replay(&self, shard: &Shard) {
        let mut groups = GroupShard::new(Arc::clone(&self.config), || uuid::Uuid::new_v4().as_u128());
        if let Err(error) = replay_log(&shard.partition, &mut groups) {
            return self.replay_failed(shard, error.to_string());
        }
        let mut state = shard.state.lock();
        state.owed.iter().for_each(|record| {
            // What this broker has made can be read.
            let _ = groups.replay(&record.key, record.value.as_ref(), self.clock.wall_ms());
        });
        // A crash, or a full disk, may have come between the deletion of a topic and the tombstones of its offsets. Looked
        // at under the lock: a topic that is deleted meanwhile is seen here, or its deletion finds these groups.
        let image = Arc::clone(&self.image.read());
        let tombstones = groups.drop_offsets_unless(|name, id| is_of_present_topic(&image, name, id));
        let effects = groups.finish_loading(self.now());
        state.groups = Some(groups);
        state.replay_at_ms = None;
        state.failure = None;
        self.write_tombstones(shard, &mut state, tombstones);
        self.carry_out(shard, &mut state, effects);
        drop(state);
        self.timers_changed.notify_one();
    }

    /// Says why, unless it was said before.
    fn replay_failed(&self, shard: &Shard, error: String) {
        let partition = &shard.partition.topic_partition;
        let mut state = shard.state.lock();
        if shard.partition.is_offline() {
            state.replay_at_ms = Some(NEVER_MS);
            if self.told_offline.lock().insert(error.clone()) {
                error!(%partition, %error,
                    "cannot load the consumer groups of this partition and of others that are offline for the same reason; \
                     their members are told COORDINATOR_NOT_AVAILABLE until they are online");
            }
            return;
        }
        state.replay_at_ms = Some(self.clock.monotonic_ms() + REPLAY_PAUSE_MS);
        if state.failure.as_ref() != Some(&error) {
            error!(%partition, %error, "cannot load these consumer groups; trying again every {} s", REPLAY_PAUSE_MS / 1000);
        }
        state.failure = Some(error);
        self.timers_changed.notify_one();
    }

    fn shard_of(&self, group_id: &str) -> Result<Arc<Shard>, ErrorCode> {
        let shards = self.shards.read();
        // Loaded as a whole: the number of shards is the number of partitions of the topic.
        let partitions = i32::try_from(shards.len()).unwrap_or(i32::MAX);
        if partitions == 0 {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        shards.get(&partition_for(group_id, partitions)).cloned().ok_or(ErrorCode::NotCoordinator)
    }

    /// Hands a request to the group's shard. The answer comes when everything it rests on is in the log.
    pub(crate) fn submit(
        &self,
        group_id: &str,
        request: impl FnOnce(&mut GroupShard, ReplyToken, Now) -> Effects,
    ) -> Result<PendingReply, ErrorCode> {
        let shard = self.shard_of(group_id)?;
        let mut state = shard.state.lock();
        let token = ReplyToken(state.next_token);
        state.next_token += 1;
        let unavailable = state.unavailable();
        let groups = state.groups.as_mut().ok_or(unavailable)?;
        let deadline = groups.next_deadline();
        let effects = request(groups, token, self.now());
        let is_earlier = groups.next_deadline().is_some_and(|next| deadline.is_none_or(|before| next < before));
        let (reply, pending) = oneshot::channel();
        state.waiting.insert(token, reply);
        self.carry_out(&shard, &mut state, effects);
        drop(state);
        if is_earlier {
            self.timers_changed.notify_one();
        }
        Ok(PendingReply::Waiting(pending))
    }

    /// Looks something up in the group's shard.
    pub(crate) fn read<T>(&self, group_id: &str, look: impl FnOnce(&GroupShard) -> T) -> Result<T, ErrorCode> {
        let shard = self.shard_of(group_id)?;
        let state = shard.state.lock();
        state.groups.as_ref().map(look).ok_or_else(|| state.unavailable())
    }

    /// What is to be waited for before a client is told what [`Self::read`] found.
    pub(crate) fn rests_on(&self, group_id: &str) -> Option<Ticket> {
        self.shard_of(group_id).ok()?.state.lock().rests_on()
    }

    /// Looks something up in every shard that is not failed.
    pub(crate) fn read_all<T>(&self, mut look: impl FnMut(&GroupShard) -> T) -> Result<Vec<T>, ErrorCode> {
        let shards = self.all_shards();
        let each = shards.iter().filter_map(|shard| {
            let state = shard.state.lock();
            match &state.groups {
                Some(groups) => Some(Ok(look(groups))),
                None if state.replay_at_ms.is_some() => None,
                None => Some(Err(ErrorCode::CoordinatorLoadInProgress)),
            }
        });
        each.collect()
    }

    /// Whether all groups are loaded that can be.
    pub(crate) fn is_ready(&self) -> bool {
        let shards = self.shards.read();
        let is_loading = |state: &ShardState| state.groups.is_none() && state.replay_at_ms.is_none();
        !shards.is_empty() && !shards.values().any(|shard| is_loading(&shard.state.lock()))
    }

    /// Takes note of new metadata before clients are shown it, and forgets the offsets of topics that are gone.
    pub(crate) fn metadata_changed(&self, image: &Arc<MetadataImage>, delta: &MetadataDelta) {
        *self.image.write() = Arc::clone(image);
        if delta.deleted_topics.is_empty() {
            return;
        }
        let deleted: HashSet<&str> = delta.deleted_topics.iter().map(|topic| &*topic.name).collect();
        for shard in self.all_shards() {
            let mut state = shard.state.lock();
            if let Some(groups) = state.groups.as_mut() {
                let tombstones = groups.drop_offsets_unless(|name, _| !deleted.contains(name));
                self.write_tombstones(&shard, &mut state, tombstones);
            }
        }
    }

    fn all_shards(&self) -> Vec<Arc<Shard>> {
        self.shards.read().values().cloned().collect()
    }

    fn next_deadline(&self) -> Option<i64> {
        let shards = self.shards.read();
        let of = |state: &ShardState| state.replay_at_ms.or_else(|| state.groups.as_ref()?.next_deadline());
        shards.values().filter_map(|shard| of(&shard.state.lock())).filter(|at| *at != NEVER_MS).min()
    }

    /// Carries out what is due: time-outs of groups, and replays after failures. The latter may block.
    fn work_off(&self) {
        self.tick();
        let now_ms = self.clock.monotonic_ms();
        for shard in self.all_shards() {
            if shard.state.lock().replay_at_ms.is_some_and(|at| at <= now_ms) {
                self.replay(&shard);
            }
        }
    }

    fn tick(&self) {
        for shard in self.all_shards() {
            let (mut state, now) = (shard.state.lock(), self.now());
            let is_due = |groups: &&mut GroupShard| groups.next_deadline().is_some_and(|at| at <= now.monotonic_ms);
            if let Some(groups) = state.groups.as_mut().filter(is_due) {
                let effects = groups.tick(now);
                self.carry_out(&shard, &mut state, effects);
            }
        }
    }

    fn carry_out(&self, shard: &Shard, state: &mut ShardState, effects: Effects) {
        if !effects.records.is_empty() {
            let records = [&state.owed[..], &effects.records].concat();
            if let Err(failure) = self.append(&shard.partition, &records, &mut state.durable) {
                self.unload(shard, state, &failure);
                return;
            }
            state.owed.clear();
        }
        for (token, reply) in effects.replies {
            deliver(state, token, reply);
        }
    }

    /// Writes that offsets of deleted topics are gone, or owes it: the groups must not become unavailable, nor the offsets come
    /// back, because the disk is full, which may be why the topic was deleted.
    fn write_tombstones(&self, shard: &Shard, state: &mut ShardState, tombstones: Effects) {
        if tombstones.records.is_empty() {
            return;
        }
        state.owed.extend(tombstones.records);
        match self.append(&shard.partition, &state.owed, &mut state.durable) {
            Ok(()) => state.owed.clear(),
            Err(failure) => warn!(partition = %shard.partition.topic_partition,
                "cannot write yet that the offsets of deleted topics are gone; they are not shown any more: {failure}"),
        }
    }

    /// Appends the records in batches of a size that consumers of the topic can take.
    fn append(
        &self,
        partition: &Arc<Partition>,
        records: &[CoordinatorRecord],
        durable: &mut Option<Ticket>,
    ) -> Result<(), String> {
        let now_ms = self.clock.wall_ms();
        let mut records = records.iter().peekable();
        while records.peek().is_some() {
            let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
            while let Some(record) = records.next_if(|_| batch.uncompressed_size_bytes() < MAX_BATCH_BYTES) {
                batch.add(now_ms, Some(&record.key), record.value.as_deref(), &[]);
            }
            let batch = batch.build(0, 0).map_err(|error| error.to_string())?;
            let bytes = batch.len();
            let appended = partition.append(batch, now_ms, AppendOrigin::Coordinator);
            self.dirs.appended(partition, bytes, &appended);
            *durable = appended.map_err(|error| error.to_string())?.ticket;
        }
        Ok(())
    }

    /// After a failed append: everyone who waits is told to ask again, and memory is made anew from the log. That may
    /// take long and is left to the timers' task; here a network thread may be waiting.
    fn unload(&self, shard: &Shard, state: &mut ShardState, failure: &str) {
        error!(partition = %shard.partition.topic_partition,
            "cannot write consumer group state, loading it again from the log: {failure}");
        if let Some(groups) = state.groups.take() {
            for (token, reply) in groups.unload(ErrorCode::CoordinatorNotAvailable, self.now()) {
                deliver(state, token, reply);
            }
        }
        // Requests without a parked reply learn it from their closed channel.
        state.waiting.clear();
        state.replay_at_ms = Some(self.clock.monotonic_ms() + REPLAY_SOON_MS);
        self.timers_changed.notify_one();
    }
}

impl ShardState {
    /// What is to be waited for before anything of the present state is told to clients.
    fn rests_on(&mut self) -> Option<Ticket> {
        self.durable.take_if(|ticket| ticket.outcome() == Some(Ok(())));
        self.durable.clone()
    }

    /// What clients are told while there are no groups.
    fn unavailable(&self) -> ErrorCode {
        match self.replay_at_ms {
            Some(_) => ErrorCode::CoordinatorNotAvailable,
            None => ErrorCode::CoordinatorLoadInProgress,
        }
    }
}

/// Runs sessions and time-outs of all groups until the task is dropped. Sleeps until something is due.
pub(crate) async fn run_timers(broker: Arc<Broker>) {
    let groups = &broker.groups;
    loop {
        let now_ms = groups.clock.monotonic_ms();
        let sleep = groups.next_deadline().map(|at| Duration::from_millis(u64::try_from(at - now_ms).unwrap_or(0)));
        tokio::select! {
            () = sleep_or_forever(sleep) => {
                let work = Arc::clone(&broker);
                if let Err(error) = tokio::task::spawn_blocking(move || work.groups.work_off()).await {
                    error!(%error, "the timers of consumer groups failed; going on");
                }
            }
            () = groups.timers_changed.notified() => {}
        }
    }
}

async fn sleep_or_forever(sleep: Option<Duration>) {
    match sleep {
        Some(sleep) => tokio::time::sleep(sleep).await,
        None => std::future::pending().await,
    }
}

/// Whether an offset that was committed for the topic of this name and id still means something. The id is zero if the log does
/// not say it.
pub(crate) fn is_of_present_topic(image: &MetadataImage, name: &str, id: Uuid) -> bool {
    image.topic(name).is_some_and(|topic| id.is_zero() || topic.id == id)
}

fn deliver(state: &mut ShardState, token: ReplyToken, reply: GroupReply) {
    if let Some(waiting) = state.waiting.remove(&token) {
        // The client may have left; the state has changed all the same.
        let _ = waiting.send(Promised { reply, durable: state.rests_on() });
    }
}

fn replay_log(partition: &Partition, groups: &mut GroupShard) -> Result<(), PartitionError> {
    let offsets = partition.offsets()?;
    let mut at = offsets.log_start_offset;
    let mut skipped = 0u64;
    while at < offsets.log_end_offset {
        let plan = partition.with_log(|log| log.plan_read(at, REPLAY_CHUNK_BYTES, offsets.log_end_offset, true))?;
        let chunk = plan.and_then(|plan| plan.read());
        let chunk = chunk.map_err(|error| PartitionError::new(error.error_code(), error.to_string()))?;
        let next = replay_chunk(&chunk, groups, &mut skipped);
        if next <= at {
            break;
        }
        at = next;
    }
    if skipped > 0 {
        warn!(partition = %partition.topic_partition, "skipped {skipped} records that are no group state");
    }
    debug!(partition = %partition.topic_partition, end = offsets.log_end_offset, "loaded consumer groups");
    Ok(())
}

/// Replays whole batches and returns the offset after the last one.
fn replay_chunk(chunk: &Bytes, groups: &mut GroupShard, skipped: &mut u64) -> i64 {
    let mut next = -1;
    for batch in split_batches(chunk) {
        let Ok((header, bytes)) = batch else { break };
        next = header.next_offset();
        if header.is_control() {
            continue;
        }
        let Ok(records) = read_records(&chunk.slice_ref(bytes), DecompressionLimit::bytes(REPLAY_BATCH_LIMIT_BYTES))
        else {
            *skipped += 1;
            continue;
        };
        for record in records {
            let replayed = record.ok().and_then(|record| {
                let key = record.key?;
                groups.replay(&key, record.value.as_ref(), record.timestamp).ok()
            });
            *skipped += u64::from(replayed.is_none());
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::TopicPartition;
    use barnabas_common::vfs::{MemVfs, Vfs};

    use super::*;
    use crate::disk_space::Reserve;
    use crate::topics::CONSUMER_OFFSETS_TOPIC;

    #[test]
    fn groups_of_partitions_that_are_offline_are_not_loaded_again_and_again() {
        let clock = Arc::new(barnabas_common::SystemClock::default());
        let vfs: Arc<dyn Vfs> = Arc::new(MemVfs::new());
        let dirs = Arc::new(WatchedDirs::new(&vfs, &[], Path::new("/a"), Reserve::Automatic));
        let groups = GroupService::new(GroupCoordinatorConfig::default(), clock, dirs, Arc::default());
        for index in 0..3 {
            let name = TopicPartition::new(CONSUMER_OFFSETS_TOPIC, index);
            groups.load(Arc::new(Partition::offline(name, Uuid::ZERO, "its disk is gone".to_owned())));
        }
        assert_eq!(groups.next_deadline(), None);
        assert_eq!(groups.told_offline.lock().len(), 1, "one reason, one line");
        assert!(groups.is_ready(), "no more can be loaded");
        assert_eq!(groups.read("group", |_| ()), Err(ErrorCode::CoordinatorNotAvailable));
    }
}
