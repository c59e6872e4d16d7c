//! ZooKeeper's error codes, as far as they occur here.

use std::fmt;

/// What a reply says went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The server cannot do it, for a reason that is not the client's fault.
    SystemError,
    /// The request could not be read.
    Marshalling,
    /// The server does not have this operation.
    Unimplemented,
    /// A path or another argument is not valid.
    BadArguments,
    /// The node, or the parent of a new node, does not exist.
    NoNode,
    /// The session may not do it.
    NoAuth,
    /// The node has another version than the one asked for.
    BadVersion,
    /// Ephemeral nodes have no children.
    NoChildrenForEphemerals,
    /// There is such a node already.
    NodeExists,
    /// The node has children.
    NotEmpty,
    /// The session is over.
    SessionExpired,
    /// The session goes on over another connection.
    SessionMoved,
    /// A code that has no name here.
    Other(i32),
}

/// Codes and their names, in ZooKeeper's numbers.
const CODES: &[(i32, ErrorCode, &str)] = &[
    (-1, ErrorCode::SystemError, "SystemError"),
    (-5, ErrorCode::Marshalling, "MarshallingError"),
    (-6, ErrorCode::Unimplemented, "Unimplemented"),
    (-8, ErrorCode::BadArguments, "BadArguments"),
    (-101, ErrorCode::NoNode, "NoNode"),
    (-102, ErrorCode::NoAuth, "NoAuth"),
    (-103, ErrorCode::BadVersion, "BadVersion"),
    (-108, ErrorCode::NoChildrenForEphemerals, "NoChildrenForEphemerals"),
    (-110, ErrorCode::NodeExists, "NodeExists"),
    (-111, ErrorCode::NotEmpty, "NotEmpty"),
    (-112, ErrorCode::SessionExpired, "SessionExpired"),
    (-118, ErrorCode::SessionMoved, "SessionMoved"),
];

impl ErrorCode {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        if let Self::Other(code) = self {
            return code;
        }
        CODES.iter().find(|(_, known, _)| *known == self).map_or(-1, |(code, ..)| *code)
    }

    /// The error of a reply; `None` for 0, which is success.
    pub fn of(code: i32) -> Option<Self> {
        let known = || CODES.iter().find(|(number, ..)| *number == code).map_or(Self::Other(code), |row| row.1);
        (code != 0).then(known)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODES.iter().find(|(_, known, _)| known == self) {
            Some((code, _, name)) => write!(f, "{name} ({code})"),
            None => write!(f, "error {}", self.code()),
        }
    }
}
