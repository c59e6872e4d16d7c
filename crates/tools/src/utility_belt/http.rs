//! A GET over plain HTTP: enough to see that a service answers.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// No health answer is longer.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Where a URL leads: host, port and path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

impl Target {
    /// Only `http://` is understood.
    pub(super) fn of_url(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(format!("{url}: only http:// addresses can be checked; use wait HOST PORT TIMEOUT"));
        };
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| format!("error in parsing port {port:?} of {url}"))?),
            None => (authority, 80),
        };
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self { host: host.to_owned(), port, path: format!("/{path}") })
    }
}

/// Status and body.
pub(super) fn get(target: &Target, timeout: Duration) -> io::Result<(u16, String)> {
    let mut stream = connect(&target.host, target.port, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let Target { host, port, path } = target;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"))?;
    Ok((status, body.to_owned()))
}

pub(super) fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Tries until it works or the time is over; the last error otherwise. Tries at least once.
pub(super) fn until<T, E>(timeout: Duration, mut attempt: impl FnMut(Duration) -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed()).max(Duration::from_secs(1));
        match attempt(left) {
            Ok(found) => return Ok(found),
            Err(error) if start.elapsed() + TRY_AGAIN >= timeout => return Err(error),
            Err(_) => std::thread::sleep(TRY_AGAIN),
        }
    }
}
