//! The suites that start containers of the image: test containers in four languages, and the calls of Kafka UI.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::image;
use crate::tap::Tally;
use crate::{repo, shell, toolbox};

const LIMIT: Duration = Duration::from_secs(600);
/// Names of the same image: some modules read the version of Confluent's image from the tag, and behave accordingly.
const TAGS: &[(&str, &str)] = &[
    ("IMAGE", "barnabas/cp-kafka:8.0.0"),
    ("OLD_IMAGE", "barnabas/cp-kafka:7.6.0"),
    ("OLDER_IMAGE", "barnabas/cp-kafka:7.2.0"),
];

/// A program of tests/docker that prints lines of [`Tally`].
pub(super) struct Suite {
    pub name: &'static str,
    /// Under tests/docker.
    folder: &'static str,
    language: Language,
    /// It speaks to a container of the image that runs already.
    needs_broker: bool,
}

enum Language {
    Python,
    Node,
    Go,
    /// With the class to start.
    Java(&'static str),
}

pub(super) const SUITES: &[Suite] = &[
    Suite::of("Testcontainers for Python", "testcontainers/python", Language::Python),
    Suite::of("Testcontainers for Node.js", "testcontainers/node", Language::Node),
    Suite::of("Testcontainers for Go", "testcontainers/go", Language::Go),
    Suite::of("Testcontainers for Java", "testcontainers/java", Language::Java("containers.Main")),
    Suite { needs_broker: true, ..Suite::of("Kafka UI, its calls", "kafka_ui", Language::Java("ui.Main")) },
];

impl Suite {
    const fn of(name: &'static str, folder: &'static str, language: Language) -> Self {
        Self { name, folder, language, needs_broker: false }
    }

    pub(super) fn is_quick(&self) -> bool {
        matches!(self.language, Language::Python)
    }

    fn dir(&self) -> PathBuf {
        folder().join(self.folder)
    }

    fn venv(&self) -> PathBuf {
        self.dir().join(".venv")
    }

    pub(super) fn install(&self) -> Result<()> {
        match self.language {
            Language::Python => toolbox::python(&self.venv(), &[self.dir().join("requirements.txt")]).map(drop),
            Language::Node => toolbox::npm(&self.dir()),
            Language::Java(_) => toolbox::maven(&self.dir()),
            Language::Go => {
                toolbox::need("go", "install Go 1.26 or newer")?;
                // The modules name packages of other systems that their registry no longer has: no tidy, no vendoring.
                shell::quiet(Command::new("go").args(["build", "-mod=mod"]).current_dir(self.dir())).map(drop)
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.language {
            Language::Python => with(self.venv().join("bin/python"), &["run.py"]),
            Language::Node => with("node".into(), &["run.mjs"]),
            Language::Go => with(self.dir().join("docker-testcontainers"), &[]),
            Language::Java(class) => with(
                "java".into(),
                // The version is one that engines of some years know; the client's own default is newer.
                &[
                    "-Dapi.version=1.41",
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                    "-cp",
                    "target/*:target/dependency/*",
                    class,
                ],
            ),
        };
        command.current_dir(self.dir());
        // Containers of helpers cannot be had where no registry is reached: the suites remove what they start.
        command.env("TESTCONTAINERS_RYUK_DISABLED", "true").env("TESTCONTAINERS_CHECKS_DISABLE", "true");
        command.env("TESTCONTAINERS_TINYIMAGE_CONTAINER_IMAGE", image::BASE);
        // The engine is on this machine, also where this machine looks like a container itself.
        command.env("TESTCONTAINERS_HOST_OVERRIDE", "localhost");
        command
    }

    /// Runs it on the image; its lines are in `log` afterwards.
    pub(super) fn run(&self, image: &str, log: &Path) -> Result<Tally> {
        let mut command = self.command();
        for (variable, tag) in TAGS {
            shell::quiet(Command::new("docker").args(["tag", image, tag]))?;
            command.env(variable, tag);
        }
        command.env("PLAIN_IMAGE", image);
        let broker = self.needs_broker.then(|| Broker::start(image)).transpose()?;
        if let Some(broker) = &broker {
            command.env("BOOTSTRAP", format!("localhost:{}", broker.port));
        }
        judged(&mut command, log, LIMIT)
    }
}

pub(super) fn folder() -> PathBuf {
    repo::root().join("tests/docker")
}

fn with(program: PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs a program that prints one line per check. What it does not say is a failure.
pub(super) fn judged(command: &mut Command, log: &Path, limit: Duration) -> Result<Tally> {
    let mut child = shell::spawn_logged(command, log)?;
    let status = shell::wait_at_most(&mut child, limit)?;
    let output = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    let mut tally = Tally::read(&String::from_utf8_lossy(&output));
    let ended = status.map_or_else(|| format!("did not end in {} s", limit.as_secs()), |s| format!("ended with {s}"));
    tally.judge(status.is_some_and(|status| status.success()), &ended);
    Ok(tally)
}

/// A container of the image, removed when dropped.
struct Broker {
    container: String,
    port: u16,
}

impl Broker {
    fn start(image: &str) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--publish", &format!("127.0.0.1:{port}:{port}")]);
        for setting in [
            format!("KAFKA_LISTENERS=PLAINTEXT://:{port},CONTROLLER://:19093"),
            format!("KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:{port}"),
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER".to_owned(),
            "KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:19093".to_owned(),
            "KAFKA_PROCESS_ROLES=broker,controller".to_owned(),
            "KAFKA_NODE_ID=1".to_owned(),
        ] {
            command.args(["--env", &setting]);
        }
        let container = shell::quiet(command.arg(image))?.trim().to_owned();
        let broker = Self { container, port };
        shell::eventually("the broker to be ready", Duration::from_secs(30), || {
            let log = shell::quiet(Command::new("docker").args(["logs", &broker.container]))?;
            Ok(log.contains("Kafka Server started").then_some(()))
        })?;
        Ok(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = shell::quiet(Command::new("docker").args(["rm", "--force", "--volumes", &self.container]));
    }
}
