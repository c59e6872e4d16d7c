//! A consumer of one partition that looks at batch headers only.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use barnabas_protocol::Message;
use barnabas_protocol::messages::FetchResponse;
use barnabas_protocol::records::split_batches;
use bytes::Buf;

use crate::client::Client;
use crate::wire;

/// Correlation id and no tags.
const HEADER_BYTES: usize = 5;

pub(crate) struct Consumer {
    client: Client,
    topic: String,
    offset: i64,
    max_bytes: i32,
}

impl Consumer {
    pub(crate) fn new(address: SocketAddr, topic: &str, offset: i64, max_bytes: i32) -> Result<Self> {
        Ok(Self { client: Client::connect(address)?, topic: topic.to_owned(), offset, max_bytes })
    }

    /// One fetch, which may wait; says how many bytes of records came.
    pub(crate) fn poll(&mut self) -> Result<usize> {
        let mut answer = self.client.exchange(&wire::fetch(&self.topic, self.offset, self.max_bytes))?;
        answer.advance(HEADER_BYTES.min(answer.len()));
        let response = FetchResponse::decode(answer, wire::FETCH_VERSION).context("the answer to Fetch")?;
        let partition = response.responses.into_iter().flat_map(|topic| topic.partitions).next();
        let partition = partition.context("an empty answer to Fetch")?;
        if partition.error_code != 0 {
            bail!("fetch was answered with error {}", partition.error_code);
        }
        let mut read = 0;
        for batch in split_batches(&partition.records.unwrap_or_default().into_bytes()?) {
            let (header, bytes) = batch?;
            self.offset = header.next_offset();
            read += bytes.len();
        }
        Ok(read)
    }

    /// Polls until this many bytes have come; says how many did.
    pub(crate) fn read(&mut self, total: usize, limit: Duration) -> Result<usize> {
        let (begun, mut read) = (Instant::now(), 0);
        while read < total {
            if begun.elapsed() > limit {
                bail!("{read} of {total} bytes came within {} s", limit.as_secs());
            }
            read += self.poll()?;
        }
        Ok(read)
    }
}

/// Many consumers at the same time; the sum of what they read.
pub(crate) fn read_by_all(consumers: &mut [Consumer], total: usize, limit: Duration) -> Result<usize> {
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            consumers.iter_mut().map(|consumer| scope.spawn(move || consumer.read(total, limit))).collect();
        let mut read = 0;
        for reader in readers {
            read += reader.join().map_err(|_| anyhow::anyhow!("a consumer failed"))??;
        }
        Ok(read)
    })
}
