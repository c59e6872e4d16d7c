//! Listening sockets: binding them with errors that help, and a task per accepted connection.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use barnabas_config::Listener;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::warn;

use super::{Workers, connection};
use crate::broker::Broker;
use crate::error::StartError;

const BACKLOG: i32 = 1024;
/// Pause after running out of file handles, so that accepting does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// So often it is said that connections cannot be accepted.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Attempts to accept that failed.
#[derive(Default)]
struct Failures {
    told: Option<Instant>,
    since_told: u64,
}

impl Failures {
    /// Takes one in. How many there were since they were last told of, if it is time to tell.
    fn note(&mut self, now: Instant) -> Option<u64> {
        self.since_told += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.since_told))
    }
}

/// A bound listener that does not accept yet.
#[derive(Debug)]
pub(crate) struct BoundListener {
    pub name: Arc<str>,
    pub address: SocketAddr,
    socket: TcpListener,
}

/// Binds a client listener. Connections wait in the backlog until [`BoundListener::accept_until`] runs.
pub(crate) fn bind(listener: &Listener) -> Result<BoundListener, StartError> {
    let host = if listener.host.is_empty() { "0.0.0.0" } else { &listener.host };
    let fail = |error: io::Error| StartError::Bind {
        listener: listener.name.clone(),
        address: format!("{host}:{}", listener.port),
        hint: bind_hint(&error, listener.port),
        error,
    };
    let address = (host, listener.port)
        .to_socket_addrs()
        .map_err(fail)?
        .next()
        .ok_or_else(|| fail(io::Error::new(io::ErrorKind::NotFound, "the host has no address")))?;
    let socket = listen(address).map_err(fail)?;
    let address = socket.local_addr().map_err(fail)?;
    Ok(BoundListener { name: listener.name.as_str().into(), address, socket })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind_hint(error: &io::Error, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another process listens there; stop it (see 'ss -ltnp | grep :{port}') or choose another port in 'listeners'")
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one in 'listeners'".to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; use 0.0.0.0 in 'listeners' and put the name for clients into 'advertised.listeners'"
                .to_owned()
        }
        _ => "check the host and port in 'listeners'".to_owned(),
    }
}

impl BoundListener {
    /// Accepts connections until told to stop.
    pub(crate) async fn accept_until(
        self,
        broker: Arc<Broker>,
        workers: Arc<Workers>,
        mut stop: watch::Receiver<bool>,
    ) {
        let stop_connections = stop.clone();
        let mut failures = Failures::default();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.spawn(&broker, &workers, stream, peer, stop_connections.clone()),
                    Err(error) => {
                        if let Some(attempts) = failures.note(Instant::now()) {
                            warn!(listener = %self.name, %error, attempts, "cannot accept connections; trying ten times a second");
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = super::stopped(&mut stop) => return,
            }
        }
    }

    fn spawn(
        &self,
        broker: &Arc<Broker>,
        workers: &Workers,
        stream: TcpStream,
        peer: SocketAddr,
        stop: watch::Receiver<bool>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%peer, %error, "cannot set TCP_NODELAY");
        }
        let (broker, listener) = (Arc::clone(broker), Arc::clone(&self.name));
        // Taken out of this runtime's reactor here and put into the worker's there.
        let Ok(stream) = stream.into_std() else { return };
        workers.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => connection::serve(broker, listener, stream, peer, stop).await,
                Err(error) => warn!(%peer, %error, "cannot serve a connection"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_now_and_then_with_their_count() {
        let mut failures = Failures::default();
        let start = Instant::now();
        let told = (0..250).map(|i| failures.note(start + i * ACCEPT_PAUSE)).collect::<Vec<_>>();
        let expected = [(0, 1), (100, 100), (200, 100)];
        assert_eq!(told.iter().flatten().copied().collect::<Vec<_>>(), expected.map(|(_, count)| count));
        assert!(expected.iter().all(|(at, count)| told[*at] == Some(*count)));
    }
}
