//! Commands that wait for a service to listen or to answer.

use std::io::{Read, Write};
use std::time::Duration;

use super::Trouble;
use super::http::{Target, connect, get, until};
use super::words::{Words, seconds};

fn port(text: &str) -> Result<u16, Trouble> {
    text.parse().map_err(|_| Trouble::Usage(format!("argument port: invalid int value: '{text}'")))
}

/// Something listens there.
pub(super) fn wait(words: &Words) -> Result<(), Trouble> {
    let [host, port_text, timeout] = words.exactly(["host", "port", "timeout"])?;
    let (number, timeout) = (port(port_text)?, seconds(timeout)?);
    let connected = until(timeout, |left| connect(host, number, left));
    connected.map(drop).map_err(|error| {
        Trouble::Failed(format!("service is unreachable for host {host:?} and port {port_text:?}: {error}"))
    })
}

/// A service answers a GET with 2xx and this text.
pub(super) fn http_service(words: &Words, path: &str, expected: &str) -> Result<(), Trouble> {
    let [host, port_text, timeout] = words.exactly(["host", "port", "timeout"])?;
    let (port, timeout) = (port(port_text)?, seconds(timeout)?);
    if words.is_secure {
        let text = "--secure: TLS is not supported yet; use a plain listener, or wait HOST PORT TIMEOUT";
        return Err(Trouble::Failed(text.into()));
    }
    let target = Target { host: host.to_owned(), port, path: path.to_owned() };
    ask(&target, timeout, expected)
}

/// A URL answers with 2xx.
pub(super) fn http_ready(words: &Words) -> Result<(), Trouble> {
    let [url, timeout] = words.exactly(["url", "timeout"])?;
    let timeout = seconds(timeout)?;
    ask(&Target::of_url(url).map_err(Trouble::Failed)?, timeout, "")
}

fn ask(target: &Target, timeout: Duration, expected: &str) -> Result<(), Trouble> {
    let Target { host, port, .. } = target;
    until(timeout, |left| match get(target, left) {
        Ok((200..=299, body)) if body.contains(expected) => Ok(()),
        Ok((code, body)) => Err(format!("Unexpected response with code: {code} and content: {body}")),
        Err(_) => Err(format!("{host} cannot be reached on port {port}.")),
    })
    .map_err(Trouble::Failed)
}

/// One server of the ensemble serves requests.
pub(super) fn zookeeper_ready(words: &Words) -> Result<(), Trouble> {
    let [connect_string, timeout] = words.exactly(["connect_string", "timeout"])?;
    let timeout = seconds(timeout)?;
    let servers = connect_string.split('/').next().unwrap_or_default();
    let serves = |left| servers.split(',').any(|server| zookeeper_serves(server, left));
    until(timeout, |left| if serves(left) { Ok(()) } else { Err(()) }).map_err(|()| {
        Trouble::Failed(format!(
            "Timed out waiting for connection to Zookeeper server [{connect_string}]. Barnabas needs no ZooKeeper: this \
             check can be left out"
        ))
    })
}

fn zookeeper_serves(server: &str, timeout: Duration) -> bool {
    let (host, port) = server.rsplit_once(':').map_or((server, Some(2181)), |(host, port)| (host, port.parse().ok()));
    let Some(port) = port else { return false };
    let answer = connect(host.trim(), port, timeout).and_then(|mut stream| {
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(b"srvr")?;
        let mut text = String::new();
        stream.take(1 << 16).read_to_string(&mut text)?;
        Ok(text)
    });
    // An ensemble without a leader says that it serves nobody; one that forbids the command is up.
    answer.is_ok_and(|text| !text.contains("not currently serving"))
}
