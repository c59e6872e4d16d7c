//! Addresses as old files and wurstmeister's image write them, turned into `listeners` and `advertised.listeners`, and
//! values that cannot mean anything, which are left out with a note.

use crate::keys::broker_key;
use crate::load::{Gathered, Origin, Setting};
use crate::value::Value;

const DEFAULT_PORT: &str = "9092";
const DEFAULT_NAME: &str = "PLAINTEXT";

/// Old keys of addresses; none of them is left in the settings afterwards.
pub(crate) fn modernise(gathered: &mut Gathered) {
    let mut take = |key: &str| gathered.settings.remove(key).filter(|setting| !setting.value.trim().is_empty());
    let old = Old {
        host: take("host.name"),
        port: take("port"),
        told_host: take("advertised.host.name"),
        told_port: take("advertised.port"),
        name: take("protocol.name"),
        told_name: take("advertised.protocol.name"),
        inter_broker_port: take("inter.broker.port"),
    };
    if old.name.is_some() || old.told_name.is_some() { old.with_names(gathered) } else { old.without_names(gathered) }
}

struct Old {
    host: Option<Setting>,
    port: Option<Setting>,
    told_host: Option<Setting>,
    told_port: Option<Setting>,
    name: Option<Setting>,
    told_name: Option<Setting>,
    inter_broker_port: Option<Setting>,
}

fn text(setting: &Option<Setting>) -> Option<&str> {
    setting.as_ref().map(|setting| setting.value.trim())
}

impl Old {
    fn origin(&self) -> Option<Origin> {
        let all = [&self.told_host, &self.told_port, &self.host, &self.port, &self.told_name, &self.name];
        all.into_iter().flatten().next().map(|setting| setting.origin.clone())
    }

    fn port(&self) -> &str {
        text(&self.port).unwrap_or(DEFAULT_PORT)
    }

    fn without_names(&self, gathered: &mut Gathered) {
        let Some(origin) = self.origin() else { return };
        let first = gathered.settings.get("listeners").and_then(|setting| split(&setting.value));
        if first.is_none() {
            let address = format!("{DEFAULT_NAME}://{}:{}", text(&self.host).unwrap_or_default(), self.port());
            put(gathered, "listeners", address, &origin);
        }
        let told = self.told_host.is_some() || self.told_port.is_some();
        if told && !gathered.settings.contains_key("advertised.listeners") {
            let (name, port) = first.unwrap_or_else(|| (DEFAULT_NAME.to_owned(), self.port().to_owned()));
            let host = text(&self.told_host).or(text(&self.host)).unwrap_or_default();
            let port = text(&self.told_port).unwrap_or(&port);
            put(gathered, "advertised.listeners", format!("{name}://{host}:{port}"), &origin);
        }
    }

    /// `PROTOCOL_NAME` is the listener inside, `ADVERTISED_PROTOCOL_NAME` the one for others.
    fn with_names(&self, gathered: &mut Gathered) {
        let Some(origin) = self.origin() else { return };
        let inner = text(&self.name).or(text(&self.told_name)).unwrap_or(DEFAULT_NAME);
        let mut bound = list(gathered, "listeners");
        let mut told = list(gathered, "advertised.listeners");
        if let (Some(name), Some(port)) = (text(&self.told_name), text(&self.told_port)) {
            add(&mut told, name, text(&self.told_host).unwrap_or_default(), port);
            add(&mut bound, name, "", port);
        }
        let host = text(&self.host).unwrap_or_default();
        add(&mut bound, inner, host, self.port());
        add(&mut told, inner, host, self.port());
        let given = gathered.settings.get("inter.broker.listener.name").map(|setting| setting.value.clone());
        match (given, text(&self.inter_broker_port)) {
            (None, _) => put(gathered, "inter.broker.listener.name", inner.to_owned(), &origin),
            (Some(name), Some(port)) => {
                add(&mut bound, &name, "", port);
                add(&mut told, &name, "", port);
            }
            (Some(_), None) => {}
        }
        put(gathered, "listeners", bound.join(","), &origin);
        put(gathered, "advertised.listeners", told.join(","), &origin);
    }
}

/// Name and port of the first listener.
fn split(listeners: &str) -> Option<(String, String)> {
    let (name, address) = listeners.split(',').next()?.trim().split_once("://")?;
    Some((name.to_owned(), address.rsplit_once(':')?.1.to_owned()))
}

fn list(gathered: &Gathered, key: &str) -> Vec<String> {
    let value = gathered.settings.get(key).map_or("", |setting| setting.value.as_str());
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Unless a listener of that name is there.
fn add(listeners: &mut Vec<String>, name: &str, host: &str, port: &str) {
    let start = format!("{name}://");
    if !listeners.iter().any(|listener| listener.starts_with(&start)) {
        listeners.push(format!("{start}{host}:{port}"));
    }
}

fn put(gathered: &mut Gathered, key: &str, value: String, origin: &Origin) {
    gathered.settings.insert(key.to_owned(), Setting { key: key.to_owned(), value, origin: origin.clone() });
}

/// Values that are none where Kafka's images or their users write such a thing (a compose file's `${X:-}` is empty, ids are words):
/// left out, with a note each.
pub(crate) fn tolerate(gathered: &mut Gathered) {
    let settings = std::mem::take(&mut gathered.settings);
    for (key, setting) in settings {
        match useless(&key, &setting) {
            Some(why) => gathered.notes.push(format!("{key} ({}) {why}; it is left out", setting.origin)),
            None => {
                gathered.settings.insert(key, setting);
            }
        }
    }
}

fn useless(key: &str, setting: &Setting) -> Option<String> {
    let value = setting.value.trim();
    if matches!(key, "broker.id" | "node.id") {
        return value.parse::<i32>().err().map(|_| format!("is {value:?}, not a number"));
    }
    let empty = value.is_empty() && matches!(setting.origin, Origin::Env(_));
    let row = broker_key(key).filter(|row| empty && Value::parse(row, "").is_err());
    row.map(|_| "is empty".to_owned())
}
