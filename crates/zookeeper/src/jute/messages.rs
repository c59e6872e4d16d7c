//! The messages that are understood, each with how it is read and written. What they do is in `server/`.

use bytes::Bytes;

use super::{JuteError, Reader, Writer};

/// Numbers of operations.
pub mod op {
    /// Makes a node.
    pub const CREATE: i32 = 1;
    /// Removes a node.
    pub const DELETE: i32 = 2;
    /// Asks whether there is a node.
    pub const EXISTS: i32 = 3;
    /// Reads a node.
    pub const GET_DATA: i32 = 4;
    /// Writes a node.
    pub const SET_DATA: i32 = 5;
    /// Reads permissions.
    pub const GET_ACL: i32 = 6;
    /// Names of the children.
    pub const GET_CHILDREN: i32 = 8;
    /// Waits until the server is up to date.
    pub const SYNC: i32 = 9;
    /// Keeps the session alive.
    pub const PING: i32 = 11;
    /// Names of the children, and the node's state.
    pub const GET_CHILDREN2: i32 = 12;
    /// Makes a node and answers its state.
    pub const CREATE2: i32 = 15;
    /// Adds credentials.
    pub const AUTH: i32 = 100;
    /// Sets watches again after a reconnect.
    pub const SET_WATCHES: i32 = 101;
    /// Ends the session.
    pub const CLOSE_SESSION: i32 = -11;
}

/// Number of messages about watches, which nobody asked for.
pub const WATCH_XID: i32 = -1;
/// Number of pings and their answers.
pub const PING_XID: i32 = -2;

/// First message of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectRequest {
    /// Newest change that the client has seen.
    pub last_zxid_seen: i64,
    /// Session timeout that the client wants.
    pub timeout_ms: i32,
    /// The session to go on with, or 0.
    pub session_id: i64,
    /// The session's password.
    pub password: Bytes,
    /// Whether a server that cannot write is good enough; clients before 3.4 do not send it.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads it, with or without the last byte.
    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        reader.int("protocol version")?;
        Ok(Self {
            last_zxid_seen: reader.long("last zxid")?,
            timeout_ms: reader.int("session timeout")?,
            session_id: reader.long("session id")?,
            password: reader.buffer("session password")?,
            read_only: if reader.is_empty() { None } else { Some(reader.boolean("read-only flag")?) },
        })
    }

    /// The message.
    pub fn write(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.int(0);
        writer.long(self.last_zxid_seen);
        writer.int(self.timeout_ms);
        writer.long(self.session_id);
        writer.buffer(&self.password);
        if let Some(read_only) = self.read_only {
            writer.boolean(read_only);
        }
        writer.finish()
    }
}

/// The server's answer to [`ConnectRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectResponse {
    /// Session timeout that holds; 0 says that the session is over.
    pub timeout_ms: i32,
    /// The session.
    pub session_id: i64,
    /// Its password.
    pub password: Bytes,
    /// Sent if the client sent it.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// Reads it, with or without the last byte.
    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        reader.int("protocol version")?;
        Ok(Self {
            timeout_ms: reader.int("session timeout")?,
            session_id: reader.long("session id")?,
            password: reader.buffer("session password")?,
            read_only: if reader.is_empty() { None } else { Some(reader.boolean("read-only flag")?) },
        })
    }

    /// The message.
    pub fn write(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.int(0);
        writer.int(self.timeout_ms);
        writer.long(self.session_id);
        writer.buffer(&self.password);
        if let Some(read_only) = self.read_only {
            writer.boolean(read_only);
        }
        writer.finish()
    }
}

/// Before each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Repeated in the reply.
    pub xid: i32,
    /// One of [`op`].
    pub op: i32,
}

impl RequestHeader {
    /// Reads it.
    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(Self { xid: reader.int("xid")?, op: reader.int("operation")? })
    }
}

/// Before each reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// That of the request.
    pub xid: i32,
    /// Newest change that the server has made.
    pub zxid: i64,
    /// 0, or an error code, after which nothing follows.
    pub error: i32,
}

impl ReplyHeader {
    /// Reads it.
    pub fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(Self { xid: reader.int("xid")?, zxid: reader.long("zxid")?, error: reader.int("error")? })
    }

    /// Writes it.
    pub fn write(&self, writer: &mut Writer) {
        writer.int(self.xid);
        writer.long(self.zxid);
        writer.int(self.error);
    }
}

/// What is known of a node beside its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The change that made it.
    pub czxid: i64,
    /// The change that last wrote it.
    pub mzxid: i64,
    /// When it was made, in milliseconds since 1970.
    pub ctime: i64,
    /// When it was last written.
    pub mtime: i64,
    /// How often it was written.
    pub version: i32,
    /// How often its children changed.
    pub cversion: i32,
    /// How often its permissions changed.
    pub aversion: i32,
    /// The session with which it goes away, or 0.
    pub ephemeral_owner: i64,
    /// Bytes of data.
    pub data_length: i32,
    /// Number of children.
    pub num_children: i32,
    /// The change that last added or removed a child.
    pub pzxid: i64,
}

impl Stat {
    fn read(reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(Self {
            czxid: reader.long("czxid")?,
            mzxid: reader.long("mzxid")?,
            ctime: reader.long("ctime")?,
            mtime: reader.long("mtime")?,
            version: reader.int("version")?,
            cversion: reader.int("cversion")?,
            aversion: reader.int("aversion")?,
            ephemeral_owner: reader.long("ephemeral owner")?,
            data_length: reader.int("data length")?,
            num_children: reader.int("number of children")?,
            pzxid: reader.long("pzxid")?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        for zxid_or_time in [self.czxid, self.mzxid, self.ctime, self.mtime] {
            writer.long(zxid_or_time);
        }
        for version in [self.version, self.cversion, self.aversion] {
            writer.int(version);
        }
        writer.long(self.ephemeral_owner);
        writer.int(self.data_length);
        writer.int(self.num_children);
        writer.long(self.pzxid);
    }
}

/// What kind of node is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateMode {
    /// It goes away with the session.
    pub ephemeral: bool,
    /// Its name is completed by a number.
    pub sequential: bool,
}

impl CreateMode {
    /// Stays until it is deleted.
    pub const PERSISTENT: Self = Self { ephemeral: false, sequential: false };
    /// Goes away with the session.
    pub const EPHEMERAL: Self = Self { ephemeral: true, sequential: false };

    /// `None` for kinds that are not known here, which have timers of their own.
    fn of_flags(flags: i32) -> Option<Self> {
        let is_known = (0..=3).contains(&flags);
        is_known.then_some(Self { ephemeral: flags & 1 != 0, sequential: flags & 2 != 0 })
    }

    fn flags(self) -> i32 {
        i32::from(self.ephemeral) | i32::from(self.sequential) << 1
    }
}

/// A request, without its header. Whether a watch is wanted is read and forgotten: none is ever reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Makes a node; `with_stat` is the newer form of the answer.
    Create { path: String, data: Bytes, mode: CreateMode, with_stat: bool },
    /// Removes a node; version -1 is any.
    Delete { path: String, version: i32 },
    /// Asks whether there is a node.
    Exists { path: String },
    /// Reads a node.
    GetData { path: String },
    /// Writes a node; version -1 is any.
    SetData { path: String, data: Bytes, version: i32 },
    /// Reads permissions.
    GetAcl { path: String },
    /// Names of the children.
    GetChildren { path: String, with_stat: bool },
    /// Waits until the server is up to date.
    Sync { path: String },
    /// Keeps the session alive.
    Ping,
    /// Credentials; not looked at.
    Auth,
    /// Watches of an earlier connection; not looked at.
    SetWatches,
    /// Ends the session.
    CloseSession,
    /// An operation that is not known here.
    Unknown { op: i32 },
}

impl Request {
    /// Reads what follows the header.
    pub fn read(op: i32, reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(match op {
            op::CREATE | op::CREATE2 => {
                let (path, data) = (reader.string("path")?, reader.buffer("data")?);
                reader.skip_acls()?;
                match CreateMode::of_flags(reader.int("create flags")?) {
                    Some(mode) => Self::Create { path, data, mode, with_stat: op == op::CREATE2 },
                    None => Self::Unknown { op },
                }
            }
            op::DELETE => Self::Delete { path: reader.string("path")?, version: reader.int("version")? },
            op::EXISTS => Self::Exists { path: reader.watched_path()? },
            op::GET_DATA => Self::GetData { path: reader.watched_path()? },
            op::SET_DATA => Self::SetData {
                path: reader.string("path")?,
                data: reader.buffer("data")?,
                version: reader.int("version")?,
            },
            op::GET_ACL => Self::GetAcl { path: reader.string("path")? },
            op::GET_CHILDREN => Self::GetChildren { path: reader.watched_path()?, with_stat: false },
            op::GET_CHILDREN2 => Self::GetChildren { path: reader.watched_path()?, with_stat: true },
            op::SYNC => Self::Sync { path: reader.string("path")? },
            op::PING => Self::Ping,
            op::AUTH => Self::Auth,
            op::SET_WATCHES => Self::SetWatches,
            op::CLOSE_SESSION => Self::CloseSession,
            op => Self::Unknown { op },
        })
    }

    /// Its number.
    pub fn op(&self) -> i32 {
        match self {
            Self::Create { with_stat: false, .. } => op::CREATE,
            Self::Create { with_stat: true, .. } => op::CREATE2,
            Self::Delete { .. } => op::DELETE,
            Self::Exists { .. } => op::EXISTS,
            Self::GetData { .. } => op::GET_DATA,
            Self::SetData { .. } => op::SET_DATA,
            Self::GetAcl { .. } => op::GET_ACL,
            Self::GetChildren { with_stat: false, .. } => op::GET_CHILDREN,
            Self::GetChildren { with_stat: true, .. } => op::GET_CHILDREN2,
            Self::Sync { .. } => op::SYNC,
            Self::Ping => op::PING,
            Self::Auth => op::AUTH,
            Self::SetWatches => op::SET_WATCHES,
            Self::CloseSession => op::CLOSE_SESSION,
            Self::Unknown { op } => *op,
        }
    }

    /// The whole message, header included, as a client sends it. Watches are never asked for.
    pub fn write(&self, xid: i32) -> Bytes {
        let mut writer = Writer::default();
        writer.int(xid);
        writer.int(self.op());
        match self {
            Self::Create { path, data, mode, .. } => {
                writer.string(path);
                writer.buffer(data);
                writer.open_acl();
                writer.int(mode.flags());
            }
            Self::Delete { path, version } => {
                writer.string(path);
                writer.int(*version);
            }
            Self::Exists { path } | Self::GetData { path } | Self::GetChildren { path, .. } => {
                writer.string(path);
                writer.boolean(false);
            }
            Self::SetData { path, data, version } => {
                writer.string(path);
                writer.buffer(data);
                writer.int(*version);
            }
            Self::GetAcl { path } | Self::Sync { path } => writer.string(path),
            Self::Ping | Self::Auth | Self::SetWatches | Self::CloseSession | Self::Unknown { .. } => {}
        }
        writer.finish()
    }
}

impl Reader {
    fn watched_path(&mut self) -> Result<String, JuteError> {
        let path = self.string("path")?;
        self.boolean("watch flag")?;
        Ok(path)
    }
}

/// What follows the header of a reply that reports success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Nothing.
    Empty,
    /// The path of a new node, or the one that was asked for.
    Path(String),
    /// The path of a new node and its state.
    Created(String, Stat),
    /// A node's state.
    Stat(Stat),
    /// A node's data and state.
    Data(Bytes, Stat),
    /// Everything is allowed to everybody, and the node's state.
    Acl(Stat),
    /// Names.
    Children(Vec<String>),
    /// Names and the state of their parent.
    ChildrenAndStat(Vec<String>, Stat),
}

impl Response {
    /// Writes it after the header.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Empty => {}
            Self::Path(path) => writer.string(path),
            Self::Created(path, stat) => {
                writer.string(path);
                stat.write(writer);
            }
            Self::Stat(stat) => stat.write(writer),
            Self::Data(data, stat) => {
                writer.buffer(data);
                stat.write(writer);
            }
            Self::Acl(stat) => {
                writer.open_acl();
                stat.write(writer);
            }
            Self::Children(names) => writer.strings(names.iter()),
            Self::ChildrenAndStat(names, stat) => {
                writer.strings(names.iter());
                stat.write(writer);
            }
        }
    }

    /// Reads the answer to this request.
    pub fn read(request: &Request, reader: &mut Reader) -> Result<Self, JuteError> {
        Ok(match request {
            Request::Create { with_stat: false, .. } | Request::Sync { .. } => Self::Path(reader.string("path")?),
            Request::Create { with_stat: true, .. } => Self::Created(reader.string("path")?, Stat::read(reader)?),
            Request::Exists { .. } | Request::SetData { .. } => Self::Stat(Stat::read(reader)?),
            Request::GetData { .. } => Self::Data(reader.buffer("data")?, Stat::read(reader)?),
            Request::GetAcl { .. } => {
                reader.skip_acls()?;
                Self::Acl(Stat::read(reader)?)
            }
            Request::GetChildren { with_stat: false, .. } => Self::Children(reader.strings("children")?),
            Request::GetChildren { with_stat: true, .. } => {
                Self::ChildrenAndStat(reader.strings("children")?, Stat::read(reader)?)
            }
            Request::Delete { .. }
            | Request::Ping
            | Request::Auth
            | Request::SetWatches
            | Request::CloseSession
            | Request::Unknown { .. } => Self::Empty,
        })
    }
}
