//! What a scrape says of compaction and of syncs, while both happen and when they fail.

use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_broker::RunningBroker;
use barnabas_common::vfs::{DirEntry, DiskSpace, FileId, FileStat, OpenMode, Vfs, VfsDir, VfsFile};
use barnabas_common::{Clock, SystemClock};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use bytes::Bytes;

use crate::support::{Client, Disks, eventually, scrape, start, try_scrape};

const BACKOFF: &str = "log.cleaner.backoff.ms=20";
const DIRTY: &str = "kafka_log_logcleanermanager_max_dirty_percent";
const SYNCS: &str = "kafka_log_logflushstats_logflushrateandtimems_count";
const DEAD: &str = "kafka_log_logcleaner_deadthreadcount";
const DELAY: &str = "kafka_log_logcleaner_max_compaction_delay_secs";
const UNCLEANABLE: &str = "kafka_log_logcleanermanager_uncleanable_partitions_count{logDirectory=\"/a\"}";
const UNCLEANABLE_BYTES: &str = "kafka_log_logcleanermanager_uncleanable_bytes{logDirectory=\"/a\"}";

/// Records of 100 kB with ten keys that come again and again.
async fn produce_keyed(client: &mut Client, topic: &str, count: usize, age_ms: i64) {
    let value = vec![b'.'; 100_000];
    for i in 0..count {
        let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        let key = format!("key {}", i % 10);
        batch.add(SystemClock::default().wall_ms() - age_ms, Some(key.as_bytes()), Some(&value), &[]);
        let batch: Bytes = batch.build(0, -1).unwrap().freeze();
        assert_eq!(client.append(topic, 0, batch).await.error_code, 0);
    }
}

async fn compacted(client: &mut Client, topic: &str, more: &[(&str, &str)]) {
    let configs = [&[("cleanup.policy", "compact"), ("segment.bytes", "1048576")], more].concat();
    assert_eq!(client.create_topic(topic, 1, &configs).await.error_code, 0);
}

/// Waits until a sample is there and as it should be.
async fn becomes(running: &RunningBroker, sample: &str, holds: impl Fn(f64) -> bool) -> f64 {
    let look = async || try_scrape(running, sample).await.filter(|value| holds(*value));
    eventually(sample, look).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_is_told_of() {
    let running = start(Disks::default(), &[BACKOFF]).await;
    let mut client = Client::connect(&running).await;
    // Never dirty enough.
    compacted(&mut client, "t", &[("min.cleanable.dirty.ratio", "1.0")]).await;
    let (recopied, longest, fullest) = (
        "kafka_log_logcleaner_cleaner_recopy_percent",
        "kafka_log_logcleaner_max_clean_time_secs",
        "kafka_log_logcleaner_max_buffer_utilization_percent",
    );
    for sample in [recopied, longest, fullest] {
        assert_eq!(try_scrape(&running, sample).await, None, "{sample} before anything was compacted");
    }
    becomes(&running, DIRTY, |percent| percent == 0.0).await;
    let syncs = scrape(&running, SYNCS).await;
    produce_keyed(&mut client, "t", 60, 0).await;
    becomes(&running, DIRTY, |percent| percent == 100.0).await;
    becomes(&running, SYNCS, |count| count >= syncs + 5.0).await;
    assert!(scrape(&running, "kafka_log_log_numlogsegments{topic=\"t\",partition=\"0\"}").await >= 6.0);
    assert!(scrape(&running, "kafka_log_logflushstats_logflushrateandtimems{quantile=\"0.99\"}").await > 0.0);

    assert_eq!(client.alter_topic("t", "min.cleanable.dirty.ratio", "0.01").await, 0);
    becomes(&running, DIRTY, |percent| percent == 0.0).await;
    let (recopied, longest) = (scrape(&running, recopied).await, scrape(&running, longest).await);
    // Ten records of sixty, or of those that were in closed segments then.
    assert!(recopied > 10.0 && recopied < 60.0, "{recopied}");
    assert!(longest > 0.0 && longest < 60.0, "{longest}");
    let fullest = scrape(&running, fullest).await;
    assert!(fullest > 0.0 && fullest < 1.0, "{fullest}: ten keys");
    assert!(scrape(&running, "kafka_log_log_size{topic=\"t\",partition=\"0\"}").await < 4e6);
    assert_eq!((scrape(&running, DEAD).await, scrape(&running, UNCLEANABLE).await), (0.0, 0.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_that_is_late_and_slow_is_told_of_while_it_runs() {
    let running = start(Disks::default(), &[BACKOFF, "log.cleaner.io.max.bytes.per.second=100000"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(becomes(&running, DELAY, |_| true).await, 0.0);
    compacted(&mut client, "t", &[("max.compaction.lag.ms", "1000"), ("min.cleanable.dirty.ratio", "1.0")]).await;
    produce_keyed(&mut client, "t", 30, 500_000).await;
    let delay = becomes(&running, DELAY, |seconds| seconds > 0.0).await;
    assert!((499.0..600.0).contains(&delay), "{delay}");
    // The only thread is at work now, and looks for no other log.
    let since = "kafka_log_logcleanermanager_time_since_last_run_ms";
    becomes(&running, since, |ms| ms > 200.0).await;
    running.stop().await;
    // Without a thread there is nothing to tell.
    let running = start(Disks::default(), &["log.cleaner.enable=false"]).await;
    for sample in [DELAY, DEAD, DIRTY, UNCLEANABLE] {
        assert_eq!(try_scrape(&running, sample).await, None, "{sample}");
    }
    running.stop().await;
}

/// Disks on which a defect of ours shows when a segment is rewritten.
struct Defective(Disks);

impl Vfs for Defective {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let is_rewritten = path.to_str().unwrap().ends_with("t-0/00000000000000000000.log.cleaned");
        assert!(!is_rewritten, "a defect for the test");
        self.0.open(path, mode)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.read_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir_all(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.exists(path)
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        self.0.stat(path)
    }

    fn file_id(&self, path: &Path) -> io::Result<FileId> {
        self.0.file_id(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>> {
        self.0.open_dir(path)
    }

    fn disk_space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.0.disk_space(path)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_makes_the_cleaner_panic_is_given_up_and_the_thread_is_dead_for_a_while() {
    let running = start(Defective(Disks::default()), &[BACKOFF, "log.cleaner.threads=2"]).await;
    let mut client = Client::connect(&running).await;
    compacted(&mut client, "t", &[("min.cleanable.dirty.ratio", "0.01")]).await;
    compacted(&mut client, "other", &[("min.cleanable.dirty.ratio", "0.01")]).await;
    produce_keyed(&mut client, "t", 40, 0).await;
    becomes(&running, UNCLEANABLE, |count| count == 1.0).await;
    becomes(&running, DEAD, |count| count == 1.0).await;
    let bytes = becomes(&running, UNCLEANABLE_BYTES, |bytes| bytes > 2e6).await;
    assert!(bytes < 4.1e6, "{bytes}");
    assert_eq!(client.read_to_end("t", 0, 0).await, 40, "nothing has happened to it");

    produce_keyed(&mut client, "other", 60, 0).await;
    becomes(&running, "kafka_log_log_size{topic=\"other\",partition=\"0\"}", |bytes| bytes < 4e6).await;
    assert_eq!(client.delete_topic("t").await, 0);
    becomes(&running, UNCLEANABLE, |count| count == 0.0).await;
    assert_eq!(scrape(&running, UNCLEANABLE_BYTES).await, 0.0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sync_of_a_segment_is_counted_and_no_other() {
    let settings = ["barnabas.durability=page-cache", "log.cleaner.enable=false"];
    let running = start(Disks::default(), &settings).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("synced", 1, &[("flush.messages", "1")]).await.error_code, 0);
    assert_eq!(client.create_topic("cached", 1, &[]).await.error_code, 0);
    let before = scrape(&running, SYNCS).await;
    for _ in 0..5 {
        assert_eq!(client.produce("synced", 0, b"v").await.error_code, 0);
        assert_eq!(client.produce("cached", 0, b"v").await.error_code, 0);
    }
    assert_eq!(scrape(&running, SYNCS).await - before, 5.0);
    running.stop().await;

    let running = start(Disks::default(), &["log.cleaner.enable=false"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    let before = scrape(&running, SYNCS).await;
    assert_eq!(client.produce("t", 0, &vec![b'x'; 500_000]).await.error_code, 0);
    assert_eq!(scrape(&running, SYNCS).await - before, 1.0, "a large append goes past the journal");
    running.stop().await;
}

/// There may be thousands of them, and a scrape every few seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_touches_no_file_of_idle_partitions() {
    const PARTITIONS: i32 = 300;
    let disks = Disks::default();
    let running = start(disks.clone(), &["log.cleaner.enable=false"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("idle", PARTITIONS, &[]).await.error_code, 0);
    let before = disks.a.op_count();
    let last = format!("kafka_log_log_numlogsegments{{topic=\"idle\",partition=\"{}\"}}", PARTITIONS - 1);
    assert_eq!(scrape(&running, &last).await, 1.0);
    // What others do meanwhile is less than one call for each partition.
    let calls = disks.a.op_count() - before;
    assert!(calls < 100, "{calls}");
    running.stop().await;
}
