//! The folders of `log.dirs`: their room, what is in them, and how long syncs of segments take there.

use std::collections::BTreeMap;

use barnabas_common::Uuid;

use super::encoder::{Encoder, Number, labels};
use super::families as f;
use super::memory::{Moment, ScrapeMemory};
use super::partitions::HeldPartition;
use crate::broker::Broker;
use crate::log_dirs::DataDir;

/// One label for each log dir, in their order.
pub(super) fn names(broker: &Broker) -> Vec<String> {
    broker.log_dirs.iter().map(|dir| labels(&[("logDirectory", &dir.path.display())])).collect()
}

pub(super) fn render(out: &mut Encoder, broker: &Broker, held: &[HeldPartition<'_>]) {
    let used_bytes = used_bytes(broker, held);
    // Where a volume was there may be another one now.
    let space = |dir: &DataDir| if dir.watched.has_failed() { None } else { broker.vfs.disk_space(&dir.path).ok() };
    let space: Vec<_> = broker.log_dirs.iter().map(space).collect();
    let names = names(broker);
    let watched = broker.dirs.log_dirs();
    let is_offline = |i: usize| watched[i].has_failed();
    out.single(&f::OFFLINE_DIRS, (0..names.len()).filter(|i| is_offline(*i)).count());
    let mut family = |family, value: &dyn Fn(usize) -> Option<Number>| {
        let mut samples = out.family(family);
        for (i, name) in names.iter().enumerate() {
            if let Some(value) = value(i) {
                samples.add(name, value);
            }
        }
    };
    family(&f::DIR_OFFLINE, &|i| Some(is_offline(i).into()));
    family(&f::DIR_TOTAL, &|i| space[i].map(|space| space.total_bytes.into()));
    family(&f::DIR_USABLE, &|i| space[i].map(|space| space.usable_bytes.into()));
    family(&f::DIR_RESERVE, &|i| space[i].map(|space| watched[i].space.reserve_bytes(space.total_bytes).into()));
    family(&f::DIR_REFUSES, &|i| Some(watched[i].space.lacks_room().into()));
    family(&f::DIR_REFUSED_APPENDS, &|i| Some(watched[i].space.refused_appends().into()));
    family(&f::DIR_USED, &|i| Some(used_bytes[i].into()));
}

/// Bytes of all partitions in each log dir.
fn used_bytes(broker: &Broker, held: &[HeldPartition<'_>]) -> Vec<u64> {
    let mut used_bytes = vec![0u64; broker.log_dirs.len()];
    let by_id: BTreeMap<Uuid, usize> =
        broker.log_dirs.iter().enumerate().map(|(i, dir)| (dir.directory_id, i)).collect();
    for partition in held {
        let assigned = partition.image.replicas.iter().position(|id| *id == broker.node_id);
        let assigned = assigned.and_then(|i| by_id.get(partition.image.directories.get(i)?).copied());
        let Some(dir) = partition.log.as_ref().and_then(|log| log.dir).or(assigned) else { continue };
        used_bytes[dir] += partition.log.as_ref().map_or(0, |log| log.size_bytes);
    }
    used_bytes
}

/// Syncs of segments, by Kafka's name.
pub(super) fn flushes(out: &mut Encoder, memory: &ScrapeMemory, now: &Moment) {
    out.family(&f::LOG_FLUSH_TIME).add_quantiles("", &memory.recent_segment_syncs(now));
    out.single(&f::LOG_FLUSH_COUNT, now.segment_syncs.total());
}
