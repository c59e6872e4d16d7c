//! Log segments, batch by batch.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use barnabas_protocol::records::{BatchHeader, DecompressionLimit, Record, TimestampType, crc_is_valid, read_records};
use bytes::Bytes;

use super::{Findings, Options, Unreadable, base_offset};
use crate::Context;

/// Offset and size come first in every batch.
const PREFIX_BYTES: u64 = 12;
/// A batch that expands to more is not shown.
const MAX_CONTENT_BYTES: usize = 1 << 30;

/// Whole batches of a file, one at a time.
pub(super) struct BatchReader {
    file: File,
    position: u64,
    end: u64,
}

impl BatchReader {
    /// Batches that end at or before `limit` bytes.
    pub(super) fn open(path: &Path, limit: Option<u64>) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, position: 0, end: limit.map_or(length, |limit| limit.min(length)) })
    }

    pub(super) fn seek(&mut self, position: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(position))?;
        self.position = position;
        Ok(())
    }

    /// The next batch and where it begins; `None` where no whole batch follows.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Bytes)>> {
        if self.position.saturating_add(PREFIX_BYTES) > self.end {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES as usize];
        self.file.read_exact(&mut prefix)?;
        let size = i32::from_be_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
        let whole = u64::try_from(size).ok().filter(|size| *size > 0).map(|size| size + PREFIX_BYTES);
        let Some(whole) = whole.filter(|whole| self.position.saturating_add(*whole) <= self.end) else {
            return Ok(None);
        };
        let mut batch = Vec::with_capacity(usize::try_from(whole).unwrap_or_default());
        batch.extend_from_slice(&prefix);
        // As long as the file, so as much memory as it has bytes.
        (&mut self.file).take(whole - PREFIX_BYTES).read_to_end(&mut batch)?;
        let start = self.position;
        self.position += whole;
        Ok(Some((start, batch.into())))
    }

    /// What lies behind the last whole batch.
    pub(super) fn rest_bytes(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }
}

pub(super) fn dump(
    context: &mut Context<'_>,
    file: &Path,
    options: &Options,
    findings: &mut Findings,
) -> Result<(), Unreadable> {
    if file.extension().is_some_and(|extension| extension == "log") {
        context.out(format!("Log starting offset: {}", base_offset(file)?))?;
    }
    let unreadable = |error: io::Error| Unreadable::File(error.to_string());
    let mut reader = BatchReader::open(file, options.max_bytes).map_err(unreadable)?;
    let mut gaps = Gaps::default();
    while let Some((position, batch)) = reader.next().map_err(unreadable)? {
        let header = BatchHeader::parse(&batch)
            .map_err(|error| Unreadable::File(format!("no batch can be read at position {position}: {error}")))?;
        context.out(batch_line(&header, position, &batch))?;
        if options.deep_iteration || options.print_data_log {
            dump_records(context, &header, &batch, options, &mut gaps)?;
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if reader.rest_bytes() > 0 && options.max_bytes.is_none() {
        context.out(format!("Found {} invalid bytes at the end of {name}", reader.rest_bytes()))?;
    }
    if !gaps.pairs.is_empty() {
        findings.push(format!("Non-consecutive offsets in {}", file.display()));
        findings.extend(gaps.pairs.iter().rev().map(|(first, second)| format!("  {first} is followed by {second}")));
    }
    Ok(())
}

/// Offsets that do not follow each other.
#[derive(Default)]
struct Gaps {
    last: Option<i64>,
    pairs: Vec<(i64, i64)>,
}

impl Gaps {
    fn see(&mut self, offset: i64) {
        if let Some(last) = self.last.filter(|last| last.checked_add(1) != Some(offset)) {
            self.pairs.push((last, offset));
        }
        self.last = Some(offset);
    }
}

fn time_name(header: &BatchHeader) -> &'static str {
    match header.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

fn batch_line(header: &BatchHeader, position: u64, batch: &[u8]) -> String {
    let horizon =
        header.delete_horizon_ms().map_or_else(|| "OptionalLong.empty".into(), |ms| format!("OptionalLong[{ms}]"));
    let codec = header.compression().map_or("unknown", |codec| codec.name());
    format!(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {} \
         partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {horizon} position: {position} {}: {} \
         size: {} magic: {} compresscodec: {codec} crc: {} isvalid: {}",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.base_sequence,
        header.last_sequence(),
        header.producer_id,
        header.producer_epoch,
        header.partition_leader_epoch,
        header.is_transactional(),
        header.is_control(),
        time_name(header),
        header.max_timestamp,
        header.size_bytes(),
        header.magic,
        header.crc,
        crc_is_valid(batch)
    )
}

fn dump_records(
    context: &mut Context<'_>,
    header: &BatchHeader,
    batch: &Bytes,
    options: &Options,
    gaps: &mut Gaps,
) -> Result<(), Unreadable> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Unreadable::File(format!("the batch at offset {} cannot be read: {error}", header.base_offset))
    };
    let records =
        read_records(batch, DecompressionLimit::bytes(MAX_CONTENT_BYTES)).map_err(|error| unreadable(&error))?;
    for record in records {
        let record = record.map_err(|error| unreadable(&error))?;
        gaps.see(record.offset);
        let mut line = String::from("|");
        if !options.skip_record_metadata {
            line.push_str(&metadata(header, &record));
        }
        context.stdout.write_all(line.as_bytes())?;
        if options.print_data_log && !header.is_control() {
            contents(context, &record, options)?;
        }
        context.out("")?;
    }
    Ok(())
}

fn metadata(header: &BatchHeader, record: &Record) -> String {
    let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(-1));
    let keys: Vec<_> = record.headers.iter().map(|header| String::from_utf8_lossy(&header.key)).collect();
    let mut line = format!(
        " offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]",
        record.offset,
        time_name(header),
        record.timestamp,
        size(&record.key),
        size(&record.value),
        record.sequence,
        keys.join(",")
    );
    if header.is_control() {
        line.push_str(&control(record));
    }
    line
}

fn control(record: &Record) -> String {
    let kind = match record.key.as_deref() {
        Some([_, _, high, low, ..]) => i16::from_be_bytes([*high, *low]),
        _ => -1,
    };
    let epoch = match record.value.as_deref() {
        Some([_, _, a, b, c, d, ..]) => i32::from_be_bytes([*a, *b, *c, *d]),
        _ => -1,
    };
    match kind {
        0 => format!(" endTxnMarker: ABORT coordinatorEpoch: {epoch}"),
        1 => format!(" endTxnMarker: COMMIT coordinatorEpoch: {epoch}"),
        2 => " controlType: LEADER_CHANGE(2)".into(),
        3 => " SnapshotHeader".into(),
        4 => " SnapshotFooter".into(),
        5 => " KRaftVersion".into(),
        6 => " KRaftVoters".into(),
        other => format!(" controlType: UNKNOWN({other})"),
    }
}

fn contents(context: &mut Context<'_>, record: &Record, options: &Options) -> Result<(), Unreadable> {
    let decoded = |bytes: &Bytes, class: &Option<String>| decode(bytes, class.as_deref()).map_err(Unreadable::File);
    if let Some(key) = &record.key {
        let key = decoded(key, &options.key_decoder_class)?;
        context.stdout.write_all(format!(" key: {key}").as_bytes())?;
    }
    if let Some(value) = &record.value {
        let value = decoded(value, &options.value_decoder_class)?;
        context.stdout.write_all(format!(" payload: {value}").as_bytes())?;
    }
    Ok(())
}

/// Kafka's own decoders, by the last part of their class names.
pub(super) fn decode(bytes: &[u8], class: Option<&str>) -> Result<String, String> {
    let name = class.and_then(|class| class.rsplit('.').next()).unwrap_or("StringDecoder");
    let wrong = |size: usize| format!("{name} needs {size} bytes, but there are {}", bytes.len());
    match name {
        "StringDecoder" => Ok(String::from_utf8_lossy(bytes).into_owned()),
        "LongDecoder" => bytes.try_into().map(|bytes| i64::from_be_bytes(bytes).to_string()).map_err(|_| wrong(8)),
        "IntegerDecoder" => bytes.try_into().map(|bytes| i32::from_be_bytes(bytes).to_string()).map_err(|_| wrong(4)),
        _ => Err(format!("decoder {name} is not here; StringDecoder, LongDecoder and IntegerDecoder are")),
    }
}
