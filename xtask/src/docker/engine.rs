//! The Docker engine: the one that answers, or else, as root, one of our own that ends with us.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::{repo, shell, toolbox};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Dropping it ends an engine that was started for it.
pub(crate) struct Engine {
    started: Option<Child>,
}

impl Engine {
    pub(crate) fn ready() -> Result<Self> {
        toolbox::need("docker", "install a Docker engine (Debian: apt-get install docker.io)")?;
        if answers() {
            return Ok(Self { started: None });
        }
        if !rustix::process::geteuid().is_root() {
            bail!("no Docker engine answers; start it, or add yourself to its group (`docker info` says more)");
        }
        toolbox::need("dockerd", "install a Docker engine (Debian: apt-get install docker.io)")?;
        toolbox::need("iptables", "install iptables, which the engine needs (Debian: apt-get install iptables)")?;
        start(&repo::fresh_logs("docker-engine")?.join("dockerd.log"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(mut child) = self.started.take() {
            shell::signal_group(&child, Signal::TERM);
            let _ = shell::wait_at_most(&mut child, STOP_LIMIT);
        }
    }
}

fn answers() -> bool {
    shell::quiet(Command::new("docker").arg("info")).is_ok()
}

fn start(log: &Path) -> Result<Engine> {
    println!("no Docker engine answers: starting dockerd, its log is {}", log.display());
    let engine = Engine { started: Some(shell::spawn_logged(&mut Command::new("dockerd"), log)?) };
    shell::eventually("dockerd to answer", START_LIMIT, || Ok(answers().then_some(())))?;
    Ok(engine)
}
