//! A client: one session over one connection, one request at a time. What brokers do with it is in `presence.rs`.

mod presence;
mod resolve;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use presence::{Mode, Presence, TextForm, View};
pub use resolve::{connect_tcp, resolve};

use crate::jute::{
    ConnectRequest, ConnectResponse, CreateMode, FrameError, JuteError, PING_XID, Reader, ReplyHeader, Request,
    Response, Stat, WATCH_XID, frame, read_frame,
};
use crate::{ErrorCode, HostPort};

/// Longest wait for an answer: real servers write to disk before they answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Messages about watches that are skipped before an answer must come.
const MOST_SKIPPED: usize = 1000;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no connection, or not any more.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server answered something that is not ZooKeeper's protocol.
    #[error("it does not answer as ZooKeeper does: {0}")]
    Protocol(String),
    /// The server refused it.
    #[error("it refuses {what}: {code}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Its reason.
        code: ErrorCode,
    },
}

impl ClientError {
    /// Whether the server answered with this code.
    pub fn is(&self, expected: ErrorCode) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == expected)
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::Io(error),
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<JuteError> for ClientError {
    fn from(error: JuteError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// A session with a server. It stays alive as long as something is asked more often than its timeout; dropping it
/// without [`Client::close`] lets it expire.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    chroot: String,
    next_xid: i32,
    session_timeout: Duration,
}

impl Client {
    /// Begins a session over a connection.
    pub async fn start(stream: TcpStream, chroot: &str, session_timeout: Duration) -> Result<Self, ClientError> {
        stream.set_nodelay(true)?;
        let mut client = Self { stream, chroot: chroot.to_owned(), next_xid: 1, session_timeout };
        let request = ConnectRequest {
            last_zxid_seen: 0,
            timeout_ms: i32::try_from(session_timeout.as_millis()).unwrap_or(i32::MAX),
            session_id: 0,
            password: Bytes::from_static(&[0; 16]),
            read_only: Some(false),
        };
        client.send(&request.write()).await?;
        let response = ConnectResponse::read(&mut Reader::new(client.receive().await?))?;
        match u64::try_from(response.timeout_ms) {
            Ok(millis @ 1..) => client.session_timeout = Duration::from_millis(millis),
            _ => return Err(ClientError::Refused { what: "a session".into(), code: ErrorCode::SessionExpired }),
        }
        Ok(client)
    }

    /// Connects to a server and begins a session.
    pub async fn connect(server: &HostPort, chroot: &str, session_timeout: Duration) -> Result<Self, ClientError> {
        Self::start(connect_tcp(server).await?, chroot, session_timeout).await
    }

    /// The timeout that the server granted.
    pub fn session_timeout(&self) -> Duration {
        self.session_timeout
    }

    /// Makes a node and answers its state.
    pub async fn create(&mut self, path: &str, data: Bytes, mode: CreateMode) -> Result<Stat, ClientError> {
        // The newer form, which answers the state, is not known to ZooKeeper 3.4.
        let full = self.below_chroot(path);
        self.call(Request::Create { path: full, data, mode, with_stat: false }).await?;
        self.exists(path).await?.ok_or_else(|| ClientError::Protocol(format!("{path} vanished")))
    }

    /// Makes the node and its parents, chroot included, as far as they are missing.
    pub async fn ensure_path(&mut self, path: &str) -> Result<(), ClientError> {
        let full = self.below_chroot(path);
        let ends = full.match_indices('/').map(|(at, _)| at).skip(1).chain([full.len()]);
        let prefixes: Vec<_> = ends.map(|end| full[..end].to_owned()).collect();
        for path in prefixes {
            let create = Request::Create { path, data: Bytes::new(), mode: CreateMode::PERSISTENT, with_stat: false };
            match self.call(create).await {
                Err(error) if !error.is(ErrorCode::NodeExists) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// A node's state; `None` if there is no such node.
    pub async fn exists(&mut self, path: &str) -> Result<Option<Stat>, ClientError> {
        let request = Request::Exists { path: self.below_chroot(path) };
        match unless_missing(self.call(request).await)? {
            Some(Response::Stat(stat)) => Ok(Some(stat)),
            _ => Ok(None),
        }
    }

    /// A node's data and state; `None` if there is no such node.
    pub async fn get_data(&mut self, path: &str) -> Result<Option<(Bytes, Stat)>, ClientError> {
        let request = Request::GetData { path: self.below_chroot(path) };
        match unless_missing(self.call(request).await)? {
            Some(Response::Data(data, stat)) => Ok(Some((data, stat))),
            _ => Ok(None),
        }
    }

    /// Writes a node, whatever its version.
    pub async fn set_data(&mut self, path: &str, data: Bytes) -> Result<(), ClientError> {
        let request = Request::SetData { path: self.below_chroot(path), data, version: -1 };
        self.call(request).await.map(drop)
    }

    /// Names of the children; `None` if there is no such node.
    pub async fn children(&mut self, path: &str) -> Result<Option<Vec<String>>, ClientError> {
        let request = Request::GetChildren { path: self.below_chroot(path), with_stat: false };
        match unless_missing(self.call(request).await)? {
            Some(Response::Children(names)) => Ok(Some(names)),
            _ => Ok(None),
        }
    }

    /// Removes a node, if it is there.
    pub async fn delete(&mut self, path: &str) -> Result<(), ClientError> {
        let request = Request::Delete { path: self.below_chroot(path), version: -1 };
        unless_missing(self.call(request).await).map(drop)
    }

    /// Keeps the session alive.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.call(Request::Ping).await.map(drop)
    }

    /// Ends the session: its ephemeral nodes are gone when this returns.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.call(Request::CloseSession).await.map(drop)
    }

    fn below_chroot(&self, path: &str) -> String {
        match (self.chroot.as_str(), path) {
            ("", path) => path.to_owned(),
            (chroot, "/") => chroot.to_owned(),
            (chroot, path) => format!("{chroot}{path}"),
        }
    }

    async fn call(&mut self, request: Request) -> Result<Response, ClientError> {
        let xid = self.xid_of(&request);
        self.send(&request.write(xid)).await?;
        for _ in 0..MOST_SKIPPED {
            let mut reader = Reader::new(self.receive().await?);
            let header = ReplyHeader::read(&mut reader)?;
            if header.xid == WATCH_XID {
                continue;
            }
            if header.xid != xid {
                return Err(ClientError::Protocol(format!("answer {} to request {xid}", header.xid)));
            }
            return match ErrorCode::of(header.error) {
                Some(code) => Err(ClientError::Refused { what: what(&request), code }),
                None => Ok(Response::read(&request, &mut reader)?),
            };
        }
        Err(ClientError::Protocol("it sends messages without end, but no answer".into()))
    }

    /// Servers know pings by their number and answer with the same.
    fn xid_of(&mut self, request: &Request) -> i32 {
        if *request == Request::Ping {
            return PING_XID;
        }
        let xid = self.next_xid;
        self.next_xid = xid.checked_add(1).unwrap_or(1);
        xid
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        let sent = timeout(ANSWER_LIMIT, self.stream.write_all(&frame(message))).await;
        Ok(sent.map_err(|_| no_answer())??)
    }

    async fn receive(&mut self) -> Result<Bytes, ClientError> {
        let message = async {
            let length = self.stream.read_i32().await?;
            read_frame(&mut self.stream, length).await
        };
        Ok(timeout(ANSWER_LIMIT, message).await.map_err(|_| no_answer())??)
    }
}

/// A missing node is an answer, too.
fn unless_missing(outcome: Result<Response, ClientError>) -> Result<Option<Response>, ClientError> {
    match outcome {
        Ok(response) => Ok(Some(response)),
        Err(error) if error.is(ErrorCode::NoNode) => Ok(None),
        Err(error) => Err(error),
    }
}

fn what(request: &Request) -> String {
    match request {
        Request::Create { path, .. } => format!("to create {path}"),
        Request::Delete { path, .. } => format!("to delete {path}"),
        Request::SetData { path, .. } => format!("to write {path}"),
        Request::Exists { path }
        | Request::GetData { path }
        | Request::GetAcl { path }
        | Request::GetChildren { path, .. }
        | Request::Sync { path } => format!("to read {path}"),
        other => format!("operation {}", other.op()),
    }
}

fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", ANSWER_LIMIT.as_secs()))
}
