//! Counters that the hot paths touch: atomics, no text, no lock that a request waits for. What they are called in
//! an exposition is decided where they are rendered.

mod histogram;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use barnabas_common::ErrorCode;
use barnabas_metadata::{MetadataDelta, PartitionImage};
use barnabas_protocol::{ApiKey, SERVED_APIS};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;

use crate::exposition::ScrapeMemory;
pub(crate) use histogram::{Counts, Histogram, SHOWN_BOUNDS_US};

/// More than any API has versions.
const VERSION_SLOTS: usize = 32;
/// More than there are error codes; the first one is -1.
const ERROR_SLOTS: usize = 160;

/// Data that went in or out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TopicTraffic {
    pub records: u64,
    pub bytes: u64,
}

/// Counters of one topic, or of all together.
#[derive(Debug, Default)]
pub(crate) struct TopicCounters {
    pub messages_in: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub produce_requests: AtomicU64,
    pub fetch_requests: AtomicU64,
    pub failed_produce_requests: AtomicU64,
    pub failed_fetch_requests: AtomicU64,
}

/// Requests of one API: how many, how they ended, and where their time went.
#[derive(Debug)]
pub(crate) struct RequestCounters {
    versions: [AtomicU64; VERSION_SLOTS],
    errors: [AtomicU64; ERROR_SLOTS],
    /// Answers that are made and not yet sent.
    pub unsent: AtomicI64,
    pub request_queue: Histogram,
    pub local: Histogram,
    pub remote: Histogram,
    pub response_queue: Histogram,
    pub response_send: Histogram,
    pub total: Histogram,
}

impl Default for RequestCounters {
    fn default() -> Self {
        Self {
            versions: std::array::from_fn(|_| AtomicU64::new(0)),
            errors: std::array::from_fn(|_| AtomicU64::new(0)),
            unsent: AtomicI64::new(0),
            request_queue: Histogram::default(),
            local: Histogram::default(),
            remote: Histogram::default(),
            response_queue: Histogram::default(),
            response_send: Histogram::default(),
            total: Histogram::default(),
        }
    }
}

impl RequestCounters {
    /// Versions that were asked for, and how often.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (usize, u64)> {
        self.versions.iter().map(read).enumerate().filter(|(_, count)| *count > 0)
    }

    /// Errors that were answered, and how often.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        let counted = (-1i16..).zip(&self.errors).map(|(code, count)| (code, read(count)));
        counted.filter(|(_, count)| *count > 0).map(|(code, count)| (ErrorCode::from_code(code), count))
    }
}

/// The moments of a request from its arrival until its answer is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestTimes {
    /// Its last byte was read.
    pub received: Instant,
    /// Its handler began.
    pub started: Instant,
}

/// An answer on its way to the socket. Counted as unsent while this lives.
#[derive(Debug)]
pub(crate) struct UnsentAnswer {
    counters: Arc<RequestCounters>,
    received: Instant,
    ready: Instant,
}

impl UnsentAnswer {
    pub(crate) fn made_at(&self) -> Instant {
        self.ready
    }

    /// To be called when the last byte is with the kernel.
    pub(crate) fn sent(self, write_began: Instant, now: Instant) {
        self.counters.response_queue.record(write_began.saturating_duration_since(self.ready));
        self.counters.response_send.record(now.saturating_duration_since(write_began));
        self.counters.total.record(now.saturating_duration_since(self.received));
    }
}

impl Drop for UnsentAnswer {
    fn drop(&mut self) {
        self.counters.unsent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connections of one listener.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    pub open: AtomicI64,
    pub created: AtomicU64,
}

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<ConnectionCounters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Changes of partitions that this broker has seen in the metadata.
#[derive(Debug, Default)]
pub(crate) struct PartitionChanges {
    pub isr_shrinks: AtomicU64,
    pub isr_expands: AtomicU64,
    pub unclean_elections: AtomicU64,
}

/// All counters of a broker.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub all_topics: TopicCounters,
    pub topics: RwLock<HashMap<Arc<str>, Arc<TopicCounters>>>,
    /// By API key. Made with the first request of an API: most of them never come.
    requests: Box<[OnceLock<Arc<RequestCounters>>]>,
    pub connections: RwLock<HashMap<Arc<str>, Arc<ConnectionCounters>>>,
    pub partition_changes: PartitionChanges,
    /// How long the quorum took to commit a command.
    pub metadata_commits: Histogram,
    /// How long syncs of segments took; counted where files are (`watched_vfs.rs`).
    pub segment_syncs: Arc<Histogram>,
    /// The runtimes that serve connections; until they are told, the one that a scrape runs on.
    pub serving: OnceLock<Vec<Handle>>,
    /// What earlier scrapes saw, for rates and quantiles of the recent past.
    pub scrapes: Mutex<ScrapeMemory>,
}

impl Default for Metrics {
    fn default() -> Self {
        let slots = SERVED_APIS.iter().map(|api| slot(*api) + 1).max().unwrap_or(0);
        Self {
            all_topics: TopicCounters::default(),
            topics: RwLock::default(),
            requests: std::iter::repeat_with(OnceLock::new).take(slots).collect(),
            connections: RwLock::default(),
            partition_changes: PartitionChanges::default(),
            metadata_commits: Histogram::default(),
            segment_syncs: Arc::default(),
            serving: OnceLock::new(),
            scrapes: Mutex::default(),
        }
    }
}

fn slot(api: ApiKey) -> usize {
    usize::try_from(api.code()).unwrap_or(0)
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// The value of a counter.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Metrics {
    /// Counters that start from zero, but for the syncs, which the file system counts.
    pub(crate) fn with_segment_syncs(segment_syncs: Arc<Histogram>) -> Self {
        Self { segment_syncs, ..Self::default() }
    }

    /// Tells whose idleness is that of the broker.
    pub(crate) fn served_by(&self, runtimes: &[Handle]) {
        self.serving.get_or_init(|| runtimes.to_vec());
    }

    pub(crate) fn connection_opened(&self, listener: &Arc<str>) -> OpenConnection {
        let known = self.connections.read().get(listener).cloned();
        let counters =
            known.unwrap_or_else(|| Arc::clone(self.connections.write().entry(Arc::clone(listener)).or_default()));
        counters.open.fetch_add(1, Ordering::Relaxed);
        add(&counters.created, 1);
        OpenConnection(counters)
    }

    fn of_api(&self, api: ApiKey) -> &Arc<RequestCounters> {
        self.requests[slot(api)].get_or_init(Arc::default)
    }

    /// The APIs that were asked for so far, in the order of their keys.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (ApiKey, &Arc<RequestCounters>)> {
        SERVED_APIS.iter().filter_map(|api| Some((*api, self.requests[slot(*api)].get()?)))
    }

    /// A request reached its handler.
    pub(crate) fn request_started(&self, api: ApiKey, version: i16, times: RequestTimes) {
        let counters = self.of_api(api);
        let version = usize::try_from(version).unwrap_or(0).min(VERSION_SLOTS - 1);
        add(&counters.versions[version], 1);
        counters.request_queue.record(times.started.saturating_duration_since(times.received));
    }

    /// The answer to a request is made. `worked` is the time that its handler ran, if it did not run all the
    /// time; the rest it waited.
    pub(crate) fn request_answered(&self, api: ApiKey, times: RequestTimes, worked: Option<Duration>) -> UnsentAnswer {
        let counters = Arc::clone(self.of_api(api));
        let ready = Instant::now();
        let took = ready.saturating_duration_since(times.started);
        let worked = worked.unwrap_or(took);
        counters.local.record(worked);
        counters.remote.record(took.saturating_sub(worked));
        counters.unsent.fetch_add(1, Ordering::Relaxed);
        UnsentAnswer { counters, received: times.received, ready }
    }

    /// A request is done that has no answer.
    pub(crate) fn request_done_silently(&self, api: ApiKey, times: RequestTimes) {
        let counters = self.of_api(api);
        counters.local.record(times.started.elapsed());
        counters.total.record(times.received.elapsed());
    }

    /// An answer, or one partition in it, carries an error.
    pub(crate) fn request_failed(&self, api: ApiKey, error: ErrorCode) {
        let slot = usize::try_from(error.code().saturating_add(1)).unwrap_or(0).min(ERROR_SLOTS - 1);
        add(&self.of_api(api).errors[slot], 1);
    }

    /// Does something to the counters of a topic and to those of all topics.
    fn each(&self, topic: &str, count: impl Fn(&TopicCounters)) {
        count(&self.all_topics);
        if let Some(counters) = self.topics.read().get(topic) {
            return count(counters);
        }
        count(self.topics.write().entry(topic.into()).or_default());
    }

    pub(crate) fn produced(&self, topic: &str, traffic: TopicTraffic) {
        self.each(topic, |counters| {
            add(&counters.produce_requests, 1);
            add(&counters.messages_in, traffic.records);
            add(&counters.bytes_in, traffic.bytes);
        });
    }

    pub(crate) fn failed_produce(&self, topic: &str) {
        self.each(topic, |counters| {
            add(&counters.produce_requests, 1);
            add(&counters.failed_produce_requests, 1);
        });
    }

    pub(crate) fn fetched(&self, topic: &str, traffic: TopicTraffic) {
        self.each(topic, |counters| {
            add(&counters.fetch_requests, 1);
            add(&counters.bytes_out, traffic.bytes);
        });
    }

    /// A partition could not be read. Errors that clients make in ordinary work are no failures, as in Kafka.
    pub(crate) fn failed_fetch(&self, topic: &str, error: ErrorCode) {
        self.request_failed(ApiKey::Fetch, error);
        let is_failure =
            matches!(error, ErrorCode::KafkaStorageError | ErrorCode::CorruptMessage | ErrorCode::UnknownServerError);
        let count = |counters: &TopicCounters| {
            add(&counters.fetch_requests, 1);
            add(&counters.failed_fetch_requests, u64::from(is_failure));
        };
        count(&self.all_topics);
        // A client may name any topic: only those that exist are worth a counter of their own.
        if let Some(counters) = self.topics.read().get(topic) {
            count(counters);
        }
    }

    /// Forgets a topic that is gone, so that labels do not pile up.
    pub(crate) fn topic_deleted(&self, topic: &str) {
        self.topics.write().remove(topic);
    }

    /// Counts what happened to partitions between two images.
    pub(crate) fn metadata_changed(&self, delta: &MetadataDelta) {
        for change in &delta.changed_topics {
            for (old, new) in change.old.partitions.iter().zip(&change.new.partitions) {
                self.partition_changed(old, new);
            }
        }
    }

    fn partition_changed(&self, old: &PartitionImage, new: &PartitionImage) {
        let changes = &self.partition_changes;
        let lost = old.isr.iter().any(|replica| !new.isr.contains(replica));
        let won = new.isr.iter().any(|replica| !old.isr.contains(replica));
        let is_safe = old.isr.contains(&new.leader) || old.elr.contains(&new.leader);
        let is_unclean = new.leader != old.leader && new.leader >= 0 && !is_safe;
        add(&changes.isr_shrinks, u64::from(lost));
        add(&changes.isr_expands, u64::from(won));
        add(&changes.unclean_elections, u64::from(is_unclean));
    }
}

/// Runs a future and tells for how long it was worked on; the rest of its life it waited.
pub(crate) async fn timed<F: Future>(future: F) -> (F::Output, Duration) {
    let mut future = pin!(future);
    let mut worked = Duration::ZERO;
    let output = std::future::poll_fn(|context| {
        let began = Instant::now();
        let poll = future.as_mut().poll(context);
        worked += began.elapsed();
        poll
    });
    let output = output.await;
    (output, worked)
}

#[cfg(test)]
mod tests;
