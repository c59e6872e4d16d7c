//! What waits for its turn to be decoded, and what does not.

use std::time::Duration;

use barnabas_common::SystemClock;
use barnabas_common::vfs::MemVfs;
use barnabas_config::{BrokerConfig, LoadInput};
use barnabas_metadata::CreateTopicsItem;
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use barnabas_protocol::{ApiKey, Message, Reader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::lifecycle::{RunningBroker, StartOptions, start};

const VERSION: i16 = 9;
/// Of an answer that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker with a compacted topic that takes half a megabyte.
async fn broker() -> RunningBroker {
    let settings = ["process.roles=broker,controller", "node.id=7", "listeners=PLAINTEXT://127.0.0.1:0", "log.dirs=/a"];
    let overrides = settings.map(str::to_owned).to_vec();
    let loaded = BrokerConfig::load(LoadInput { overrides, ..LoadInput::default() }).unwrap();
    let (vfs, clock) = (Arc::new(MemVfs::new()), Arc::new(SystemClock::default()));
    let running = start(StartOptions { config: loaded.config, cluster_id: None, vfs, clock }).await.unwrap();
    let config = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    let topic = CreateTopicsItem {
        name: "c".to_owned(),
        id: Uuid::random(),
        partitions: 1,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: vec![config("cleanup.policy", "compact"), config("max.message.bytes", "500000")],
    };
    running.broker.create_topics(vec![topic], false).await.unwrap().remove(0).unwrap();
    running
}

async fn send(running: &RunningBroker, value_bytes: usize) -> TcpStream {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    batch.add(1, Some(b"key"), Some(&vec![7; value_bytes]), &[]);
    let records = Some(batch.build(0, -1).unwrap().freeze());
    let topic = TopicProduceData {
        name: "c".to_owned(),
        partition_data: vec![PartitionProduceData { index: 0, records }],
        ..Default::default()
    };
    let request = ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() };
    let mut frame = vec![0; 4];
    frame.extend(ApiKey::Produce.code().to_be_bytes());
    frame.extend(VERSION.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0, 1, b't', 0]);
    frame.extend(request.encode(VERSION));
    let size = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&size.to_be_bytes());
    let mut stream = TcpStream::connect(running.listeners[0].address).await.unwrap();
    stream.write_all(&frame).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> i16 {
    let mut answer = vec![0; usize::try_from(stream.read_i32().await.unwrap()).unwrap()];
    stream.read_exact(&mut answer).await.unwrap();
    let mut reader = Reader::new(answer.into());
    reader.int32().unwrap();
    reader.unsigned_varint().unwrap();
    ProduceResponse::read(&mut reader, VERSION).unwrap().responses[0].partition_responses[0].error_code
}

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_are_too_large_do_not_wait_to_be_decoded() {
    let running = broker().await;
    let all = u32::try_from(running.broker.decoding.available_permits()).unwrap();
    let permits = running.broker.decoding.acquire_many(all).await.unwrap();
    let stream = send(&running, 600_000).await;
    let refused = tokio::time::timeout(PATIENCE, answer(stream)).await;
    assert_eq!(refused.unwrap(), ErrorCode::MessageTooLarge.code());
    drop(permits);
    assert_eq!(answer(send(&running, 400_000).await).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_to_be_decoded_counts_as_memory_of_requests() {
    let running = broker().await;
    let memory = &running.broker.request_memory;
    let all = u32::try_from(running.broker.decoding.available_permits()).unwrap();
    let permits = running.broker.decoding.acquire_many(all).await.unwrap();
    let (first, second) = (send(&running, 400_000).await, send(&running, 400_000).await);
    until(|| memory.used_bytes() >= 800_000).await;
    // Both have arrived as a whole by now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(memory.used_bytes() >= 800_000);
    drop(permits);
    assert_eq!((answer(first).await, answer(second).await), (0, 0));
    until(|| memory.used_bytes() == 0).await;
    running.stop().await;
}
