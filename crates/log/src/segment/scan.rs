//! Walks the batches of a segment and says up to where they are good. Decides nothing about what follows from damage.

use std::io;

use barnabas_common::{LeaderEpoch, Offset};
use barnabas_protocol::records::BatchHeader;

use super::stats::{NewEntries, SegmentStats};
use super::window::{At, Window};

/// Where the good batches end before the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) position: u64,
    pub(crate) reason: String,
}

/// A leader epoch and the first offset seen with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpochSample {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) offset: Offset,
}

#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) valid_bytes: u64,
    pub(crate) damage: Option<Damage>,
    /// The first batch and each change of the epoch after it.
    pub(crate) epochs: Vec<EpochSample>,
}

/// Checks every batch from `from` on, CRC included, and shows it to `on_batch` after `stats` has taken note of it.
pub(crate) fn scan(
    window: &mut Window,
    from: u64,
    stats: &mut SegmentStats,
    mut on_batch: impl FnMut(&BatchHeader, u64, &SegmentStats, Option<NewEntries>),
) -> io::Result<Scan> {
    let mut result = Scan { valid_bytes: from, damage: None, epochs: Vec::new() };
    while result.valid_bytes < window.end() {
        let position = result.valid_bytes;
        let header = match check(window, position, stats)? {
            Ok(header) => header,
            Err(reason) => {
                result.damage = Some(Damage { position, reason });
                break;
            }
        };
        let new_entries = stats.observe(&header, position);
        note_epoch(&mut result.epochs, &header);
        on_batch(&header, position, stats, new_entries);
        result.valid_bytes += header.size_bytes() as u64;
    }
    Ok(result)
}

/// Adds a sample if the batch has another epoch than the last.
pub(crate) fn note_epoch(epochs: &mut Vec<EpochSample>, header: &BatchHeader) {
    let epoch = header.partition_leader_epoch;
    if epoch >= 0 && epochs.last().is_none_or(|last| last.epoch != epoch) {
        epochs.push(EpochSample { epoch, offset: header.base_offset });
    }
}

fn check(window: &mut Window, position: u64, stats: &SegmentStats) -> io::Result<Result<BatchHeader, String>> {
    let header = match window.batch_at(position)? {
        At::Batch(header) => header,
        At::Incomplete => return Ok(Err("a record batch is cut short".into())),
        At::Malformed(error) => return Ok(Err(error.to_string())),
    };
    if header.base_offset < stats.next_offset {
        let reason = format!("offset {} is out of order: at least {} expected", header.base_offset, stats.next_offset);
        return Ok(Err(reason));
    }
    if stats.relative(header.last_offset()).is_none() {
        return Ok(Err(format!("offset {} is too large for this segment", header.last_offset())));
    }
    if !window.crc_matches(position, &header)? {
        return Ok(Err("the CRC of a record batch does not match its content".into()));
    }
    Ok(Ok(header))
}
