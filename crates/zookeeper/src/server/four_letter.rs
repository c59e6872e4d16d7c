//! The four letter words that scripts ask, answered in ZooKeeper's format. Pure.

use std::fmt::Write;

use super::State;
use crate::ZOOKEEPER_LEVEL;

/// The answer to a word; `None` if the four bytes are not one.
pub(super) fn answer(word: [u8; 4], state: &State, uptime_ms: u128) -> Option<String> {
    match &word {
        b"ruok" => Some("imok".to_owned()),
        b"isro" => Some("rw".to_owned()),
        b"srvr" => Some(format!("{}\n{}", version_line(), server_lines(state))),
        b"stat" => Some(format!("{}\nClients:\n\n{}", version_line(), server_lines(state))),
        b"mntr" => Some(monitor(state, uptime_ms)),
        b"conf" => Some(configuration(state)),
        b"envi" => Some(environment()),
        b"cons" | b"crst" | b"dirs" | b"dump" | b"gtmk" | b"hash" | b"lcnt" | b"srst" | b"stmk" | b"wchc" | b"wchp"
        | b"wchs" => {
            let word = String::from_utf8_lossy(&word);
            Some(format!("{word} is not executed because it is not in the whitelist.\n"))
        }
        _ => None,
    }
}

fn version() -> String {
    format!("{ZOOKEEPER_LEVEL}-barnabas-{}, built on 1970-01-01 00:00 UTC", env!("CARGO_PKG_VERSION"))
}

fn version_line() -> String {
    format!("Zookeeper version: {}", version())
}

fn server_lines(state: &State) -> String {
    let counters = state.counters;
    format!(
        "Latency min/avg/max: 0/0.0/0\nReceived: {}\nSent: {}\nConnections: {}\nOutstanding: 0\nZxid: {:#x}\n\
         Mode: standalone\nNode count: {}\n",
        counters.received,
        counters.sent,
        counters.connections,
        state.zxid,
        state.tree.len()
    )
}

fn monitor(state: &State, uptime_ms: u128) -> String {
    let counters = state.counters;
    let rows = [
        ("version", version()),
        ("server_state", "standalone".to_owned()),
        ("peer_state", "leading - broadcast".to_owned()),
        ("uptime", uptime_ms.to_string()),
        ("avg_latency", "0.0".to_owned()),
        ("max_latency", "0".to_owned()),
        ("min_latency", "0".to_owned()),
        ("packets_received", counters.received.to_string()),
        ("packets_sent", counters.sent.to_string()),
        ("num_alive_connections", counters.connections.to_string()),
        ("outstanding_requests", "0".to_owned()),
        ("znode_count", state.tree.len().to_string()),
        ("watch_count", "0".to_owned()),
        ("ephemerals_count", state.tree.ephemerals().to_string()),
        ("approximate_data_size", state.tree.data_bytes().to_string()),
        ("global_sessions", state.sessions().to_string()),
    ];
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "zk_{name}\t{value}"); // writing to a text does not fail
        text
    })
}

fn configuration(state: &State) -> String {
    let tick = state.settings.tick_time_ms;
    format!(
        "clientPort={}\nsecureClientPort=-1\ndataDir=\ndataLogDir=\ntickTime={tick}\nmaxClientCnxns=0\n\
         minSessionTimeout={}\nmaxSessionTimeout={}\nserverId=0\n",
        state.settings.client_port,
        u64::from(tick).saturating_mul(2),
        u64::from(tick).saturating_mul(20)
    )
}

fn environment() -> String {
    format!("Environment:\nzookeeper.version={}\nos.name={}\n", version(), std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Settings;

    fn ask(word: &[u8; 4]) -> String {
        answer(*word, &State::new(Settings::default(), 1), 7).unwrap()
    }

    #[test]
    fn what_scripts_look_for() {
        assert_eq!(ask(b"ruok"), "imok");
        assert_eq!(ask(b"isro"), "rw");
        for word in [b"srvr", b"stat"] {
            let text = ask(word);
            assert!(text.starts_with("Zookeeper version: 3."), "{text}");
            assert!(text.lines().any(|line| line == "Mode: standalone"), "{text}");
        }
        assert!(ask(b"mntr").starts_with("zk_version\t3."));
        assert!(ask(b"mntr").lines().any(|line| line == "zk_server_state\tstandalone"));
        assert!(ask(b"conf").starts_with("clientPort=2181\n"));
        assert!(ask(b"envi").contains("zookeeper.version=3."));
        assert!(ask(b"dump").contains("not in the whitelist"));
        assert_eq!(answer(*b"GET ", &State::new(Settings::default(), 1), 7), None);
    }
}
