//! What a broker concludes from the registrations that it sees beside its own. Pure: the shell in `client/presence.rs`
//! looks and hands in what it saw and when.

use std::collections::BTreeMap;
use std::time::Duration;

/// Where brokers register, below the chroot.
pub const BROKERS_PATH: &str = "/barnabas/brokers";
/// Where Apache Kafka's brokers register.
pub const KAFKA_BROKERS_PATH: &str = "/brokers/ids";

/// What a broker tells about itself. The text that it is stored as is the caller's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// `node.id`, or `broker.id` of old.
    pub node_id: i32,
    /// Name of the machine or container.
    pub host: String,
    /// Differs from start to start.
    pub start_id: String,
    /// What clients are told, as `NAME://host:port`.
    pub listeners: Vec<String>,
}

impl Registration {
    /// Name of its node. Start and connection are part of it, so that two brokers with the same id see each other.
    pub fn node_name(&self, connection: usize) -> String {
        format!("{}-{}-{connection}", self.node_id, self.start_id)
    }

    /// Whether the other is an earlier run of the same broker, in the same place: they could not both be alive.
    fn is_later_run_of(&self, other: &Self) -> bool {
        let same_place = self.host == other.host && self.listeners == other.listeners;
        self.node_id == other.node_id && same_place && !self.listeners.is_empty()
    }
}

/// A registration as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Name of the node.
    pub name: String,
    /// What it tells; `None` if that cannot be read.
    pub registration: Option<Registration>,
    /// The change that made it.
    pub czxid: i64,
    /// How often it was written.
    pub version: i32,
}

/// Another broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sibling {
    /// Its `node.id`, if it can be told.
    pub node_id: Option<i32>,
    /// Name of its machine or container; empty if it cannot be told.
    pub host: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody else is registered: serve.
    Alone,
    /// Others are registered, but may be what is left of brokers that are gone: look again.
    Wait(Vec<Sibling>),
    /// Others are alive.
    Several(Vec<Sibling>),
}

/// Watches the registrations of one server, and judges.
#[derive(Debug)]
pub struct Observer {
    own: Registration,
    own_czxid: i64,
    patience: Duration,
    first_seen: BTreeMap<String, FirstSeen>,
}

#[derive(Clone, Copy, Debug)]
struct FirstSeen {
    at: Duration,
    version: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Or this very broker: nobody to think of.
    Gone,
    Unknown,
    Alive,
}

impl Observer {
    /// For a broker whose own node was made by the change `own_czxid`, in a session with this timeout.
    pub fn new(own: Registration, own_czxid: i64, session_timeout: Duration) -> Self {
        // ZooKeeper ends sessions at whole ticks: what is left of a broker may stay half a timeout longer.
        let patience = session_timeout.saturating_add(session_timeout / 2).saturating_add(Duration::from_secs(1));
        Self { own, own_czxid, patience, first_seen: BTreeMap::new() }
    }

    /// Judges what was seen at this time. Times never go back.
    pub fn observe(&mut self, seen: &[Seen], now: Duration) -> Verdict {
        self.first_seen.retain(|name, _| seen.iter().any(|other| other.name == *name));
        let (mut alive, mut unknown) = (Vec::new(), Vec::new());
        for other in seen {
            match self.judge(other, now) {
                Life::Gone => {}
                Life::Unknown => unknown.push(other.sibling()),
                Life::Alive => alive.push(other.sibling()),
            }
        }
        let is_several = !alive.is_empty();
        let mut others = [alive, unknown].concat();
        others.sort();
        others.dedup();
        match (is_several, others.is_empty()) {
            (true, _) => Verdict::Several(others),
            (false, false) => Verdict::Wait(others),
            (false, true) => Verdict::Alone,
        }
    }

    fn is_own(&self, other: &Seen) -> bool {
        let prefix = format!("{}-{}-", self.own.node_id, self.own.start_id);
        other.name.starts_with(&prefix)
    }

    fn judge(&mut self, other: &Seen, now: Duration) -> Life {
        if self.is_own(other) {
            return Life::Gone;
        }
        let unseen = FirstSeen { at: now, version: other.version };
        let first = *self.first_seen.entry(other.name.clone()).or_insert(unseen);
        // Whoever registers or writes while we look is alive.
        if other.czxid > self.own_czxid || other.version != first.version {
            return Life::Alive;
        }
        if other.registration.as_ref().is_some_and(|registration| self.own.is_later_run_of(registration)) {
            return Life::Gone;
        }
        if now.saturating_sub(first.at) >= self.patience { Life::Alive } else { Life::Unknown }
    }
}

impl Seen {
    fn sibling(&self) -> Sibling {
        match &self.registration {
            Some(registration) => Sibling { node_id: Some(registration.node_id), host: registration.host.clone() },
            None => {
                Sibling { node_id: self.name.split('-').next().and_then(|id| id.parse().ok()), host: String::new() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
