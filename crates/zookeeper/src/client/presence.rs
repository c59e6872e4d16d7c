//! Keeps a broker registered at the servers of its connect string, and tells what it sees there.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Client, ClientError, connect_tcp};
use crate::jute::CreateMode;
use crate::registration::{BROKERS_PATH, KAFKA_BROKERS_PATH, Observer, Registration, Seen, Sibling, Verdict};
use crate::{ConnectString, ErrorCode, HostPort};

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

/// How registrations are stored: this crate knows no JSON.
#[derive(Clone, Copy)]
pub struct TextForm {
    /// The text of a registration.
    pub write: fn(&Registration) -> String,
    /// The registration that a text holds.
    pub read: fn(&[u8]) -> Option<Registration>,
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

/// A broker's registrations, one per server: servers of an ensemble may also be several that know nothing of each other.
pub struct Presence {
    views: watch::Receiver<Vec<View>>,
    mode: watch::Sender<Mode>,
    tasks: Vec<JoinHandle<()>>,
}

impl Presence {
    /// Begins to register, and goes on with it until [`Presence::leave`].
    pub fn announce(connect: &ConnectString, own: &Registration, form: TextForm) -> Self {
        let (tell, views) = watch::channel(vec![View::Resolving; connect.servers.len()]);
        let (mode, modes) = watch::channel(Mode::Looking);
        let announcer = |(connection, server): (usize, &HostPort)| Announcer {
            server: server.clone(),
            chroot: connect.chroot.clone(),
            connection,
            own: own.clone(),
            form,
            mode: modes.clone(),
            tell: tell.clone(),
        };
        let announcers = connect.servers.iter().enumerate().map(announcer);
        let tasks = announcers.map(|announcer| tokio::spawn(announcer.run())).collect();
        Self { views, mode, tasks }
    }

    /// What is seen, one view per server of the connect string.
    pub fn views(&self) -> Vec<View> {
        self.views.borrow().clone()
    }

    /// Waits for a view that has not been looked at.
    pub async fn changed(&mut self) -> Vec<View> {
        if self.views.changed().await.is_err() {
            std::future::pending::<()>().await; // the tasks only end with leave()
        }
        self.views.borrow_and_update().clone()
    }

    /// Says what the broker is doing.
    pub fn say(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Closes the sessions: the registrations are gone when this returns, or else expire.
    pub async fn leave(self) {
        self.say(Mode::Leaving);
        let closed = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        let _ = timeout(CLOSE_LIMIT, closed).await;
    }
}

struct Announcer {
    server: HostPort,
    chroot: String,
    /// Tells the registrations of one broker apart.
    connection: usize,
    own: Registration,
    form: TextForm,
    mode: watch::Receiver<Mode>,
    tell: watch::Sender<Vec<View>>,
}

impl Announcer {
    async fn run(mut self) {
        let mut failures = 0;
        while self.mode() != Mode::Leaving {
            if let Err(error) = self.attempt().await {
                let was_registered = matches!(self.shown(), Some(View::Registered { .. }));
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

    fn shown(&self) -> Option<View> {
        self.tell.borrow().get(self.connection).cloned()
    }

    fn show(&self, view: View) {
        self.tell.send_if_modified(|views| {
            let Some(shown) = views.get_mut(self.connection).filter(|shown| **shown != view) else { return false };
            *shown = view;
            true
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
        let stream = tokio::select! {
            stream = connect_tcp(&self.server) => stream?,
            _ = mode.wait_for(|mode| *mode == Mode::Leaving) => return Ok(()),
        };
        if self.shown() == Some(View::Resolving) {
            self.show(View::Connected);
        }
        let mut client = Client::start(stream, &self.chroot, SESSION_TIMEOUT).await?;
        let own_czxid = self.register(&mut client).await?;
        let mut observer = Observer::new(self.own.clone(), own_czxid, client.session_timeout());
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
                let registration = (self.form.read)(&data);
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
        self.own.node_name(self.connection)
    }

    fn own_path(&self) -> String {
        format!("{BROKERS_PATH}/{}", self.own_name())
    }

    fn own_text(&self) -> Bytes {
        (self.form.write)(&self.own).into()
    }
}
