//! Scenarios in virtual time.

use super::*;
use crate::jute::{Reader, Stat};

const TIMEOUT_MS: i32 = 4000;

struct World {
    state: State,
    now_ms: u64,
    connections: u64,
}

#[derive(Clone, Copy)]
struct Guest {
    session: i64,
    connection: u64,
}

impl World {
    fn new() -> Self {
        Self { state: State::new(Settings::default(), 100), now_ms: 0, connections: 0 }
    }

    fn now(&self) -> Time {
        let wall_ms = i64::try_from(self.now_ms).unwrap() + 1_000_000;
        Time { since_start: Duration::from_millis(self.now_ms), wall_ms }
    }

    fn connect_as(&mut self, session_id: i64, password: &[u8]) -> (Guest, ConnectResponse) {
        self.connections += 1;
        let request = ConnectRequest {
            last_zxid_seen: 0,
            timeout_ms: TIMEOUT_MS,
            session_id,
            password: Bytes::copy_from_slice(password),
            read_only: Some(false),
        };
        let response = self.state.connect(&request, self.connections, [9; 16], self.now());
        (Guest { session: response.session_id, connection: self.connections }, response)
    }

    fn guest(&mut self) -> Guest {
        self.connect_as(0, &[]).0
    }

    fn ask(&mut self, guest: Guest, request: Request) -> Result<Response, ErrorCode> {
        let answer = self.state.request(guest.session, guest.connection, 1, request.clone(), self.now()).unwrap();
        let mut reader = Reader::new(answer.reply);
        match ErrorCode::of(ReplyHeader::read(&mut reader).unwrap().error) {
            Some(error) => Err(error),
            None => Ok(Response::read(&request, &mut reader).unwrap()),
        }
    }

    fn create(&mut self, guest: Guest, path: &str, mode: CreateMode) -> Result<Response, ErrorCode> {
        self.ask(guest, Request::Create { path: path.into(), data: "d".into(), mode, with_stat: false })
    }

    fn children(&mut self, guest: Guest, path: &str) -> Vec<String> {
        match self.ask(guest, Request::GetChildren { path: path.into(), with_stat: false }) {
            Ok(Response::Children(names)) => names,
            other => panic!("{other:?}"),
        }
    }

    fn stat(&mut self, guest: Guest, path: &str) -> Stat {
        match self.ask(guest, Request::Exists { path: path.into() }) {
            Ok(Response::Stat(stat)) => stat,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nodes_are_made_read_written_and_removed() {
    let mut world = World::new();
    let guest = world.guest();
    assert_eq!(world.children(guest, "/"), ["zookeeper"]);
    assert_eq!(world.create(guest, "/a/b", CreateMode::PERSISTENT), Err(ErrorCode::NoNode));
    world.create(guest, "/a", CreateMode::PERSISTENT).unwrap();
    world.create(guest, "/a/b", CreateMode::PERSISTENT).unwrap();
    assert_eq!(world.create(guest, "/a", CreateMode::PERSISTENT), Err(ErrorCode::NodeExists));
    let set = |version| Request::SetData { path: "/a/b".into(), data: "longer".into(), version };
    assert_eq!(world.ask(guest, set(5)), Err(ErrorCode::BadVersion));
    world.ask(guest, set(0)).unwrap();
    let stat = world.stat(guest, "/a/b");
    assert_eq!((stat.version, stat.data_length, stat.ephemeral_owner), (1, 6, 0));
    assert!(stat.mzxid > stat.czxid);
    assert_eq!(world.stat(guest, "/a").num_children, 1);
    let delete = |path: &str| Request::Delete { path: path.into(), version: -1 };
    assert_eq!(world.ask(guest, delete("/a")), Err(ErrorCode::NotEmpty));
    world.ask(guest, delete("/a/b")).unwrap();
    world.ask(guest, delete("/a")).unwrap();
    assert_eq!(world.ask(guest, delete("/a")), Err(ErrorCode::NoNode));
    assert_eq!(world.ask(guest, delete("/zookeeper/quota")), Err(ErrorCode::BadArguments));
    assert_eq!(world.ask(guest, Request::Exists { path: "a//".into() }), Err(ErrorCode::BadArguments));
    assert_eq!(world.ask(guest, Request::Unknown { op: 14 }), Err(ErrorCode::Unimplemented));
}

#[test]
fn sequential_names_are_numbered() {
    let mut world = World::new();
    let guest = world.guest();
    let mode = CreateMode { ephemeral: true, sequential: true };
    world.create(guest, "/s", CreateMode::PERSISTENT).unwrap();
    for expected in ["/s/n-0000000000", "/s/n-0000000001"] {
        assert_eq!(world.create(guest, "/s/n-", mode).unwrap(), Response::Path(expected.into()));
    }
    assert_eq!(world.create(guest, "/s/", mode).unwrap(), Response::Path("/s/0000000002".into()));
}

#[test]
fn ephemeral_nodes_go_with_their_session() {
    let mut world = World::new();
    let (stays, closes, vanishes) = (world.guest(), world.guest(), world.guest());
    for (guest, path) in [(stays, "/stays"), (closes, "/closes"), (vanishes, "/vanishes")] {
        world.create(guest, path, CreateMode::EPHEMERAL).unwrap();
    }
    assert_eq!(world.create(stays, "/stays/x", CreateMode::PERSISTENT), Err(ErrorCode::NoChildrenForEphemerals));
    assert_eq!(world.stat(stays, "/closes").ephemeral_owner, closes.session);
    world.ask(closes, Request::CloseSession).unwrap();
    assert_eq!(world.children(stays, "/"), ["stays", "vanishes", "zookeeper"]);
    world.now_ms = 3_999;
    world.ask(stays, Request::Ping).unwrap();
    assert_eq!(world.children(stays, "/"), ["stays", "vanishes", "zookeeper"]);
    assert_eq!(world.state.next_expiry(), Some(Duration::from_secs(4)));
    world.now_ms = 4_000;
    assert_eq!(world.children(stays, "/"), ["stays", "zookeeper"]);
    let late = world.state.request(vanishes.session, vanishes.connection, 1, Request::Ping, world.now());
    assert_eq!(late, Err(SessionEnd::Expired));
}

#[test]
fn a_session_goes_on_over_another_connection_with_its_password() {
    let mut world = World::new();
    let (first, response) = world.connect_as(0, &[]);
    world.create(first, "/e", CreateMode::EPHEMERAL).unwrap();
    let (_, refused) = world.connect_as(first.session, b"guessed");
    assert_eq!((refused.session_id, refused.timeout_ms), (0, 0));
    let (second, _) = world.connect_as(first.session, &response.password);
    assert_eq!(second.session, first.session);
    let moved = world.state.request(first.session, first.connection, 1, Request::Ping, world.now());
    assert_eq!(moved, Err(SessionEnd::Moved));
    assert_eq!(world.children(second, "/"), ["e", "zookeeper"]);
    world.now_ms = 10_000;
    assert_eq!(world.connect_as(first.session, &response.password).1.timeout_ms, 0);
}

#[test]
fn timeouts_are_between_two_and_twenty_ticks() {
    let state = State::new(Settings::default(), 1);
    for (asked, got) in [(i32::MIN, 4), (1, 4), (6000, 6), (i32::MAX, 40)] {
        assert_eq!(state.negotiated(asked), Duration::from_secs(got));
    }
}

#[test]
fn memory_is_bounded() {
    let mut world = World::new();
    let guest = world.guest();
    let data = Bytes::from(vec![0; 1 << 20]);
    let mut refused = None;
    for number in 0..70 {
        let (path, data) = (format!("/n{number}"), data.clone());
        let mode = CreateMode::PERSISTENT;
        refused = world.ask(guest, Request::Create { path, data, mode, with_stat: true }).err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused, Some(ErrorCode::SystemError));
}
