//! Records on their way to one partition: the batch being filled, the ones that wait, and their sequence numbers.
//! Nothing is sent here.

use std::collections::VecDeque;
use std::time::Instant;

use barnabas_protocol::records::{BatchBuilder, BuildError, Compression, TimestampType, set_producer};
use bytes::{Bytes, BytesMut};

use super::Record;

/// The name that the cluster gave to an idempotent producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) producer_id: i64,
    pub(super) epoch: i16,
}

/// Some records of one partition, as they are sent together.
pub(super) struct Batch {
    content: Content,
    /// Place in the order of the partition.
    pub(super) number: u64,
    /// What the caller calls the records.
    pub(super) tags: Vec<u64>,
    pub(super) created: Instant,
    pub(super) attempts: u32,
    /// The first sequence number, once there is one.
    pub(super) sequence: Option<i32>,
    /// A try ended without an answer: the broker may have it.
    pub(super) maybe_appended: bool,
    /// Uncompressed.
    pub(super) size_bytes: usize,
}

enum Content {
    Open(Box<BatchBuilder>),
    Encoded(Bytes),
    Broken(BuildError),
}

impl Batch {
    fn new(number: u64, compression: Compression, level: Option<i32>, now: Instant) -> Self {
        let builder = BatchBuilder::new(compression, TimestampType::CreateTime);
        let builder = match level {
            Some(level) => builder.compression_level(level),
            None => builder,
        };
        Self {
            content: Content::Open(Box::new(builder)),
            number,
            tags: Vec::new(),
            created: now,
            attempts: 0,
            sequence: None,
            maybe_appended: false,
            size_bytes: 0,
        }
    }

    fn add(&mut self, record: &Record<'_>, timestamp: i64) {
        if let Content::Open(builder) = &mut self.content {
            builder.add(timestamp, record.key, record.value, record.headers);
            self.size_bytes = builder.uncompressed_size_bytes();
            self.tags.push(record.tag);
        }
    }

    /// The bytes to send, in the name of this producer from `sequence` on.
    pub(super) fn encode(&mut self, identity: Option<Identity>, sequence: i32) -> Result<Bytes, BuildError> {
        let placeholder = Content::Broken(BuildError::Empty);
        let encoded = match std::mem::replace(&mut self.content, placeholder) {
            Content::Open(builder) => {
                let builder = match identity {
                    Some(identity) => builder.producer(identity.producer_id, identity.epoch, sequence),
                    None => *builder,
                };
                builder.build(0, -1).map(BytesMut::freeze)
            }
            // Sent before and refused: the same records under a new name.
            Content::Encoded(bytes) if self.sequence.is_none() => {
                let mut copy = BytesMut::from(&bytes[..]);
                if let Some(identity) = identity {
                    set_producer(&mut copy, identity.producer_id, identity.epoch, sequence);
                }
                Ok(copy.freeze())
            }
            Content::Encoded(bytes) => Ok(bytes),
            Content::Broken(error) => Err(error),
        };
        self.content = match &encoded {
            Ok(bytes) => Content::Encoded(bytes.clone()),
            Err(error) => Content::Broken(error.clone()),
        };
        self.sequence = Some(sequence);
        encoded
    }

    pub(super) fn record_count(&self) -> i32 {
        i32::try_from(self.tags.len()).unwrap_or(i32::MAX)
    }
}

/// How batches are made.
#[derive(Clone, Copy)]
pub(super) struct BatchRules {
    pub(super) batch_size: usize,
    pub(super) compression: Compression,
    pub(super) level: Option<i32>,
}

/// Everything on its way to one partition.
pub(super) struct PartitionQueue {
    pub(super) leader: i32,
    open: Option<Batch>,
    /// Closed batches in the order of their numbers; what has to be sent again is in front.
    pub(super) waiting: VecDeque<Batch>,
    pub(super) in_flight: usize,
    pub(super) identity: Option<Identity>,
    pub(super) next_sequence: i32,
    /// The sequence of the present identity has a hole: later batches need a new one.
    pub(super) needs_identity: bool,
    /// Not before this moment, after a failed try.
    pub(super) not_before: Option<Instant>,
    next_number: u64,
}

impl Default for PartitionQueue {
    fn default() -> Self {
        Self {
            leader: -1,
            open: None,
            waiting: VecDeque::new(),
            in_flight: 0,
            identity: None,
            next_sequence: 0,
            needs_identity: false,
            not_before: None,
            next_number: 0,
        }
    }
}

impl PartitionQueue {
    /// Adds a record to the batch being filled; gives the growth in bytes.
    pub(super) fn add(&mut self, record: &Record<'_>, timestamp: i64, rules: BatchRules, now: Instant) -> usize {
        let fits = |batch: &Batch| batch.size_bytes + record.size_bytes() <= rules.batch_size;
        if self.open.as_ref().is_some_and(|batch| !fits(batch)) {
            self.close();
        }
        let number = &mut self.next_number;
        let batch = self.open.get_or_insert_with(|| {
            *number += 1;
            Batch::new(*number, rules.compression, rules.level, now)
        });
        let before = batch.size_bytes;
        batch.add(record, timestamp);
        let grown = batch.size_bytes - before;
        if batch.size_bytes >= rules.batch_size {
            self.close();
        }
        grown
    }

    /// The batch being filled takes no more.
    pub(super) fn close(&mut self) {
        self.waiting.extend(self.open.take());
    }

    /// When the batch being filled was begun.
    pub(super) fn open_since(&self) -> Option<Instant> {
        self.open.as_ref().map(|batch| batch.created)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none() && self.waiting.is_empty()
    }

    /// Whether the first waiting batch may be sent now. After a failure one batch goes at a time, so that the order of
    /// sequences holds.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        let Some(first) = self.waiting.front() else { return false };
        let alone = first.attempts > 0 || first.sequence.is_none() && self.needs_identity;
        self.leader >= 0 && self.not_before.is_none_or(|moment| moment <= now) && !(alone && self.in_flight > 0)
    }

    /// Back to where it was in the order.
    pub(super) fn put_back(&mut self, batch: Batch) {
        let index = self.waiting.iter().take_while(|waiting| waiting.number < batch.number).count();
        self.waiting.insert(index, batch);
    }

    /// A batch was refused for good and left a hole: what follows was or will be refused, too, and gets new sequences.
    pub(super) fn leave_hole(&mut self) {
        self.needs_identity = true;
        self.waiting.iter_mut().for_each(|batch| batch.sequence = None);
    }
}
