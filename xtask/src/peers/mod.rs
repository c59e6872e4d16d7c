//! Brokers that tests run against: Barnabas from a binary, Apache Kafka from Maven. Both are one process on a
//! throw-away folder that ends with the value that stands for it.

pub(crate) mod barnabas;
pub(crate) mod kafka;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use crate::shell;

const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running broker.
pub(crate) struct Server {
    child: Child,
    pub address: SocketAddr,
    pub log_dir: PathBuf,
    /// The value of `PEER` that suites are given.
    pub peer: &'static str,
}

impl Server {
    pub(crate) fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    /// SIGTERM, and the wait for a clean end. False if it had to be killed.
    pub(crate) fn stop(mut self) -> Result<bool> {
        shell::signal_group(&self.child, Signal::TERM);
        let status = shell::wait_at_most(&mut self.child, STOP_LIMIT)?;
        Ok(status.is_some_and(|status| status.success() || status.code() == Some(143)))
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_running() {
            shell::signal_group(&self.child, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// A port of the loopback address that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether a Kafka request is answered: ApiVersions, version 0, without a client id.
fn answers(address: SocketAddr) -> bool {
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let limit = Duration::from_secs(2);
    let ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(&REQUEST)?;
        stream.read_exact(&mut [0; 8])
    };
    ask().is_ok()
}
