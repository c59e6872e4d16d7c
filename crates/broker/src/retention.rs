//! Deleting from one log: what retention does not keep any more, and files whose delay is over. Where room is short both
//! happen at once, as far as nobody needs it any more. Only memory is changed under a partition's lock: however many and
//! large the files are, appends do not wait for them. When it happens says `maintenance.rs`.

use barnabas_common::TimestampMs;
use barnabas_log::{DeletedSegment, DeletionReason, LogError, RemovalPlan};
use barnabas_replica::Partition;
use tracing::{error, info};

/// Takes segments out of the log; their files are left to [`remove`].
pub(crate) fn retire(partition: &Partition, now_ms: TimestampMs, at_once: bool) {
    let Ok(offsets) = partition.offsets() else { return };
    let retired = partition.with_log(|log| {
        // Without room for a new segment the present one stays.
        if at_once && let Err(error @ LogError::Offline(_)) = log.roll_if_all_is_deleted(now_ms) {
            return Err(error);
        }
        log.retire_expired(now_ms, offsets.high_watermark)
    });
    match retired {
        Ok(Ok(retired)) => retired.chunk_by(|a, b| a.reason == b.reason).for_each(|retired| tell(partition, retired)),
        Ok(Err(error)) => error!(partition = %partition.topic_partition, %error, "retention failed"),
        Err(_offline) => {}
    }
}

/// Where somebody's records went: these were deleted for the same reason.
fn tell(partition: &Partition, retired: &[DeletedSegment]) {
    let Some(last) = retired.last() else { return };
    let reason = match last.reason {
        DeletionReason::LogStartOffset => "below the log start offset (DeleteRecords)",
        DeletionReason::RetentionBytes => "retention.bytes",
        DeletionReason::RetentionMs => "retention.ms",
    };
    info!(
        partition = %partition.topic_partition,
        reason,
        segments = retired.len(),
        bytes = retired.iter().map(|segment| segment.size_bytes).sum::<u64>(),
        before_offset = last.next_offset,
        "retention deleted segments"
    );
}

/// Renames and removes files, outside of the lock.
pub(crate) fn remove(partition: &Partition, plan: RemovalPlan, now_ms: TimestampMs, at_once: bool) {
    let went_well = run(partition, plan, now_ms);
    // What was only renamed just now is to be removed as well.
    if went_well
        && at_once
        && let Ok(Some(plan)) = partition.with_log(|log| log.plan_removal(now_ms, at_once))
    {
        run(partition, plan, now_ms);
    }
}

fn run(partition: &Partition, plan: RemovalPlan, now_ms: TimestampMs) -> bool {
    let done = plan.run();
    if let Ok(Err(error)) = partition.with_log(|log| log.removed(done, now_ms)) {
        error!(partition = %partition.topic_partition, %error, "deleting files failed; trying again");
        return false;
    }
    true
}
