//! Sockets and clock around the pure state: one task per connection, one that lets sessions expire.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::four_letter;
use super::state::{State, Time};
use super::{SessionEnd, Settings};
use crate::jute::{ConnectRequest, FrameError, Reader, Request, RequestHeader, frame, read_frame};

/// Most connections at a time; the next one waits in the backlog.
const MAX_CONNECTIONS: usize = 1000;
/// How long a connection may take to say what it wants, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

struct Server {
    state: Mutex<State>,
    started: Instant,
    next_connection: AtomicU64,
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, settings: Settings) {
    let started_ms = wall_ms();
    // Sessions of an earlier start are not known any more and must not be taken for new ones.
    let first_session_id = (started_ms & 0x7f_ffff_ffff) << 24;
    let server = Arc::new(Server {
        state: Mutex::new(State::new(settings, first_session_id)),
        started: Instant::now(),
        next_connection: AtomicU64::new(1),
    });
    tokio::join!(accept(listener, Arc::clone(&server)), server.expire_sessions());
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Connections end with the server.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let server = Arc::clone(&server);
                connections.spawn(async move {
                    if let Err(error) = server.connection(stream).await {
                        debug!(%peer, %error, "a connection ended");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Server {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        Time { since_start: self.started.elapsed(), wall_ms: wall_ms() }
    }

    async fn expire_sessions(&self) {
        const LONGEST_SLEEP: Duration = Duration::from_secs(1);
        loop {
            let next = self.state().next_expiry();
            let until = next.map(|at| at.saturating_sub(self.started.elapsed()));
            sleep(until.unwrap_or(LONGEST_SLEEP).clamp(Duration::from_millis(1), LONGEST_SLEEP)).await;
            let now = self.now();
            self.state().expire(now);
        }
    }

    async fn connection(&self, stream: TcpStream) -> Result<(), FrameError> {
        self.state().counters.connections += 1;
        let outcome = self.converse(stream).await;
        self.state().counters.connections -= 1;
        outcome
    }

    /// A four letter word, or a session.
    async fn converse(&self, mut stream: TcpStream) -> Result<(), FrameError> {
        stream.set_nodelay(true)?;
        let mut first = [0; 4];
        within(PATIENCE, stream.read_exact(&mut first)).await?;
        let uptime_ms = self.started.elapsed().as_millis();
        let answer = four_letter::answer(first, &self.state(), uptime_ms);
        if let Some(answer) = answer {
            within(PATIENCE, stream.write_all(answer.as_bytes())).await?;
            stream.shutdown().await?;
            return Ok(());
        }
        let message = timeout(PATIENCE, read_frame(&mut stream, i32::from_be_bytes(first))).await;
        let request = ConnectRequest::read(&mut Reader::new(message.map_err(|_| timed_out())??))?;
        let connection = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let response = {
            let now = self.now();
            self.state().connect(&request, connection, random_password(), now)
        };
        within(PATIENCE, stream.write_all(&frame(&response.write()))).await?;
        let timeout_ms = u64::try_from(response.timeout_ms).unwrap_or(0);
        if timeout_ms == 0 {
            return Ok(());
        }
        self.session(stream, response.session_id, connection, Duration::from_millis(timeout_ms)).await
    }

    async fn session(
        &self,
        mut stream: TcpStream,
        session_id: i64,
        connection: u64,
        session_timeout: Duration,
    ) -> Result<(), FrameError> {
        loop {
            let message = timeout(session_timeout, next_message(&mut stream)).await.map_err(|_| timed_out())??;
            let mut reader = Reader::new(message);
            let header = RequestHeader::read(&mut reader)?;
            let request = Request::read(header.op, &mut reader)?;
            let now = self.now();
            let answer = {
                let mut state = self.state();
                state.counters.received += 1;
                state.counters.sent += 1;
                state.request(session_id, connection, header.xid, request, now)
            };
            match answer {
                Ok(answer) => {
                    within(PATIENCE, stream.write_all(&frame(&answer.reply))).await?;
                    if answer.ends {
                        return Ok(());
                    }
                }
                Err(end @ (SessionEnd::Expired | SessionEnd::Moved)) => {
                    debug!(session_id, ?end, "the session is not served over this connection");
                    return Ok(());
                }
            }
        }
    }
}

async fn next_message(stream: &mut TcpStream) -> Result<bytes::Bytes, FrameError> {
    let length = stream.read_i32().await?;
    read_frame(stream, length).await
}

async fn within<T>(limit: Duration, action: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, action).await.map_err(|_| timed_out())?
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

fn wall_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// Session passwords guard against mix-ups, as in ZooKeeper; the seeds of hash maps are random enough for that.
fn random_password() -> [u8; 16] {
    let halves = [RandomState::new(), RandomState::new()].map(|seeds| seeds.build_hasher().finish().to_be_bytes());
    let mut password = [0; 16];
    password.iter_mut().zip(halves.as_flattened()).for_each(|(to, from)| *to = *from);
    password
}
