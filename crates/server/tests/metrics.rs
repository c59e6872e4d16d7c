//! What the real binary tells over HTTP while it syncs and compacts.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use barnabas_protocol::records::Compression;
use common::{DataDir, Launch, Server, records};

/// Samples by name and labels.
struct Scrape(String);

impl Scrape {
    fn of(server: &Server) -> Self {
        let mut http = TcpStream::connect(server.ready["http"].as_str().unwrap()).unwrap();
        http.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        http.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Self(answer)
    }

    fn get(&self, sample: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn syncs_and_compaction_are_told_over_http() {
    let data = DataDir::new();
    let http = ("barnabas.http.listener", "127.0.0.1:0");
    let server = Launch::on(&data).set(http.0, http.1).set("log.cleaner.backoff.ms", "50").start();
    let mut client = server.connect();
    let configs = [("cleanup.policy", "compact"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];
    client.create_topic("t", 1, &configs);
    let before = Scrape::of(&server);
    let syncs = "kafka_log_logflushstats_logflushrateandtimems_count";
    let recopied = "kafka_log_logcleaner_cleaner_recopy_percent";
    assert_eq!(before.get(recopied), None, "nothing was compacted yet");
    let value = vec![b'.'; 50_000];
    for i in 0..100 {
        let key = format!("key {}", i % 5);
        let batch = records::keyed(Compression::None, &[(&key, &value)]);
        assert_eq!(client.produce("t", 0, &batch).error_code, 0);
    }
    wait_until("a compaction is told of", || {
        let scrape = Scrape::of(&server);
        let is_smaller = scrape.get("kafka_log_log_size{topic=\"t\",partition=\"0\"}").unwrap() < 3e6;
        is_smaller && scrape.get(recopied).is_some()
    });
    let after = Scrape::of(&server);
    assert!(after.get(syncs).unwrap() >= before.get(syncs).unwrap() + 4.0, "closed segments, and what is left of them");
    assert!(after.get("kafka_log_logflushstats_logflushrateandtimems{quantile=\"0.50\"}").unwrap() > 0.0);
    assert!((1.0..90.0).contains(&after.get(recopied).unwrap()));
    assert!(after.get("kafka_log_logcleaner_max_clean_time_secs").unwrap() > 0.0);
    assert!(after.get("kafka_log_logcleaner_max_buffer_utilization_percent").unwrap() > 0.0);
    assert_eq!(after.get("kafka_log_logcleaner_deadthreadcount"), Some(0.0));
    let of_dir = |name: &str| after.get(&format!("{name}{{logDirectory=\"{}\"}}", data.path().display()));
    assert_eq!(of_dir("kafka_log_logcleanermanager_uncleanable_partitions_count"), Some(0.0));
    assert_eq!(of_dir("kafka_log_logcleanermanager_uncleanable_bytes"), Some(0.0));
    assert_eq!(of_dir("barnabas_logdir_refused_appends_total"), Some(0.0));
    server.assert_unharmed();
}
