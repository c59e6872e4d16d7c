//! What the producer's test measured, and the lines it makes of it. Pure.

use serde_json::{Value, json};

use super::fixed;

/// Latencies are kept for so many records at most.
const MAX_SAMPLES: u64 = 500_000;

/// Counts of the whole test or of the time since the last report.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    records: u64,
    bytes: u64,
    latency_ms: u64,
    max_latency_ms: u64,
    began_ms: u64,
}

impl Window {
    fn add(&mut self, latency_ms: u64, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        self.latency_ms += latency_ms;
        self.max_latency_ms = self.max_latency_ms.max(latency_ms);
    }

    /// Records per second, MiB per second, average latency.
    fn rates(&self, now_ms: u64) -> (f64, f64, f64) {
        let elapsed = now_ms.saturating_sub(self.began_ms) as f64;
        let per_second = |count: f64| 1000.0 * count / elapsed;
        let average = self.latency_ms as f64 / self.records as f64;
        (per_second(self.records as f64), per_second(self.bytes as f64) / (1024.0 * 1024.0), average)
    }
}

/// Collects what became of records. Times are milliseconds since the start of the test.
pub(super) struct Stats {
    all: Window,
    window: Window,
    interval_ms: u64,
    sampling: u64,
    samples: Vec<u32>,
}

impl Stats {
    pub(super) fn new(records: u64, interval_ms: u64) -> Self {
        let sampling = records / records.clamp(1, MAX_SAMPLES);
        let (all, window) = (Window::default(), Window::default());
        Self { all, window, interval_ms, sampling: sampling.max(1), samples: Vec::new() }
    }

    /// A record was acknowledged; gives the line of a report when it is time.
    pub(super) fn record(&mut self, latency_ms: u64, bytes: u64, now_ms: u64) -> Option<String> {
        if self.all.records.is_multiple_of(self.sampling) {
            self.samples.push(u32::try_from(latency_ms).unwrap_or(u32::MAX));
        }
        self.all.add(latency_ms, bytes);
        self.window.add(latency_ms, bytes);
        if now_ms.saturating_sub(self.window.began_ms) < self.interval_ms {
            return None;
        }
        let (records, megabytes, average) = self.window.rates(now_ms);
        let line = format!(
            "{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency.",
            self.window.records,
            fixed(records, 1),
            fixed(megabytes, 2),
            fixed(average, 1),
            fixed(self.window.max_latency_ms as f64, 1)
        );
        self.window = Window { began_ms: now_ms, ..Window::default() };
        Some(line)
    }

    fn percentiles(&mut self) -> [u32; 4] {
        self.samples.sort_unstable();
        let size = self.samples.len();
        [0.5, 0.95, 0.99, 0.999].map(|share| {
            let index = (share * size as f64) as usize;
            self.samples.get(index.min(size.saturating_sub(1))).copied().unwrap_or_default()
        })
    }

    /// The last line.
    pub(super) fn total(&mut self, now_ms: u64) -> String {
        let (records, megabytes, average) = self.all.rates(now_ms);
        let [p50, p95, p99, p999] = self.percentiles();
        format!(
            "{} records sent, {} records/sec ({} MB/sec), {} ms avg latency, {} ms max latency, {p50} ms 50th, \
             {p95} ms 95th, {p99} ms 99th, {p999} ms 99.9th.",
            self.all.records,
            fixed(records, 6),
            fixed(megabytes, 2),
            fixed(average, 2),
            fixed(self.all.max_latency_ms as f64, 2)
        )
    }

    /// The last line, as JSON.
    pub(super) fn total_json(&mut self, now_ms: u64) -> Value {
        let (records, megabytes, average) = self.all.rates(now_ms);
        let [p50, p95, p99, p999] = self.percentiles();
        json!({
            "records": self.all.records,
            "recordBytes": self.all.bytes,
            "elapsedMs": now_ms.saturating_sub(self.all.began_ms),
            "recordsPerSec": records,
            "mbPerSec": megabytes,
            "avgLatencyMs": average,
            "maxLatencyMs": self.all.max_latency_ms,
            "p50LatencyMs": p50,
            "p95LatencyMs": p95,
            "p99LatencyMs": p99,
            "p999LatencyMs": p999,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_kafka() {
        let mut stats = Stats::new(3, 5000);
        assert_eq!(stats.record(1, 1 << 20, 100), None);
        assert_eq!(stats.record(2, 1 << 20, 200), None);
        let line = "3 records sent, 0.6 records/sec (0.60 MB/sec), 2.0 ms avg latency, 3.0 ms max latency.";
        assert_eq!(stats.record(3, 1 << 20, 5000).as_deref(), Some(line));
        let line = "3 records sent, 0.300000 records/sec (0.30 MB/sec), 2.00 ms avg latency, 3.00 ms max latency, 2 ms \
                    50th, 3 ms 95th, 3 ms 99th, 3 ms 99.9th.";
        assert_eq!(stats.total(10_000), line);
        assert_eq!(stats.total_json(10_000)["p50LatencyMs"], 2);
    }
}
