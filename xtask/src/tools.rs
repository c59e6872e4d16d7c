//! `cargo xtask tools`: Apache Kafka's command line tools against Apache Kafka are right; compared with them are the same
//! tools against the broker, and the native tools against both.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::peers::{barnabas, kafka};
use crate::tap::Tally;
use crate::{repo, shell, toolbox};

const LIMIT: Duration = Duration::from_secs(480);

pub(crate) fn install() -> Result<()> {
    toolbox::need("python3", "install Python 3.10 or newer (Debian: apt-get install python3)")?;
    kafka::install()
}

pub(crate) fn run(binary: &Path, parts: &[String]) -> Result<()> {
    install()?;
    let logs = repo::fresh_logs("tools")?;
    let home = tempfile::tempdir()?;
    let ours = barnabas::start(binary, &home.path().join("data"), &logs.join("broker.log"))?;
    let reference_home = tempfile::tempdir()?;
    let reference = kafka::start(reference_home.path(), &logs.join("kafka.log"))?;
    let output = logs.join("compare.log");
    let mut command = Command::new("python3");
    command.arg("compare.py").args(parts).current_dir(repo::root().join("tests/tools"));
    command.env("BOOTSTRAP", ours.bootstrap()).env("LOG_DIR", &ours.log_dir);
    command.env("REFERENCE_BOOTSTRAP", reference.bootstrap()).env("REFERENCE_LOG_DIR", &reference.log_dir);
    command.env("NATIVE", binary).env("JUDGE", "java,native,native-on-kafka");
    let mut child = shell::spawn_logged(&mut command, &output)?;
    let status = shell::wait_at_most(&mut child, LIMIT)?;
    let text = String::from_utf8_lossy(&std::fs::read(&output)?).into_owned();
    let mut tally = Tally::read(&text);
    let ended = status.map_or_else(|| format!("did not end in {} s", LIMIT.as_secs()), |s| format!("ended with {s}"));
    tally.judge(status.is_some_and(|status| status.success()), &ended);
    println!("\ntools: {} steps agree, {} differ, see {}", tally.passed, tally.failed.len(), output.display());
    if tally.failed.is_empty() {
        return Ok(());
    }
    println!("{}", tally.failed.join("\n"));
    bail!("{} steps differ", tally.failed.len())
}
