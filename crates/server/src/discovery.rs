//! Whether the file of this broker has others. Files of the ZooKeeper era do not say it: each broker only knows its
//! ZooKeeper and its own id. Brokers register there and look for each other, before and while they serve. Where ZooKeeper
//! is gone from the file, neighbours' names are tried. What is concluded from registrations is in `barnabas-zookeeper`.

mod advice;
mod registered;

use std::time::Duration;

use barnabas_common::Uuid;
use barnabas_config::{BrokerConfig, Warning};
use barnabas_zookeeper::client::{Mode, Presence, View, connect_tcp};
use barnabas_zookeeper::registration::Registration;
use barnabas_zookeeper::{ConnectString, HostPort, neighbours};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use crate::server::StopSignals;

/// How long a broker that refuses stays visible to its siblings, which look each second.
const STAY: Duration = Duration::from_secs(5);
/// The same towards siblings that find it by its name.
const STAY_NAMED: Duration = Duration::from_secs(4);
const NEIGHBOUR_LIMIT: Duration = Duration::from_secs(2);
const NEIGHBOUR_INTERVAL_AT_FIRST: Duration = Duration::from_secs(2);
const NEIGHBOUR_INTERVAL_LATER: Duration = Duration::from_secs(10);
const NEIGHBOUR_LOOKS_AT_FIRST: u32 = 60;

/// The search for other brokers of the file. Nothing happens for brokers that name no ZooKeeper, or that have roles.
pub(crate) struct Discovery {
    search: Option<Search>,
    /// What a start tells about it.
    pub notes: Vec<String>,
    pub warnings: Vec<Warning>,
}

struct Search {
    connect: ConnectString,
    /// The connect string as the user wrote it.
    written: String,
    own: Registration,
    presence: Presence,
    neighbours: Vec<HostPort>,
    told: Told,
    refused_at: Option<Instant>,
}

/// What has been logged, so that it is logged once.
#[derive(Default)]
struct Told {
    registered: bool,
    kafka_brokers: bool,
}

impl Discovery {
    /// Begins to register.
    pub(crate) fn begin(config: &BrokerConfig) -> Self {
        let mut notes = Vec::new();
        let written = config.zookeeper_connect().filter(|_| config.origin("process.roles").is_none());
        let search = written.and_then(|written| match ConnectString::parse(written) {
            Ok(connect) => Some(Search::begin(connect, written, config)),
            Err(error) => {
                notes.push(format!("zookeeper.connect: {error}; other brokers of the file are not looked for"));
                None
            }
        });
        Self { search, notes, warnings: Vec::new() }
    }

    /// Looks before the broker starts: waits for as long as it takes to be sure, or to know that there is no ZooKeeper.
    /// A line for people if there are others.
    pub(crate) async fn look(&mut self, config: &BrokerConfig) -> Option<String> {
        let search = self.search.as_mut()?;
        let refusal = search.until_sure().await;
        if refusal.is_none() {
            let views = search.presence.views();
            self.notes.push(search.note(&views));
            let is_registered = views.iter().any(is_registered);
            let impossible = (!is_registered).then(|| advice::asks_for_several(config)).flatten();
            let strangers = search.kafka_brokers(&views);
            let warning = |message| Warning { key: "zookeeper.connect".into(), message };
            self.warnings.extend(impossible.into_iter().chain(strangers).map(warning));
        }
        refusal
    }

    /// Waits until another broker of the file shows up; for ever, if none does. A line for people.
    pub(crate) async fn sibling(&mut self) -> String {
        match &mut self.search {
            Some(search) => search.until_sibling().await,
            None => std::future::pending().await,
        }
    }

    /// Stays visible to siblings for a moment, so that they refuse, too. A signal ends that.
    pub(crate) async fn stay(&mut self, signals: &mut StopSignals) {
        let Some(refused_at) = self.search.as_ref().and_then(|search| search.refused_at) else { return };
        tokio::select! {
            () = sleep_until(refused_at + STAY) => {}
            () = signals.wait() => {}
        }
    }

    /// The broker begins to stop: its registrations may go, while it closes its files.
    pub(crate) fn going(&self) {
        if let Some(search) = &self.search {
            search.presence.say(Mode::Leaving);
        }
    }

    /// Ends the registrations.
    pub(crate) async fn leave(self) {
        if let Some(search) = self.search {
            search.presence.leave().await;
        }
    }
}

impl Search {
    fn begin(connect: ConnectString, written: &str, config: &BrokerConfig) -> Self {
        let host = registered::host_name();
        let advertised = config.advertised_listeners().iter();
        let advertised = advertised.map(|told| (told, told.host.clone().unwrap_or_else(|| host.clone())));
        let advertised = advertised.filter(|(told, _)| told.port != 0);
        let (addresses, listeners): (Vec<_>, Vec<_>) = advertised
            .map(|(told, host)| {
                let address = HostPort { host, port: told.port };
                let listener = format!("{}://{address}", told.name);
                (address, listener)
            })
            .unzip();
        let start_id = Uuid::random().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let own = Registration { node_id: config.node_id(), host, start_id, listeners };
        Self {
            presence: Presence::announce(&connect, &own, registered::JSON),
            neighbours: neighbours::candidates(&addresses, &connect),
            connect,
            written: written.to_owned(),
            own,
            told: Told::default(),
            refused_at: None,
        }
    }

    async fn until_sure(&mut self) -> Option<String> {
        let began = Instant::now();
        loop {
            let views = self.presence.views();
            match advice::decide(&views, began.elapsed()) {
                advice::Start::Serve => return None,
                advice::Start::Refuse(siblings) => return Some(self.refuse(&siblings)),
                advice::Start::Look(Some(until)) => {
                    let _ = timeout_at(began + until, self.presence.changed()).await; // then it is decided
                }
                advice::Start::Look(None) => {
                    info!(
                        "others are registered at ZooKeeper {}: waiting until it is clear whether they live",
                        self.written
                    );
                    self.presence.changed().await;
                }
            }
        }
    }

    async fn until_sibling(&mut self) -> String {
        let mut looks = 0;
        loop {
            let views = self.presence.views();
            if let Some(siblings) = advice::siblings(&views) {
                return self.refuse(&siblings);
            }
            self.tell(&views);
            let is_without = !views.iter().any(is_registered) && !self.neighbours.is_empty();
            let pause =
                if looks < NEIGHBOUR_LOOKS_AT_FIRST { NEIGHBOUR_INTERVAL_AT_FIRST } else { NEIGHBOUR_INTERVAL_LATER };
            tokio::select! {
                _ = self.presence.changed() => {}
                found = neighbour(&self.neighbours, pause), if is_without => match found {
                    Some(neighbour) => return self.refuse_for(&neighbour).await,
                    None => looks += 1,
                },
            }
        }
    }

    fn refuse(&mut self, siblings: &[barnabas_zookeeper::registration::Sibling]) -> String {
        self.presence.say(Mode::Refusing);
        self.refused_at = Some(Instant::now());
        info!(
            "other brokers are registered at ZooKeeper {}: this one does not serve, and ends in {} s",
            self.written,
            STAY.as_secs()
        );
        advice::refusal(&self.written, &self.own, siblings)
    }

    /// The neighbour finds this broker by its name only while it listens.
    async fn refuse_for(&mut self, neighbour: &HostPort) -> String {
        info!("{neighbour} exists and accepts connections: this broker stops in {} s", STAY_NAMED.as_secs());
        sleep(STAY_NAMED).await;
        advice::refusal_for_neighbour(&self.written, &self.own, neighbour)
    }

    fn note(&mut self, views: &[View]) -> String {
        if views.iter().any(is_registered) {
            self.told.registered = true;
            return format!("ZooKeeper {}: no other broker is registered there, this one forms alone", self.written);
        }
        format!(
            "zookeeper.connect={}: not reached ({}). No ZooKeeper is needed, this broker forms alone; it goes on looking for \
             one, because brokers of one file find each other there",
            self.written,
            self.reason(views)
        )
    }

    fn reason(&self, views: &[View]) -> String {
        let reason = |(server, view): (&HostPort, &View)| match view {
            View::Unreachable(reason) => format!("{server}: {reason}"),
            _ => format!("{server}: no answer yet"),
        };
        self.connect.servers.iter().zip(views).map(reason).collect::<Vec<_>>().join("; ")
    }

    /// Logs what changed while the broker serves.
    fn tell(&mut self, views: &[View]) {
        let is_registered = views.iter().any(is_registered);
        if is_registered != self.told.registered {
            self.told.registered = is_registered;
            match is_registered {
                true => info!("registered at ZooKeeper {}; no other broker is seen there", self.written),
                false => warn!(
                    "ZooKeeper {} is not reached any more ({}); this broker goes on serving and looks for it",
                    self.written,
                    self.reason(views)
                ),
            }
        }
        if let Some(message) = self.kafka_brokers(views) {
            warn!("{message}");
        }
    }

    /// A warning, once, if brokers of Apache Kafka use the same ZooKeeper.
    fn kafka_brokers(&mut self, views: &[View]) -> Option<String> {
        let ids = views.iter().find_map(|view| match view {
            View::Registered { kafka_brokers, .. } if !kafka_brokers.is_empty() => Some(kafka_brokers.join(", ")),
            _ => None,
        })?;
        if std::mem::replace(&mut self.told.kafka_brokers, true) {
            return None;
        }
        Some(advice::kafka_brokers(&self.written, &ids))
    }
}

fn is_registered(view: &View) -> bool {
    matches!(view, View::Registered { .. })
}

/// The first of these that accepts a connection; `None` after a pause if none does. A name that does not exist is asked
/// for once per look, whatever its ports.
async fn neighbour(candidates: &[HostPort], pause: Duration) -> Option<HostPort> {
    sleep(pause).await;
    let mut missing: Option<&str> = None;
    for candidate in candidates {
        if missing == Some(&candidate.host) {
            continue;
        }
        match timeout(NEIGHBOUR_LIMIT, connect_tcp(candidate)).await {
            Ok(Ok(_)) => return Some(candidate.clone()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            // No such name, or nothing that answers under it.
            Ok(Err(_)) | Err(_) => missing = Some(&candidate.host),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> HostPort {
        HostPort { host: "127.0.0.1".into(), port }
    }

    #[tokio::test]
    async fn a_neighbour_is_one_that_accepts_connections() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let missing = HostPort { host: "kafka2.invalid".into(), port: 9092 };
        let candidates = [missing.clone(), at(closed), at(open.local_addr().unwrap().port())];
        assert_eq!(neighbour(&candidates, Duration::ZERO).await.as_ref(), candidates.last());
        assert_eq!(neighbour(&[missing, at(closed)], Duration::ZERO).await, None);
    }
}
