//! What happens to logs over time: retention, flushing, checkpoints, removing deleted files. One task for all
//! partitions; it sleeps in between.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use barnabas_common::ErrorCode;
use barnabas_log::{ClosedLogs, FlushPlan, Log};
use barnabas_replica::Partition;
use tracing::{error, warn};

use crate::broker::Broker;
use crate::cleaner;
use crate::journals;
use crate::partitions::PartitionLife;
use crate::retention;
use crate::side_by_side::for_all;

/// How often files are looked at whose delay may be over, and `flush.ms` is kept.
const TICK: Duration = Duration::from_secs(1);

/// So many partitions are looked at in one tick, unless something is due for all. Where there are more, each of them is
/// looked at less often: ten thousand idle ones shall not cost half a percent of a core.
const MOST_AT_ONCE: usize = 4000;

/// Whose turn it is: all partitions, one part after the other.
#[derive(Default)]
struct Turns {
    next: usize,
}

impl Turns {
    fn take(&mut self, count: usize, all: bool) -> Range<usize> {
        if all || count <= MOST_AT_ONCE {
            return 0..count;
        }
        let from = if self.next < count { self.next } else { 0 };
        self.next = count.min(from + MOST_AT_ONCE);
        from..self.next
    }
}

/// Runs until the task is dropped.
pub(crate) async fn run(broker: Arc<Broker>, life: Arc<PartitionLife>) {
    let config = broker.configs.broker_config().clone();
    let every = |key: &str| u64::try_from(config.number(key)).unwrap_or(u64::MAX).div_ceil(1000).max(1);
    let retention_ticks = every("log.retention.check.interval.ms");
    let checkpoint_ticks = every("log.flush.offset.checkpoint.interval.ms");
    let (mut tick, mut turns): (u64, _) = (0, Turns::default());
    loop {
        tokio::time::sleep(TICK).await;
        tick += 1;
        broker.replicas.give_up_unused_recent();
        let (broker, life) = (Arc::clone(&broker), Arc::clone(&life));
        let (expire, checkpoint) = (tick.is_multiple_of(retention_ticks), tick.is_multiple_of(checkpoint_ticks));
        let partitions = broker.replicas.all();
        let turn = turns.take(partitions.len(), expire || broker.dirs.any_refuses());
        let round = tokio::task::spawn_blocking(move || {
            let flushed = maintain(&broker, &partitions[turn], expire) | journals::take_synced_closed(&broker);
            cleaner::forget_gone(&broker);
            life.remove_doomed();
            // Said by the writer; the next round tries again.
            if broker.checkpoints.catch_up(&broker).is_ok() {
                life.delete_late();
            }
            life.open_again(&broker.replicas, &broker.image(), |older| broker.checkpoints.forget(&broker, older));
            broker.groups.load_late(&broker.replicas);
            journals::sync_new_folders(&broker);
            if checkpoint || flushed {
                // Said by the writer; the next round tries again.
                let _ = broker.checkpoints.write(&broker);
            }
        });
        if let Err(error) = round.await {
            error!(%error, "log maintenance failed; going on with the next round");
        }
    }
}

/// A look at each of these partitions, most of which are idle: those cost one short look at their log. Whether anything was
/// flushed.
fn maintain(broker: &Broker, partitions: &[Arc<Partition>], is_retention_due: bool) -> bool {
    let now_ms = broker.clock.wall_ms();
    let mut flushed = false;
    for partition in partitions {
        let at_once = broker.is_short_of_room(partition);
        if is_retention_due || at_once {
            retention::retire(partition, now_ms, at_once);
        }
        // Files that are due are taken note of before the tick would remove them under the lock.
        let look = |log: &mut Log| {
            (log.plan_removal(now_ms, at_once), log.tick(now_ms), log.plan_flush_of_closed(), log.plan_cut())
        };
        let Ok((removal, ticked, flush, cut)) = partition.with_log(look) else { continue };
        if let Err(error) = ticked {
            error!(partition = %partition.topic_partition, %error, "log maintenance failed");
        }
        if let Some(plan) = removal {
            retention::remove(partition, plan, now_ms, at_once);
        }
        if let Some(plan) = flush {
            flushed = true;
            flush_closed(partition, plan);
        }
        if let Some(plan) = cut {
            let done = plan.run();
            // What fails is said by those who are refused, or by the log.
            let _ = partition.with_log(|log| log.cut_off(done));
        }
    }
    flushed
}

/// Brings segments to disk that have been closed since the last round, without making appends wait.
fn flush_closed(partition: &Partition, plan: FlushPlan) {
    let result = plan.run();
    if let Ok(Err(error)) = partition.with_log(|log| log.flushed(result)) {
        error!(partition = %partition.topic_partition, %error, "a closed segment could not be brought to disk");
    }
}

/// Closes every log after a last flush and marks the folders as cleanly stopped. Blocks.
pub(crate) fn close_all(broker: &Broker) {
    journals::stop(broker);
    let partitions = broker.replicas.all();
    let mut clean = for_all(&partitions, |partition| flush_last(broker, partition)).into_iter().all(|flushed| flushed);
    clean &= broker.checkpoints.close(broker).is_ok();
    let mut closed = vec![ClosedLogs::new(); broker.log_dirs.len()];
    for (log, partition) in for_all(&partitions, |partition| close(partition)).into_iter().zip(partitions.iter()) {
        let Some((log, is_closed)) = log else { continue };
        clean &= is_closed;
        let dir = broker.log_dirs.iter().position(|dir| log.dir().parent() == Some(&dir.path));
        if let (Some(dir), Some(described)) = (dir, log.describe_closed()) {
            closed[dir].insert(partition.topic_partition.clone(), described);
        }
    }
    if clean {
        mark_clean(broker, &closed);
    }
}

/// False if the next start has to look at the log.
fn flush_last(broker: &Broker, partition: &Partition) -> bool {
    match partition.with_log(|log| log.flush()) {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            error!(partition = %partition.topic_partition, %error, "cannot flush; the next start will check the log");
            false
        }
        // What its log holds is not known; of a dir that failed nothing is said at all.
        Err(_offline) => broker.dirs.took_out(&partition.topic_partition),
    }
}

/// Takes the log out, and says whether all of it could be closed.
fn close(partition: &Partition) -> Option<(Log, bool)> {
    let mut log = partition.take_log(ErrorCode::KafkaStorageError, "the broker is stopping")?;
    let closed = log.close();
    if let Err(error) = &closed {
        error!(partition = %partition.topic_partition, %error, "cannot close; the next start will check the log");
    }
    Some((log, closed.is_ok()))
}

fn mark_clean(broker: &Broker, closed: &[ClosedLogs]) {
    for (dir, closed) in broker.log_dirs.iter().zip(closed).filter(|(dir, _)| !dir.watched.has_failed()) {
        if let Err(error) = dir.files.write_start_snapshot(broker.broker_epoch, closed) {
            warn!(dir = %dir.path.display(), %error, "cannot write the logs down; the next start will look at every one");
        }
        if let Err(error) = dir.files.write_clean_shutdown(broker.broker_epoch) {
            error!(dir = %dir.path.display(), %error, "cannot mark the folder as cleanly stopped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_AT_ONCE, Turns};

    #[test]
    fn everyone_has_a_turn() {
        for count in [0, 1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 10_000] {
            let mut turns = Turns::default();
            let rounds = count.div_ceil(MOST_AT_ONCE);
            for _ in 0..3 {
                let looked_at: Vec<usize> = (0..rounds).flat_map(|_| turns.take(count, false)).collect();
                assert_eq!(looked_at, (0..count).collect::<Vec<_>>());
            }
            assert_eq!(turns.take(count, true), 0..count);
        }
    }

    #[test]
    fn turns_go_on_when_partitions_are_deleted() {
        let mut turns = Turns::default();
        turns.take(10_000, false);
        turns.take(10_000, false);
        assert_eq!(turns.take(5000, false), 0..MOST_AT_ONCE);
    }
}
