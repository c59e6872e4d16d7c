//! Consumer groups: states, committed offsets, and lag in offsets and in time.
//!
//! Time lag is the age of the first record that a group has not committed. It is looked up in the header of the
//! batch that holds the record, once for each committed offset: what was found is kept until the offset moves.

use std::collections::{BTreeMap, HashMap};

use barnabas_metadata::MetadataImage;
use barnabas_protocol::records::TimestampType;

use super::MAX_SERIES;
use super::encoder::{Encoder, labels};
use super::families::{self as f, Family};
use super::memory::{RecordKey, ScrapeMemory};
use super::partitions::HeldPartition;
use crate::broker::Broker;

/// What groups commit where, copied out of their shards.
#[derive(Default)]
struct Groups {
    by_state: BTreeMap<&'static str, usize>,
    members: BTreeMap<String, usize>,
    /// By group and topic, then partition.
    offsets: BTreeMap<(String, String), BTreeMap<i32, i64>>,
    offset_count: usize,
}

/// A group's place in one partition.
struct Position {
    group: String,
    topic: String,
    partition: i32,
    /// `None` where the group has offsets of the topic, but none here.
    committed: Option<i64>,
    lag: Option<Lag>,
}

/// How far a group is behind.
#[derive(Clone, Copy)]
struct Lag {
    offsets: i64,
    /// `None` if the time of the record cannot be read.
    time_ms: Option<i64>,
}

/// All families of groups. Returns how many committed offsets were left out.
pub(super) fn render(
    out: &mut Encoder,
    broker: &Broker,
    image: &MetadataImage,
    held: &[HeldPartition<'_>],
    memory: &mut ScrapeMemory,
) -> usize {
    let Some(groups) = gather(broker) else { return 0 };
    states(out, &groups);
    let mut samples = out.family(&f::GROUP_MEMBERS);
    for (group, members) in groups.members.iter().take(MAX_SERIES) {
        samples.add(&labels(&[("consumergroup", group)]), *members);
    }
    let mut lags = Lags { held: by_name(held), broker, image, known: &memory.record_times, seen: HashMap::new() };
    let shown = groups.offsets.into_iter().take(MAX_SERIES).collect::<Vec<_>>();
    let mut positions: Vec<Position> = shown.into_iter().flat_map(|entry| lags.positions(entry)).collect();
    memory.record_times = lags.seen;
    let left_out = positions.len().saturating_sub(MAX_SERIES);
    positions.truncate(MAX_SERIES);
    by_partition(out, &positions);
    by_topic(out, &positions);
    time_lag(out, &image.cluster_id, &positions);
    left_out
}

/// `None` while groups are being loaded: half of them would be worse than none.
fn gather(broker: &Broker) -> Option<Groups> {
    let mut groups = Groups::default();
    let all = broker.groups.read_all(|shard| {
        for (state, count) in shard.metrics().groups_by_state {
            *groups.by_state.entry(state).or_default() += count;
        }
        groups.members.extend(shard.member_counts().map(|(group, members)| (group.to_owned(), members)));
        for entry in shard.committed_offsets() {
            let name = (entry.group.to_owned(), entry.topic.to_owned());
            groups.offsets.entry(name).or_default().insert(entry.partition, entry.committed.offset);
            groups.offset_count += 1;
        }
    });
    all.ok().map(|_| groups)
}

fn states(out: &mut Encoder, groups: &Groups) {
    out.single(&f::GROUPS, groups.by_state.values().sum::<usize>());
    let mut state = |family, name: &str| out.single(family, groups.by_state.get(name).copied().unwrap_or(0));
    state(&f::GROUPS_PREPARING, "PreparingRebalance");
    state(&f::GROUPS_COMPLETING, "CompletingRebalance");
    state(&f::GROUPS_STABLE, "Stable");
    state(&f::GROUPS_DEAD, "Dead");
    state(&f::GROUPS_EMPTY, "Empty");
    out.single(&f::GROUP_OFFSETS, groups.offset_count);
}

type HeldByName<'a> = HashMap<(&'a str, i32), &'a HeldPartition<'a>>;

fn by_name<'a>(held: &'a [HeldPartition<'a>]) -> HeldByName<'a> {
    held.iter().map(|partition| ((&*partition.topic.name, partition.index), partition)).collect()
}

/// Works out lags, remembering the times of records.
struct Lags<'a> {
    held: HeldByName<'a>,
    broker: &'a Broker,
    image: &'a MetadataImage,
    known: &'a HashMap<RecordKey, i64>,
    seen: HashMap<RecordKey, i64>,
}

impl Lags<'_> {
    /// The places of a group in all partitions of a topic. A topic that is gone has none.
    fn positions(&mut self, entry: ((String, String), BTreeMap<i32, i64>)) -> Vec<Position> {
        let ((group, topic), committed) = entry;
        let partitions = self.image.topic(&topic).map_or(0, |topic| topic.partitions.len());
        let each = (0i32..).take(partitions).map(|partition| {
            let offset = committed.get(&partition).copied();
            let lag = offset.and_then(|offset| self.lag(&topic, partition, offset));
            Position { group: group.clone(), topic: topic.clone(), partition, committed: offset, lag }
        });
        each.collect()
    }

    fn lag(&mut self, topic: &str, partition: i32, committed: i64) -> Option<Lag> {
        let held = *self.held.get(&(topic, partition))?;
        let log = held.log.as_ref()?;
        let offsets = log.high_watermark - committed;
        if offsets <= 0 {
            return Some(Lag { offsets, time_ms: Some(0) });
        }
        // What retention has deleted cannot be read any more: the first record there is counts.
        let next = committed.max(log.start_offset);
        let time_ms = self.record_time(held, next).map(|at_ms| (self.broker.clock.wall_ms() - at_ms).max(0));
        Some(Lag { offsets, time_ms })
    }

    fn record_time(&mut self, held: &HeldPartition<'_>, offset: i64) -> Option<i64> {
        let key = (held.topic.id, held.index, offset);
        let known = self.known.get(&key).or_else(|| self.seen.get(&key)).copied();
        let time = known.or_else(|| read_time(held, offset))?;
        self.seen.insert(key, time);
        Some(time)
    }
}

fn read_time(held: &HeldPartition<'_>, offset: i64) -> Option<i64> {
    let header = held.partition.as_ref()?.with_log(|log| log.batch_header_at(offset)).ok()?.ok()??;
    let time = match header.timestamp_type() {
        TimestampType::LogAppendTime => header.max_timestamp,
        _ => header.base_timestamp,
    };
    (time >= 0).then_some(time)
}

fn by_partition(out: &mut Encoder, positions: &[Position]) {
    let of = |p: &Position| labels(&[("consumergroup", &p.group), ("topic", &p.topic), ("partition", &p.partition)]);
    let mut family = |family: &'static Family, value: &dyn Fn(&Position) -> Option<i64>| {
        let mut samples = out.family(family);
        for position in positions {
            if let Some(value) = value(position) {
                samples.add(&of(position), value);
            }
        }
    };
    family(&f::GROUP_CURRENT_OFFSET, &|p| Some(p.committed.unwrap_or(-1)));
    family(&f::GROUP_LAG, &|p| if p.committed.is_none() { Some(-1) } else { p.lag.map(|lag| lag.offsets) });
    family(&f::TIME_LAG_MILLIS, &|p| p.lag?.time_ms);
}

fn by_topic(out: &mut Encoder, positions: &[Position]) {
    let mut sums: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for position in positions {
        let (offsets, lags) = sums.entry((&position.group, &position.topic)).or_default();
        *offsets += position.committed.unwrap_or(0);
        *lags += position.lag.map_or(0, |lag| lag.offsets);
    }
    let of = |group: &str, topic: &str| labels(&[("consumergroup", &group), ("topic", &topic)]);
    let mut samples = out.family(&f::GROUP_CURRENT_OFFSET_SUM);
    sums.iter().for_each(|((group, topic), (offsets, _))| samples.add(&of(group, topic), *offsets));
    let mut samples = out.family(&f::GROUP_LAG_SUM);
    sums.iter().for_each(|((group, topic), (_, lags))| samples.add(&of(group, topic), *lags));
}

/// The same lags by the names of exporters that tell them as time.
fn time_lag(out: &mut Encoder, cluster: &str, positions: &[Position]) {
    let lagging = || positions.iter().filter_map(|position| Some((position, position.lag?)));
    let of = |p: &Position| {
        labels(&[("cluster_name", &cluster), ("group", &p.group), ("topic", &p.topic), ("partition", &p.partition)])
    };
    let mut samples = out.family(&f::TIME_LAG_GROUP_LAG);
    lagging().for_each(|(position, lag)| samples.add(&of(position), lag.offsets));
    let mut samples = out.family(&f::TIME_LAG_SECONDS);
    let mut most: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    for (position, lag) in lagging() {
        if let Some(time_ms) = lag.time_ms {
            samples.add(&of(position), time_ms as f64 / 1e3);
        }
        let (offsets, time_ms) = most.entry(&position.group).or_insert((i64::MIN, None));
        *offsets = lag.offsets.max(*offsets);
        *time_ms = lag.time_ms.max(*time_ms);
    }
    let of = |group: &str| labels(&[("cluster_name", &cluster), ("group", &group)]);
    let mut samples = out.family(&f::TIME_LAG_MAX_LAG);
    most.iter().for_each(|(group, (offsets, _))| samples.add(&of(group), *offsets));
    let mut samples = out.family(&f::TIME_LAG_MAX_SECONDS);
    for (group, time_ms) in most.iter().filter_map(|(group, (_, time_ms))| Some((group, (*time_ms)?))) {
        samples.add(&of(group), time_ms as f64 / 1e3);
    }
}
