//! Rounds of deleting: what retention does not keep any more, and files whose delay is over. Where room is short both
//! happen at once, as far as nobody needs it any more. Only memory is changed under a partition's lock: however many and
//! large the files are, appends do not wait for them.

use barnabas_common::TimestampMs;
use barnabas_log::LogError;
use barnabas_replica::Partition;
use tracing::{error, info};

use crate::broker::Broker;

/// One round over all partitions. Blocks.
pub(crate) fn run(broker: &Broker, is_due: bool) {
    let now_ms = broker.clock.wall_ms();
    for partition in broker.replicas.all() {
        let at_once = broker.is_short_of_room(&partition);
        if is_due || at_once {
            retire(&partition, now_ms, at_once);
        }
        remove(&partition, now_ms, at_once);
    }
}

fn retire(partition: &Partition, now_ms: TimestampMs, at_once: bool) {
    let Ok(offsets) = partition.offsets() else { return };
    let retired = partition.with_log(|log| {
        // Without room for a new segment the present one stays.
        if at_once && let Err(error @ LogError::Offline(_)) = log.roll_if_all_is_deleted(now_ms) {
            return Err(error);
        }
        log.retire_expired(now_ms, offsets.high_watermark)
    });
    match retired {
        Ok(Ok(retired)) if !retired.is_empty() => {
            info!(partition = %partition.topic_partition, segments = retired.len(), "retention deleted segments");
        }
        Ok(Err(error)) => error!(partition = %partition.topic_partition, %error, "retention failed"),
        _ => {}
    }
}

fn remove(partition: &Partition, now_ms: TimestampMs, at_once: bool) {
    // A second time where what was renamed just now is to be removed as well.
    for _ in 0..=usize::from(at_once) {
        let Ok(Some(plan)) = partition.with_log(|log| log.plan_removal(now_ms, at_once)) else { return };
        let done = plan.run();
        if let Ok(Err(error)) = partition.with_log(|log| log.removed(done, now_ms)) {
            error!(partition = %partition.topic_partition, %error, "deleting files failed; trying again");
            return;
        }
    }
}
