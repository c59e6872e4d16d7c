//! Starting, watching and ending the real binary.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::Client;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A data folder that outlives the processes that use it.
#[derive(Clone)]
pub struct DataDir(Arc<TempDir>);

impl DataDir {
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// The folder of `log.dirs`.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// A place beside it, for other files of the test.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The files of a partition's folder with this ending, by name.
    pub fn files(&self, partition: &str, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join(partition)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_str().unwrap().ends_with(ending));
        files.sort();
        files
    }
}

/// A broker to be started.
#[derive(Clone)]
pub struct Launch {
    data: DataDir,
    program: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    listens: bool,
}

/// A broker that did not start.
#[derive(Debug)]
pub struct Refusal {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub after: Duration,
}

impl Launch {
    pub fn new() -> Self {
        Self::on(&DataDir::new())
    }

    pub fn on(data: &DataDir) -> Self {
        Self {
            data: data.clone(),
            program: vec![env!("CARGO_BIN_EXE_barnabas").to_owned()],
            arguments: vec!["server".to_owned()],
            environment: Vec::new(),
            listens: false,
        }
        .set("log.dirs", data.path().to_str().unwrap())
        .set("offsets.topic.num.partitions", "1")
        .set("barnabas.http.listener", "")
    }

    /// With nothing set but what this file says.
    pub fn file(data: &DataDir, file: &Path) -> Self {
        let arguments = vec!["server".to_owned(), file.to_str().unwrap().to_owned()];
        Self { arguments, listens: true, ..Self::on(data) }
    }

    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.listens |= key == "listeners";
        self.arguments.extend(["--override".to_owned(), format!("{key}={value}")]);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs the broker through another program.
    pub fn through(mut self, program: &[&str]) -> Self {
        let outer = program.iter().map(|part| (*part).to_owned());
        self.program = outer.chain(self.program).collect();
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(&self.arguments);
        if !self.listens {
            command.args(["--override", "listeners=PLAINTEXT://127.0.0.1:0"]);
        }
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it and waits until it is ready.
    pub fn start(&self) -> Server {
        let started = Instant::now();
        let mut child = self.command().spawn().unwrap();
        let (log, reader) = collect(child.stderr.take().unwrap());
        let stdout = child.stdout.take().unwrap();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(Ok(line)) = lines.next() {
                let _ = tell.send(line);
            }
        });
        let Ok(line) = told.recv_timeout(START_LIMIT) else {
            let _ = child.kill();
            panic!("the broker did not start: {:?}\n{}", child.wait(), log.lock().unwrap());
        };
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a ready line: {line}"));
        let address = ready["listeners"][0]["address"].as_str().unwrap().parse().unwrap();
        Server {
            child: Some(child),
            data: self.data.clone(),
            address,
            ready,
            started_in: started.elapsed(),
            log,
            reader: Some(reader),
        }
    }

    /// Starts it expecting that it does not come up.
    pub fn refuse(&self) -> Refusal {
        let started = Instant::now();
        let mut child = self.command().spawn().unwrap();
        let (errors, stderr) = collect(child.stderr.take().unwrap());
        let (output, stdout) = collect(child.stdout.take().unwrap());
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > START_LIMIT {
                child.kill().unwrap();
                panic!("the broker came up\n{}", output.lock().unwrap());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let after = started.elapsed();
        stderr.join().unwrap();
        stdout.join().unwrap();
        let (stdout, stderr) = (output.lock().unwrap().clone(), errors.lock().unwrap().clone());
        Refusal { code: child.wait().unwrap().code(), stdout, stderr, after }
    }
}

impl Refusal {
    /// The one line that is said to people; panics if there is more or less.
    pub fn only_line(&self) -> &str {
        let lines: Vec<_> = self.stderr.lines().filter(|line| !line.contains(" INFO ")).collect();
        assert_eq!(lines.len(), 1, "{}", self.stderr);
        lines[0]
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    let reader = thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    });
    (text, reader)
}

/// A running broker. Killed when dropped.
pub struct Server {
    child: Option<Child>,
    data: DataDir,
    pub address: SocketAddr,
    /// The line that told of its readiness.
    pub ready: Value,
    pub started_in: Duration,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        Launch::new().start()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    pub fn data(&self) -> &DataDir {
        &self.data
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The log lines that hold all of these parts.
    pub fn log_lines(&self, parts: &[&str]) -> Vec<String> {
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        self.log().lines().filter(has_all).map(str::to_owned).collect()
    }

    /// Waits for a log line with these parts: what is logged and what is answered may cross.
    pub fn wait_for_log(&self, parts: &[&str]) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let lines = self.log_lines(parts);
            if !lines.is_empty() {
                return lines;
            }
            assert!(Instant::now() < deadline, "no log line with {parts:?} in\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The most memory it has held so far.
    pub fn peak_rss_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let status = child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        status
    }

    /// Asks it to stop. Says how that ended and how long it took.
    pub fn stop(self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        let status = self.wait();
        (status, asked.elapsed())
    }

    /// Ends it without a warning.
    pub fn kill(self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Panics unless the process lives, has not panicked anywhere, and serves a new client at once.
    pub fn assert_unharmed(&self) {
        let asked = Instant::now();
        assert_eq!(self.connect().metadata(None).brokers.len(), 1);
        assert!(asked.elapsed() < Duration::from_secs(2), "an honest client waited {:?}", asked.elapsed());
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            if thread::panicking() {
                eprintln!("--- log of the broker\n{}", self.log.lock().unwrap());
            }
        }
    }
}
