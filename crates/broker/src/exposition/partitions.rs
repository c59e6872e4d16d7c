//! Partitions as this broker holds them, and their logs. The folders they are in have a file of their own (`log_dirs.rs`).

use std::sync::Arc;

use barnabas_metadata::{ConfigResource, MetadataImage, PartitionImage, TopicImage};
use barnabas_replica::Partition;

use super::MAX_SERIES;
use super::encoder::{Encoder, Number, labels};
use super::families::{self as f, Family};
use crate::broker::Broker;
use crate::metrics::read;

/// What one look at a log finds.
#[derive(Debug)]
pub(super) struct LogFigures {
    pub start_offset: i64,
    pub end_offset: i64,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub size_bytes: u64,
    segments: usize,
    /// Which folder of `log.dirs` it is in.
    pub dir: Option<usize>,
    has_failed: bool,
}

/// A partition of which this broker has a replica.
pub(super) struct HeldPartition<'a> {
    pub topic: &'a Arc<TopicImage>,
    pub index: i32,
    pub image: &'a PartitionImage,
    pub partition: Option<Arc<Partition>>,
    pub is_led_here: bool,
    /// `None` while the log is out of service.
    pub log: Option<LogFigures>,
    labels: String,
    /// `min.insync.replicas`, but never more than there are replicas (KIP-966).
    min_in_sync: usize,
}

/// All partitions of this broker, by topic and number. Each log's lock is held for a few sums.
pub(super) fn gather<'a>(broker: &Broker, image: &'a MetadataImage) -> Vec<HeldPartition<'a>> {
    let default_min_in_sync = broker.configs.min_insync_replicas(image, "");
    let mut held = Vec::new();
    for topic in image.topics() {
        let min_in_sync = min_in_sync(broker, image, &topic.name, default_min_in_sync);
        for (index, partition) in (0i32..).zip(&topic.partitions) {
            if partition.replicas.contains(&broker.node_id) {
                held.push(hold(broker, topic, index, partition, min_in_sync));
            }
        }
    }
    held
}

/// Working out the whole configuration of a topic is dear: done only where the topic itself sets the key.
fn min_in_sync(broker: &Broker, image: &MetadataImage, topic: &str, default: usize) -> usize {
    let own = image.config_value(&ConfigResource::Topic(topic.to_owned()), "min.insync.replicas");
    own.map_or(default, |_| broker.configs.min_insync_replicas(image, topic))
}

fn hold<'a>(
    broker: &Broker,
    topic: &'a Arc<TopicImage>,
    index: i32,
    image: &'a PartitionImage,
    min_in_sync: usize,
) -> HeldPartition<'a> {
    let partition = broker.replicas.get(&topic.name, index).filter(|held| held.topic_id == topic.id);
    HeldPartition {
        topic,
        index,
        image,
        is_led_here: image.leader == broker.node_id,
        log: partition.as_ref().and_then(|partition| look(broker, partition)),
        partition,
        labels: labels(&[("topic", &topic.name), ("partition", &index)]),
        min_in_sync: min_in_sync.min(image.replicas.len()),
    }
}

fn look(broker: &Broker, partition: &Partition) -> Option<LogFigures> {
    let offsets = partition.offsets().ok()?;
    // Of no idle log a file is opened here: there may be thousands.
    let figures = partition.with_log(|log| LogFigures {
        start_offset: offsets.log_start_offset,
        end_offset: offsets.log_end_offset,
        high_watermark: offsets.high_watermark,
        last_stable_offset: offsets.last_stable_offset,
        size_bytes: log.size_bytes(),
        segments: log.segment_count(),
        dir: broker.log_dirs.iter().position(|dir| log.dir().starts_with(&dir.path)),
        has_failed: log.failure().is_some(),
    });
    figures.ok()
}

impl HeldPartition<'_> {
    fn is_under_replicated(&self) -> bool {
        self.image.isr.len() < self.image.replicas.len()
    }

    fn is_under_min_in_sync(&self) -> bool {
        self.image.isr.len() < self.min_in_sync
    }

    fn is_at_min_in_sync(&self) -> bool {
        self.image.isr.len() == self.min_in_sync
    }

    fn is_led_by_preferred(&self) -> bool {
        self.image.replicas.first() == Some(&self.image.leader)
    }

    /// Whether clients can be served here.
    pub(super) fn is_out_of_service(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.has_failed)
    }
}

/// Everything about the held partitions.
pub(super) fn render(out: &mut Encoder, broker: &Broker, held: &[HeldPartition<'_>]) {
    totals(out, broker, held);
    let shown = &held[..held.len().min(MAX_SERIES)];
    let led: Vec<_> = shown.iter().filter(|partition| partition.is_led_here).collect();
    states(out, &led);
    logs(out, shown);
    offsets(out, &led);
}

fn totals(out: &mut Encoder, broker: &Broker, held: &[HeldPartition<'_>]) {
    let led = || held.iter().filter(|partition| partition.is_led_here);
    out.single(&f::LEADER_COUNT, led().count());
    out.single(&f::PARTITION_COUNT, held.len());
    out.single(&f::OFFLINE_REPLICAS, held.iter().filter(|p| p.is_out_of_service()).count());
    out.single(&f::UNDER_REPLICATED, led().filter(|p| p.is_under_replicated()).count());
    out.single(&f::UNDER_MIN_ISR, led().filter(|p| p.is_under_min_in_sync()).count());
    out.single(&f::AT_MIN_ISR, led().filter(|p| p.is_at_min_in_sync()).count());
    out.single(&f::ISR_SHRINKS, read(&broker.metrics.partition_changes.isr_shrinks));
    out.single(&f::ISR_EXPANDS, read(&broker.metrics.partition_changes.isr_expands));
}

/// One family with a sample per partition that has a value.
fn each<'a, 'b: 'a>(
    out: &mut Encoder,
    family: &'static Family,
    partitions: impl IntoIterator<Item = &'a HeldPartition<'b>>,
    value: impl Fn(&HeldPartition<'_>) -> Option<Number>,
) {
    let mut samples = out.family(family);
    for partition in partitions {
        if let Some(value) = value(partition) {
            samples.add(&partition.labels, value);
        }
    }
}

/// What the metadata says of partitions led here.
fn states(out: &mut Encoder, led: &[&HeldPartition<'_>]) {
    let mut family = |family, value: &dyn Fn(&HeldPartition<'_>) -> Number| {
        each(out, family, led.iter().copied(), |partition| Some(value(partition)));
    };
    family(&f::PARTITION_UNDER_REPLICATED, &|p| p.is_under_replicated().into());
    family(&f::PARTITION_UNDER_MIN_ISR, &|p| p.is_under_min_in_sync().into());
    family(&f::PARTITION_AT_MIN_ISR, &|p| p.is_at_min_in_sync().into());
    family(&f::PARTITION_REPLICAS, &|p| p.image.replicas.len().into());
    family(&f::PARTITION_IN_SYNC, &|p| p.image.isr.len().into());
    family(&f::PARTITION_LEADER, &|p| p.image.leader.into());
    family(&f::LEADER_IS_PREFERRED, &|p| p.is_led_by_preferred().into());
    family(&f::REPLICAS, &|p| p.image.replicas.len().into());
    family(&f::IN_SYNC_REPLICAS, &|p| p.image.isr.len().into());
    family(&f::UNDER_REPLICATED_PARTITION, &|p| p.is_under_replicated().into());
}

fn logs(out: &mut Encoder, shown: &[HeldPartition<'_>]) {
    let mut family = |family, value: &dyn Fn(&LogFigures) -> Number| {
        each(out, family, shown, |partition| partition.log.as_ref().map(value));
    };
    family(&f::LOG_SIZE, &|log| log.size_bytes.into());
    family(&f::LOG_START_OFFSET, &|log| log.start_offset.into());
    family(&f::LOG_END_OFFSET, &|log| log.end_offset.into());
    family(&f::LOG_SEGMENTS, &|log| log.segments.into());
}

fn offsets(out: &mut Encoder, led: &[&HeldPartition<'_>]) {
    let mut family = |family, value: &dyn Fn(&LogFigures) -> Number| {
        each(out, family, led.iter().copied(), |partition| partition.log.as_ref().map(value));
    };
    family(&f::PARTITION_LSO_LAG, &|log| (log.high_watermark - log.last_stable_offset).into());
    family(&f::CURRENT_OFFSET, &|log| log.high_watermark.into());
    family(&f::OLDEST_OFFSET, &|log| log.start_offset.into());
}
