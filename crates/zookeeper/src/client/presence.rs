//! Keeps a broker registered at one server, for as long as the process lives, and tells what it sees there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Client, ClientError, connect_tcp};
use crate::jute::CreateMode;
use crate::registration::{BROKERS_PATH, KAFKA_BROKERS_PATH, Observer, Registration, Seen, Sibling, Verdict};
use crate::{ErrorCode, HostPort};

/// What is asked for; servers grant at least two of their ticks, which is 4 s by default.
const SESSION_TIMEOUT: Duration = Duration::from_secs(4);
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// While somebody waits for the verdict.
const IMPATIENT_LOOK_INTERVAL: Duration = Duration::from_millis(200);
const RETRY_AT_FIRST: Duration = Duration::from_secs(1);
const RETRY_LATER: Duration = Duration::from_secs(5);
const RETRIES_AT_FIRST: u32 = 30;
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// More registrations than any file has brokers: the rest is not read.
const MOST_SIBLINGS: usize = 1000;

/// What a broker says of itself at a server.
#[derive(Clone)]
pub struct Announcement {
    /// Where.
    pub server: HostPort,
    /// Below which folder.
    pub chroot: String,
    /// Tells the connections of one broker apart.
    pub connection: usize,
    /// Who.
    pub own: Registration,
    /// The text of a registration.
    pub to_text: fn(&Registration) -> String,
    /// The registration that a text holds.
    pub of_text: fn(&[u8]) -> Option<Registration>,
}

/// What the broker is doing, which decides what is done at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Looking for others, before or while serving.
    Looking,
    /// Telling others that it is alive and refuses.
    Refusing,
    /// Going: the session is closed.
    Leaving,
}

/// What is known of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Nothing yet.
    Resolving,
    /// There is a server, and it has not been looked at.
    Connected,
    /// It cannot be used, for this reason; it is tried again.
    Unreachable(String),
    /// The broker is registered there.
    Registered {
        /// What follows from the other registrations.
        verdict: Verdict,
        /// Ids of other brokers, of Apache Kafka, that use it.
        kafka_brokers: Vec<String>,
    },
}

impl View {
    /// Brokers that are alive beside this one.
    pub fn siblings(&self) -> Option<&[Sibling]> {
        match self {
            Self::Registered { verdict: Verdict::Several(siblings), .. } => Some(siblings),
            _ => None,
        }
    }
}

/// A registration that is kept up by a task.
pub struct Presence {
    /// Where.
    pub server: HostPort,
    /// What is seen there.
    pub view: watch::Receiver<View>,
    task: JoinHandle<()>,
}

impl Presence {
    /// Waits until the session is closed; [`Mode::Leaving`] must have been said.
    pub async fn closed(self) {
        let _ = timeout(CLOSE_LIMIT, self.task).await; // a session that does not close expires
    }
}

/// Begins to register, and goes on with it until the mode is [`Mode::Leaving`].
pub fn announce(announcement: Announcement, mode: watch::Receiver<Mode>) -> Presence {
    let (tell, view) = watch::channel(View::Resolving);
    let server = announcement.server.clone();
    let task = tokio::spawn(Announcer { announcement: Arc::new(announcement), mode, tell }.run());
    Presence { server, view, task }
}

struct Announcer {
    announcement: Arc<Announcement>,
    mode: watch::Receiver<Mode>,
    tell: watch::Sender<View>,
}

impl Announcer {
    async fn run(mut self) {
        let mut failures = 0;
        while self.mode() != Mode::Leaving {
            if let Err(error) = self.attempt().await {
                let was_registered = matches!(*self.tell.borrow(), View::Registered { .. });
                failures = if was_registered { 0 } else { failures + 1 };
                self.show(View::Unreachable(error.to_string()));
                let pause = if failures < RETRIES_AT_FIRST { RETRY_AT_FIRST } else { RETRY_LATER };
                self.pause(pause).await;
            }
        }
    }

    fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    fn show(&self, view: View) {
        self.tell.send_if_modified(|shown| {
            let is_new = *shown != view;
            *shown = view;
            is_new
        });
    }

    /// Sleeps, but not into another mode.
    async fn pause(&mut self, duration: Duration) {
        let mut mode = self.mode.clone();
        tokio::select! {
            () = sleep(duration) => {}
            changed = mode.changed() => if changed.is_err() {
                sleep(duration).await; // nobody will change it any more
            },
        }
        self.mode = mode;
    }

    /// One session, from its begin to its end. Returns without error if it was closed as it should be.
    async fn attempt(&mut self) -> Result<(), ClientError> {
        let mut mode = self.mode.clone();
        let server = self.announcement.server.clone();
        let stream = tokio::select! {
            stream = connect_tcp(&server) => stream?,
            _ = mode.wait_for(|mode| *mode == Mode::Leaving) => return Ok(()),
        };
        if !matches!(*self.tell.borrow(), View::Unreachable(_)) {
            self.show(View::Connected);
        }
        let mut client = Client::start(stream, &self.announcement.chroot, SESSION_TIMEOUT).await?;
        let own_czxid = self.register(&mut client).await?;
        let own = self.announcement.own.clone();
        let mut observer = Observer::new(own, own_czxid, client.session_timeout());
        let began = Instant::now();
        while self.mode() != Mode::Leaving {
            let seen = self.look(&mut client).await?;
            let verdict = observer.observe(&seen, began.elapsed());
            let kafka_brokers = self.kafka_brokers(&mut client).await?;
            let waits = matches!(verdict, Verdict::Wait(_));
            self.show(View::Registered { verdict, kafka_brokers });
            if self.mode() == Mode::Refusing {
                client.set_data(&self.own_path(), self.own_text()).await?;
            }
            self.pause(if waits { IMPATIENT_LOOK_INTERVAL } else { LOOK_INTERVAL }).await;
        }
        client.close().await
    }

    async fn register(&self, client: &mut Client) -> Result<i64, ClientError> {
        let (path, text) = (self.own_path(), self.own_text());
        client.ensure_path(BROKERS_PATH).await?;
        match client.create(&path, text.clone(), CreateMode::EPHEMERAL).await {
            // Of a session of ours that was lost and has not expired.
            Err(error) if error.is(ErrorCode::NodeExists) => {
                client.delete(&path).await?;
                Ok(client.create(&path, text, CreateMode::EPHEMERAL).await?.czxid)
            }
            outcome => Ok(outcome?.czxid),
        }
    }

    /// The registrations at the server, its own included. One that is gone is an error: it must be made again.
    async fn look(&self, client: &mut Client) -> Result<Vec<Seen>, ClientError> {
        let mut names = client.children(BROKERS_PATH).await?.unwrap_or_default();
        let own_name = self.own_name();
        if !names.contains(&own_name) {
            return Err(ClientError::Protocol("the registration is gone".into()));
        }
        names.retain(|name| *name != own_name);
        names.truncate(MOST_SIBLINGS);
        let mut seen = Vec::new();
        for name in names {
            if let Some((data, stat)) = client.get_data(&format!("{BROKERS_PATH}/{name}")).await? {
                let registration = (self.announcement.of_text)(&data);
                seen.push(Seen { name, registration, czxid: stat.czxid, version: stat.version });
            }
        }
        Ok(seen)
    }

    /// All of them: a broker of Apache Kafka with our own id is a stranger, too.
    async fn kafka_brokers(&self, client: &mut Client) -> Result<Vec<String>, ClientError> {
        Ok(client.children(KAFKA_BROKERS_PATH).await?.unwrap_or_default())
    }

    fn own_name(&self) -> String {
        self.announcement.own.node_name(self.announcement.connection)
    }

    fn own_path(&self) -> String {
        format!("{BROKERS_PATH}/{}", self.own_name())
    }

    fn own_text(&self) -> Bytes {
        (self.announcement.to_text)(&self.announcement.own).into()
    }
}
