//! Names to addresses and to connections. Names are looked up on threads of their own: the system's resolver may take
//! many seconds and cannot be interrupted, and the end of the process must not wait for it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::HostPort;

const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The addresses behind a name.
pub async fn resolve(server: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let (tell, told) = oneshot::channel();
    let HostPort { host, port } = server.clone();
    std::thread::Builder::new().name("resolver".into()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        let _ = tell.send(found); // nobody may be waiting any more
    })?;
    told.await.map_err(|_| io::Error::other("the resolver gave up"))?
}

/// A connection to the first of the name's addresses that accepts one.
pub async fn connect_tcp(server: &HostPort) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(server).await? {
        match timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
