//! What brokers write about themselves into ZooKeeper, as JSON.

use barnabas_zookeeper::client::TextForm;
use barnabas_zookeeper::registration::Registration;
use serde_json::{Value, json};

/// Version of the text; readers take what they know from later ones.
const VERSION: i32 = 1;

pub(super) const JSON: TextForm = TextForm { write, read };

fn write(registration: &Registration) -> String {
    json!({
        "version": VERSION,
        "node_id": registration.node_id,
        "host": registration.host,
        "start_id": registration.start_id,
        "listeners": registration.listeners,
    })
    .to_string()
}

fn read(text: &[u8]) -> Option<Registration> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let listeners = value["listeners"].as_array().into_iter().flatten();
    Some(Registration {
        node_id: i32::try_from(value["node_id"].as_i64()?).ok()?,
        host: text("host")?,
        start_id: text("start_id")?,
        listeners: listeners.filter_map(|listener| listener.as_str().map(str::to_owned)).collect(),
    })
}

/// Containers tell their name in `HOSTNAME`.
pub(super) fn host_name() -> String {
    let told = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    told.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_read_as_they_were_written() {
        let registration = Registration {
            node_id: 1,
            host: "kafka \"1\"".into(),
            start_id: "0a".into(),
            listeners: vec!["PLAINTEXT://kafka1:9092".into()],
        };
        assert_eq!(read(write(&registration).as_bytes()), Some(registration));
        for strange in ["", "{}", "[]", "{\"node_id\":99999999999}", "7"] {
            assert_eq!(read(strange.as_bytes()), None, "{strange}");
        }
    }
}
