//! What one scrape leaves behind for the next: the counts from which rates and quantiles of the recent past are
//! told, and the times of records that groups have not read yet. Nothing here grows with the number of scrapes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use barnabas_common::Uuid;
use barnabas_protocol::ApiKey;
use tokio::runtime::Handle;

use crate::metrics::{Counts, Metrics, read};

/// Quantiles look back at least this long, once the broker is that old, and at most about twice as long as this
/// or the pause between two scrapes.
const WINDOW_MS: i64 = 60_000;
/// Rates over less say nothing.
const SHORTEST_RATE_MS: i64 = 1_000;

/// A stretch of a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Total,
    RequestQueue,
    Local,
    Remote,
    ResponseQueue,
    ResponseSend,
}

/// Everything that is looked at as "since then".
#[derive(Debug, Default)]
pub(super) struct Moment {
    pub at_ms: i64,
    pub requests: HashMap<(ApiKey, Part), Counts>,
    pub metadata_commits: Counts,
    pub segment_syncs: Counts,
    pub connections: HashMap<Arc<str>, u64>,
    /// Time that the runtime's workers were busy, and how many they are.
    pub busy: Option<(Duration, usize)>,
}

/// The record that a group reads next: topic id, partition, offset.
pub(super) type RecordKey = (Uuid, i32, i64);

/// What scrapes remember.
#[derive(Debug, Default)]
pub(crate) struct ScrapeMemory {
    older: Option<Moment>,
    newer: Option<Moment>,
    pub(super) record_times: HashMap<RecordKey, i64>,
}

impl Moment {
    pub(super) fn now(metrics: &Metrics, at_ms: i64) -> Self {
        let mut requests = HashMap::new();
        for (api, counters) in metrics.requests() {
            let parts = [
                (Part::Total, &counters.total),
                (Part::RequestQueue, &counters.request_queue),
                (Part::Local, &counters.local),
                (Part::Remote, &counters.remote),
                (Part::ResponseQueue, &counters.response_queue),
                (Part::ResponseSend, &counters.response_send),
            ];
            requests.extend(parts.map(|(part, histogram)| ((api, part), histogram.counts())));
        }
        let connections = metrics.connections.read();
        Self {
            at_ms,
            requests,
            metadata_commits: metrics.metadata_commits.counts(),
            segment_syncs: metrics.segment_syncs.counts(),
            connections: connections.iter().map(|(name, c)| (Arc::clone(name), read(&c.created))).collect(),
            busy: busy(metrics),
        }
    }
}

/// How long the threads that serve connections were busy, and how many they are.
fn busy(metrics: &Metrics) -> Option<(Duration, usize)> {
    let runtimes = match metrics.serving.get() {
        Some(runtimes) => runtimes.clone(),
        None => vec![Handle::try_current().ok()?],
    };
    let mut sum = (Duration::ZERO, 0);
    for runtime in runtimes {
        let runtime = runtime.metrics();
        let workers = runtime.num_workers();
        sum.0 += (0..workers).map(|worker| runtime.worker_total_busy_duration(worker)).sum::<Duration>();
        sum.1 += workers;
    }
    Some(sum)
}

impl ScrapeMemory {
    /// Counts of a part of a request in the recent past.
    pub(super) fn recent(&self, now: &Moment, api: ApiKey, part: Part) -> Counts {
        let Some(counts) = now.requests.get(&(api, part)) else { return Counts::default() };
        let earlier = self.older.as_ref().and_then(|older| older.requests.get(&(api, part)));
        earlier.map_or_else(|| counts.clone(), |earlier| counts.since(earlier))
    }

    pub(super) fn recent_commits(&self, now: &Moment) -> Counts {
        self.recent_of(now, |moment| &moment.metadata_commits)
    }

    pub(super) fn recent_segment_syncs(&self, now: &Moment) -> Counts {
        self.recent_of(now, |moment| &moment.segment_syncs)
    }

    fn recent_of(&self, now: &Moment, counts: fn(&Moment) -> &Counts) -> Counts {
        match &self.older {
            Some(older) => counts(now).since(counts(older)),
            None => counts(now).clone(),
        }
    }

    /// The moment that rates are told from, and the seconds since.
    fn rate_base(&self, now: &Moment) -> Option<(&Moment, f64)> {
        let base = self.older.as_ref().or(self.newer.as_ref())?;
        let passed_ms = now.at_ms - base.at_ms;
        (passed_ms >= SHORTEST_RATE_MS).then(|| (base, passed_ms as f64 / 1e3))
    }

    /// Connections per second of a listener.
    pub(super) fn connection_rate(&self, now: &Moment, listener: &str) -> Option<f64> {
        let (base, seconds) = self.rate_base(now)?;
        let created = |moment: &Moment| moment.connections.get(listener).copied().unwrap_or(0);
        Some(created(now).saturating_sub(created(base)) as f64 / seconds)
    }

    /// Share of time that the workers were idle.
    pub(super) fn idle_share(&self, now: &Moment) -> Option<f64> {
        let (base, seconds) = self.rate_base(now)?;
        let ((busy, workers), (busy_before, _)) = (now.busy?, base.busy?);
        let worked = busy.saturating_sub(busy_before).as_secs_f64();
        Some((1.0 - worked / (seconds * workers.max(1) as f64)).clamp(0.0, 1.0))
    }

    /// Ends a scrape.
    pub(super) fn remember(&mut self, now: Moment) {
        let is_due = self.newer.as_ref().is_none_or(|newer| now.at_ms - newer.at_ms >= WINDOW_MS);
        if is_due {
            self.older = self.newer.replace(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use barnabas_protocol::ApiKey;

    use super::{Moment, Part, ScrapeMemory};
    use crate::metrics::{Metrics, RequestTimes};

    fn request(metrics: &Metrics, took_ms: u64) {
        let received = Instant::now();
        let times = RequestTimes { received, started: received };
        let unsent = metrics.request_answered(ApiKey::Produce, times, Some(Duration::ZERO));
        let done = received + Duration::from_millis(took_ms);
        unsent.sent(done, done);
    }

    fn scrape(memory: &mut ScrapeMemory, metrics: &Metrics, at_ms: i64) -> u64 {
        let now = Moment::now(metrics, at_ms);
        let seen = memory.recent(&now, ApiKey::Produce, Part::Total).total();
        memory.remember(now);
        seen
    }

    #[test]
    fn quantiles_forget_what_is_more_than_two_windows_old() {
        let (metrics, mut memory) = (Metrics::default(), ScrapeMemory::default());
        request(&metrics, 500);
        assert_eq!(scrape(&mut memory, &metrics, 0), 1, "since the start");
        request(&metrics, 1);
        assert_eq!(scrape(&mut memory, &metrics, 15_000), 2, "frequent scrapes shorten nothing");
        assert_eq!(scrape(&mut memory, &metrics, 60_000), 2);
        assert_eq!(scrape(&mut memory, &metrics, 75_000), 1, "what was before the first scrape is over");
        assert_eq!(scrape(&mut memory, &metrics, 120_000), 1);
        assert_eq!(scrape(&mut memory, &metrics, 135_000), 0);
    }

    #[test]
    fn rates_need_two_scrapes() {
        let (metrics, mut memory) = (Metrics::default(), ScrapeMemory::default());
        let listener = "PLAINTEXT".into();
        let now = Moment::now(&metrics, 0);
        assert_eq!(memory.connection_rate(&now, "PLAINTEXT"), None);
        memory.remember(now);
        let _open: Vec<_> = (0..20).map(|_| metrics.connection_opened(&listener)).collect();
        assert_eq!(memory.connection_rate(&Moment::now(&metrics, 10_000), "PLAINTEXT"), Some(2.0));
    }
}
