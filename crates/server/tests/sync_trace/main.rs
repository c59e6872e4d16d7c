//! In durable mode every acknowledgement has a finished sync before it: the system calls of the real binary under
//! load, as strace saw them, against what was answered. Nothing here depends on how the journal looks inside.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

#[path = "../common/mod.rs"]
mod common;
mod judge;
mod trace;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use barnabas_protocol::messages::offset_commit_request::*;
use barnabas_protocol::messages::{CreateTopicsRequest, OffsetCommitRequest, create_topics_request::CreatableTopic};
use common::{Client, DataDir, Launch, Server, produce_request, records};
use judge::{Acknowledged, Verdict};
use rustix::process::{Pid, Signal, kill_process};

const PARTITIONS: i32 = 8;
const CONNECTIONS: usize = 6;
const SMALL_REQUESTS: usize = 30;
/// Requests of a connection that are on their way at the same time.
const PIPELINED: usize = 3;
const LARGE_REQUESTS: usize = 2;
const LARGE_BYTES: usize = 400_000;
const COMMITS: usize = 10;
const TOPICS: usize = 3;
/// No string in the trace is cut short.
const STRING_LIMIT: &str = "16777216";
const CALLS: &str = "trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync";

/// A text that is nowhere else, for finding a request's bytes in what is written.
fn marker(what: &str, connection: usize, number: usize) -> String {
    format!("<{what}:{connection}:{number}>")
}

fn trace_of(durability: &str) -> (Vec<trace::Call>, Vec<Acknowledged>) {
    let has_strace = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    assert!(has_strace, "strace is missing; install it (Debian: apt-get install strace)");
    let data = DataDir::new();
    let file = data.beside("trace");
    let strace = ["strace", "-f", "-y", "-xx", "-s", STRING_LIMIT, "-e", CALLS, "-e", "signal=none", "-o"];
    let program = [&strace[..], &[file.to_str().unwrap()]].concat();
    let launch = Launch::on(&data).through(&program).set("barnabas.durability", durability);
    // Small, since all that is written goes through the trace, the zeros of new journal files as well.
    let launch = launch.set("barnabas.journal.bytes", "33554432");
    let traced = Traced(Some(launch.start()));
    let server = traced.0.as_ref().unwrap();
    let mut client = server.connect();
    client.create_topic("t", PARTITIONS, &[]);
    let address = server.address;
    let load = |connection| thread::spawn(move || produce(Client::connect(address), connection));
    let running: Vec<_> = (0..CONNECTIONS).map(load).collect();
    let mut acknowledged: Vec<_> = running.into_iter().flat_map(|load| load.join().unwrap()).collect();
    acknowledged.extend(commit_offsets(&mut server.connect()));
    acknowledged.extend(create_topics(&mut server.connect()));
    let calls = complete(&file, &acknowledged);
    drop(traced);
    (calls, acknowledged)
}

/// A broker under strace.
struct Traced(Option<Server>);

impl Drop for Traced {
    /// Ends the broker, and strace with it: the other way round the broker would go on without.
    fn drop(&mut self) {
        let Some(server) = self.0.take() else { return };
        let strace = server.pid();
        let children = std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)) {
            let _ = kill_process(child, Signal::KILL);
        }
        server.wait();
    }
}

/// Small batches over all partitions, several on their way at a time, and some large ones.
fn produce(mut client: Client, connection: usize) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let mut numbers = 0..SMALL_REQUESTS + LARGE_REQUESTS;
    loop {
        let mut sent = Vec::new();
        for number in numbers.by_ref().take(PIPELINED) {
            let mut value = marker("produce", connection, number);
            let correlation_id = 1_000_000 + i32::try_from(connection * 1000 + number).unwrap();
            acknowledged.push(Acknowledged { correlation_id, marker: value.clone() });
            if number >= SMALL_REQUESTS {
                value.extend(std::iter::repeat_n('x', LARGE_BYTES));
            }
            let partition = i32::try_from(connection + number).unwrap() % PARTITIONS;
            let request = produce_request("t", partition, -1, &records::batch(&[&value]));
            client.set_correlation_id(correlation_id);
            let (id, frame) = client.frame(12, &request);
            client.send_bytes(&frame);
            sent.push(id);
        }
        if sent.is_empty() {
            return acknowledged;
        }
        for id in sent {
            let answer = client.answer::<barnabas_protocol::messages::ProduceRequest>(12, id);
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        }
    }
}

fn commit_offsets(client: &mut Client) -> Vec<Acknowledged> {
    let commit = |number: usize| {
        let correlation_id = 2_000_000 + i32::try_from(number).unwrap();
        let marker = marker("commit", 0, number);
        let partition = OffsetCommitRequestPartition {
            committed_offset: i64::try_from(number).unwrap(),
            committed_metadata: Some(marker.clone()),
            ..Default::default()
        };
        let topic = OffsetCommitRequestTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
        let request = OffsetCommitRequest { group_id: "g".into(), topics: vec![topic], ..Default::default() };
        let started = Instant::now();
        loop {
            client.set_correlation_id(correlation_id);
            let code = client.call(8, &request).topics[0].partitions[0].error_code;
            if code == 0 {
                return Acknowledged { correlation_id, marker };
            }
            assert!(started.elapsed() < Duration::from_secs(20), "OffsetCommit is answered with error {code}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    (0..COMMITS).map(commit).collect()
}

fn create_topics(client: &mut Client) -> Vec<Acknowledged> {
    let create = |number: usize| {
        let correlation_id = 3_000_000 + i32::try_from(number).unwrap();
        let name = format!("created-topic-{number}-marked");
        let topic =
            CreatableTopic { name: name.clone(), num_partitions: 1, replication_factor: 1, ..Default::default() };
        client.set_correlation_id(correlation_id);
        let answer = client.call(7, &CreateTopicsRequest { topics: vec![topic], ..Default::default() });
        assert_eq!(answer.topics[0].error_code, 0);
        Acknowledged { correlation_id, marker: name }
    };
    (0..TOPICS).map(create).collect()
}

/// The trace, once it has all answers in it: strace writes a little later than things happen.
fn complete(file: &Path, acknowledged: &[Acknowledged]) -> Vec<trace::Call> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let bytes = std::fs::read(file).unwrap();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let calls = trace::parse(&text).unwrap();
        let answered = judge::answers(&calls);
        if acknowledged.iter().all(|one| answered.contains_key(&one.correlation_id)) {
            return calls;
        }
        assert!(Instant::now() < deadline, "{} of {} answers are in the trace", answered.len(), acknowledged.len());
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn every_acknowledgement_has_a_finished_sync_before_it() {
    let (calls, acknowledged) = trace_of("journal");
    let wrong: Vec<String> = judge::verdicts(&calls, &acknowledged)
        .into_iter()
        .filter(|(_, verdict)| *verdict != Verdict::Synced)
        .map(|(one, verdict)| format!("{}: {verdict:?}", one.marker))
        .collect();
    let expected = CONNECTIONS * (SMALL_REQUESTS + LARGE_REQUESTS) + COMMITS + TOPICS;
    assert_eq!(acknowledged.len(), expected);
    assert!(wrong.is_empty(), "{} of {expected} were acknowledged too early:\n{}", wrong.len(), wrong.join("\n"));
}

/// That the test can fail: without the journal nothing waits for the disk, offsets and metadata excepted.
#[test]
fn the_page_cache_mode_does_not_pass() {
    let (calls, acknowledged) = trace_of("page-cache");
    let verdicts = judge::verdicts(&calls, &acknowledged);
    let early = |what: &str, verdict: Verdict| {
        verdicts.iter().filter(|(one, found)| one.marker.contains(what) && *found == verdict).count()
    };
    assert!(early("produce", Verdict::NotSynced) > CONNECTIONS * SMALL_REQUESTS / 2, "{verdicts:?}");
    assert_eq!(early("created-topic", Verdict::Synced), TOPICS, "{verdicts:?}");
}
