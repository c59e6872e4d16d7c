//! Kafka's start and stop commands: `kafka-server-start [-daemon] FILE [--override key=value]...`, `kafka-server-stop`.
//! The file alone counts, as there; the images' variables are for their entry points.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use barnabas_config::{BrokerConfig, LoadInput};
use rustix::process::{Pid, Signal, kill_process};

use crate::server::{self, Start, StopSignals};
use crate::{container, logging};

const USAGE: &str = "USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*";

#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    daemon: bool,
    file: Option<PathBuf>,
    overrides: Vec<String>,
}

/// Flags of Kafka's script that steer Java are skipped.
fn parse(words: &[String]) -> Result<Words, String> {
    let mut parsed = Words::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-daemon" | "--daemon" => parsed.daemon = true,
            "-name" => drop(words.next()),
            "-loggc" => {}
            "--override" => parsed.overrides.push(words.next().ok_or(USAGE)?.clone()),
            other => match other.strip_prefix("--override=") {
                Some(setting) => parsed.overrides.push(setting.to_owned()),
                None if parsed.file.is_none() && !other.starts_with('-') => parsed.file = Some(other.into()),
                None => return Err(USAGE.to_owned()),
            },
        }
    }
    Ok(parsed)
}

/// `kafka-server-start`.
pub(crate) fn start(words: &[String]) -> Result<(), String> {
    let started = Instant::now();
    let words = parse(words)?;
    let path = words.file.ok_or(USAGE)?;
    if words.daemon {
        return start_daemon(&path, &words.overrides);
    }
    logging::init();
    let contents = server::read_settings(&path)?;
    if container::is_here() {
        return container::run_file((path, contents), words.overrides, started);
    }
    let env = server::environment().into_iter().filter(|(name, _)| name.starts_with("BARNABAS_")).collect();
    let input = LoadInput { file: Some((path, contents)), env, overrides: words.overrides, container: None };
    let loaded = BrokerConfig::load(input).map_err(|error| error.to_string())?;
    let start = Start { loaded, cluster_id: None, started, announce: true, stop_at_once: false };
    server::in_runtime(async move { server::serve(start, StopSignals::listen()?).await })
}

/// In the background, with its output in `kafkaServer.out` of the folder `LOG_DIR`.
fn start_daemon(file: &Path, overrides: &[String]) -> Result<(), String> {
    let folder = std::env::var_os("LOG_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let output = folder.join("kafkaServer.out");
    let failed =
        |error: std::io::Error| format!("cannot start in the background with output in {}: {error}", output.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let log = std::fs::File::options().create(true).append(true).open(&output).map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("kafka-server-start").arg(file);
    command.args(overrides.iter().flat_map(|setting| ["--override", setting]));
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log).process_group(0);
    command.spawn().map(drop).map_err(failed)
}

/// `kafka-server-stop`: SIGTERM to every broker of this machine or container.
pub(crate) fn stop() -> Result<(), String> {
    let own = std::process::id();
    let processes = std::fs::read_dir("/proc").map_err(|error| format!("cannot list processes: {error}"))?;
    let ids = processes.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let brokers: Vec<u32> = ids.filter(|id| *id != own && is_broker(*id)).collect();
    if brokers.is_empty() {
        return Err("No kafka server to stop".to_owned());
    }
    for id in brokers {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or("a process id out of range")?;
        kill_process(pid, Signal::TERM).map_err(|error| format!("cannot stop process {id}: {error}"))?;
    }
    Ok(())
}

fn is_broker(id: u32) -> bool {
    let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words: Vec<String> =
        words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let name = |word: &String| Path::new(word).file_name().is_some_and(|name| name == "barnabas");
    let program = words.first().filter(|word| name(word) || word.contains("kafka-server-start"));
    let command = words.get(1).map(String::as_str).unwrap_or_default();
    program.is_some_and(|word| word.contains("kafka-server-start"))
        || (program.is_some() && matches!(command, "" | "server" | "container" | "kafka-server-start"))
}

#[cfg(test)]
mod tests {
    use super::{Words, parse};

    fn words(line: &str) -> Result<Words, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_read_as_kafkas_script_does() {
        let parsed = words("-daemon -name kafka s.properties --override a=1 --override=b=2").unwrap();
        assert!(parsed.daemon);
        assert_eq!(parsed.file.unwrap().to_str(), Some("s.properties"));
        assert_eq!(parsed.overrides, ["a=1", "b=2"]);
        assert!(words("--frobnicate").is_err());
        assert!(words("s.properties --override").is_err());
    }
}
