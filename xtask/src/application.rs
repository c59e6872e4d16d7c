//! `cargo xtask app`: the programs of tests/app, kept running while the broker is stopped and killed, and the
//! verifier that reads everything back.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::Signal;

use crate::peers::{Server, barnabas};
use crate::tap::Tally;
use crate::{repo, shell, toolbox};

/// How long producers may take longer than their rate demands, and consumers and the verifier after them.
const PATIENCE: Duration = Duration::from_secs(90);
/// Consumers end after so long without a record.
const IDLE_S: u32 = 10;

/// What happens during one run.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// Events of each of the four producers.
    #[arg(long, default_value_t = 40_000)]
    events: u32,
    /// Events per second of each producer.
    #[arg(long, default_value_t = 4_000)]
    rate: u32,
    /// How often the broker is stopped with SIGTERM and started again.
    #[arg(long, default_value_t = 0)]
    stops: u32,
    /// How often the broker is killed with SIGKILL and started again.
    #[arg(long, default_value_t = 3)]
    kills: u32,
}

impl Plan {
    pub(crate) fn with_stops() -> Self {
        Self { events: 20_000, rate: 4_000, stops: 1, kills: 0 }
    }

    pub(crate) fn with_kills() -> Self {
        Self { events: 40_000, rate: 4_000, stops: 0, kills: 4 }
    }

    fn pause(&self) -> Duration {
        let sending = f64::from(self.events) / f64::from(self.rate.max(1));
        Duration::from_secs_f64(sending / f64::from(self.stops + self.kills + 1))
    }
}

pub(crate) fn install() -> Result<()> {
    toolbox::npm(&folder().join("node"))?;
    toolbox::maven(&folder().join("java"))?;
    python().map(drop)
}

pub(crate) fn run(binary: &Path, plan: &Plan) -> Result<()> {
    install()?;
    let logs = repo::fresh_logs(if plan.kills > 0 { "app-kills" } else { "app-stops" })?;
    println!("\napplication: {plan:?}, logs in {}", logs.display());
    let home = tempfile::tempdir()?;
    let mut broker = Restarts { binary, data: home.path().join("data"), logs: &logs, starts: 0 };
    let mut server = broker.start(([127, 0, 0, 1], 0).into())?;
    let programs = Programs { logs: &logs, bootstrap: server.bootstrap(), python: python()?, plan };
    let mut producers = programs.producers()?;
    let mut consumers = programs.consumers()?;
    for turn in 0..plan.stops + plan.kills {
        std::thread::sleep(plan.pause());
        let address = server.address;
        if turn < plan.stops {
            if !server.stop()? {
                bail!("the broker did not stop cleanly on SIGTERM, see {}", logs.display());
            }
        } else {
            server.kill()?;
        }
        server = broker.start(address)?;
    }
    let deadline = Instant::now() + plan.pause() + PATIENCE;
    producers.wait(deadline)?;
    consumers.wait(Instant::now() + PATIENCE)?;
    programs.verify()
}

fn folder() -> PathBuf {
    repo::root().join("tests/app")
}

fn python() -> Result<PathBuf> {
    let requirements = [folder().join("requirements.txt"), folder().join("python/requirements.txt")];
    toolbox::python(&folder().join(".venvs/app"), &requirements)
}

/// Starts of the broker on one folder, each with a log of its own.
struct Restarts<'a> {
    binary: &'a Path,
    data: PathBuf,
    logs: &'a Path,
    starts: u32,
}

impl Restarts<'_> {
    fn start(&mut self, address: std::net::SocketAddr) -> Result<Server> {
        self.starts += 1;
        let log = self.logs.join(format!("broker-{}.log", self.starts));
        barnabas::start(self.binary, &self.data, address, &log)
    }
}

/// How the programs are started.
struct Programs<'a> {
    logs: &'a Path,
    bootstrap: String,
    python: PathBuf,
    plan: &'a Plan,
}

impl Programs<'_> {
    fn producers(&self) -> Result<Running> {
        Ok(Running(vec![
            self.producer("acks-node", self.node("producer.mjs"))?,
            self.producer("acks-transactions", with_topic(self.script("python/producer.py"), "transactions-stream"))?,
            self.producer("acks-wallet", self.java("app.Producer"))?,
            self.producer("acks-customers", with_topic(self.script("python/producer.py"), "customer-updates"))?,
        ]))
    }

    /// Two members for each of the larger topics, one for each of the others.
    fn consumers(&self) -> Result<Running> {
        Ok(Running(vec![
            self.consumer("reads-node-1", self.node("consumer.mjs"))?,
            self.consumer("reads-node-2", self.node("consumer.mjs"))?,
            self.consumer("reads-transactions", with_topic(self.script("python/consumer.py"), "transactions-stream"))?,
            self.consumer("reads-wallet-1", self.java("app.Consumer"))?,
            self.consumer("reads-wallet-2", self.java("app.Consumer"))?,
            self.consumer("reads-customers", with_topic(self.script("python/consumer.py"), "customer-updates"))?,
        ]))
    }

    fn producer(&self, name: &str, mut command: Command) -> Result<Program> {
        command.env("COUNT", self.plan.events.to_string()).env("RATE", self.plan.rate.to_string()).env("PREFIX", name);
        self.launch(name, command)
    }

    fn consumer(&self, name: &str, mut command: Command) -> Result<Program> {
        command.env("MEMBER", name).env("IDLE_S", IDLE_S.to_string());
        self.launch(name, command)
    }

    fn launch(&self, name: &str, mut command: Command) -> Result<Program> {
        command.env("BOOTSTRAP", &self.bootstrap).env("OUT", self.logs.join(format!("{name}.jsonl")));
        let child = shell::spawn_logged(&mut command, &self.logs.join(format!("{name}.log")))?;
        Ok(Program { name: name.to_owned(), child })
    }

    fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(script).current_dir(folder().join("node"));
        command
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-cp", "target/*:target/dependency/*", class]).current_dir(folder().join("java"));
        command
    }

    fn script(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(folder().join(script));
        command
    }

    /// Reads everything back, and the Java consumers' dead letters by the program that knows them.
    fn verify(&self) -> Result<()> {
        let acks = self.line_logs("acks-")?;
        let mut all = self.script("verify.py");
        all.arg("--acks").args(&acks).arg("--reads").args(self.line_logs("reads-")?);
        let mut dead_letters = self.java("app.DeadLetters");
        dead_letters.args(&acks);
        let failed = [self.judged("verify", all)?, self.judged("dead-letters", dead_letters)?].concat();
        if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("\n")) }
    }

    /// The lines about what a verifier found wrong.
    fn judged(&self, name: &str, mut command: Command) -> Result<Vec<String>> {
        command.env("BOOTSTRAP", &self.bootstrap);
        let log = self.logs.join(format!("{name}.log"));
        let mut child = shell::spawn_logged(&mut command, &log)?;
        let status = shell::wait_at_most(&mut child, PATIENCE)?;
        let text = std::fs::read_to_string(&log)?;
        println!("{}", text.trim_end());
        let mut tally = Tally::read(&text);
        let ended = status.map_or_else(|| "did not end in time".to_owned(), |status| format!("ended with {status}"));
        tally.judge(status.is_some_and(|status| status.success()), &ended);
        Ok(tally.failed)
    }

    fn line_logs(&self, prefix: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.logs)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(prefix) && name.ends_with(".jsonl") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}

fn with_topic(mut command: Command, topic: &str) -> Command {
    command.env("TOPIC", topic);
    command
}

struct Program {
    name: String,
    child: Child,
}

/// Programs that are waited for together, and killed if that does not happen.
struct Running(Vec<Program>);

impl Running {
    fn wait(&mut self, deadline: Instant) -> Result<()> {
        for Program { name, child } in &mut self.0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let status = shell::wait_at_most(child, left)?.with_context(|| format!("{name} did not end in time"))?;
            if !status.success() {
                bail!("{name} ended with {status}");
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for Program { child, .. } in &mut self.0 {
            if matches!(child.try_wait(), Ok(None)) {
                shell::signal_group(child, Signal::KILL);
                let _ = child.wait();
            }
        }
    }
}
