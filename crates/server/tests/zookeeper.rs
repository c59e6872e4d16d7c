//! Files of the ZooKeeper era: one broker forms alone at once, several that share a ZooKeeper all refuse, whoever comes
//! first and whenever. With `ZOOKEEPER` set to `host:port` the same against that server, such as an Apache ZooKeeper.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{DataDir, Launch, Refusal, Server, records};
use rustix::process::Signal;

/// From start to ready, with room for a busy machine; a quiet one needs a tenth.
const AT_ONCE: Duration = Duration::from_secs(1);
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// Our server as a process, or the one of the environment.
struct ZooKeeper {
    process: Option<Child>,
    address: String,
    chroot: String,
}

impl ZooKeeper {
    fn start() -> Self {
        match std::env::var("ZOOKEEPER") {
            Ok(address) => Self { process: None, address, chroot: unique() },
            Err(_) => Self::ours(free_port()),
        }
    }

    fn ours(port: u16) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_barnabas"))
            .arg("zookeeper-server-start")
            .env_clear()
            .env("ZOOKEEPER_CLIENT_PORT", port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(&format!("binding to port 0.0.0.0/0.0.0.0:{port}")), "{line}");
        Self { process: Some(process), address: format!("127.0.0.1:{port}"), chroot: String::new() }
    }

    fn connect(&self) -> String {
        format!("{}{}", self.address, self.chroot)
    }

    fn word(&self, word: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(word.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn shell(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
        command.arg("zookeeper-shell").arg(self.connect()).args(words).output().unwrap()
    }

    fn registered(&self) -> usize {
        let output = String::from_utf8(self.shell(&["ls", "/barnabas/brokers"]).stdout).unwrap();
        let names = output.lines().find_map(|line| line.strip_prefix('[')?.strip_suffix(']')).unwrap_or_default();
        names.split(", ").filter(|name| !name.is_empty()).count()
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn unique() -> String {
    format!("/test-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

/// A broker as a compose file of the time gives it: ZooKeeper, id, and the container's name.
fn broker(data: &DataDir, connect: &str, id: i32, host: &str) -> Launch {
    Launch::on(data)
        .env("KAFKA_ZOOKEEPER_CONNECT", connect)
        .env("KAFKA_BROKER_ID", &id.to_string())
        .env("HOSTNAME", host)
}

fn refused(refusal: &Refusal, id: i32, other: &str) {
    let line = refusal.only_line();
    assert!(line.contains("brokers share ZooKeeper"), "{line}");
    assert!(line.contains(&format!(" {id} (")) && line.contains(other), "{line}");
    assert!(line.contains("single brokers") && line.contains("Keep one broker"), "{line}");
    assert_eq!(refusal.code, Some(1));
    assert_eq!(refusal.stdout, "");
}

/// Of a broker that was ready before it refused.
fn refuses_while_running(server: Server, other: &str) {
    let deadline = Instant::now() + REFUSED_WITHIN;
    let lines = || server.log_lines(&["barnabas: ", "brokers share ZooKeeper", other]).len();
    while lines() == 0 {
        assert!(Instant::now() < deadline, "it goes on serving\n{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(lines(), 1);
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn one_broker_forms_alone_at_once_and_stops_at_once() {
    let (zookeeper, data) = (ZooKeeper::start(), DataDir::new());
    for run in 0..3 {
        let server = broker(&data, &zookeeper.connect(), 1, &format!("container{run}")).start();
        assert!(server.started_in < AT_ONCE, "run {run}: {:?}", server.started_in);
        assert_eq!(server.ready["node_id"], 1);
        assert!(server.ready["notes"].to_string().contains("no other broker is registered"), "{}", server.ready);
        assert_eq!(zookeeper.registered(), 1);
        let stopping = Instant::now();
        server.stop();
        assert!(stopping.elapsed() < AT_ONCE, "{:?}", stopping.elapsed());
        assert_eq!(zookeeper.registered(), 0);
    }
}

#[test]
fn two_brokers_both_refuse() {
    let zookeeper = ZooKeeper::start();
    let connect = zookeeper.connect();
    let (first, second) = thread::scope(|scope| {
        let launch = |id: i32| broker(&DataDir::new(), &connect, id, &format!("kafka{id}"));
        let handles = [1, 2].map(|id| scope.spawn(move || launch(id).refuse()));
        let [first, second] = handles.map(|handle| handle.join().unwrap());
        (first, second)
    });
    for (outcome, id, other) in [(first, 1, "2 (kafka2)"), (second, 2, "1 (kafka1)")] {
        assert!(outcome.after < REFUSED_WITHIN, "{:?}", outcome.after);
        let mut outcome = outcome;
        // Whoever looked before the other was there has served for a moment.
        outcome.stdout.clear();
        refused(&outcome, id, other);
    }
}

#[test]
fn three_brokers_all_refuse() {
    let zookeeper = ZooKeeper::start();
    let connect = zookeeper.connect();
    let outcomes = thread::scope(|scope| {
        let launch = |id: i32| broker(&DataDir::new(), &connect, id, &format!("kafka{id}"));
        let handles = [1, 2, 3].map(|id| scope.spawn(move || launch(id).refuse()));
        handles.map(|handle| handle.join().unwrap())
    });
    for outcome in outcomes {
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.after < REFUSED_WITHIN, "{:?}", outcome.after);
    }
}

#[test]
fn a_later_broker_makes_both_refuse_and_nothing_is_lost() {
    let (zookeeper, data) = (ZooKeeper::start(), DataDir::new());
    let first = broker(&data, &zookeeper.connect(), 1, "kafka1").start();
    let mut client = first.connect();
    client.create_topic("t", 1, &[]);
    assert_eq!(client.produce("t", 0, &records::batch(&["a", "b"])).error_code, 0);
    thread::sleep(Duration::from_millis(1500));
    let later = broker(&DataDir::new(), &zookeeper.connect(), 2, "kafka2").refuse();
    refused(&later, 2, "1 (kafka1)");
    assert!(later.after < REFUSED_WITHIN, "{:?}", later.after);
    refuses_while_running(first, "2 (kafka2)");
    assert!(data.path().join(".kafka_cleanshutdown").exists());
    let alone = broker(&data, &zookeeper.connect(), 1, "kafka1").start();
    assert_eq!(records::offsets(&alone.connect().fetch("t", 0, 0).records.unwrap()), [(0, 1)]);
}

#[test]
fn twins_with_the_same_id_both_refuse() {
    let zookeeper = ZooKeeper::start();
    let first = broker(&DataDir::new(), &zookeeper.connect(), 1, "0a1b2c").start();
    let twin = broker(&DataDir::new(), &zookeeper.connect(), 1, "3d4e5f").refuse();
    refused(&twin, 1, "1 (0a1b2c)");
    assert!(twin.only_line().contains("different ids"));
    refuses_while_running(first, "1 (3d4e5f)");
}

#[test]
fn a_refusing_broker_ends_at_once_when_asked() {
    let zookeeper = ZooKeeper::start();
    let first = broker(&DataDir::new(), &zookeeper.connect(), 1, "kafka1").start();
    let _second = thread::spawn({
        let launch = broker(&DataDir::new(), &zookeeper.connect(), 2, "kafka2");
        move || launch.refuse()
    });
    first.wait_for_log(&["this one does not serve"]);
    thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    first.signal(Signal::TERM);
    assert_eq!(first.wait().code(), Some(1));
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
}

#[test]
fn a_killed_broker_comes_back() {
    let (zookeeper, data) = (ZooKeeper::start(), DataDir::new());
    broker(&data, &zookeeper.connect(), 1, "container1").start().kill();
    let other_container = broker(&data, &zookeeper.connect(), 1, "container2").start();
    // Session timeouts of real servers end at whole ticks.
    assert!(other_container.started_in < Duration::from_secs(8), "{:?}", other_container.started_in);
    if zookeeper.process.is_some() {
        assert!(other_container.started_in < Duration::from_secs(5), "{:?}", other_container.started_in);
    }
    other_container.stop();
}

#[test]
fn a_broker_that_was_killed_in_place_comes_back_at_once() {
    let (zookeeper, data, port) = (ZooKeeper::start(), DataDir::new(), free_port());
    let launch = || {
        let listeners = format!("PLAINTEXT://127.0.0.1:{port}");
        broker(&data, &zookeeper.connect(), 1, "container1").set("listeners", &listeners)
    };
    launch().start().kill();
    let again = launch().start();
    assert!(again.started_in < AT_ONCE, "{:?}", again.started_in);
}

#[test]
fn without_zookeeper_it_starts_at_once_and_looks_for_it() {
    let port = free_port();
    for connect in [format!("127.0.0.1:{port}"), "zookeeper.invalid:2181".to_owned()] {
        let server = broker(&DataDir::new(), &connect, 7, "kafka").start();
        assert!(server.started_in < AT_ONCE, "{:?}", server.started_in);
        assert!(server.ready["notes"].to_string().contains("not reached"), "{}", server.ready);
        server.stop();
    }
    let early = broker(&DataDir::new(), &format!("127.0.0.1:{port}"), 1, "kafka1").start();
    let zookeeper = ZooKeeper::ours(port);
    early.wait_for_log(&["registered at ZooKeeper"]);
    let later = broker(&DataDir::new(), &zookeeper.connect(), 2, "kafka2").refuse();
    refused(&later, 2, "1 (kafka1)");
    refuses_while_running(early, "2 (kafka2)");
}

#[test]
fn a_broker_with_roles_looks_for_nobody() {
    let zookeeper = ZooKeeper::start();
    let launch = || broker(&DataDir::new(), &zookeeper.connect(), 1, "k").set("process.roles", "broker,controller");
    let (first, second) = (launch().start(), launch().start());
    assert_eq!(zookeeper.registered(), 0);
    drop((first, second));
}

#[test]
fn brokers_of_kafka_and_values_for_several_are_warned_of() {
    let zookeeper = ZooKeeper::start();
    for path in ["/brokers", "/brokers/ids", "/brokers/ids/3"] {
        if path == "/brokers" && !zookeeper.chroot.is_empty() {
            let root = ZooKeeper { process: None, address: zookeeper.address.clone(), chroot: String::new() };
            assert!(root.shell(&["create", &zookeeper.chroot]).status.success());
        }
        assert!(zookeeper.shell(&["create", path]).status.success());
    }
    let server = broker(&DataDir::new(), &zookeeper.connect(), 1, "kafka").start();
    let warnings = server.ready["warnings"].to_string();
    assert!(warnings.contains("also used by brokers of Apache Kafka (ids 3)"), "{warnings}");
    let several = broker(&DataDir::new(), &format!("127.0.0.1:{}", free_port()), 1, "kafka")
        .env("KAFKA_DEFAULT_REPLICATION_FACTOR", "3")
        .env("KAFKA_MIN_INSYNC_REPLICAS", "2")
        .start();
    let warnings = several.ready["warnings"].to_string();
    assert!(warnings.contains("ask for several brokers"), "{warnings}");
}

#[test]
fn scripts_find_what_they_look_for() {
    let zookeeper = ZooKeeper::ours(free_port());
    assert_eq!(zookeeper.word("ruok"), "imok");
    assert!(zookeeper.word("srvr").contains("\nMode: standalone\n"));
    assert!(zookeeper.word("mntr").starts_with("zk_version\t3."));
    let listed = zookeeper.shell(&["ls", "/"]);
    assert!(listed.status.success());
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().last(), Some("[zookeeper]"));
    let missing = zookeeper.shell(&["get", "/missing"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("Node does not exist: /missing"));
}

#[test]
fn the_server_takes_a_file_and_ends_when_asked() {
    let (data, port) = (DataDir::new(), free_port());
    let file = data.beside("zookeeper.properties");
    std::fs::write(
        &file,
        format!("dataDir=/tmp/zookeeper\nclientPort={port}\nmaxClientCnxns=0\nadmin.enableServer=false\n"),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
    command.arg("zookeeper-server-start").arg(&file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let _open = TcpStream::connect(address).unwrap();
    let pid = rustix::process::Pid::from_child(&process);
    let asked = Instant::now();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < AT_ONCE);
}
