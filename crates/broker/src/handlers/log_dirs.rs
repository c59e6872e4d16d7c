//! DescribeLogDirs (35), versions 1-5, and AlterReplicaLogDirs (34), versions 1-2.
//!
//! - Sizes are those of the segment files; a leader never lags behind itself.
//! - A folder that has failed is answered with KAFKA_STORAGE_ERROR and without partitions.
//! - Moving a replica to the folder where it is succeeds; other folders of this broker are not served yet.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use barnabas_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use barnabas_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse,
};

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::log_dirs::DataDir;

pub(crate) fn describe(ctx: &RequestContext, request: DescribeLogDirsRequest) -> Result<Answer, Refused> {
    let wanted: Option<BTreeSet<(String, i32)>> = request.topics.map(|topics| {
        topics
            .into_iter()
            .flat_map(|topic| topic.partitions.into_iter().map(move |p| (topic.topic.clone(), p)))
            .collect()
    });
    let results = ctx.broker.log_dirs.iter().map(|dir| describe_dir(ctx, dir, wanted.as_ref()));
    Ok(ctx.ready(&DescribeLogDirsResponse { results: results.collect(), ..Default::default() }))
}

fn describe_dir(
    ctx: &RequestContext,
    dir: &DataDir,
    wanted: Option<&BTreeSet<(String, i32)>>,
) -> DescribeLogDirsResult {
    if dir.watched.has_failed() {
        return failed_dir(dir);
    }
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in ctx.broker.replicas.all().iter() {
        let name = partition.topic_partition.topic.to_string();
        let index = partition.topic_partition.partition;
        if wanted.is_some_and(|wanted| !wanted.contains(&(name.clone(), index))) {
            continue;
        }
        let held = partition.with_log(|log| log.dir().starts_with(&dir.path).then(|| log.size_bytes()));
        if let Ok(Some(size)) = held {
            topics.entry(name).or_default().push(DescribeLogDirsPartition {
                partition_index: index,
                partition_size: i64::try_from(size).unwrap_or(i64::MAX),
                offset_lag: 0,
                is_future_key: false,
            });
        }
    }
    let space = ctx.broker.vfs.disk_space(&dir.path).ok();
    let bytes = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    DescribeLogDirsResult {
        error_code: 0,
        log_dir: dir.path.display().to_string(),
        topics: topics.into_iter().map(|(name, partitions)| DescribeLogDirsTopic { name, partitions }).collect(),
        total_bytes: space.map_or(-1, |space| bytes(space.total_bytes)),
        usable_bytes: space.map_or(-1, |space| bytes(space.usable_bytes)),
        is_cordoned: false,
    }
}

fn failed_dir(dir: &DataDir) -> DescribeLogDirsResult {
    DescribeLogDirsResult {
        error_code: ErrorCode::KafkaStorageError.code(),
        log_dir: dir.path.display().to_string(),
        total_bytes: -1,
        usable_bytes: -1,
        ..Default::default()
    }
}

pub(crate) fn alter(ctx: &RequestContext, request: AlterReplicaLogDirsRequest) -> Result<Answer, Refused> {
    let mut topics: BTreeMap<String, Vec<AlterReplicaLogDirPartitionResult>> = BTreeMap::new();
    for dir in request.dirs {
        for topic in dir.topics {
            for partition_index in topic.partitions {
                let error_code = move_replica(ctx, &dir.path, &topic.name, partition_index).code();
                let result = AlterReplicaLogDirPartitionResult { partition_index, error_code };
                topics.entry(topic.name.clone()).or_default().push(result);
            }
        }
    }
    let results =
        topics.into_iter().map(|(topic_name, partitions)| AlterReplicaLogDirTopicResult { topic_name, partitions });
    Ok(ctx.ready(&AlterReplicaLogDirsResponse { results: results.collect(), ..Default::default() }))
}

fn move_replica(ctx: &RequestContext, path: &str, topic: &str, index: i32) -> ErrorCode {
    if !ctx.broker.log_dirs.iter().any(|dir| dir.path.as_os_str() == path) {
        return ErrorCode::LogDirNotFound;
    }
    let Some(partition) = ctx.broker.replicas.get(topic, index) else { return ErrorCode::UnknownTopicOrPartition };
    match partition.with_log(|log| log.dir().starts_with(path)) {
        Ok(true) => ErrorCode::None,
        Ok(false) => ErrorCode::KafkaStorageError,
        Err(error) => error.code,
    }
}
