//! Starts Apache Kafka itself, one KRaft node, from the jars that tests/tools collects.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Server, answers, free_port};
use crate::{repo, shell, toolbox};

const READY_LIMIT: Duration = Duration::from_secs(90);
const CLUSTER_ID: &str = "QmFybmFiYXNUZXN0aW5nMQ";

/// The project whose dependencies are Apache Kafka and its tools.
pub(crate) fn project() -> PathBuf {
    repo::root().join("tests/tools")
}

pub(crate) fn install() -> Result<()> {
    toolbox::maven(&project())
}

pub(crate) fn start(home: &Path, log: &Path) -> Result<Server> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let controller = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let log_dir = home.join("data");
    let file = home.join("server.properties");
    std::fs::write(&file, properties(address, controller, &log_dir))?;
    let config = file.to_string_lossy();
    shell::quiet(java("kafka.tools.StorageTool").args(["format", "-t", CLUSTER_ID, "-c", &config]))?;
    let child = shell::spawn_logged(java("kafka.Kafka").arg(&*config), log)?;
    let mut server = Server { child, address, log_dir, peer: "kafka" };
    shell::eventually("Apache Kafka to be ready", READY_LIMIT, || {
        if !server.is_running() {
            bail!("Apache Kafka ended at its start, see {}", log.display());
        }
        Ok(answers(address).then_some(()))
    })?;
    Ok(server)
}

fn java(class: &str) -> Command {
    let jars = project().join("target/dependency/*");
    let mut command = Command::new("java");
    command.args(["-Xms512m", "-Xmx512m", "-cp"]).arg(jars).arg(class);
    command
}

fn properties(address: SocketAddr, controller: SocketAddr, log_dir: &Path) -> String {
    let mut text = String::new();
    let settings = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        ("controller.quorum.voters", format!("1@{controller}")),
        ("listeners", format!("PLAINTEXT://{address},CONTROLLER://{controller}")),
        ("advertised.listeners", format!("PLAINTEXT://{address}")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned()),
        ("log.dirs", log_dir.display().to_string()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
    ];
    for (key, value) in settings {
        let _ = writeln!(text, "{key}={value}");
    }
    for internal in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        let _ = writeln!(text, "{internal}.replication.factor=1");
    }
    text.push_str("transaction.state.log.min.isr=1\nshare.coordinator.state.topic.min.isr=1\n");
    text
}
