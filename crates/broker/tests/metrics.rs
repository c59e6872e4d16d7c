//! A broker in this process, a few requests over its socket, and what a scrape then says of them.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod on_disk;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barnabas_broker::{RunningBroker, exposition};
use barnabas_common::{Clock, SystemClock};
use tempfile::TempDir;

use crate::wire::{Client, batch};

/// The age that records claim to have.
const RECORD_AGE_MS: i64 = 90_000;

async fn start(dir: &TempDir) -> RunningBroker {
    on_disk::start(dir, "metrics-test", &["offsets.topic.num.partitions=3"]).await
}

async fn create_topic(client: &mut Client, name: &str, partitions: i32) {
    assert_eq!(client.create_topic(name, partitions, &[]).await.error_code, 0);
}

/// Appends records of [`RECORD_AGE_MS`]. Returns the bytes sent, or the error.
async fn produce(client: &mut Client, topic: &str, index: i32, records: usize) -> Result<usize, i16> {
    let values: Vec<&[u8]> = vec![b"value"; records];
    let batch = batch(SystemClock::default().wall_ms() - RECORD_AGE_MS, &values);
    let size = batch.len();
    match client.append(topic, index, batch).await.error_code {
        0 => Ok(size),
        error => Err(error),
    }
}

/// The bytes that came.
async fn fetch(client: &mut Client, topic: &str, max_wait_ms: i32, offset: i64) -> usize {
    let answer = client.fetch_within(max_wait_ms, topic, 0, offset).await;
    answer.records.map_or(0, |records| records.len())
}

async fn commit(client: &mut Client, group: &str, topic: &str, partition: i32, offset: i64) {
    assert_eq!(client.commit(group, topic, partition, offset).await, 0);
}

/// Samples by name and labels, as they are written.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(running: &RunningBroker) -> Self {
        let broker = Arc::clone(&running.broker);
        let text = tokio::task::spawn_blocking(move || exposition::render(&broker)).await.unwrap();
        if let Some(path) = std::env::var_os("METRICS_DUMP") {
            std::fs::write(path, &text).unwrap();
        }
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let earlier = samples.insert(name.to_owned(), value.parse().unwrap());
            assert!(earlier.is_none(), "{name} is there twice");
        }
        check_families(&text);
        Self(samples)
    }

    fn get(&self, sample: &str) -> f64 {
        *self.0.get(sample).unwrap_or_else(|| panic!("{sample} is missing"))
    }

    fn mentions(&self, text: &str) -> bool {
        self.0.keys().any(|sample| sample.contains(text))
    }
}

/// Every family stands in one piece under its header and is documented.
fn check_families(text: &str) {
    let documented = exposition::render_markdown();
    let types: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut names: Vec<_> = types.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.iter().all(|name| documented.contains(&format!("| `{name}` |"))));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a family is there twice");
    let mut family = "";
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("# TYPE ") {
            family = header.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(family), "{line} stands under {family}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_tells_what_happened() {
    let dir = TempDir::new().unwrap();
    let running = start(&dir).await;
    let mut client = Client::connect(&running).await;
    create_topic(&mut client, "orders", 2).await;
    let first = produce(&mut client, "orders", 0, 3).await.unwrap();
    let second = produce(&mut client, "orders", 0, 2).await.unwrap();
    assert!(produce(&mut client, "no-such-topic", 0, 1).await.is_err());
    let fetched = fetch(&mut client, "orders", 0, 0).await;
    assert_eq!(fetch(&mut client, "orders", 300, 5).await, 0);
    commit(&mut client, "billing", "orders", 0, 3).await;
    let scrape = Scrape::of(&running).await;

    traffic(&scrape, (first + second) as f64, fetched as f64);
    cluster(&scrape, &dir);
    groups(&scrape);
    requests(&scrape);
    journals(&scrape, &dir);
    rates_come_with_the_second_scrape(&running).await;
    a_deleted_topic_leaves_nothing(&running, &mut client).await;
    the_journal_is_written(&running, &mut client, &dir).await;
    running.stop().await;
}

/// A sample of the journal.
fn of_journal(scrape: &Scrape, dir: &TempDir, what: &str) -> f64 {
    scrape.get(&format!("barnabas_journal_{what}{{logDirectory=\"{}\"}}", dir.path().display()))
}

/// Two produce requests and a commit have been made durable in one way or the other.
fn journals(scrape: &Scrape, dir: &TempDir) {
    let get = |what: &str| of_journal(scrape, dir, what);
    let (appends, bypassing) = (get("appends_total"), get("bypassing_appends_total"));
    assert_eq!(appends + bypassing, 3.0);
    assert!(get("sync_seconds_count") <= appends && get("written_bytes_total") >= 100.0 * appends);
    assert_eq!(get("is_behind"), 0.0);
    assert!(scrape.mentions("state=\"free\"") && scrape.mentions("state=\"full\""));
}

async fn the_journal_is_written(running: &RunningBroker, client: &mut Client, dir: &TempDir) {
    create_topic(client, "journaled", 1).await;
    for _ in 0..600 {
        let before = Scrape::of(running).await;
        let bytes = produce(client, "journaled", 0, 2).await.unwrap();
        let after = Scrape::of(running).await;
        let grown = |what: &str| of_journal(&after, dir, what) - of_journal(&before, dir, what);
        if grown("appends_total") > 0.0 {
            assert!(grown("written_bytes_total") > bytes as f64);
            assert_eq!((grown("sync_seconds_count"), grown("bypassing_appends_total")), (1.0, 0.0));
            assert!(grown("sync_seconds_sum") > 0.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the journal is not used");
}

fn traffic(scrape: &Scrape, bytes_in: f64, bytes_out: f64) {
    let name = |what: &str| format!("kafka_server_brokertopicmetrics_{what}_total");
    for labels in ["", "{topic=\"orders\"}"] {
        assert_eq!(scrape.get(&(name("messagesin") + labels)), 5.0);
        assert_eq!(scrape.get(&(name("bytesin") + labels)), bytes_in);
        assert_eq!(scrape.get(&(name("bytesout") + labels)), bytes_out);
        assert_eq!(scrape.get(&(name("totalproducerequests") + labels)), 2.0);
        assert_eq!(scrape.get(&(name("totalfetchrequests") + labels)), 2.0);
        assert_eq!(scrape.get(&(name("failedfetchrequests") + labels)), 0.0);
    }
    assert!(!scrape.mentions("no-such-topic"));
    let of = |family: &str| scrape.get(&format!("{family}{{topic=\"orders\",partition=\"0\"}}"));
    assert_eq!(of("kafka_log_log_size"), bytes_in);
    assert_eq!((of("kafka_log_log_logstartoffset"), of("kafka_log_log_logendoffset")), (0.0, 5.0));
    assert_eq!(of("kafka_log_log_numlogsegments"), 1.0);
    assert_eq!((of("kafka_topic_partition_oldest_offset"), of("kafka_topic_partition_current_offset")), (0.0, 5.0));
    assert_eq!((of("kafka_topic_partition_leader"), of("kafka_topic_partition_in_sync_replica")), (7.0, 1.0));
    assert_eq!((of("kafka_cluster_partition_atminisr"), of("kafka_cluster_partition_underminisr")), (1.0, 0.0));
}

fn cluster(scrape: &Scrape, dir: &TempDir) {
    let broker = |what: &str| scrape.get(&format!("kafka_server_replicamanager_{what}"));
    assert_eq!((broker("leadercount"), broker("partitioncount")), (5.0, 5.0));
    assert_eq!((broker("underreplicatedpartitions"), broker("underminisrpartitioncount")), (0.0, 0.0));
    assert_eq!((broker("isrshrinks_total"), broker("isrexpands_total")), (0.0, 0.0));
    let controller = |what: &str| scrape.get(&format!("kafka_controller_kafkacontroller_{what}"));
    assert_eq!((controller("activecontrollercount"), controller("activebrokercount")), (1.0, 1.0));
    assert_eq!((controller("globaltopiccount"), controller("globalpartitioncount")), (2.0, 5.0));
    assert_eq!((controller("offlinepartitionscount"), controller("preferredreplicaimbalancecount")), (0.0, 0.0));
    assert_eq!((scrape.get("kafka_brokers"), scrape.get("kafka_topic_partitions{topic=\"orders\"}")), (1.0, 2.0));
    assert_eq!(scrape.get("kafka_server_raftmetrics_current_state{current_state=\"leader\"}"), 1.0);
    assert_eq!(scrape.get("kafka_server_raftmetrics_current_leader"), 7.0);
    assert!(scrape.get("kafka_server_raftmetrics_commit_latency_avg") > 0.0);
    let volume =
        |what: &str| scrape.get(&format!("kafka_log_logdir_{what}_bytes{{logDirectory=\"{}\"}}", dir.path().display()));
    assert!(volume("total") >= volume("usable") && volume("usable") > 0.0);
    assert!(volume("used") >= scrape.get("kafka_log_log_size{topic=\"orders\",partition=\"0\"}"));
    assert_eq!(scrape.get("kafka_log_logmanager_offlinelogdirectorycount"), 0.0);
    assert!(scrape.get("process_resident_memory_bytes") > 1e6 && scrape.get("process_open_fds") > 5.0);
    let now = SystemClock::default().wall_ms() as f64 / 1e3;
    assert!((now - scrape.get("process_start_time_seconds")).abs() < 600.0);
    assert_eq!(scrape.get(&format!("barnabas_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
}

fn groups(scrape: &Scrape) {
    let of = |family: &str, partition: i32| {
        scrape.get(&format!(
            "kafka_consumergroup_{family}{{consumergroup=\"billing\",topic=\"orders\",partition=\"{partition}\"}}"
        ))
    };
    assert_eq!((of("current_offset", 0), of("lag", 0)), (3.0, 2.0));
    assert_eq!((of("current_offset", 1), of("lag", 1)), (-1.0, -1.0), "nothing is committed there");
    let sum = |family: &str| {
        scrape.get(&format!("kafka_consumergroup_{family}_sum{{consumergroup=\"billing\",topic=\"orders\"}}"))
    };
    assert_eq!((sum("current_offset"), sum("lag")), (3.0, 2.0));
    let labels = "{cluster_name=\"metrics-test\",group=\"billing\",topic=\"orders\",partition=\"0\"}";
    assert_eq!(scrape.get(&format!("kafka_consumergroup_group_lag{labels}")), 2.0);
    let seconds = scrape.get(&format!("kafka_consumergroup_group_lag_seconds{labels}"));
    assert!((90.0..150.0).contains(&seconds), "{seconds}");
    let millis = scrape.get("kafka_consumer_lag_millis{consumergroup=\"billing\",topic=\"orders\",partition=\"0\"}");
    assert_eq!(millis / 1e3, seconds);
    assert_eq!(scrape.get("kafka_consumergroup_members{consumergroup=\"billing\"}"), 0.0);
    assert_eq!(scrape.get("kafka_coordinator_group_groupmetadatamanager_numgroups"), 1.0);
    assert_eq!(scrape.get("kafka_coordinator_group_groupmetadatamanager_numgroupsempty"), 1.0);
    assert_eq!(scrape.get("kafka_coordinator_group_groupmetadatamanager_numoffsets"), 1.0);
}

fn requests(scrape: &Scrape) {
    assert_eq!(scrape.get("kafka_network_requestmetrics_requests_total{request=\"Produce\",version=\"9\"}"), 3.0);
    let errors = "kafka_network_requestmetrics_errors_total{request=\"Produce\",error=\"UNKNOWN_TOPIC_OR_PARTITION\"}";
    assert_eq!(scrape.get(errors), 1.0);
    for part in ["totaltimems", "requestqueuetimems", "localtimems", "remotetimems", "responsequeuetimems"] {
        let name = format!("kafka_network_requestmetrics_{part}");
        assert_eq!(scrape.get(&format!("{name}_count{{request=\"Produce\"}}")), 3.0, "{part}");
        assert!(scrape.get(&format!("{name}{{request=\"Produce\",quantile=\"0.99\"}}")) >= 0.0, "{part}");
    }
    let fetch =
        |part: &str| scrape.get(&format!("kafka_network_requestmetrics_{part}{{request=\"Fetch\",quantile=\"0.99\"}}"));
    assert!(fetch("remotetimems") > 200.0, "the second fetch waited");
    assert!(fetch("localtimems") < 100.0, "waiting is no work");
    assert!(fetch("totaltimems") > 200.0);
    let seconds = "kafka_network_requestmetrics_totaltime_seconds";
    assert_eq!(scrape.get(&format!("{seconds}_bucket{{request=\"Fetch\",le=\"+Inf\"}}")), 2.0);
    assert_eq!(scrape.get(&format!("{seconds}_bucket{{request=\"Fetch\",le=\"0.1\"}}")), 1.0);
    assert!(scrape.get(&format!("{seconds}_sum{{request=\"Fetch\"}}")) >= 0.3);
    // The last answer may have arrived before its sender has noticed.
    assert!(scrape.get("kafka_network_requestchannel_responsequeuesize") <= 1.0);
    let sockets = "kafka_server_socket_server_metrics_connection";
    assert_eq!(scrape.get(&format!("{sockets}_count{{listener=\"PLAINTEXT\"}}")), 1.0);
    assert_eq!(scrape.get(&format!("{sockets}_creation_total{{listener=\"PLAINTEXT\"}}")), 1.0);
}

async fn rates_come_with_the_second_scrape(running: &RunningBroker) {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let scrape = Scrape::of(running).await;
    let idle = scrape.get("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent");
    assert!(idle > 0.3 && idle <= 1.0, "{idle}");
    let rate = "kafka_server_socket_server_metrics_connection_creation_rate{listener=\"PLAINTEXT\"}";
    assert_eq!(scrape.get(rate), 0.0, "none since the first scrape");
}

async fn a_deleted_topic_leaves_nothing(running: &RunningBroker, client: &mut Client) {
    assert_eq!(client.delete_topic("orders").await, 0);
    let scrape = Scrape::of(running).await;
    assert!(!scrape.mentions("orders"));
    assert_eq!(scrape.get("kafka_server_brokertopicmetrics_messagesin_total"), 5.0, "the total stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_clients_choose_cannot_forge_samples() {
    let dir = TempDir::new().unwrap();
    let running = start(&dir).await;
    let mut client = Client::connect(&running).await;
    create_topic(&mut client, "orders", 1).await;
    commit(&mut client, "x\"} 1\nkafka_brokers 99\n\\", "orders", 0, 0).await;
    let scrape = Scrape::of(&running).await;
    assert_eq!(scrape.get("kafka_brokers"), 1.0);
    let sample =
        r#"kafka_consumergroup_lag{consumergroup="x\"} 1\nkafka_brokers 99\n\\",topic="orders",partition="0"}"#;
    assert_eq!(scrape.get(sample), 0.0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_partitions_are_scraped_quickly() {
    // Making a thousand logs durable is not what is measured: in memory where there is such a folder.
    let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let running = start(&dir).await;
    let mut client = Client::connect(&running).await;
    create_topic(&mut client, "wide", 1_000).await;
    for partition in (0..1_000).step_by(20) {
        produce(&mut client, "wide", partition, 2).await.unwrap();
        commit(&mut client, "slow", "wide", partition, 1).await;
    }
    Scrape::of(&running).await;
    let began = Instant::now();
    let scrape = Scrape::of(&running).await;
    let took = began.elapsed();
    println!("{} samples in {took:?}, parsed", scrape.0.len());
    // Unoptimised, on a busy machine, and with parsing; a release build takes a small part of it.
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(scrape.get("kafka_consumergroup_lag_sum{consumergroup=\"slow\",topic=\"wide\"}"), 50.0);
    running.stop().await;
}

/// With `BARNABAS_WRITE_DOCS` set, as `cargo xtask docs` does, the page is written first.
#[test]
fn the_page_of_metrics_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
    if std::env::var_os("BARNABAS_WRITE_DOCS").is_some() {
        std::fs::write(path, barnabas_broker::exposition::render_markdown()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        page,
        barnabas_broker::exposition::render_markdown(),
        "docs/METRICS.md is not what the table of metrics says; run cargo xtask docs"
    );
}
