//! The processes that are measured: started on an empty directory each, killed at the end.

mod commands;

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::args::Common;
use crate::client::Client;
use crate::kind::{DURABILITY_KEY, Kind};
use crate::{process, workspace};

const UP_PAUSE: Duration = Duration::from_millis(20);
const STOP_LIMIT: Duration = Duration::from_secs(120);
const STOP_POLL: Duration = Duration::from_millis(5);

/// What is needed to start any peer.
pub(crate) struct Setup {
    broker: PathBuf,
    overrides: Vec<String>,
    /// Settings that ours and Kafka get alike.
    common_settings: Vec<String>,
    other: Option<String>,
    scratch: PathBuf,
    kafka_jars: Option<PathBuf>,
}

impl Setup {
    /// Builds and downloads what the wanted peers need.
    pub(crate) fn new(common: &Common, kinds: &[Kind]) -> Result<Self> {
        let scratch = workspace::scratch()?;
        let broker = if kinds.iter().any(|kind| kind.is_ours()) { workspace::broker(common)? } else { PathBuf::new() };
        let needs_kafka = kinds.iter().any(|kind| kind.is_kafka());
        let kafka_jars = if needs_kafka { Some(commands::kafka_jars(&scratch)?) } else { None };
        let (overrides, other) = (common.overrides.clone(), common.other.clone());
        Ok(Self { broker, overrides, common_settings: Vec::new(), other, scratch, kafka_jars })
    }

    /// With a setting for ours and for Kafka.
    pub(crate) fn with(mut self, setting: &str) -> Self {
        self.common_settings.push(setting.to_owned());
        self
    }

    /// The command of one of Kafka's own tools.
    pub(crate) fn kafka_tool(&self, class: &str) -> Result<Command> {
        commands::kafka_tool(self, class)
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
        commands::prepare(kind, setup, dir.path(), port)?;
        let (child, started) = launch(commands::start(kind, setup, dir.path(), port)?, &dir)?;
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

    pub(crate) fn start_all(kinds: &[Kind], setup: &Setup) -> Result<Vec<Self>> {
        kinds.iter().map(|kind| Self::start(*kind, setup)).collect()
    }

    /// Starts it again on what it left behind, after [`Self::stop`] or [`Self::kill`].
    pub(crate) fn start_again(&mut self, setup: &Setup) -> Result<()> {
        let command = commands::start(self.kind, setup, self.dir.path(), self.address.port())?;
        (self.child, self.started) = launch(command, &self.dir)?;
        Ok(())
    }

    /// Asks it to end and waits until it has; says how long that took.
    pub(crate) fn stop(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("a process without a number")?;
        kill_process(pid, Signal::TERM)?;
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > STOP_LIMIT {
                bail!("{} does not stop:\n{}", self.kind.label(), self.output());
            }
            std::thread::sleep(STOP_POLL);
        }
        Ok(begun.elapsed())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where a broker keeps its logs.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Whether a folder of the topic is there, one that is about to be deleted included.
    pub(crate) fn has_files_of(&self, topic: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(self.data_dir()) else { return false };
        entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(|name| is_of_topic(name, topic)))
    }

    /// False for builds of ours that do not have the durable mode: what is measured as such is the page cache.
    pub(crate) fn knows_its_durability(&self) -> bool {
        !(self.kind.is_ours() && self.output().contains(&format!("{DURABILITY_KEY} (command line): there is no such")))
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
    pub(crate) fn output(&self) -> String {
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

fn launch(mut command: Command, dir: &TempDir) -> Result<(Child, Instant)> {
    let log = OpenOptions::new().create(true).append(true).open(dir.path().join("output"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(dir.path());
    let started = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    Ok((child, started))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Folders are named `topic-0`, and `topic-0.<id>-delete` before they go.
fn is_of_topic(folder: &str, topic: &str) -> bool {
    let partition = folder.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-'));
    partition.and_then(|rest| rest.split('.').next()).is_some_and(|index| index.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_of_topic;

    #[test]
    fn folders_of_a_topic_are_told_from_those_of_others() {
        assert!(is_of_topic("bench-0", "bench"));
        assert!(is_of_topic("bench-12.4f2a-delete", "bench"));
        assert!(!is_of_topic("bench-is-up-0", "bench"));
        assert!(!is_of_topic("bench-0", "ben"));
        assert!(!is_of_topic("other", "bench"));
    }
}
