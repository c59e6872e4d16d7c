//! Counters that the hot paths touch. What they are called in an exposition is decided where they are rendered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use barnabas_protocol::ApiKey;
use parking_lot::RwLock;

/// Upper bounds of the latency buckets, in microseconds.
pub const LATENCY_BOUNDS_US: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000, 10_000_000];

/// Data that went in or out.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopicTraffic {
    pub records: u64,
    pub bytes: u64,
}

/// Counters of one topic, or of all together.
#[derive(Debug, Default)]
pub struct TopicCounters {
    pub messages_in: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub produce_requests: AtomicU64,
    pub fetch_requests: AtomicU64,
    pub failed_produce_requests: AtomicU64,
    pub failed_fetch_requests: AtomicU64,
}

/// Requests of one API and version, and how long they took.
#[derive(Debug, Default)]
pub struct RequestCounters {
    pub count: AtomicU64,
    pub total_us: AtomicU64,
    pub buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
}

/// Connections of one listener.
#[derive(Debug, Default)]
pub struct ConnectionCounters {
    pub open: AtomicI64,
    pub created: AtomicU64,
}

/// All counters of a broker.
#[derive(Debug, Default)]
pub struct Metrics {
    pub all_topics: TopicCounters,
    pub topics: RwLock<HashMap<Arc<str>, Arc<TopicCounters>>>,
    pub requests: RwLock<HashMap<(ApiKey, i16), Arc<RequestCounters>>>,
    pub connections: RwLock<HashMap<Arc<str>, Arc<ConnectionCounters>>>,
}

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<ConnectionCounters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Metrics {
    pub(crate) fn connection_opened(&self, listener: &Arc<str>) -> OpenConnection {
        let counters = Arc::clone(self.connections.write().entry(Arc::clone(listener)).or_default());
        counters.open.fetch_add(1, Ordering::Relaxed);
        add(&counters.created, 1);
        OpenConnection(counters)
    }

    pub(crate) fn request_done(&self, api: ApiKey, version: i16, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < us);
        let record = |counters: &RequestCounters| {
            add(&counters.count, 1);
            add(&counters.total_us, us);
            add(&counters.buckets[bucket], 1);
        };
        if let Some(counters) = self.requests.read().get(&(api, version)) {
            return record(counters);
        }
        record(self.requests.write().entry((api, version)).or_default());
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

    /// Forgets a topic that is gone, so that labels do not pile up.
    pub(crate) fn topic_deleted(&self, topic: &str) {
        self.topics.write().remove(topic);
    }
}
