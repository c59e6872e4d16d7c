//! Open loop: one connection, requests leave on schedule whether or not earlier ones are answered. Latency counts
//! from the time a request was due, so a broker that falls behind cannot hide it.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::wire;

/// How long answers may come after the last request was due.
const GRACE: Duration = Duration::from_secs(2);
/// Requests that are written at once when several are due.
const MAX_BURST: u64 = 256;
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
const READ_BYTES: usize = 256 * 1024;

pub(crate) struct Plan<'a> {
    pub address: SocketAddr,
    pub topic: &'a str,
    /// Sent by turns.
    pub requests: &'a [Vec<u8>],
    pub rate: u32,
    pub duration: Duration,
}

pub(crate) struct Outcome {
    /// In microseconds, sorted.
    pub latencies_us: Vec<u32>,
    /// Requests that were due.
    pub due: u64,
}

impl Outcome {
    pub(crate) fn kept_up(&self) -> bool {
        self.latencies_us.len() as u64 == self.due
    }
}

pub(crate) fn run(plan: &Plan<'_>) -> Result<Outcome> {
    let stream = TcpStream::connect(plan.address)?;
    stream.set_nodelay(true)?;
    let due = (f64::from(plan.rate) * plan.duration.as_secs_f64()) as u64;
    let start = Instant::now() + Duration::from_millis(10);
    let end = start + plan.duration + GRACE;
    stream.set_read_timeout(Some(GRACE))?;
    stream.set_write_timeout(Some(GRACE))?;
    let reader = stream.try_clone()?;
    let latencies_us = std::thread::scope(|scope| -> Result<Vec<u32>> {
        let answers = scope.spawn(move || read_answers(reader, plan, due, start, end));
        let sent = send_on_schedule(&stream, plan, due, start, end);
        let answers = answers.join().map_err(|_| anyhow::anyhow!("the reader failed"))?;
        // A peer that is far behind is left with what it has; that shows as requests without an answer.
        let _ = stream.shutdown(Shutdown::Both);
        sent?;
        answers
    });
    let mut latencies_us = latencies_us?;
    latencies_us.sort_unstable();
    Ok(Outcome { latencies_us, due })
}

fn send_on_schedule(mut stream: &TcpStream, plan: &Plan<'_>, due: u64, start: Instant, end: Instant) -> Result<()> {
    sleep_precisely();
    let mut requests = plan.requests.iter().cycle();
    let mut burst = Vec::new();
    let mut sent = 0;
    while sent < due {
        let now = Instant::now();
        if now > end {
            return Ok(());
        }
        let elapsed = now.saturating_duration_since(start).as_secs_f64();
        let wanted = ((elapsed * f64::from(plan.rate)) as u64).min(due);
        if wanted <= sent {
            let next = start + due_after(sent + 1, plan.rate);
            std::thread::sleep(next.saturating_duration_since(now).max(SHORTEST_SLEEP));
            continue;
        }
        burst.clear();
        let count = (wanted - sent).min(MAX_BURST);
        for request in requests.by_ref().take(usize::try_from(count)?) {
            burst.extend_from_slice(request);
        }
        match stream.write_all(&burst) {
            Ok(()) => sent += count,
            Err(error) if is_timeout(&error) => return Ok(()),
            Err(error) => return Err(error).context("sending"),
        }
    }
    Ok(())
}

/// Lets the calling thread sleep as long as it asks for; by default the kernel adds 50 us, as much as an answer takes.
pub(crate) fn sleep_precisely() {
    // Where it cannot be set all peers are late alike.
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// When the request of this number, counted from 1, is due.
pub(crate) fn due_after(number: u64, rate: u32) -> Duration {
    Duration::from_secs_f64(number as f64 / f64::from(rate))
}

fn read_answers(stream: TcpStream, plan: &Plan<'_>, due: u64, start: Instant, end: Instant) -> Result<Vec<u32>> {
    let mut stream = BufReader::with_capacity(READ_BYTES, stream);
    let mut latencies = Vec::with_capacity(usize::try_from(due)?);
    let mut answer = Vec::new();
    for number in 1..=due {
        let mut size = [0; 4];
        match stream.read_exact(&mut size) {
            Ok(()) => {}
            Err(error) if is_timeout(&error) => break,
            Err(error) => return Err(error).context("the broker closed the connection"),
        }
        answer.resize(u32::from_be_bytes(size) as usize, 0);
        stream.read_exact(&mut answer)?;
        match wire::produce_error(&answer, plan.topic) {
            Some(0) => {}
            other => bail!("produce was answered with error {other:?}"),
        }
        let now = Instant::now();
        let latency = now.saturating_duration_since(start + due_after(number, plan.rate));
        latencies.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        if now > end {
            break;
        }
    }
    Ok(latencies)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
