//! The client against the server, over sockets. With `ZOOKEEPER` set to `host:port` of an Apache ZooKeeper, the same
//! against that (its standard session timeouts are assumed).

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

use std::time::Duration;

use barnabas_zookeeper::client::{Client, Mode, Presence, TextForm, View};
use barnabas_zookeeper::jute::CreateMode;
use barnabas_zookeeper::registration::{Registration, Verdict};
use barnabas_zookeeper::server::{Settings, serve};
use barnabas_zookeeper::{ConnectString, ErrorCode, HostPort};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const TIMEOUT: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(15);

async fn zookeeper() -> HostPort {
    if let Ok(external) = std::env::var("ZOOKEEPER") {
        let (host, port) = external.rsplit_once(':').unwrap();
        return HostPort { host: host.into(), port: port.parse().unwrap() };
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, Settings::default()));
    HostPort { host: "127.0.0.1".into(), port }
}

/// A folder that no other test, and no earlier run, uses.
fn chroot(test: &str) -> String {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("/test-{test}-{}", since_1970.as_nanos())
}

fn registration(node_id: i32, host: &str, start_id: &str) -> Registration {
    Registration { node_id, host: host.into(), start_id: start_id.into(), listeners: vec![format!("P://{host}:1")] }
}

fn to_text(of: &Registration) -> String {
    format!("{} {} {} {}", of.node_id, of.host, of.start_id, of.listeners.join(","))
}

fn of_text(text: &[u8]) -> Option<Registration> {
    let text = std::str::from_utf8(text).ok()?;
    let [id, host, start_id, listeners] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let listeners = listeners.split(',').map(str::to_owned).collect();
    Some(Registration { node_id: id.parse().ok()?, host: host.into(), start_id: start_id.into(), listeners })
}

struct Broker(Presence);

fn broker(server: &HostPort, chroot: &str, own: Registration) -> Broker {
    let connect = ConnectString::parse(&format!("{server}{chroot}")).unwrap();
    Broker(Presence::announce(&connect, &own, TextForm { write: to_text, read: of_text }))
}

impl Broker {
    async fn sees_view(&mut self, expected: impl Fn(&View) -> bool) -> Duration {
        let began = Instant::now();
        while !expected(&self.0.views()[0]) {
            assert!(timeout(LIMIT, self.0.changed()).await.is_ok(), "saw {:?}", self.0.views());
        }
        began.elapsed()
    }

    async fn sees(&mut self, expected: impl Fn(&Verdict) -> bool) -> Duration {
        self.sees_view(|view| matches!(view, View::Registered { verdict, .. } if expected(verdict))).await
    }
}

fn is_alone(verdict: &Verdict) -> bool {
    *verdict == Verdict::Alone
}

fn is_several(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Several(_))
}

#[tokio::test]
async fn a_client_does_what_brokers_need() {
    let (server, chroot) = (zookeeper().await, chroot("client"));
    let mut client = Client::connect(&server, &chroot, TIMEOUT).await.unwrap();
    assert!(client.session_timeout() >= TIMEOUT);
    assert_eq!(client.children("/a").await.unwrap(), None);
    client.ensure_path("/a/b").await.unwrap();
    client.ensure_path("/a/b").await.unwrap();
    let stat = client.create("/a/b/1", "one".into(), CreateMode::EPHEMERAL).await.unwrap();
    assert!(stat.ephemeral_owner != 0);
    let again = client.create("/a/b/1", "two".into(), CreateMode::EPHEMERAL).await;
    assert!(again.unwrap_err().is(ErrorCode::NodeExists));
    client.set_data("/a/b/1", "three".into()).await.unwrap();
    client.ping().await.unwrap();

    let mut other = Client::connect(&server, "", TIMEOUT).await.unwrap();
    let path = format!("{chroot}/a/b");
    assert_eq!(other.children(&path).await.unwrap().unwrap(), ["1"]);
    let (data, stat) = other.get_data(&format!("{path}/1")).await.unwrap().unwrap();
    assert_eq!((data.as_ref(), stat.version), (b"three".as_slice(), 1));
    client.close().await.unwrap();
    assert_eq!(other.children(&path).await.unwrap().unwrap(), [""; 0]);
    for path in [format!("{chroot}/a/b"), format!("{chroot}/a"), chroot] {
        other.delete(&path).await.unwrap();
        assert_eq!(other.exists(&path).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_broker_is_alone_at_once_and_again_after_a_clean_stop() {
    let (server, chroot) = (zookeeper().await, chroot("alone"));
    for run in ["a", "b"] {
        let mut only = broker(&server, &chroot, registration(1, run, run));
        let took = only.sees(is_alone).await;
        assert!(took < Duration::from_millis(700), "{took:?}");
        only.0.leave().await;
    }
}

#[tokio::test]
async fn two_brokers_see_each_other_in_both_directions() {
    let (server, chroot) = (zookeeper().await, chroot("two"));
    let mut first = broker(&server, &chroot, registration(1, "kafka1", "a"));
    first.sees(is_alone).await;
    let mut second = broker(&server, &chroot, registration(2, "kafka2", "b"));
    assert!(first.sees(is_several).await < Duration::from_secs(2));
    first.0.say(Mode::Refusing);
    assert!(second.sees(is_several).await < Duration::from_secs(3));
    first.0.leave().await;
    second.sees(is_alone).await;
    second.0.leave().await;
}

#[tokio::test]
async fn what_is_left_of_a_killed_broker_is_waited_for() {
    let (server, chroot) = (zookeeper().await, chroot("killed"));
    let path = "/barnabas/brokers";
    let mut killed = Client::connect(&server, &chroot, TIMEOUT).await.unwrap();
    killed.ensure_path(path).await.unwrap();
    let text = to_text(&registration(1, "old-container", "a"));
    killed.create(&format!("{path}/1-a-0"), text.into(), CreateMode::EPHEMERAL).await.unwrap();
    drop(killed);
    let mut restarted = broker(&server, &chroot, registration(1, "new-container", "b"));
    restarted.sees(|verdict| matches!(verdict, Verdict::Wait(_))).await;
    let took = restarted.sees(is_alone).await;
    // Real servers end sessions at whole ticks.
    assert!((2_000..6_500).contains(&took.as_millis()), "{took:?}");
    restarted.0.leave().await;
}

#[tokio::test]
async fn brokers_under_other_folders_are_others() {
    let server = zookeeper().await;
    let (here, there) = (chroot("here"), chroot("there"));
    let mut first = broker(&server, &here, registration(1, "kafka1", "a"));
    let mut second = broker(&server, &there, registration(2, "kafka2", "b"));
    first.sees(is_alone).await;
    second.sees(is_alone).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(first.0.views()[0].siblings().is_none());
    first.0.leave().await;
    second.0.leave().await;
}

#[tokio::test]
async fn brokers_of_kafka_are_seen() {
    let (server, chroot) = (zookeeper().await, chroot("kafka"));
    let mut kafka = Client::connect(&server, &chroot, TIMEOUT).await.unwrap();
    kafka.ensure_path("/brokers/ids").await.unwrap();
    kafka.create("/brokers/ids/7", "{}".into(), CreateMode::EPHEMERAL).await.unwrap();
    let mut own = broker(&server, &chroot, registration(1, "kafka1", "a"));
    own.sees(is_alone).await;
    let View::Registered { kafka_brokers, .. } = own.0.views()[0].clone() else { panic!("not registered") };
    assert_eq!(kafka_brokers, ["7"]);
    own.0.leave().await;
}

#[tokio::test]
async fn brokers_that_share_one_of_several_servers_see_each_other() {
    let (server, chroot) = (zookeeper().await, chroot("some"));
    let mut brokers = [(1, "127.0.0.1:1,", ""), (2, "", ",127.0.0.1:1")].map(|(id, before, after)| {
        let connect = ConnectString::parse(&format!("{before}{server}{after}{chroot}")).unwrap();
        let own = registration(id, &format!("kafka{id}"), &format!("start{id}"));
        Presence::announce(&connect, &own, TextForm { write: to_text, read: of_text })
    });
    let is_one_of_two = |views: &[View]| views.iter().any(|view| view.siblings().is_some());
    let [first, second] = &mut brokers;
    while !is_one_of_two(&first.views()) && !is_one_of_two(&second.views()) {
        let changed = async {
            tokio::select! { _ = first.changed() => {}, _ = second.changed() => {} }
        };
        timeout(LIMIT, changed).await.unwrap();
    }
}

#[tokio::test]
async fn words_and_nonsense_are_answered_or_closed() {
    let server = zookeeper().await;
    let ask = |bytes: &'static [u8]| {
        let address = (server.host.clone(), server.port);
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut answer = Vec::new();
            let _ = timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        }
    };
    assert!(ask(b"srvr").await.contains("Mode: standalone"));
    assert_eq!(ask(b"GET / HTTP/1.1\r\n\r\n").await, "");
    assert_eq!(ask(&[0xff; 64]).await, "");
    assert_eq!(ask(&[0, 0, 0, 4, 0, 0, 0, 0]).await, "");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = HostPort { host: "127.0.0.1".into(), port };
    let mut own = broker(&server, "", registration(1, "kafka", "a"));
    own.sees_view(|view| matches!(view, View::Unreachable(_))).await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(serve(listener, Settings::default()));
    assert!(own.sees(is_alone).await < Duration::from_secs(3));
}
