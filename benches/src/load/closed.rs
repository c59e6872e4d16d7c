//! Closed loop: many connections, each sends its next request when the last one is answered. Where there are more
//! partitions than connections, each connection goes round its share of them.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::wire;

const ANSWER_BYTES: usize = 1024;

pub(crate) struct Plan {
    pub address: SocketAddr,
    pub topic: String,
    pub partitions: i32,
    pub connections: usize,
    pub duration: Duration,
    pub batch: Bytes,
}

pub(crate) struct Outcome {
    /// In microseconds, sorted.
    pub latencies_us: Vec<u32>,
    pub elapsed: Duration,
}

/// Connects and runs until the time is over. The first request of every connection is not counted.
pub(crate) fn run(plan: Plan) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, drive(Rc::new(plan)))
}

async fn drive(plan: Rc<Plan>) -> Result<Outcome> {
    let mut connections = Vec::new();
    for number in 0..plan.connections {
        let mut connection = Connection::open(&plan, number).await?;
        connection.exchange().await?;
        connections.push(connection);
    }
    let started = Instant::now();
    let until = started + plan.duration;
    let tasks: Vec<_> =
        connections.into_iter().map(|connection| tokio::task::spawn_local(connection.repeat(until))).collect();
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let elapsed = started.elapsed();
    latencies_us.sort_unstable();
    Ok(Outcome { latencies_us, elapsed })
}

/// The partitions that a connection writes to; all of them together write to every partition.
fn share(number: usize, connections: usize, partitions: usize) -> Vec<usize> {
    match partitions {
        0 => Vec::new(),
        _ if number >= partitions => vec![number % partitions],
        _ => (number..partitions).step_by(connections.max(1)).collect(),
    }
}

struct Connection {
    stream: TcpStream,
    requests: Vec<Vec<u8>>,
    next: usize,
    plan: Rc<Plan>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(plan: &Rc<Plan>, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(plan.address).await?;
        stream.set_nodelay(true)?;
        let mut requests = Vec::new();
        for partition in share(number, plan.connections, usize::try_from(plan.partitions)?) {
            requests.push(wire::produce(&plan.topic, i32::try_from(partition)?, &plan.batch));
        }
        Ok(Self { stream, requests, next: 0, plan: Rc::clone(plan), answer: vec![0; ANSWER_BYTES] })
    }

    async fn repeat(mut self, until: Instant) -> Result<Vec<u32>> {
        let mut latencies = Vec::new();
        let mut sent = Instant::now();
        while sent < until {
            self.exchange().await?;
            let answered = Instant::now();
            latencies.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
            sent = answered;
        }
        Ok(latencies)
    }

    async fn exchange(&mut self) -> Result<()> {
        let request = self.requests.get(self.next).context("no partitions")?;
        self.next = (self.next + 1) % self.requests.len();
        self.stream.write_all(request).await?;
        let mut have = 0;
        loop {
            let read = self.stream.read(&mut self.answer[have..]).await?;
            if read == 0 {
                bail!("the broker closed the connection");
            }
            have += read;
            let Some(size) = self.answer[..have].first_chunk::<4>() else { continue };
            if have == 4 + u32::from_be_bytes(*size) as usize {
                break;
            }
        }
        match wire::produce_error(&self.answer[4..have], &self.plan.topic).context("a short answer")? {
            0 => Ok(()),
            code => bail!("produce was answered with error {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn connections_share_all_partitions() {
        assert_eq!(share(0, 64, 1), [0]);
        assert_eq!(share(63, 64, 1), [0]);
        assert_eq!(share(3, 64, 256), [3, 67, 131, 195]);
        let mut all: Vec<usize> = (0..64).flat_map(|number| share(number, 64, 250)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..250).collect::<Vec<_>>());
    }
}
