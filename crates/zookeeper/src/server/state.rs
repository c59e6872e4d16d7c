//! Sessions, and what requests do to the tree. Pure: time and random passwords are handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::Settings;
use super::tree::{Change, Tree};
use crate::ErrorCode;
use crate::jute::{ConnectRequest, ConnectResponse, CreateMode, ReplyHeader, Request, Response, Writer};

/// Most sessions at a time.
const MAX_SESSIONS: usize = 10_000;
const PASSWORD_BYTES: usize = 16;

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Since the server's start; never goes back.
    pub since_start: Duration,
    /// Milliseconds since 1970, which nodes carry.
    pub wall_ms: i64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The reply, without its length.
    pub reply: Bytes,
    /// Whether the connection is to be closed after the reply.
    pub ends: bool,
}

/// Why a session is not served over this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It is over.
    Expired,
    /// It goes on over a newer connection.
    Moved,
}

#[derive(Debug)]
struct Session {
    password: Bytes,
    timeout: Duration,
    expires_at: Duration,
    /// The connection that serves it.
    connection: u64,
    ephemerals: BTreeSet<String>,
}

/// Everything that a server knows.
#[derive(Debug)]
pub struct State {
    pub(super) settings: Settings,
    pub(super) tree: Tree,
    pub(super) zxid: i64,
    pub(super) counters: Counters,
    sessions: BTreeMap<i64, Session>,
    next_session_id: i64,
}

/// What the four letter words tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: usize,
    pub(super) received: u64,
    pub(super) sent: u64,
}

impl State {
    /// An empty server. Session ids begin at a number that differs from start to start.
    pub fn new(settings: Settings, first_session_id: i64) -> Self {
        Self {
            settings,
            tree: Tree::new(),
            zxid: 0,
            counters: Counters::default(),
            sessions: BTreeMap::new(),
            next_session_id: first_session_id.max(1),
        }
    }

    /// Begins a session on this connection, or goes on with one. A timeout of 0 in the answer says that the session is over.
    pub fn connect(
        &mut self,
        request: &ConnectRequest,
        connection: u64,
        new_password: [u8; PASSWORD_BYTES],
        now: Time,
    ) -> ConnectResponse {
        self.expire(now);
        let timeout = self.negotiated(request.timeout_ms);
        let known = self.sessions.get_mut(&request.session_id).filter(|known| known.password == request.password);
        if let Some(session) = known {
            session.connection = connection;
            session.timeout = timeout;
            session.expires_at = now.since_start.saturating_add(timeout);
            return response(request, request.session_id, request.password.clone(), timeout);
        }
        if request.session_id != 0 || self.sessions.len() >= MAX_SESSIONS {
            return response(request, 0, Bytes::from_static(&[0; PASSWORD_BYTES]), Duration::ZERO);
        }
        let id = self.next_session_id;
        self.next_session_id = id.checked_add(1).unwrap_or(1);
        self.zxid += 1;
        let password = Bytes::copy_from_slice(&new_password);
        let expires_at = now.since_start.saturating_add(timeout);
        let ephemerals = BTreeSet::new();
        self.sessions.insert(id, Session { password: password.clone(), timeout, expires_at, connection, ephemerals });
        response(request, id, password, timeout)
    }

    fn negotiated(&self, asked_ms: i32) -> Duration {
        let tick = u64::from(self.settings.tick_time_ms);
        let asked = u64::try_from(asked_ms).unwrap_or(0);
        Duration::from_millis(asked.clamp(tick.saturating_mul(2), tick.saturating_mul(20)))
    }

    /// Handles a request of a session. Every request keeps the session alive.
    pub fn request(
        &mut self,
        session_id: i64,
        connection: u64,
        xid: i32,
        request: Request,
        now: Time,
    ) -> Result<Answer, SessionEnd> {
        self.expire(now);
        let session = self.sessions.get_mut(&session_id).ok_or(SessionEnd::Expired)?;
        if session.connection != connection {
            return Err(SessionEnd::Moved);
        }
        session.expires_at = now.since_start.saturating_add(session.timeout);
        let ends = request == Request::CloseSession;
        let outcome = self.perform(session_id, request, now);
        let error = outcome.as_ref().err().map_or(0, |code| code.code());
        let mut writer = Writer::default();
        ReplyHeader { xid, zxid: self.zxid, error }.write(&mut writer);
        if let Ok(response) = outcome {
            response.write(&mut writer);
        }
        Ok(Answer { reply: writer.finish(), ends })
    }

    fn perform(&mut self, session_id: i64, request: Request, now: Time) -> Result<Response, ErrorCode> {
        let change = self.next_change(now);
        match request {
            Request::Create { path, data, mode, with_stat } => {
                let path = self.create(session_id, &path, data, mode, change)?;
                let stat = self.tree.stat(&path)?;
                Ok(if with_stat { Response::Created(path, stat) } else { Response::Path(path) })
            }
            Request::Delete { path, version } => {
                let owner = self.tree.stat(&path)?.ephemeral_owner;
                self.tree.delete(&path, version, change)?;
                self.zxid = change.zxid;
                if let Some(session) = self.sessions.get_mut(&owner) {
                    session.ephemerals.remove(&path);
                }
                Ok(Response::Empty)
            }
            Request::SetData { path, data, version } => {
                let stat = self.tree.set_data(&path, data, version, change)?;
                self.zxid = change.zxid;
                Ok(Response::Stat(stat))
            }
            Request::Exists { path } => self.tree.stat(&path).map(Response::Stat),
            Request::GetData { path } => self.tree.data(&path).map(|(data, stat)| Response::Data(data, stat)),
            Request::GetAcl { path } => self.tree.stat(&path).map(Response::Acl),
            Request::GetChildren { path, with_stat } => {
                let (names, stat) = self.tree.children(&path)?;
                Ok(if with_stat { Response::ChildrenAndStat(names, stat) } else { Response::Children(names) })
            }
            Request::Sync { path } => Ok(Response::Path(path)),
            Request::Ping | Request::Auth | Request::SetWatches => Ok(Response::Empty),
            Request::CloseSession => {
                self.end(session_id, now);
                Ok(Response::Empty)
            }
            Request::Unknown { .. } => Err(ErrorCode::Unimplemented),
        }
    }

    fn create(
        &mut self,
        session_id: i64,
        path: &str,
        data: Bytes,
        mode: CreateMode,
        change: Change,
    ) -> Result<String, ErrorCode> {
        let path = self.tree.create(path, data, mode, session_id, change)?;
        self.zxid = change.zxid;
        if let Some(session) = self.sessions.get_mut(&session_id).filter(|_| mode.ephemeral) {
            session.ephemerals.insert(path.clone());
        }
        Ok(path)
    }

    /// Ends the sessions that have not been heard of for their timeout.
    pub fn expire(&mut self, now: Time) {
        let is_over = |session: &Session| session.expires_at <= now.since_start;
        let over: Vec<_> = self.sessions.iter().filter(|(_, session)| is_over(session)).map(|(id, _)| *id).collect();
        for session_id in over {
            self.end(session_id, now);
        }
    }

    /// When the next session expires if it is not heard of.
    pub fn next_expiry(&self) -> Option<Duration> {
        self.sessions.values().map(|session| session.expires_at).min()
    }

    fn end(&mut self, session_id: i64, now: Time) {
        let Some(session) = self.sessions.remove(&session_id) else { return };
        let change = self.next_change(now);
        self.zxid = change.zxid;
        for path in session.ephemerals {
            // It has no children and any version will do, so that this cannot fail.
            let _ = self.tree.delete(&path, -1, change);
        }
    }

    fn next_change(&self, now: Time) -> Change {
        Change { zxid: self.zxid + 1, wall_ms: now.wall_ms }
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }
}

fn response(request: &ConnectRequest, session_id: i64, password: Bytes, timeout: Duration) -> ConnectResponse {
    ConnectResponse {
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        session_id,
        password,
        read_only: request.read_only.map(|_| false),
    }
}

#[cfg(test)]
mod tests;
