//! Connect strings, `host:port,host:port/chroot`, and what paths look like. Resolves nothing.

use std::fmt;

/// Port when a connect string gives none.
pub const DEFAULT_PORT: u16 = 2181;

/// A server's name and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port for clients.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Servers, and the folder below which a client sees everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectString {
    /// At least one.
    pub servers: Vec<HostPort>,
    /// Empty, or a path such as `/kafka`.
    pub chroot: String,
}

/// Why a text is no connect string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form host:port,host:port/chroot: {problem}")]
pub struct ConnectStringError {
    text: String,
    problem: &'static str,
}

impl ConnectString {
    /// Reads `a:2181,b:2181/chroot`. Ports may be left out; a chroot of `/` is none.
    pub fn parse(text: &str) -> Result<Self, ConnectStringError> {
        let wrong = |problem| ConnectStringError { text: text.to_owned(), problem };
        let trimmed = text.trim();
        let (hosts, chroot) = trimmed.split_at(trimmed.find('/').unwrap_or(trimmed.len()));
        let chroot = chroot.trim_end_matches('/').to_owned();
        if !chroot.is_empty() && !is_valid_path(&chroot) {
            return Err(wrong("the chroot is no path"));
        }
        let named = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        let servers =
            named.map(parse_server).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("a port is no number"))?;
        if servers.is_empty() { Err(wrong("it names no server")) } else { Ok(Self { servers, chroot }) }
    }
}

fn parse_server(text: &str) -> Option<HostPort> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = if port.is_empty() { DEFAULT_PORT } else { port.strip_prefix(':')?.parse().ok()? };
        return Some(HostPort { host: host.to_owned(), port });
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => Some(HostPort { host: host.to_owned(), port: port.parse().ok()? }),
        Some(_) => None,
        None => Some(HostPort { host: text.to_owned(), port: DEFAULT_PORT }),
    }
}

/// Whether this is an absolute path without empty, `.` or `..` parts and without control characters.
pub fn is_valid_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let is_valid_part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
    rest.is_empty() || rest.split('/').all(is_valid_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let parsed = ConnectString::parse(text).unwrap();
        let servers: Vec<_> = parsed.servers.iter().map(ToString::to_string).collect();
        format!("{}{}", servers.join(","), parsed.chroot)
    }

    #[test]
    fn the_forms_that_files_have() {
        let cases = [
            ("zookeeper:2181", "zookeeper:2181"),
            ("zookeeper", "zookeeper:2181"),
            ("zoo1:2181, zoo2:2182,zoo3/kafka", "zoo1:2181,zoo2:2182,zoo3:2181/kafka"),
            ("zookeeper:2181/", "zookeeper:2181"),
            ("zookeeper:2181/a/b", "zookeeper:2181/a/b"),
            ("[::1]:2181/a", "[::1]:2181/a"),
            ("zookeeper:2181,", "zookeeper:2181"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
        for wrong in ["", "/chroot", "z:port", "z:2181//a", ":2181", "z:99999", "[::1:2181"] {
            assert!(ConnectString::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths() {
        for valid in ["/", "/a", "/a/b-1_.c"] {
            assert!(is_valid_path(valid), "{valid}");
        }
        for wrong in ["", "a", "/a/", "//", "/a/../b", "/a/./b", "/a\0"] {
            assert!(!is_valid_path(wrong), "{wrong}");
        }
    }
}
