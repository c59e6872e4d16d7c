//! How each peer is started: its command line, its configuration, and the jars of Apache Kafka.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Setup, free_port};
use crate::kind::Kind;
use crate::workspace;

const KAFKA_VERSION: &str = "4.3.1";
/// The heap that Kafka's own start script asks for, and its other settings.
const JAVA_FLAGS: [&str; 9] = [
    "-Xms1G",
    "-Xmx1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];
const CLUSTER_ID: &str = "QmFybmFiYXNCZW5jaG1hcg";
const KAFKA_CONFIG: &str = "server.properties";
const LOGGING: &str = "log4j2.properties";

/// What a new directory needs before the first start.
pub(super) fn prepare(kind: Kind, setup: &Setup, dir: &Path, port: u16) -> Result<()> {
    if !kind.is_kafka() {
        return Ok(());
    }
    let config = dir.join(KAFKA_CONFIG);
    std::fs::write(&config, kafka_settings(kind, setup, dir, port)?)?;
    std::fs::write(
        dir.join(LOGGING),
        "rootLogger.level=WARN\nrootLogger.appenderRef.o.ref=O\nappender.o.type=Console\nappender.o.name=O\n",
    )?;
    let mut format = java(setup, dir)?;
    workspace::run(format.arg("kafka.tools.StorageTool").args(["format", "-t", CLUSTER_ID, "-c"]).arg(&config))
}

pub(super) fn start(kind: Kind, setup: &Setup, dir: &Path, port: u16) -> Result<Command> {
    match kind {
        Kind::Null => null_server(port),
        Kind::Barnabas | Kind::Durable | Kind::PageCache => Ok(barnabas(kind, setup, dir, port)),
        Kind::Kafka | Kind::KafkaSync => kafka(setup, dir),
        Kind::Other => other(setup, dir, port),
        Kind::Disk | Kind::Floor => anyhow::bail!("the {} is not a process", kind.label()),
    }
}

fn null_server(port: u16) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["null", "--port", &port.to_string()]);
    Ok(command)
}

fn barnabas(kind: Kind, setup: &Setup, dir: &Path, port: u16) -> Command {
    let mut command = Command::new(&setup.broker);
    command.arg("server");
    let mut settings = vec![
        format!("listeners=PLAINTEXT://127.0.0.1:{port}"),
        format!("log.dirs={}", dir.join("data").display()),
        "barnabas.http.listener=".to_owned(),
    ];
    settings.extend(kind.setting());
    settings.extend(setup.common_settings.iter().cloned());
    settings.extend(setup.overrides.iter().cloned());
    for setting in settings {
        command.args(["--override", &setting]);
    }
    command
}

fn other(setup: &Setup, dir: &Path, port: u16) -> Result<Command> {
    let template = setup.other.as_deref().context("--other names no command")?;
    let mut command = Command::new("sh");
    command.arg("-c").arg(filled_in(template, &dir.join("data"), port));
    Ok(command)
}

/// `exec`, so that what is measured and killed is the broker and not the shell.
fn filled_in(template: &str, dir: &Path, port: u16) -> String {
    format!("exec {}", template.replace("{port}", &port.to_string()).replace("{dir}", &dir.display().to_string()))
}

fn kafka(setup: &Setup, dir: &Path) -> Result<Command> {
    let mut command = java(setup, dir)?;
    command.args(JAVA_FLAGS).arg("kafka.Kafka").arg(dir.join(KAFKA_CONFIG));
    Ok(command)
}

fn java(setup: &Setup, dir: &Path) -> Result<Command> {
    let jars = setup.kafka_jars.as_deref().context("no jars")?.join("*");
    let mut command = Command::new("java");
    command.arg(format!("-Dlog4j2.configurationFile={}", dir.join(LOGGING).display())).arg("-cp").arg(jars);
    Ok(command)
}

/// One of Kafka's own tools, with the memory that its scripts give it.
pub(super) fn kafka_tool(setup: &Setup, class: &str) -> Result<Command> {
    let jars = match &setup.kafka_jars {
        Some(jars) => jars.clone(),
        None => kafka_jars(&setup.scratch)?,
    };
    let mut command = Command::new("java");
    command.args(["-Xmx512M", "-Dlog4j2.StatusLogger.level=OFF", "-cp"]).arg(jars.join("*")).arg(class);
    Ok(command)
}

fn kafka_settings(kind: Kind, setup: &Setup, dir: &Path, port: u16) -> Result<String> {
    let controller = free_port()?;
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nshare.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n",
        dir.join("data").display()
    );
    for setting in kind.setting().iter().chain(&setup.common_settings) {
        text += setting;
        text.push('\n');
    }
    Ok(text)
}

/// The jars of Kafka and its tools, fetched once for each state of the project that names them.
pub(super) fn kafka_jars(scratch: &Path) -> Result<PathBuf> {
    let jars = scratch.join(format!("kafka-{KAFKA_VERSION}"));
    let pom = workspace::root().join("benches/kafka/pom.xml");
    workspace::once(&jars.join(".complete"), std::slice::from_ref(&pom), || {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(&pom).arg(format!("-Dkafka.version={KAFKA_VERSION}"));
        maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", jars.display()));
        workspace::run(&mut maven)
    })?;
    Ok(jars)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::filled_in;

    #[test]
    fn other_brokers_are_told_port_and_directory() {
        assert_eq!(filled_in("krabka --port {port} -d {dir}", Path::new("/x"), 9), "exec krabka --port 9 -d /x");
    }
}
