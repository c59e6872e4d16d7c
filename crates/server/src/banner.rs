//! What a start says on standard output: a few lines for people at a terminal, one JSON line for machines.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use barnabas_broker::{ListeningOn, RunningBroker, advertised};
use barnabas_common::vfs::{OsVfs, Vfs};
use barnabas_config::{BrokerConfig, Warning};
use serde_json::{Value, json};

/// The version of Apache Kafka whose behaviour this broker follows.
const KAFKA_LEVEL: &str = "4.3";
const GIB: f64 = (1u64 << 30) as f64;

pub(crate) struct Banner<'a> {
    pub config: &'a BrokerConfig,
    pub running: &'a RunningBroker,
    pub http_address: Option<SocketAddr>,
    pub warnings: &'a [Warning],
    pub notes: &'a [String],
    pub started: Instant,
}

pub(crate) fn print(banner: &Banner<'_>) {
    if std::io::stdout().is_terminal() { banner.for_people() } else { println!("{}", banner.for_machines()) }
}

/// Kafka's words for being up, in the order in which it says them. Test containers and scripts wait for them.
pub(crate) fn announce(node_id: i32) {
    println!("Creating new log file");
    println!("Transitioning from RECOVERY to RUNNING");
    println!("Checking need to trigger auto leader balancing");
    println!("[KafkaServer id={node_id}] started");
    println!("Kafka Server started");
}

impl Banner<'_> {
    fn for_people(&self) {
        println!("Barnabas {} (behaves as Apache Kafka {KAFKA_LEVEL})", env!("CARGO_PKG_VERSION"));
        let formatted = if self.running.formatted { ", new" } else { "" };
        println!("  cluster   {}{formatted}, node {}", self.running.cluster_id, self.config.node_id());
        for listener in &self.running.listeners {
            let told = format!("{}:{}", listener.advertised_host, listener.advertised_port);
            println!(
                "  {:<9} {} -> clients are told {told}; {}",
                listener.name,
                listener.address,
                self.reach(listener)
            );
        }
        if let Some(address) = self.http_address {
            println!("  http      http://{address}/metrics  /healthz  /readyz");
        }
        for dir in self.running.broker.data_dirs() {
            println!("  data      {}{}", dir.display(), self.free_space(dir));
        }
        println!("  durable   {}", self.durability());
        for note in self.notes {
            println!("  note      {note}");
        }
        for (number, warning) in (1..).zip(self.all_warnings()) {
            println!("  warning {number} {warning}");
        }
        println!("ready in {} ms", self.started.elapsed().as_millis());
    }

    /// Those of the configuration, and one for each log dir that is out of use.
    fn all_warnings(&self) -> Vec<String> {
        let of_dirs = self.running.broker.dirs_out_of_use().map(|(dir, reason)| {
            let dir = dir.display();
            format!("the log dir {dir} is out of use until a restart, and its partitions are offline: {reason}")
        });
        self.warnings.iter().map(ToString::to_string).chain(of_dirs).collect()
    }

    fn out_of_use(&self, dir: &Path) -> Option<&str> {
        self.running.broker.dirs_out_of_use().find(|(other, _)| *other == dir).map(|(_, reason)| reason)
    }

    fn free_space(&self, dir: &Path) -> String {
        // The path may lead to another volume then.
        if self.out_of_use(dir).is_some() {
            return " (out of use)".to_owned();
        }
        match OsVfs.disk_space(dir) {
            Ok(space) => {
                format!(" ({:.1} of {:.1} GiB free)", space.usable_bytes as f64 / GIB, space.total_bytes as f64 / GIB)
            }
            Err(error) => format!(" (free space unknown: {error})"),
        }
    }

    /// Who can use the address that clients are told.
    fn reach(&self, listener: &ListeningOn) -> &'static str {
        let host = listener.advertised_host.as_str();
        let is_loopback = advertised::is_loopback(host);
        let answers_each = self.config.boolean("barnabas.advertised.listeners.per.connection");
        match (is_loopback, listener.address.ip().is_loopback()) {
            (_, true) => "listens on loopback only: others cannot connect, whatever they are told",
            (true, false) if answers_each => {
                "this machine by that name; neighbours are told the address by which they came in"
            }
            (true, false) => "reachable from this machine only, not from other containers",
            (false, false) => "reachable by whoever resolves that name",
        }
    }

    /// What an acknowledgement promises.
    fn durability(&self) -> &'static str {
        match self.config.text("barnabas.durability") {
            Some("page-cache") => "against kill -9 (page cache); power loss as in Apache Kafka's default",
            _ => "against kill -9 and power loss: acks=all waits for the disk (journal)",
        }
    }

    fn for_machines(&self) -> Value {
        let listeners = self.running.listeners.iter().map(|listener| {
            json!({
                "name": listener.name,
                "address": listener.address.to_string(),
                "advertised": format!("{}:{}", listener.advertised_host, listener.advertised_port),
                "reach": self.reach(listener),
            })
        });
        let dirs = self.running.broker.data_dirs().map(|dir| {
            let path = dir.display().to_string();
            match self.out_of_use(dir) {
                Some(reason) => json!({ "path": path, "free_bytes": null, "out_of_use": reason }),
                None => {
                    json!({ "path": path, "free_bytes": OsVfs.disk_space(dir).map(|space| space.usable_bytes).ok() })
                }
            }
        });
        json!({
            "event": "ready",
            "version": env!("CARGO_PKG_VERSION"),
            "kafka_level": KAFKA_LEVEL,
            "cluster_id": self.running.cluster_id,
            "node_id": self.config.node_id(),
            "formatted": self.running.formatted,
            "listeners": listeners.collect::<Vec<_>>(),
            "http": self.http_address.map(|address| address.to_string()),
            "data": dirs.collect::<Vec<_>>(),
            "durability": self.config.text("barnabas.durability"),
            "notes": self.notes,
            "warnings": self.all_warnings(),
            "ready_ms": u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}
