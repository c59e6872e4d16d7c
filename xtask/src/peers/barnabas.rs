//! Starts the binary under test.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Server, answers};
use crate::shell;

const READY_LIMIT: Duration = Duration::from_secs(30);

/// Starts a broker on `data` and a free port.
pub(crate) fn start(binary: &Path, data: &Path, log: &Path) -> Result<Server> {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = [
        format!("listeners=PLAINTEXT://{address}"),
        format!("advertised.listeners=PLAINTEXT://{address}"),
        format!("log.dirs={}", data.display()),
        "barnabas.http.listener=".to_owned(),
    ];
    let mut command = Command::new(binary);
    command.arg("server");
    for setting in &settings {
        command.arg("--override").arg(setting);
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("KAFKA_") || name.starts_with("BARNABAS_") {
            command.env_remove(&*name);
        }
    }
    let child = shell::spawn_logged(&mut command, log)?;
    let mut server = Server { child, address, log_dir: data.to_path_buf(), peer: "barnabas" };
    let ready = || -> Result<Option<SocketAddr>> {
        let output = std::fs::read_to_string(log)?;
        if let Some(address) = output.lines().find_map(listening_on) {
            return Ok(Some(address));
        }
        if !server.is_running() {
            bail!("the broker ended at its start:\n{output}");
        }
        Ok(None)
    };
    let found = shell::eventually("the broker to be ready", READY_LIMIT, ready);
    server.address = found.with_context(|| format!("see {}", log.display()))?;
    if !answers(server.address) {
        bail!("the broker says it is ready but does not answer, see {}", log.display());
    }
    Ok(server)
}

/// The address in the line that a start writes for machines.
fn listening_on(line: &str) -> Option<SocketAddr> {
    let ready: serde_json::Value = serde_json::from_str(line).ok()?;
    ready["listeners"][0]["address"].as_str()?.parse().ok()
}
