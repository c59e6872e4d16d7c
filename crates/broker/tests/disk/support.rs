//! Disks, a broker on them, and a client that says what it wants and returns what it was told.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barnabas_broker::{RunningBroker, StartError, StartOptions, exposition};
use barnabas_common::vfs::{DirEntry, DiskSpace, FileId, FileStat, MemVfs, OpenMode, Vfs, VfsDir, VfsFile};
use barnabas_common::{Clock, SystemClock};
use barnabas_config::{BrokerConfig, LoadInput};
use barnabas_protocol::ApiKey;
use barnabas_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use barnabas_protocol::messages::fetch_response::PartitionData;
use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use barnabas_protocol::messages::produce_response::PartitionProduceResponse;
use barnabas_protocol::messages::*;
use barnabas_protocol::records::split_batches;

pub(crate) use crate::wire::Client;
use crate::wire::batch;

pub(crate) const STORAGE_ERROR: i16 = 56;
const LEADER_NOT_AVAILABLE: i16 = 5;
const EMFILE: i32 = 24;

/// One disk per log dir: `/a` holds the metadata, too.
#[derive(Clone, Default)]
pub(crate) struct Disks {
    pub(crate) a: MemVfs,
    pub(crate) b: MemVfs,
    /// Files and folders for which the process has no handle left.
    pub(crate) out_of_handles: Arc<Mutex<Vec<PathBuf>>>,
}

impl Disks {
    fn of(&self, path: &Path) -> &MemVfs {
        if path.starts_with("/b") { &self.b } else { &self.a }
    }

    /// What is on the disks when the process is killed now, without their faults.
    pub(crate) fn kill_clone(&self) -> Self {
        Self { a: self.a.kill_clone(), b: self.b.kill_clone(), ..Self::default() }
    }

    /// What a power loss may leave of them.
    pub(crate) fn crash_clone(&self, seed: u64) -> Self {
        Self { a: self.a.crash_clone(seed), b: self.b.crash_clone(seed), ..Self::default() }
    }

    fn need_handle(&self, path: &Path) -> io::Result<()> {
        let is_hit = self.out_of_handles.lock().unwrap().iter().any(|hit| hit == path);
        if is_hit { Err(io::Error::from_raw_os_error(EMFILE)) } else { Ok(()) }
    }
}

impl Vfs for Disks {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        self.need_handle(path)?;
        self.of(path).open(path, mode)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.of(path).create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.of(path).read_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.of(from).rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.of(path).remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.of(path).remove_dir_all(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.of(path).exists(path)
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        self.of(path).stat(path)
    }

    fn file_id(&self, path: &Path) -> io::Result<FileId> {
        self.of(path).file_id(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.need_handle(path)?;
        self.of(path).sync_dir(path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>> {
        self.need_handle(path)?;
        self.of(path).open_dir(path)
    }

    fn disk_space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.of(path).disk_space(path)
    }
}

pub(crate) async fn try_start(vfs: impl Vfs, settings: &[&str]) -> Result<RunningBroker, StartError> {
    let basics = [
        "process.roles=broker,controller",
        "node.id=7",
        "listeners=PLAINTEXT://127.0.0.1:0",
        "offsets.topic.num.partitions=1",
        "log.dirs=/a",
    ];
    let overrides = basics.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
    let loaded = BrokerConfig::load(LoadInput { overrides, ..LoadInput::default() }).unwrap();
    let clock = Arc::new(SystemClock::default());
    let cluster_id = Some("disk-test".to_owned());
    barnabas_broker::start(StartOptions { config: loaded.config, cluster_id, vfs: Arc::new(vfs), clock }).await
}

pub(crate) async fn start(vfs: impl Vfs, settings: &[&str]) -> RunningBroker {
    try_start(vfs, settings).await.unwrap()
}

/// Looks again and again until `look` finds something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never came: {what}");
}

/// The value of a sample in a scrape.
pub(crate) async fn scrape(running: &RunningBroker, sample: &str) -> f64 {
    try_scrape(running, sample).await.unwrap_or_else(|| panic!("{sample} is missing"))
}

/// The same for what may not be there (yet).
pub(crate) async fn try_scrape(running: &RunningBroker, sample: &str) -> Option<f64> {
    let broker = Arc::clone(&running.broker);
    let text = tokio::task::spawn_blocking(move || exposition::render(&broker)).await.unwrap();
    let line = text.lines().find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')));
    line.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

impl Client {
    /// Makes records before an offset unreadable; returns the error.
    pub(crate) async fn delete_records(&mut self, topic: &str, partition_index: i32, offset: i64) -> i16 {
        let partition = DeleteRecordsPartition { partition_index, offset };
        let topic = DeleteRecordsTopic { name: topic.to_owned(), partitions: vec![partition] };
        let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 5000 };
        let answer: DeleteRecordsResponse = self.call(ApiKey::DeleteRecords, 2, &request).await;
        answer.topics[0].partitions[0].error_code
    }

    /// Appends one record.
    pub(crate) async fn produce(&mut self, topic: &str, index: i32, value: &[u8]) -> PartitionProduceResponse {
        self.append(topic, index, batch(SystemClock::default().wall_ms(), &[value])).await
    }

    /// What is there now.
    pub(crate) async fn fetch(&mut self, topic: &str, partition: i32, fetch_offset: i64) -> PartitionData {
        self.fetch_within(0, topic, partition, fetch_offset).await
    }

    /// Offsets of all batches from `from` on, which must be one record each and come without a gap; returns where they
    /// end.
    pub(crate) async fn read_to_end(&mut self, topic: &str, partition: i32, from: i64) -> i64 {
        let mut next = from;
        loop {
            let fetched = self.fetch(topic, partition, next).await;
            assert_eq!(fetched.error_code, 0, "{topic}-{partition} at {next}");
            let records = fetched.records.unwrap_or_default();
            let before = next;
            for batch in split_batches(&records.into_bytes().unwrap()) {
                let (header, _) = batch.unwrap();
                assert_eq!(header.base_offset, next, "{topic}-{partition}");
                next = header.next_offset();
            }
            if next == before {
                assert_eq!(fetched.high_watermark, next, "{topic}-{partition}");
                return next;
            }
        }
    }

    /// The committed offset; -1 if there is none.
    pub(crate) async fn committed(&mut self, group: &str, topic: &str, index: i32) -> i64 {
        let topic = OffsetFetchRequestTopic { name: topic.to_owned(), partition_indexes: vec![index] };
        let request =
            OffsetFetchRequest { group_id: group.to_owned(), topics: Some(vec![topic]), ..Default::default() };
        let answer: OffsetFetchResponse = self.call(ApiKey::OffsetFetch, 7, &request).await;
        assert_eq!(answer.error_code, 0);
        answer.topics[0].partitions[0].committed_offset
    }

    /// Sets one configuration of a topic; returns the error.
    pub(crate) async fn alter_topic(&mut self, topic: &str, name: &str, value: &str) -> i16 {
        self.alter(2, topic, name, value).await.0
    }

    /// Sets one configuration of a broker or, without a name, of all; returns the error.
    pub(crate) async fn alter_broker(&mut self, broker: &str, name: &str, value: &str) -> (i16, String) {
        self.alter(4, broker, name, value).await
    }

    async fn alter(&mut self, resource_type: i8, resource: &str, name: &str, value: &str) -> (i16, String) {
        let config = AlterableConfig { name: name.to_owned(), config_operation: 0, value: Some(value.to_owned()) };
        let resource =
            AlterConfigsResource { resource_type, resource_name: resource.to_owned(), configs: vec![config] };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        let answer: IncrementalAlterConfigsResponse = self.call(ApiKey::IncrementalAlterConfigs, 1, &request).await;
        (answer.responses[0].error_code, answer.responses[0].error_message.clone().unwrap_or_default())
    }

    /// The value of one configuration of a topic.
    pub(crate) async fn topic_config(&mut self, topic: &str, name: &str) -> String {
        let resource = describe_configs_request::DescribeConfigsResource {
            resource_type: 2,
            resource_name: topic.to_owned(),
            configuration_keys: Some(vec![name.to_owned()]),
        };
        let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
        let answer: DescribeConfigsResponse = self.call(ApiKey::DescribeConfigs, 4, &request).await;
        answer.results[0].configs[0].value.clone().unwrap()
    }

    /// Partitions that have no leader, nobody in sync and this broker's replica offline; all others have what they need.
    pub(crate) async fn without_leader(&mut self, name: &str) -> Vec<i32> {
        let topic = metadata_request::MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
        let metadata: MetadataResponse = self.call(ApiKey::Metadata, 9, &request).await;
        let topic = describe_topic_partitions_request::TopicRequest { name: name.to_owned() };
        let request = DescribeTopicPartitionsRequest {
            topics: vec![topic],
            response_partition_limit: 2000,
            ..Default::default()
        };
        let described: DescribeTopicPartitionsResponse = self.call(ApiKey::DescribeTopicPartitions, 0, &request).await;
        let mut found = Vec::new();
        for (p, q) in metadata.topics[0].partitions.iter().zip(&described.topics[0].partitions) {
            assert_eq!((p.partition_index, p.error_code, p.leader_id), (q.partition_index, q.error_code, q.leader_id));
            assert_eq!((&p.isr_nodes, &p.offline_replicas), (&q.isr_nodes, &q.offline_replicas));
            let elr = (q.eligible_leader_replicas.clone().unwrap(), q.last_known_elr.clone().unwrap());
            match p.error_code {
                0 => assert_eq!((p.leader_id, &p.isr_nodes[..], &p.offline_replicas[..]), (7, &[7][..], &[][..])),
                LEADER_NOT_AVAILABLE => {
                    assert_eq!((p.leader_id, &p.isr_nodes[..], &p.offline_replicas[..]), (-1, &[][..], &[7][..]));
                    assert_eq!(elr, (vec![7], vec![7]));
                    found.push(p.partition_index);
                }
                error => panic!("{error}"),
            }
        }
        found
    }

    pub(crate) async fn log_dirs(&mut self) -> Vec<describe_log_dirs_response::DescribeLogDirsResult> {
        let request = DescribeLogDirsRequest { topics: None };
        let answer: DescribeLogDirsResponse = self.call(ApiKey::DescribeLogDirs, 4, &request).await;
        answer.results
    }
}
