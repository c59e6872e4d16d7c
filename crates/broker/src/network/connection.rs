//! One client connection: every complete frame in the read buffer is handled, in order; answers leave in the
//! same order, written together; an answer that has to wait does not stop reading.
//!
//! **Invariant:** a response is written once and in the order of its request. Work that changes state runs to
//! its end in a task of its own even if the client leaves; only waiting fetches end with their connection.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use barnabas_protocol::ApiKey;
use barnabas_replica::Tickets;
use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tracing::{debug, error, warn};

use super::budget::Share;
use super::frames::FrameBuffer;
use super::outgoing::{Frame, LocalReader, Outgoing};
use crate::advertised::Link;
use crate::broker::Broker;
use crate::dispatch::{self, Answer, ConnectionInfo, Finish, Outcome};
use crate::journals;
use crate::metrics::RequestTimes;

/// Requests of one connection that may wait for their answer.
const MAX_IN_FLIGHT: usize = 256;
/// Fetches of one connection that may be under way: their answers may be large.
const MAX_FETCHES: usize = 2;
/// Bytes of answers that may wait for an earlier one before no more requests are handled.
const MAX_READY_BYTES: usize = 1 << 20;
/// How long a frame may stand still half-way before the connection is closed.
const STALLED_FRAME: Duration = Duration::from_secs(30);
/// How long a large frame may be on its way without getting further while others wait for memory.
const FRAME_PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait before asking again for memory.
const MEMORY_RETRY: Duration = Duration::from_millis(5);

enum Pending {
    Ready(Frame),
    Waiting {
        task: JoinHandle<Outcome>,
        abort_on_close: bool,
    },
    /// Done, and on its way to the disk.
    Durable {
        tickets: Tickets,
        finish: Finish,
    },
    /// Produce with acks=0 has no answer.
    Silent,
}

impl Pending {
    /// When the answer was made, if it is.
    fn made_at(&self) -> Option<Instant> {
        match self {
            Self::Ready(frame) => Some(frame.unsent.made_at()),
            _ => None,
        }
    }
}

/// What the answers of one connection that have not been sent amount to.
#[derive(Default)]
struct Unsent {
    fetches: usize,
    /// Requests under way that may change something. What follows them waits, as with Kafka: the order in which a
    /// client asks is the order in which it is done.
    changes: usize,
    ready_bytes: usize,
}

impl Unsent {
    fn added(&mut self, pending: &Pending) {
        match pending {
            Pending::Ready(frame) => self.ready_bytes += frame.size_bytes(),
            Pending::Waiting { abort_on_close: true, .. } => self.fetches += 1,
            Pending::Waiting { abort_on_close: false, .. } => self.changes += 1,
            Pending::Durable { .. } | Pending::Silent => {}
        }
    }

    fn removed(&mut self, pending: &Pending) {
        match pending {
            Pending::Ready(frame) => self.ready_bytes -= frame.size_bytes(),
            Pending::Waiting { abort_on_close: true, .. } => self.fetches -= 1,
            Pending::Waiting { abort_on_close: false, .. } => self.changes -= 1,
            Pending::Durable { .. } | Pending::Silent => {}
        }
    }
}

/// Why a connection ends.
enum End {
    /// The client left, or the broker stops.
    Quiet,
    /// The client did something that cannot be answered.
    Refused(String),
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(crate) async fn serve(
    broker: Arc<Broker>,
    listener: Arc<str>,
    stream: TcpStream,
    peer: SocketAddr,
    stop: watch::Receiver<bool>,
) {
    let _open = broker.metrics.connection_opened(&listener);
    let here = stream.local_addr().ok();
    let info = Arc::new(ConnectionInfo::new(listener, peer, here));
    let opened = Instant::now();
    let mut connection = Connection {
        frames: FrameBuffer::new(broker.settings.socket_request_max_bytes),
        pending: VecDeque::new(),
        unsent: Unsent::default(),
        has_produced: false,
        refusal: None,
        patient_until: opened,
        last_active: opened,
        last_read: opened,
        now: opened,
        local: here.and_then(|local| LocalReader::new(&broker.surroundings.read().network, Link { local, peer })),
        info,
        broker: Arc::clone(&broker),
        stream,
    };
    match connection.run(stop).await {
        End::Quiet => {}
        End::Refused(reason) => warn!(%peer, "closing the connection: {reason}"),
        End::Io(error) => debug!(%peer, %error, "connection lost"),
    }
    connection.abandon();
}

struct Connection {
    frames: FrameBuffer,
    pending: VecDeque<Pending>,
    unsent: Unsent,
    has_produced: bool,
    /// Why nothing more is read; the connection ends when the answers before have been sent.
    refusal: Option<String>,
    /// Until when a large frame on its way may hold memory that others wait for.
    patient_until: Instant,
    last_active: Instant,
    /// What the clock last showed: reading it for every step costs more than many a step.
    now: Instant,
    /// When the bytes came in of which frames are being handled.
    last_read: Instant,
    local: Option<LocalReader>,
    info: Arc<ConnectionInfo>,
    broker: Arc<Broker>,
    stream: TcpStream,
}

impl Connection {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> End {
        let broker = Arc::clone(&self.broker);
        let mut share = Share::new(&broker.request_memory);
        let mut stopped = pin!(super::stopped(&mut stop));
        let mut alarm = pin!(tokio::time::sleep_until(self.deadline(&share).into()));
        loop {
            match self.step(stopped.as_mut(), alarm.as_mut(), &mut share).await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// One round: handle what has arrived, send what is ready, then wait for more of either.
    async fn step(
        &mut self,
        stopped: Pin<&mut impl Future<Output = ()>>,
        mut alarm: Pin<&mut Sleep>,
        share: &mut Share<'_>,
    ) -> Result<(), End> {
        self.handle_frames()?;
        if self.send_ready().await? {
            return Ok(());
        }
        if self.pending.is_empty()
            && let Some(reason) = self.refusal.take()
        {
            return Err(End::Refused(reason));
        }
        let may_handle = self.may_handle();
        let has_memory = may_handle && !self.is_held_up() && self.take_memory(share);
        let is_short = may_handle && !has_memory;
        let deadline = if is_short { Instant::now() + MEMORY_RETRY } else { self.deadline(share) };
        let deadline = tokio::time::Instant::from(deadline);
        // Later deadlines are looked at when the alarm goes off: setting it for every request would cost more than
        // many a request.
        if deadline < alarm.deadline() || alarm.is_elapsed() {
            alarm.as_mut().reset(deadline);
        }
        let Self { frames, pending, unsent, stream, last_active, last_read, now, .. } = self;
        tokio::select! {
            biased;
            answer = wait_for(pending.front_mut()) => {
                *now = Instant::now();
                if let Some(answer) = answer? {
                    unsent.removed(&pending[0]);
                    unsent.added(&answer);
                    pending[0] = answer;
                }
            }
            read = read_some(stream, frames), if has_memory => {
                if read? == 0 {
                    return Err(End::Quiet);
                }
                *now = Instant::now();
                *last_active = *now;
                *last_read = *now;
            }
            () = alarm => self.check_deadline(share)?,
            () = stopped => return Err(End::Quiet),
        }
        Ok(())
    }

    /// Whether another request may be taken on before answers have left.
    fn may_handle(&self) -> bool {
        let Unsent { fetches, changes, ready_bytes } = self.unsent;
        let is_open = self.refusal.is_none() && self.pending.len() < MAX_IN_FLIGHT;
        is_open && fetches < MAX_FETCHES && changes == 0 && ready_bytes < MAX_READY_BYTES
    }

    /// Whether the disk has to catch up before more of what this client produces is taken on.
    fn is_held_up(&self) -> bool {
        self.has_produced && journals::are_behind(&self.broker)
    }

    /// Takes the memory that the next read needs, if there is any.
    fn take_memory(&mut self, share: &mut Share<'_>) -> bool {
        let before = share.held_bytes();
        let has_memory = share.resize(self.frames.wanted_capacity());
        if share.held_bytes() > before {
            self.patient_until = Instant::now() + FRAME_PATIENCE;
        }
        has_memory
    }

    fn handle_frames(&mut self) -> Result<(), End> {
        while self.may_handle() && !self.is_held_up() {
            let frame = match self.frames.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(bad) => {
                    self.refusal = Some(format!(
                        "a frame claims {} bytes, allowed are 0 to {} (socket.request.max.bytes); is this a Kafka client?",
                        bad.declared, bad.limit
                    ));
                    return Ok(());
                }
            };
            self.has_produced |= frame.first_chunk() == Some(&ApiKey::Produce.code().to_be_bytes());
            match self.handle(frame) {
                Ok(answer) => {
                    self.now = answer.made_at().unwrap_or_else(Instant::now);
                    self.unsent.added(&answer);
                    self.pending.push_back(answer);
                }
                // What was done before has its answers: without them a client would do it again.
                Err(End::Refused(reason)) => self.refusal = Some(reason),
                Err(end) => return Err(end),
            }
        }
        Ok(())
    }

    fn handle(&self, frame: BytesMut) -> Result<Pending, End> {
        let times = RequestTimes { received: self.last_read, started: self.now };
        let handled = catch_unwind(AssertUnwindSafe(|| dispatch::handle(&self.broker, &self.info, frame, times)));
        match handled {
            Ok(Ok(Answer::Ready(frame))) => Ok(Pending::Ready(frame)),
            Ok(Ok(Answer::Later { task, abort_on_close })) => Ok(Pending::Waiting { task, abort_on_close }),
            Ok(Ok(Answer::WhenDurable { tickets, finish })) => Ok(Pending::Durable { tickets, finish }),
            Ok(Ok(Answer::Silent)) => Ok(Pending::Silent),
            Ok(Err(refused)) => Err(End::Refused(refused.to_string())),
            Err(_) => {
                error!(peer = %self.info.peer, "a request handler panicked; closing its connection, the broker goes on");
                Err(End::Quiet)
            }
        }
    }

    /// Sends the answers at the front that are ready. Says whether there were any, be it of requests that get none: then more
    /// frames may be handled.
    async fn send_ready(&mut self) -> Result<bool, End> {
        let (mut out, mut any) = (Outgoing::default(), false);
        while let Some(answer) = self.next_due()? {
            any = true;
            out.extend(answer);
        }
        if out.is_empty() {
            return Ok(any);
        }
        let patience = Duration::from_millis(self.broker.settings.connections_max_idle_ms);
        self.now = out.send(&self.stream, self.local.as_ref(), patience, self.now).await?;
        self.last_active = self.now;
        Ok(true)
    }

    /// Takes out the first answer if it can be sent now; there may be nothing to send of it.
    fn next_due(&mut self) -> Result<Option<Option<Frame>>, End> {
        let is_due = match self.pending.front() {
            Some(Pending::Ready(_) | Pending::Silent) => true,
            Some(Pending::Durable { tickets, .. }) => tickets.outcome().is_some(),
            _ => false,
        };
        let Some(answer) = is_due.then(|| self.pending.pop_front()).flatten() else { return Ok(None) };
        self.unsent.removed(&answer);
        match answer {
            Pending::Ready(frame) => Ok(Some(Some(frame))),
            Pending::Durable { tickets, finish } => {
                let outcome = tickets.outcome().unwrap_or(Ok(()));
                finish(outcome).map(Some).map_err(|refused| End::Refused(refused.to_string()))
            }
            _ => Ok(Some(None)),
        }
    }

    fn idle_limit(&self) -> Duration {
        if self.frames.is_mid_frame() && self.pending.is_empty() {
            STALLED_FRAME
        } else {
            Duration::from_millis(self.broker.settings.connections_max_idle_ms)
        }
    }

    fn deadline(&self, share: &Share<'_>) -> Instant {
        let idle = self.last_active + self.idle_limit();
        if self.holds_memory(share) { idle.min(self.patient_until) } else { idle }
    }

    fn holds_memory(&self, share: &Share<'_>) -> bool {
        share.held_bytes() > 0 && self.frames.is_mid_frame() && self.pending.is_empty()
    }

    fn check_deadline(&mut self, share: &Share<'_>) -> Result<(), End> {
        if Instant::now() < self.deadline(share) {
            return Ok(());
        }
        if self.holds_memory(share) && Instant::now() < self.last_active + self.idle_limit() {
            if share.budget().is_short() {
                return Err(End::Refused(format!(
                    "part of a large frame stands still and holds {} bytes that other requests wait for",
                    share.held_bytes()
                )));
            }
            self.patient_until = Instant::now() + FRAME_PATIENCE;
            return Ok(());
        }
        if self.pending.is_empty() {
            debug!(peer = %self.info.peer, "closing an idle connection");
            return Err(End::Quiet);
        }
        self.last_active = Instant::now();
        Ok(())
    }

    /// Waiting fetches end with their connection; everything else runs to its end.
    fn abandon(&mut self) {
        for pending in self.pending.drain(..) {
            if let Pending::Waiting { task, abort_on_close: true } = pending {
                task.abort();
            }
        }
    }
}

/// Reads what has arrived into memory that is taken only then.
async fn read_some(stream: &mut TcpStream, frames: &mut FrameBuffer) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        ready!(stream.poll_read_ready(context))?;
        let read = pin!(stream.read_buf(&mut frames.spare())).poll(context);
        match &read {
            Poll::Ready(Ok(bytes)) => frames.arrived(*bytes),
            _ => frames.release_unused(),
        }
        read
    })
    .await
}

/// The answer at the front once its task has ended, or nothing if it has become due by itself; never, when nothing waits
/// there.
async fn wait_for(front: Option<&mut Pending>) -> Result<Option<Pending>, End> {
    let task = match front {
        Some(Pending::Waiting { task, .. }) => task,
        Some(Pending::Durable { tickets, .. }) => {
            // How it ended is asked for again when it is its turn.
            let _ = tickets.wait().await;
            return Ok(None);
        }
        _ => return std::future::pending().await,
    };
    match task.await {
        Ok(Ok(Some(frame))) => Ok(Some(Pending::Ready(frame))),
        Ok(Ok(None)) => Ok(Some(Pending::Silent)),
        Ok(Err(refused)) => Err(End::Refused(refused.to_string())),
        Err(error) => {
            error!(%error, "a request handler failed; closing its connection, the broker goes on");
            Err(End::Quiet)
        }
    }
}
