//! What the doctor knows before it judges. Data only.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use barnabas_broker::advertised::Surroundings;

/// How good or bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Good,
    /// Worth knowing; may be meant so.
    Note,
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub level: Level,
    pub about: String,
    /// What was found, and why that matters if it does.
    pub what: String,
    /// How to make it right.
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn good(about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { level: Level::Good, about: about.into(), what: what.into(), fix: None }
    }

    pub(super) fn note(about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::good(about, what) }
    }

    pub(super) fn wrong(about: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Wrong, fix: Some(fix.into()), ..Self::good(about, what) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub config: ConfigFacts,
    pub surroundings: Surroundings,
    pub in_container: bool,
    pub per_connection: bool,
    pub listeners: Vec<ListenerFacts>,
    pub dirs: Vec<DirFacts>,
    /// Milliseconds since 1970, and the newest time of a file that a broker wrote here.
    pub now_ms: i64,
    pub newest_file_ms: Option<i64>,
    /// Open files that this process may have; `None` for no limit. Says nothing of a broker elsewhere.
    pub open_files: Option<u64>,
    /// Whether this machine was looked at, and not only brokers that were named.
    pub is_of_this_machine: bool,
    pub user: (u32, u32),
    pub asked: Vec<Asked>,
}

#[derive(Debug, Default)]
pub(super) struct ConfigFacts {
    pub source: String,
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
}

/// A listener as the configuration has it.
#[derive(Clone, Debug)]
pub(super) struct ListenerFacts {
    pub name: String,
    pub bound: SocketAddr,
    pub told_host: String,
    pub told_port: u16,
    pub is_between_brokers: bool,
    /// Whether the advertised address can be connected to from here.
    pub told: Reach,
}

/// What came of connecting to an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub resolved: Vec<IpAddr>,
    /// Where it worked, or what the last try said.
    pub connected: Option<Result<SocketAddr, String>>,
}

/// A data folder.
#[derive(Clone, Debug)]
pub(super) struct DirFacts {
    pub path: PathBuf,
    pub exists: bool,
    /// Why it (or the folder in which it would be made) cannot be written.
    pub unwritable: Option<String>,
    pub usable_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
}

/// What came of asking a broker over Kafka's protocol.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub address: String,
    /// Whether the user named the address; else it is a listener of the configuration.
    pub by_user: bool,
    pub said: Result<Vec<ToldBroker>, NoAnswer>,
    /// Partitions without leader, as Metadata told of them.
    pub without_leader: Vec<String>,
    /// What this broker said of its log dirs, or why it did not.
    pub log_dirs: Result<Vec<ToldLogDir>, String>,
}

/// A log dir as DescribeLogDirs told of it.
#[derive(Clone, Debug)]
pub(super) struct ToldLogDir {
    pub path: String,
    pub error_code: i16,
    /// -1 if it is not known.
    pub usable_bytes: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody listens there.
    Refused(String),
    /// Somebody does, and does not speak Kafka's protocol.
    Stranger(String),
}

/// A broker as Metadata told of it.
#[derive(Clone, Debug)]
pub(super) struct ToldBroker {
    pub id: i32,
    pub address: String,
    pub reach: Reach,
}
