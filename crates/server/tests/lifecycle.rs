//! Starting, stopping and starting again: what a folder holds, what is kept, what a configuration does.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use barnabas_protocol::Message;
use barnabas_protocol::messages::describe_configs_request::DescribeConfigsResource;
use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::*;
use common::{Client, DataDir, Launch, produce_request, records};
use rustix::process::Signal;

const TOPIC_RESOURCE: i8 = 2;
const STOP_LIMIT: Duration = Duration::from_secs(2);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_empty_folder_is_formatted_once() {
    let data = DataDir::new();
    let server = Launch::on(&data).set("node.id", "7").start();
    assert_eq!(server.ready["formatted"], true);
    let cluster_id = server.ready["cluster_id"].as_str().unwrap().to_owned();
    let meta = || fs::read_to_string(data.path().join("meta.properties")).unwrap();
    let first = meta();
    let keys: Vec<_> = first.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(keys.contains(&"version=1"), "{first}");
    assert!(keys.contains(&"node.id=7"), "{first}");
    assert!(keys.contains(&format!("cluster.id={cluster_id}").as_str()), "{first}");
    let directory_id = keys.iter().find_map(|line| line.strip_prefix("directory.id=")).unwrap();
    assert_eq!((directory_id.len(), cluster_id.len()), (22, 22));
    assert_eq!(server.connect().metadata(None).cluster_id.as_deref(), Some(cluster_id.as_str()));
    server.stop();
    let server = Launch::on(&data).set("node.id", "7").start();
    assert_eq!(server.ready["formatted"], false);
    assert_eq!(server.ready["cluster_id"], cluster_id.as_str());
    assert_eq!(meta(), first);
}

#[test]
fn signals_stop_cleanly_and_at_once() {
    let data = DataDir::new();
    let marker = data.path().join(".kafka_cleanshutdown");
    for signal in [Signal::TERM, Signal::INT] {
        let server = Launch::on(&data).start();
        assert!(!marker.exists(), "a running broker is not cleanly stopped");
        let mut waiting = server.connect();
        if waiting.metadata(Some("t")).topics[0].error_code != 0 {
            waiting.create_topic("t", 1, &[]);
        }
        // Neither an idle client nor one that waits holds up the end.
        let _idle = server.connect();
        let mut wait = common::fetch_request("t", 0, 0);
        (wait.max_wait_ms, wait.min_bytes) = (60_000, 1);
        let (_, frame) = waiting.frame(12, &wait);
        waiting.send_bytes(&frame);
        let asked = Instant::now();
        server.signal(signal);
        let status = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(asked.elapsed() < STOP_LIMIT, "{:?}", asked.elapsed());
        assert!(marker.exists());
    }
}

fn committed(client: &mut Client) -> i64 {
    let mut request = OffsetFetchRequest { group_id: "g".to_owned(), ..Default::default() };
    request.topics =
        Some(vec![offset_fetch_request::OffsetFetchRequestTopic { name: "t".to_owned(), partition_indexes: vec![0] }]);
    client.call(7, &request).topics[0].partitions[0].committed_offset
}

fn retention_ms(client: &mut Client) -> Option<String> {
    let resource = DescribeConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: "t".to_owned(),
        configuration_keys: Some(vec!["retention.ms".to_owned()]),
    };
    let answer = client.call(4, &DescribeConfigsRequest { resources: vec![resource], ..Default::default() });
    answer.results[0].configs[0].value.clone()
}

fn keeps_everything_over(end: impl Fn(common::Server)) {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 3, &[("retention.ms", "123456789")]);
    client.create_topic("gone", 1, &[]);
    for partition in 0..3 {
        for _ in 0..=partition {
            assert_eq!(client.produce("t", partition, &records::batch(&["a", "b"])).error_code, 0);
        }
    }
    let partition = OffsetCommitRequestPartition { committed_offset: 42, ..Default::default() };
    let topic = OffsetCommitRequestTopic { name: "t".to_owned(), partitions: vec![partition], ..Default::default() };
    let commit = OffsetCommitRequest { group_id: "g".to_owned(), topics: vec![topic], ..Default::default() };
    assert_eq!(client.call(8, &commit).topics[0].partitions[0].error_code, 0);
    let deletion = DeleteTopicsRequest { topic_names: vec!["gone".to_owned()], timeout_ms: 5000, ..Default::default() };
    assert_eq!(client.call(5, &deletion).responses[0].error_code, 0);
    let before = client.metadata(Some("t"));
    let fetched: Vec<_> = (0..3).map(|partition| client.fetch("t", partition, 0).records).collect();
    drop(client);
    end(server);

    let server = Launch::on(&data).start();
    let mut client = server.connect();
    let after = client.metadata(Some("t"));
    assert_eq!(after.topics[0].topic_id, before.topics[0].topic_id);
    assert_eq!(after.topics[0].partitions.len(), 3);
    assert_eq!(after.cluster_id, before.cluster_id);
    for (partition, before) in (0..).zip(fetched) {
        let now = client.fetch("t", partition, 0);
        assert_eq!(now.high_watermark, 2 * (i64::from(partition) + 1));
        assert_eq!(now.records, before);
    }
    assert_eq!(committed(&mut client), 42);
    assert_eq!(retention_ms(&mut client).as_deref(), Some("123456789"));
    assert_eq!(client.metadata(Some("gone")).topics[0].error_code, 3);
    assert_eq!(client.produce("t", 0, &records::batch(&["c"])).base_offset, 2);
}

#[test]
fn a_restart_keeps_everything() {
    keeps_everything_over(|server| assert!(server.stop().0.success()));
}

#[test]
fn kill_9_keeps_everything() {
    keeps_everything_over(common::Server::kill);
}

/// Produces one record after the other until the connection breaks. Returns what was acknowledged.
fn produce_until_killed(mut client: Client, round: usize) -> Vec<(i64, String)> {
    let mut acknowledged = Vec::new();
    loop {
        let value = format!("round-{round}-record-{};", acknowledged.len());
        let (id, frame) = client.frame(12, &produce_request("t", 0, -1, &records::batch(&[&value])));
        if client.stream.write_all(&frame).is_err() {
            return acknowledged;
        }
        let Ok(answer) = client.receive() else { return acknowledged };
        assert_eq!(answer[..4], id.to_be_bytes());
        let body = answer.slice(5..);
        let answer = ProduceResponse::decode(body, 12).unwrap();
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0);
        acknowledged.push((partition.base_offset, value));
    }
}

#[test]
fn kill_9_while_producing_loses_nothing_acknowledged() {
    let data = DataDir::new();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let server = Launch::on(&data).start();
        let mut client = server.connect();
        if round == 0 {
            client.create_topic("t", 1, &[]);
        }
        let fetched = client.fetch("t", 0, 0).records.unwrap();
        let stored = records::offsets(&fetched);
        let text = String::from_utf8_lossy(&fetched.into_bytes().unwrap()).into_owned();
        for (offset, value) in &acknowledged {
            assert!(stored.contains(&(*offset, *offset)), "offset {offset} is lost");
            assert_eq!(text.matches(value).count(), 1, "{value}");
        }
        let producing = thread::spawn(move || produce_until_killed(client, round));
        thread::sleep(Duration::from_millis(200));
        server.kill();
        let new = producing.join().unwrap();
        assert!(!new.is_empty());
        acknowledged.extend(new);
    }
}

/// How many partitions a topic gets that leaves it to the broker.
fn default_partitions(server: &common::Server) -> usize {
    let mut client = server.connect();
    client.create_topic("d", -1, &[]);
    client.metadata(Some("d")).topics[0].partitions.len()
}

#[test]
fn a_server_properties_of_a_single_kraft_node_works_as_it_is() {
    let data = DataDir::new();
    let file = data.beside("server.properties");
    let (port, controller) = (free_port(), free_port());
    let text = format!(
        "# as it comes with Kafka\nprocess.roles=broker,controller\nnode.id=3\n\
         controller.quorum.voters=3@localhost:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         inter.broker.listener.name=PLAINTEXT\nadvertised.listeners=PLAINTEXT://localhost:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT\n\
         num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\nlog.dirs={}\nnum.partitions=5\n\
         num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\nlog.retention.hours=168\n\
         log.segment.bytes=1073741824\nlog.retention.check.interval.ms=300000\nbarnabas.http.listener=\n",
        data.path().display()
    );
    fs::write(&file, text).unwrap();
    let server = Launch::file(&data, &file).start();
    assert_eq!(server.ready["warnings"], serde_json::json!([]), "{}", server.ready);
    assert_eq!(default_partitions(&server), 5);
    let metadata = server.connect().metadata(None);
    assert_eq!((metadata.brokers[0].node_id, metadata.controller_id), (3, 3));
    assert_eq!((metadata.brokers[0].host.as_str(), metadata.brokers[0].port), ("localhost", i32::from(port)));
}

#[test]
fn unknown_keys_are_told_with_the_nearest_name() {
    let server = Launch::new().set("num.partition", "9").set("log.retention.hour", "1").start();
    let warnings = server.ready["warnings"].to_string();
    for (key, meant) in [("num.partition ", "num.partitions"), ("log.retention.hour ", "log.retention.hours")] {
        assert!(warnings.contains(key) && warnings.contains(&format!("did you mean {meant}?")), "{warnings}");
    }
    assert_eq!(default_partitions(&server), 1);
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let data = DataDir::new();
    let file = data.beside("server.properties");
    fs::write(&file, "num.partitions=2\nbarnabas.http.listener=\nlisteners=PLAINTEXT://127.0.0.1:0\n").unwrap();
    let path = data.path();
    let only_file = Launch::file(&data, &file).env("KAFKA_LOG_DIRS", path.to_str().unwrap());
    assert_eq!(default_partitions(&only_file.start()), 2);
    let (other, third) = (DataDir::new(), DataDir::new());
    let with_env = only_file.env("KAFKA_LOG_DIRS", other.path().to_str().unwrap()).env("KAFKA_NUM_PARTITIONS", "3");
    assert_eq!(default_partitions(&with_env.start()), 3);
    let with_flag = with_env.env("KAFKA_LOG_DIRS", third.path().to_str().unwrap()).set("num.partitions", "4");
    assert_eq!(default_partitions(&with_flag.start()), 4);
}

#[test]
fn broken_settings_are_refused_with_their_name() {
    for (key, value) in
        [("num.partitions", "many"), ("num.partitions", "0"), ("listeners", "PLAINTEXT://x:y"), ("node.id", "-3")]
    {
        let refusal = Launch::new().set(key, value).refuse();
        assert_eq!(refusal.code, Some(1));
        assert!(refusal.only_line().contains(key), "{refusal:?}");
    }
    let missing = Launch::new().argument("/nowhere/server.properties").refuse();
    assert_eq!(missing.code, Some(1));
    assert!(missing.only_line().contains("/nowhere/server.properties"), "{missing:?}");
}
