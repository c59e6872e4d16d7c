//! The records of what one fetch brought for one partition: control batches, records before the wanted offset, and (for
//! `read_committed`) records of aborted transactions are left out. Pure.

use std::collections::{BTreeSet, VecDeque};

use barnabas_protocol::records::{
    BatchHeader, DecompressionLimit, Record, RecordError, Records, TimestampType, check_crc, read_records,
    split_batches,
};
use bytes::Bytes;

/// A transaction that was aborted: its producer, and the offset of its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aborted {
    pub(super) first_offset: i64,
    pub(super) producer_id: i64,
}

/// Where to fetch next, and how many bytes the whole batches take: a fetch may end in the middle of a batch.
pub(super) fn whole_batches(bytes: &[u8], from: i64) -> Result<(i64, usize), RecordError> {
    let mut batches = split_batches(bytes);
    let mut next = from;
    for batch in &mut batches {
        next = next.max(batch?.0.next_offset());
    }
    Ok((next, batches.whole_bytes()))
}

/// Walks the records of several batches.
pub(super) struct PartitionRecords {
    rest: Bytes,
    from: i64,
    check_crcs: bool,
    /// `None`: everything is read.
    aborted: Option<VecDeque<Aborted>>,
    aborting: BTreeSet<i64>,
    current: Option<Records>,
    /// The offset after the last record that was given or passed over.
    position: i64,
}

impl PartitionRecords {
    pub(super) fn new(bytes: Bytes, from: i64, check_crcs: bool, aborted: Option<Vec<Aborted>>) -> Self {
        let sorted = |mut aborted: Vec<Aborted>| {
            aborted.sort();
            VecDeque::from(aborted)
        };
        Self {
            rest: bytes,
            from,
            check_crcs,
            aborted: aborted.map(sorted),
            aborting: BTreeSet::new(),
            current: None,
            position: from,
        }
    }

    /// Where reading goes on.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// The next record, with what its batch says about the leader epoch and the kind of its timestamp.
    pub(super) fn next(&mut self) -> Result<Option<(Record, i32, TimestampType)>, RecordError> {
        loop {
            if let Some(found) = self.next_of_batch()? {
                return Ok(Some(found));
            }
            let Some(batch) = self.next_batch()? else { return Ok(None) };
            let header = BatchHeader::parse(&batch)?;
            if header.last_offset() >= self.from && !self.is_left_out(&header, &batch)? {
                self.current = Some(read_records(&batch, DecompressionLimit::default())?);
            } else {
                self.position = self.position.max(header.next_offset());
            }
        }
    }

    fn next_of_batch(&mut self) -> Result<Option<(Record, i32, TimestampType)>, RecordError> {
        let Some(records) = &mut self.current else { return Ok(None) };
        let header = *records.header();
        for record in records {
            let record = record?;
            if record.offset >= self.from {
                self.position = record.offset + 1;
                return Ok(Some((record, header.partition_leader_epoch, header.timestamp_type())));
            }
        }
        self.current = None;
        self.position = self.position.max(header.next_offset());
        Ok(None)
    }

    fn next_batch(&mut self) -> Result<Option<Bytes>, RecordError> {
        let Some(found) = split_batches(&self.rest).next() else { return Ok(None) };
        let size = found?.1.len();
        let batch = self.rest.split_to(size);
        if self.check_crcs {
            check_crc(&batch)?;
        }
        Ok(Some(batch))
    }

    fn is_left_out(&mut self, header: &BatchHeader, batch: &Bytes) -> Result<bool, RecordError> {
        let Some(aborted) = &mut self.aborted else { return Ok(header.is_control()) };
        while aborted.front().is_some_and(|next| next.first_offset <= header.last_offset()) {
            self.aborting.extend(aborted.pop_front().map(|next| next.producer_id));
        }
        if header.is_control() {
            if is_abort_marker(batch)? {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(true);
        }
        Ok(header.is_transactional() && self.aborting.contains(&header.producer_id))
    }
}

/// The key of a control record is a version and a type, which is 0 for an abort.
fn is_abort_marker(batch: &Bytes) -> Result<bool, RecordError> {
    let Some(record) = read_records(batch, DecompressionLimit::default())?.next() else { return Ok(false) };
    Ok(record?.key.is_some_and(|key| key.get(2..4) == Some(&[0, 0])))
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::records::{BatchBuilder, Compression};

    use super::*;

    fn batch(offset: i64, producer: i64, values: &[&str]) -> Vec<u8> {
        let builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        let mut builder = builder.producer(producer, 0, 0).transactional(producer >= 0);
        for value in values {
            builder.add(1, None, Some(value.as_bytes()), &[]);
        }
        builder.build(offset, 7).unwrap().to_vec()
    }

    fn marker(offset: i64, producer: i64, kind: u8) -> Vec<u8> {
        let builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        let mut builder = builder.producer(producer, 0, -1).transactional(true).control(true);
        builder.add(1, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]);
        builder.build(offset, 7).unwrap().to_vec()
    }

    fn read(bytes: &[Vec<u8>], from: i64, aborted: Option<Vec<Aborted>>) -> (Vec<String>, i64) {
        let mut records = PartitionRecords::new(bytes.concat().into(), from, true, aborted);
        let mut values = Vec::new();
        while let Some((record, epoch, _)) = records.next().unwrap() {
            assert_eq!(epoch, 7);
            values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        }
        (values, records.position())
    }

    #[test]
    fn aborted_records_and_markers_are_left_out_when_only_committed_ones_are_wanted() {
        let log = [
            batch(0, 1, &["a", "b"]),
            batch(2, 2, &["c"]),
            marker(3, 1, 0),
            batch(4, 1, &["d"]),
            marker(5, 2, 1),
            marker(6, 1, 1),
        ];
        let aborted = vec![Aborted { first_offset: 0, producer_id: 1 }];
        assert_eq!(read(&log, 0, Some(aborted)), (vec!["c".into(), "d".into()], 7));
        assert_eq!(read(&log, 0, None).0, ["a", "b", "c", "d"]);
    }

    #[test]
    fn records_before_the_wanted_offset_and_half_batches_are_left_out() {
        let mut log = vec![batch(0, -1, &["a", "b", "c"]), batch(3, -1, &["d"])];
        assert_eq!(whole_batches(&log.concat(), 1).unwrap(), (4, log.concat().len()));
        assert_eq!(read(&log, 2, None), (vec!["c".into(), "d".into()], 4));
        log[1].pop();
        assert_eq!(whole_batches(&log.concat(), 1).unwrap(), (3, log[0].len()));
        assert_eq!(read(&log, 1, None).0, ["b", "c"]);
    }
}
