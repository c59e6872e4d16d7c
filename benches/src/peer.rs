//! The processes that are measured: started on an empty directory each, killed at the end.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::args::{Common, Kind};
use crate::client::Client;
use crate::{process, workspace};

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
const UP_PAUSE: Duration = Duration::from_millis(20);

/// What is needed to start any peer.
pub(crate) struct Setup {
    broker: PathBuf,
    overrides: Vec<String>,
    scratch: PathBuf,
    kafka_jars: Option<PathBuf>,
}

impl Setup {
    /// Builds and downloads what the wanted peers need.
    pub(crate) fn new(common: &Common) -> Result<Self> {
        let scratch = workspace::scratch()?;
        let broker = if common.peers.contains(&Kind::Barnabas) { workspace::broker(common)? } else { PathBuf::new() };
        let kafka_jars = if common.peers.contains(&Kind::Kafka) { Some(kafka_jars(&scratch)?) } else { None };
        Ok(Self { broker, overrides: common.overrides.clone(), scratch, kafka_jars })
    }
}

/// A running process.
pub(crate) struct Peer {
    pub kind: Kind,
    pub address: SocketAddr,
    /// Just before the process was started.
    pub started: Instant,
    child: Child,
    dir: TempDir,
}

impl Peer {
    /// Starts a peer on a new directory, without waiting until it serves.
    pub(crate) fn spawn(kind: Kind, setup: &Setup) -> Result<Self> {
        let dir = TempDir::with_prefix_in("run-", &setup.scratch)?;
        let port = free_port()?;
        let mut command = match kind {
            Kind::Null => null_server(port)?,
            Kind::Barnabas => barnabas(setup, dir.path(), port),
            Kind::Kafka => kafka(setup, dir.path(), port)?,
        };
        let log = File::create(dir.path().join("output"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(dir.path());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { kind, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), started, child, dir })
    }

    /// Starts a peer and waits until it can hold topics.
    pub(crate) fn start(kind: Kind, setup: &Setup) -> Result<Self> {
        let peer = Self::spawn(kind, setup)?;
        let up = Client::connect_when_up(peer.address, UP_PAUSE)
            .and_then(|mut client| client.create_topic("bench-is-up", 1));
        up.with_context(|| format!("{} does not come up:\n{}", kind.label(), peer.output()))?;
        Ok(peer)
    }

    pub(crate) fn start_all(common: &Common, setup: &Setup) -> Result<Vec<Self>> {
        common.peers.iter().map(|kind| Self::start(*kind, setup)).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds that `work` costs the process, and what `work` returns.
    pub(crate) fn cpu_during<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
        let before = process::cpu_seconds(self.pid())?;
        let done = work().with_context(|| format!("{}:\n{}", self.kind.label(), self.output()))?;
        Ok((process::cpu_seconds(self.pid())? - before, done))
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(self.address).with_context(|| format!("{} is gone:\n{}", self.kind.label(), self.output()))
    }

    /// The last lines that the process wrote.
    fn output(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing it holds is kept, so it need not stop cleanly; failing to kill means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn null_server(port: u16) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["null", "--port", &port.to_string()]);
    Ok(command)
}

fn barnabas(setup: &Setup, dir: &Path, port: u16) -> Command {
    let mut command = Command::new(&setup.broker);
    command.arg("server");
    let mut settings = vec![
        format!("listeners=PLAINTEXT://127.0.0.1:{port}"),
        format!("log.dirs={}", dir.join("data").display()),
        "barnabas.http.listener=".to_owned(),
    ];
    settings.extend(setup.overrides.iter().cloned());
    for setting in settings {
        command.args(["--override", &setting]);
    }
    command
}

/// Formats the directory and returns the command that starts the broker on it.
fn kafka(setup: &Setup, dir: &Path, port: u16) -> Result<Command> {
    let controller = free_port()?;
    let config = dir.join("server.properties");
    let settings = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nshare.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n",
        dir.join("data").display()
    );
    std::fs::write(&config, settings)?;
    let logging = dir.join("log4j2.properties");
    std::fs::write(
        &logging,
        "rootLogger.level=WARN\nrootLogger.appenderRef.o.ref=O\nappender.o.type=Console\nappender.o.name=O\n",
    )?;
    let jars = setup.kafka_jars.as_deref().context("no jars")?.join("*");
    let logging = format!("-Dlog4j2.configurationFile={}", logging.display());
    let java = |class: &str| {
        let mut command = Command::new("java");
        command.arg(&logging).arg("-cp").arg(&jars).arg(class);
        command
    };
    workspace::run(java("kafka.tools.StorageTool").args(["format", "-t", CLUSTER_ID, "-c"]).arg(&config))?;
    let mut command = Command::new("java");
    command.args(JAVA_FLAGS).arg(&logging).arg("-cp").arg(&jars).arg("kafka.Kafka").arg(&config);
    Ok(command)
}

/// The jars of the Kafka broker, fetched once.
fn kafka_jars(scratch: &Path) -> Result<PathBuf> {
    let jars = scratch.join(format!("kafka-{KAFKA_VERSION}"));
    let complete = jars.join(".complete");
    if !complete.exists() {
        let pom = workspace::root().join("benches/kafka/pom.xml");
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(pom).arg(format!("-Dkafka.version={KAFKA_VERSION}"));
        maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", jars.display()));
        workspace::run(&mut maven)?;
        File::create(complete)?;
    }
    Ok(jars)
}
