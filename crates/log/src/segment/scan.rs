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
    /// May lie before `valid_bytes`: what the CRC does not cover shows its damage only in comparison with what follows.
    pub(crate) damage: Option<Damage>,
    /// The first batch and each change of the epoch after it.
    pub(crate) epochs: Vec<EpochSample>,
    /// Offsets are missing between batches or inside of them.
    pub(crate) has_gaps: bool,
}

/// Checks every batch from `from` on, CRC included, and shows it to `on_batch` after `stats` has taken note of it.
pub(crate) fn scan(
    window: &mut Window,
    from: u64,
    stats: &mut SegmentStats,
    mut on_batch: impl FnMut(&BatchHeader, u64, &SegmentStats, Option<NewEntries>),
) -> io::Result<Scan> {
    let mut result = Scan { valid_bytes: from, damage: None, epochs: Vec::new(), has_gaps: false };
    let mut order = Order::default();
    while result.valid_bytes < window.end() {
        let position = result.valid_bytes;
        let header = match check(window, position, stats, &order)? {
            Ok(header) => header,
            Err(damage) => {
                result.damage = Some(damage);
                break;
            }
        };
        order.note(&header, position, stats.next_offset);
        let is_thinned = i64::from(header.record_count) != i64::from(header.last_offset_delta) + 1;
        result.has_gaps |= is_thinned || header.base_offset != stats.next_offset;
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

/// Base offset and leader epoch are not covered by the CRC. They never go back from one batch to the next; where they
/// do, this tells which of the batches is the odd one.
#[derive(Default)]
struct Order {
    /// Where the last batch starts, if there was a gap before it.
    jumped_at: Option<u64>,
    earlier_epoch: LeaderEpoch,
    epoch: LeaderEpoch,
    epoch_since: u64,
}

impl Order {
    fn note(&mut self, header: &BatchHeader, position: u64, expected_offset: Offset) {
        self.jumped_at = (header.base_offset > expected_offset).then_some(position);
        if header.partition_leader_epoch > self.epoch {
            self.earlier_epoch = self.epoch;
            self.epoch = header.partition_leader_epoch;
            self.epoch_since = position;
        }
    }

    fn check(&self, header: &BatchHeader, position: u64, expected_offset: Offset) -> Result<(), Damage> {
        if header.base_offset < expected_offset {
            let reason = format!("offset {} follows where at least {expected_offset} is expected", header.base_offset);
            return Err(Damage { position: self.jumped_at.unwrap_or(position), reason });
        }
        let epoch = header.partition_leader_epoch;
        if epoch >= 0 && epoch < self.epoch {
            let reason = format!("leader epoch {epoch} follows {}", self.epoch);
            let position = if epoch >= self.earlier_epoch { self.epoch_since } else { position };
            return Err(Damage { position, reason });
        }
        Ok(())
    }
}

fn check(
    window: &mut Window,
    position: u64,
    stats: &SegmentStats,
    order: &Order,
) -> io::Result<Result<BatchHeader, Damage>> {
    let damage = |reason: String| Ok(Err(Damage { position, reason }));
    let header = match window.batch_at(position)? {
        At::Batch(header) => header,
        At::Incomplete => return damage("a record batch is cut short".into()),
        At::Malformed(error) => return damage(error.to_string()),
    };
    if !window.crc_matches(position, &header)? {
        return damage("the CRC of a record batch does not match its content".into());
    }
    if stats.relative(header.last_offset()).is_none() {
        return damage(format!("offset {} does not belong into this segment", header.last_offset()));
    }
    Ok(order.check(&header, position, stats.next_offset).map(|()| header))
}
