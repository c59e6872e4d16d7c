//! Snapshots of producer state, and the index of aborted transactions.

use std::path::Path;

use super::{Unreadable, read_all};
use crate::Context;

/// Version, checksum, number of entries.
const SNAPSHOT_HEADER_BYTES: usize = 10;
const PRODUCER_BYTES: usize = 46;
const ABORTED_BYTES: usize = 34;

/// Big-endian numbers, one after the other, of an entry that is long enough.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *head
    }

    fn short(&mut self) -> i16 {
        i16::from_be_bytes(self.take())
    }

    fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.take())
    }

    fn long(&mut self) -> i64 {
        i64::from_be_bytes(self.take())
    }
}

pub(super) fn dump_producers(context: &mut Context<'_>, file: &Path) -> Result<(), Unreadable> {
    let bytes = read_all(file)?;
    let entries = bytes.get(SNAPSHOT_HEADER_BYTES..).unwrap_or_default();
    if bytes.len() < SNAPSHOT_HEADER_BYTES || entries.len() % PRODUCER_BYTES != 0 {
        return Ok(context.err(format!("Snapshot {} is no whole snapshot of producers", file.display()))?);
    }
    entries.chunks_exact(PRODUCER_BYTES).try_for_each(|entry| context.out(producer_line(entry)))?;
    Ok(())
}

fn producer_line(entry: &[u8]) -> String {
    let mut fields = Fields(entry);
    let (producer_id, epoch, last_sequence) = (fields.long(), fields.short(), fields.int());
    let (last_offset, offset_delta, timestamp) = (fields.long(), fields.int(), fields.long());
    let (coordinator_epoch, first_offset) = (fields.int(), fields.long());
    let transaction =
        if first_offset < 0 { "OptionalLong.empty".into() } else { format!("OptionalLong[{first_offset}]") };
    let mut line = format!(
        "producerId: {producer_id} producerEpoch: {epoch} coordinatorEpoch: {coordinator_epoch} currentTxnFirstOffset: \
         {transaction} lastTimestamp: {timestamp} "
    );
    if last_offset >= 0 {
        let first_sequence = first_sequence(last_sequence, offset_delta);
        line.push_str(&format!(
            "firstSequence: {first_sequence} lastSequence: {last_sequence} lastOffset: {last_offset} offsetDelta: \
             {offset_delta} timestamp: {timestamp}"
        ));
    }
    line
}

/// Sequences go round after the largest number.
fn first_sequence(last: i32, delta: i32) -> i32 {
    if last >= delta {
        last.wrapping_sub(delta)
    } else {
        i32::MAX.wrapping_sub(delta.wrapping_sub(last)).wrapping_add(1)
    }
}

pub(super) fn dump_aborted(context: &mut Context<'_>, file: &Path) -> Result<(), Unreadable> {
    let bytes = read_all(file)?;
    let line = |entry: &[u8]| {
        let mut fields = Fields(entry);
        let version = fields.short();
        let (producer_id, first, last, stable) = (fields.long(), fields.long(), fields.long(), fields.long());
        format!(
            "version: {version} producerId: {producer_id} firstOffset: {first} lastOffset: {last} lastStableOffset: {stable}"
        )
    };
    bytes.chunks_exact(ABORTED_BYTES).try_for_each(|entry| context.out(line(entry)))?;
    Ok(())
}
