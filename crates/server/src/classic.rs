//! Kafka's start and stop commands: `kafka-server-start [-daemon] FILE [--override key=value]...`, `kafka-server-stop`.
//! The file alone counts, as there; the images' variables are for their entry points.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use barnabas_config::{BrokerConfig, LoadInput};

use crate::server::{self, Start, StopSignals};
use crate::{background, container, logging};

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

fn start_daemon(file: &Path, overrides: &[String]) -> Result<(), String> {
    let settings = overrides.iter().flat_map(|setting| [OsStr::new("--override"), OsStr::new(setting)]);
    background::start(
        [OsStr::new("kafka-server-start"), file.as_os_str()].into_iter().chain(settings),
        "kafkaServer.out",
    )
}

/// `kafka-server-stop`: SIGTERM to every broker of this machine or container.
pub(crate) fn stop() -> Result<(), String> {
    if background::stop(is_broker)? { Ok(()) } else { Err("No kafka server to stop".to_owned()) }
}

fn is_broker(words: &[String]) -> bool {
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
