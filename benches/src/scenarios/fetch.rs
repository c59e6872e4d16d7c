//! Reading a full topic from its start, as a consumer that catches up does.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use barnabas_protocol::Message;
use barnabas_protocol::messages::FetchResponse;
use barnabas_protocol::records::split_batches;
use bytes::Buf;

use super::{BYTES_PER_GB, TOPIC, interleave};
use crate::args::{Common, Fetch, Kind};
use crate::client::Client;
use crate::peer::{Peer, Setup};
use crate::report::{Better, Measure, Report, Rounds};
use crate::wire;

const RECORDS_PER_BATCH: usize = 256;
const SIZE: usize = 1000;
/// Correlation id and no tags.
const HEADER_BYTES: usize = 5;

const CPU: Measure = Measure::plotted("CPU per GB", "s", Better::Less);
const RATE: Measure = Measure::new("rate", "MB/s", Better::More);

pub(crate) fn run(common: &Common, options: &Fetch) -> Result<()> {
    let setup = Setup::new(common)?;
    let peers = Peer::start_all(common, &setup)?;
    let batches = (options.gb * BYTES_PER_GB / (RECORDS_PER_BATCH * SIZE) as f64).ceil() as usize;
    let batch = wire::batch(RECORDS_PER_BATCH, SIZE)?;
    for peer in peers.iter().filter(|peer| peer.kind != Kind::Null) {
        let mut client = peer.client()?;
        client.create_topic(TOPIC, 1)?;
        let request = wire::produce(TOPIC, 0, &batch);
        for _ in 0..batches {
            client.produce(&request)?;
        }
    }
    let mut report = Report::new("fetch", "Catch-up fetch", Rounds::Interleaved);
    report.say(&format!(
        "A raw client reads {} GB from the start of one partition, {} KiB per request, one request in flight; records of \
         {SIZE} bytes in batches of {RECORDS_PER_BATCH}, all of it in the page cache. The null server sends as many bytes \
         out of its memory.",
        options.gb,
        options.max_bytes / 1024
    ));
    interleave(common, &peers, |peer, phase| {
        let total = batches * batch.len();
        let mut client = peer.client()?;
        let started = Instant::now();
        let (cpu, read) = peer.cpu_during(|| read_all(&mut client, total, options.max_bytes))?;
        let gb = read as f64 / BYTES_PER_GB;
        report.add(CPU, peer.kind, phase, cpu / gb);
        report.add(RATE, peer.kind, phase, gb * 1000.0 / started.elapsed().as_secs_f64());
        Ok(())
    })?;
    report.write(common)
}

/// Reads until this many bytes of records have come; says how many did.
fn read_all(client: &mut Client, total: usize, max_bytes: i32) -> Result<usize> {
    let (mut offset, mut read) = (0, 0);
    while read < total {
        let mut answer = client.exchange(&wire::fetch(TOPIC, offset, max_bytes))?;
        answer.advance(HEADER_BYTES.min(answer.len()));
        let response = FetchResponse::decode(answer, wire::FETCH_VERSION).context("the answer to Fetch")?;
        let partition = response.responses.into_iter().flat_map(|topic| topic.partitions).next();
        let partition = partition.context("an empty answer to Fetch")?;
        if partition.error_code != 0 {
            bail!("fetch was answered with error {}", partition.error_code);
        }
        let records = partition.records.unwrap_or_default();
        let mut next = offset;
        for batch in split_batches(&records) {
            let (header, bytes) = batch?;
            next = header.next_offset();
            read += bytes.len();
        }
        if records.is_empty() {
            bail!("the topic ends after {read} bytes");
        }
        offset = next;
    }
    Ok(read)
}
