//! One run of the broker under callgrind with a fixed number of requests on one connection, one at a time: that makes
//! every run take the same path.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::kind::DURABILITY_KEY;
use crate::wire;

const UP_PAUSE: Duration = Duration::from_millis(20);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const SMALL: &str = "small";
const LARGE: &str = "large";
const RECORD_SIZE: usize = 1000;
const LARGE_RECORDS: usize = 64;
const MAX_BYTES: i32 = 1 << 20;
/// Requests before anything is counted on, so that what the first ones set up is in every run alike.
const WARM_UP: u32 = 50;

/// What happens by the clock rather than by requests is put off beyond the end of the run.
const SETTINGS: [&str; 9] = [
    "num.network.threads=1",
    "num.io.threads=1",
    "num.recovery.threads.per.data.dir=1",
    "barnabas.http.listener=",
    "log.cleaner.enable=false",
    "log.retention.check.interval.ms=100000000",
    "log.flush.offset.checkpoint.interval.ms=100000000",
    "offsets.topic.num.partitions=1",
    "offsets.retention.check.interval.ms=100000000",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    Journal,
    PageCache,
}

impl Durability {
    fn setting(self) -> String {
        match self {
            Self::Journal => format!("{DURABILITY_KEY}=journal"),
            Self::PageCache => format!("{DURABILITY_KEY}=page-cache"),
        }
    }
}

/// How many requests of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub produce: u32,
    pub fetch_small: u32,
    pub fetch_large: u32,
}

impl Load {
    /// So many more of each.
    pub(super) fn plus(self, count: u32) -> Self {
        Self {
            produce: self.produce + count,
            fetch_small: self.fetch_small + count,
            fetch_large: self.fetch_large + count,
        }
    }
}

/// User instructions of the whole process.
pub(super) fn count(broker: &Path, durability: Durability, load: Load) -> Result<u64> {
    let dir = tempfile::tempdir()?;
    let counts = dir.path().join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", counts.display()));
    command.arg(broker).arg("server");
    let own = [
        "listeners=PLAINTEXT://127.0.0.1:0".to_owned(),
        format!("log.dirs={}", dir.path().join("data").display()),
        durability.setting(),
    ];
    for setting in own.iter().map(String::as_str).chain(SETTINGS) {
        command.args(["--override", setting]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(dir.path().join("log"))?);
    let mut running = Running(command.spawn().context("cannot start valgrind")?);
    let asked = running.address().and_then(|address| ask(address, load));
    asked.with_context(|| {
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        format!("the broker under valgrind, which wrote:\n{log}")
    })?;
    running.stop()?;
    let text = std::fs::read_to_string(&counts).context("valgrind wrote no counts")?;
    summary(&text).context("valgrind's counts have no summary")
}

fn ask(address: SocketAddr, load: Load) -> Result<()> {
    let mut client = Client::connect(address)?;
    client.create_topic(SMALL, 1)?;
    client.create_topic(LARGE, 1)?;
    let small = wire::produce(SMALL, 0, &wire::batch(1, RECORD_SIZE)?);
    client.produce_when_possible(&small, UP_PAUSE)?;
    client.produce_when_possible(&wire::produce(LARGE, 0, &wire::batch(LARGE_RECORDS, RECORD_SIZE)?), UP_PAUSE)?;
    let produce = wire::produce("written", 0, &wire::batch(1, RECORD_SIZE)?);
    client.create_topic("written", 1)?;
    let (fetch_small, fetch_large) = (wire::fetch(SMALL, 0, MAX_BYTES), wire::fetch(LARGE, 0, MAX_BYTES));
    let load = load.plus(WARM_UP);
    for _ in 0..load.produce {
        client.produce(&produce)?;
    }
    for (request, count, bytes) in
        [(fetch_small, load.fetch_small, RECORD_SIZE), (fetch_large, load.fetch_large, LARGE_RECORDS * RECORD_SIZE)]
    {
        for _ in 0..count {
            let got = client.exchange(&request)?.len();
            if got < bytes {
                bail!("a fetch of {bytes} bytes brought {got}");
            }
        }
    }
    Ok(())
}

fn listening_on(line: &str) -> Option<SocketAddr> {
    let ready: serde_json::Value = serde_json::from_str(line).ok()?;
    ready["listeners"][0]["address"].as_str()?.parse().ok()
}

/// The line `summary: N`.
fn summary(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.strip_prefix("summary:"))?.trim().parse().ok()
}

struct Running(Child);

impl Running {
    /// Where it listens, from the line that it writes when it is ready.
    fn address(&mut self) -> Result<SocketAddr> {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().context("no standard output")?).read_line(&mut line)?;
        listening_on(&line).with_context(|| format!("it did not say that it is ready, but '{line}'"))
    }

    /// SIGTERM, since only a process that ends by itself has its counts written.
    fn stop(&mut self) -> Result<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).context("a process without a number")?;
        kill_process(pid, Signal::TERM)?;
        let begun = Instant::now();
        while self.0.try_wait()?.is_none() {
            if begun.elapsed() > STOP_LIMIT {
                bail!("the broker under valgrind does not stop");
            }
            std::thread::sleep(UP_PAUSE);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already unless something failed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::{listening_on, summary};

    #[test]
    fn the_ready_line_says_where_it_listens() {
        let line = "{\"event\":\"ready\",\"listeners\":[{\"address\":\"127.0.0.1:4711\"}]}\n";
        assert_eq!(listening_on(line), "127.0.0.1:4711".parse().ok());
        assert_eq!(listening_on("something else"), None);
    }

    #[test]
    fn the_count_is_in_the_summary() {
        assert_eq!(summary("events: Ir\nfn=1\n0 3\nsummary: 11181070\n\ntotals: 11181281\n"), Some(11_181_070));
        assert_eq!(summary("totals: 1"), None);
    }
}
