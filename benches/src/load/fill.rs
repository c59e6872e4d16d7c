//! Fills partitions from several connections and remembers, for each partition, how far it was acknowledged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::client::Client;
use crate::wire;

/// The offset behind the last acknowledged record of every partition.
pub(crate) struct Acknowledged(Vec<AtomicI64>);

impl Acknowledged {
    pub(crate) fn new(partitions: i32) -> Self {
        Self((0..partitions).map(|_| AtomicI64::new(0)).collect())
    }

    fn note(&self, partition: i32, next: i64) {
        if let Some(offset) = usize::try_from(partition).ok().and_then(|at| self.0.get(at)) {
            offset.fetch_max(next, Ordering::Relaxed);
        }
    }

    pub(crate) fn records(&self) -> i64 {
        self.0.iter().map(|offset| offset.load(Ordering::Relaxed)).sum()
    }

    /// Acknowledged records that are not there, given where the partitions end.
    pub(crate) fn missing(&self, ends: &[i64]) -> i64 {
        let there = |at: usize| ends.get(at).copied().unwrap_or(0);
        let missing = |(at, offset): (usize, &AtomicI64)| (offset.load(Ordering::Relaxed) - there(at)).max(0);
        self.0.iter().enumerate().map(missing).sum()
    }
}

/// What is written, and where.
pub(crate) struct Plan<'a> {
    pub address: SocketAddr,
    pub topic: &'a str,
    pub partitions: i32,
    pub batch: &'a Bytes,
    pub records: i64,
    pub connections: i32,
}

impl Plan<'_> {
    /// Writes so many batches to every partition.
    pub(crate) fn fill(&self, batches: usize, acknowledged: &Acknowledged) -> Result<()> {
        let each = |number| {
            let mut client = Client::connect(self.address)?;
            for _ in 0..batches {
                self.round(number, &mut client, acknowledged)?;
            }
            Ok(())
        };
        self.by_all(each)
    }

    /// Writes until the broker is gone. An error before `at_least` has passed is one.
    pub(crate) fn until_it_dies(&self, at_least: Duration, acknowledged: &Acknowledged) -> Result<()> {
        let begun = Instant::now();
        let each = |number| {
            let mut client = Client::connect(self.address)?;
            loop {
                match self.round(number, &mut client, acknowledged) {
                    Ok(()) => {}
                    Err(_) if begun.elapsed() >= at_least => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        self.by_all(each)
    }

    /// One batch for every partition of a connection's share.
    fn round(&self, number: i32, client: &mut Client, acknowledged: &Acknowledged) -> Result<()> {
        let mut partition = number;
        while partition < self.partitions {
            let answer = client.exchange(&wire::produce(self.topic, partition, self.batch))?;
            match (wire::produce_error(&answer, self.topic), wire::produced_offset(&answer, self.topic)) {
                (Some(0), Some(base)) => acknowledged.note(partition, base + self.records),
                (code, _) => bail!("produce was answered with error {code:?}"),
            }
            partition += self.connections;
        }
        Ok(())
    }

    fn by_all(&self, each: impl Fn(i32) -> Result<()> + Sync) -> Result<()> {
        std::thread::scope(|scope| {
            let each = &each;
            let writers: Vec<_> = (0..self.connections).map(|number| scope.spawn(move || each(number))).collect();
            for writer in writers {
                writer.join().map_err(|_| anyhow::anyhow!("a writer failed"))??;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Acknowledged;

    #[test]
    fn what_is_behind_the_end_is_missing() {
        let acknowledged = Acknowledged::new(3);
        acknowledged.note(0, 10);
        acknowledged.note(0, 7);
        acknowledged.note(1, 5);
        assert_eq!(acknowledged.records(), 15);
        assert_eq!(acknowledged.missing(&[10, 5, 0]), 0);
        assert_eq!(acknowledged.missing(&[8, 9, 0]), 2);
        assert_eq!(acknowledged.missing(&[10]), 5);
    }
}
