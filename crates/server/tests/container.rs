//! The image's entry and Kafka's start command against the real binary, outside of a container: what they write, what they
//! say when ready, how they end.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// Kafka's words, in the order in which it says them.
const READY: [&str; 5] = [
    "Creating new log file",
    "Transitioning from RECOVERY to RUNNING",
    "Checking need to trigger auto leader balancing",
    "[KafkaServer id=3] started",
    "Kafka Server started",
];

/// A broker that ends with its test.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(words: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
        command.args(words).env_clear().env("PATH", std::env::var("PATH").unwrap()).envs(env.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (send, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines }
    }

    fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn terminate(mut self) -> Duration {
        let asked = Instant::now();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        asked.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn environment(data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("KAFKA_LOG_DIRS", data.display().to_string()),
        ("KAFKA_LISTENERS", "PLAINTEXT://127.0.0.1:0".into()),
        ("KAFKA_NODE_ID", "3".into()),
        ("KAFKA_CREATE_TOPICS", "orders:2:1,tables:1:1:compact".into()),
        ("CLUSTER_ID", "any text".into()),
        ("BARNABAS_HTTP_LISTENER", String::new()),
    ]
}

#[test]
fn the_entry_says_kafkas_words_when_topics_are_there_and_ends_at_once() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let env = environment(&data);
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let process = Process::start(&["container"], &env);
    let banner = process.wait_for("\"event\":\"ready\"");
    assert!(banner.contains("\"cluster_id\":\"any text\""), "{banner}");
    assert!(data.join("orders-1").is_dir() && data.join("tables-0").is_dir());
    READY.into_iter().for_each(|words| drop(process.wait_for(words)));
    assert!(process.terminate() < Duration::from_secs(2));
}

#[test]
fn a_folder_that_was_only_formatted_gets_the_cluster_that_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("kafka.properties");
    std::fs::write(
        &file,
        format!("node.id=3\nprocess.roles=broker,controller\nlog.dirs={}\n", home.path().join("data").display()),
    )
    .unwrap();
    let mut format = Command::new(env!("CARGO_BIN_EXE_barnabas"));
    format.args(["kafka-storage", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c"]).arg(&file);
    assert!(format.output().unwrap().status.success());
    let env = environment(&home.path().join("data"));
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let process = Process::start(&["container"], &env);
    assert!(process.wait_for("\"event\":\"ready\"").contains("\"cluster_id\":\"any text\""));
}

#[test]
fn a_command_that_hangs_does_not_keep_a_signal_away() {
    let home = tempfile::tempdir().unwrap();
    let env = environment(home.path());
    let mut env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    env.push(("HOSTNAME_COMMAND", "sleep 30"));
    let process = Process::start(&["container"], &env);
    std::thread::sleep(Duration::from_millis(500));
    assert!(process.terminate() < Duration::from_secs(2));
}

#[test]
fn the_settings_are_shown_as_a_file_and_what_is_not_served_is_refused_before_anything_is_touched() {
    let home = tempfile::tempdir().unwrap();
    let (data, shown) = (home.path().join("data"), home.path().join("kafka.properties"));
    let run = |listeners: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
        command.args(["container", "--write-properties"]).arg(&shown).env_clear();
        command.env("KAFKA_LISTENERS", listeners).env("KAFKA_LOG_DIRS", &data).output().unwrap()
    };
    assert!(run("PLAINTEXT://:9092").status.success());
    let text = std::fs::read_to_string(&shown).unwrap();
    assert!(text.contains("listeners=PLAINTEXT://:9092\n"), "{text}");
    let refused = run("SASL_SSL://:9092");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("SASL and TLS are not served yet"), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert!(!data.exists());
}

#[test]
fn kafkas_start_command_takes_the_file_alone() {
    let home = tempfile::tempdir().unwrap();
    let (file, data) = (home.path().join("server.properties"), home.path().join("data"));
    let text = format!("node.id=3\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={}\n", data.display());
    std::fs::write(&file, text).unwrap();
    let env = [("KAFKA_NODE_ID", "9"), ("BARNABAS_HTTP_LISTENER", "")];
    let words = ["kafka-server-start", file.to_str().unwrap(), "--override", "num.partitions=2"];
    let process = Process::start(&words, &env);
    assert!(process.wait_for("\"event\":\"ready\"").contains("\"node_id\":3"));
    process.wait_for("Kafka Server started");
    process.terminate();
}
