//! Offset and time indexes, and whether they agree with the log beside them.

use std::path::Path;

use barnabas_protocol::records::{BatchHeader, DecompressionLimit, read_records};

use super::segment::BatchReader;
use super::{Findings, Options, Unreadable, base_offset, read_all, sibling};
use crate::Context;

const OFFSET_ENTRY_BYTES: usize = 8;
const TIME_ENTRY_BYTES: usize = 12;
const MAX_CONTENT_BYTES: usize = 1 << 30;

fn int(bytes: &[u8]) -> i64 {
    bytes.try_into().map(i32::from_be_bytes).map_or(0, i64::from)
}

fn long(bytes: &[u8]) -> i64 {
    bytes.try_into().map(i64::from_be_bytes).unwrap_or_default()
}

/// Offsets and positions.
fn offset_entries(file: &Path) -> Result<Vec<(i64, i64)>, Unreadable> {
    let base = base_offset(file)?;
    let bytes = read_all(file)?;
    Ok(bytes
        .chunks_exact(OFFSET_ENTRY_BYTES)
        .map(|entry| (base.saturating_add(int(&entry[..4])), int(&entry[4..])))
        .collect())
}

pub(super) fn dump_offsets(
    context: &mut Context<'_>,
    file: &Path,
    options: &Options,
    findings: &mut Findings,
) -> Result<(), Unreadable> {
    let base = base_offset(file)?;
    let entries = offset_entries(file)?;
    let shown = file.display();
    let Some((last, _)) = entries.last() else { return Ok(context.out(format!("{shown} is empty."))?) };
    if options.index_sanity_check {
        if *last < base {
            return Err(Unreadable::File(format!(
                "Corrupt index found, index file ({shown}) has non-zero size but the last offset is {last} which is less \
                 than the base offset {base}."
            )));
        }
        return Ok(context.out(format!("{shown} passed sanity check."))?);
    }
    let log = sibling(file, "log");
    let mut reader =
        BatchReader::open(&log, None).map_err(|error| Unreadable::File(format!("{}: {error}", log.display())))?;
    let mut mismatches = Vec::new();
    for (at, (offset, position)) in entries.into_iter().enumerate() {
        // The rest was reserved, but never used.
        if offset == base && at > 0 {
            break;
        }
        let found = last_offset_at(&mut reader, position);
        if found != Some(offset) {
            mismatches.push((offset, found.unwrap_or(-1)));
        }
        if !options.verify_index_only {
            context.out(format!("offset: {offset} position: {position}"))?;
        }
    }
    if !mismatches.is_empty() {
        findings.push(format!("Mismatches in :{shown}"));
        let lines = mismatches.iter().rev().map(|(index, log)| format!("  Index offset: {index}, log offset: {log}"));
        findings.extend(lines);
    }
    Ok(())
}

fn last_offset_at(reader: &mut BatchReader, position: i64) -> Option<i64> {
    reader.seek(u64::try_from(position).ok()?).ok()?;
    let (_, batch) = reader.next().ok()??;
    BatchHeader::parse(&batch).ok().map(|header| header.last_offset())
}

/// What is wrong with a time index.
#[derive(Default)]
struct TimeErrors {
    mismatches: Vec<(i64, i64)>,
    out_of_order: Vec<(i64, i64)>,
    not_found: Vec<(i64, i64)>,
}

impl TimeErrors {
    fn report(&self, file: &Path, findings: &mut Findings) {
        let shown = file.display();
        let mut list = |title: String, first: &str, second: &str, pairs: &[(i64, i64)]| {
            if !pairs.is_empty() {
                findings.push(title);
                findings.extend(pairs.iter().map(|(a, b)| format!("{first}: {a}, {second}: {b}")));
            }
        };
        let title = format!("Found timestamp mismatch in :{shown}");
        list(title, "  Index timestamp", "log timestamp", &self.mismatches);
        let title = format!("Found out of order timestamp in :{shown}");
        list(title, "  Index timestamp", "Previously indexed timestamp", &self.out_of_order);
        let title = "The following indexed offsets are not found in the log.".to_owned();
        list(title, "Indexed offset", "found log offset", &self.not_found);
    }
}

pub(super) fn dump_times(
    context: &mut Context<'_>,
    file: &Path,
    options: &Options,
    findings: &mut Findings,
) -> Result<(), Unreadable> {
    let base = base_offset(file)?;
    let bytes = read_all(file)?;
    let entries: Vec<(i64, i64)> = bytes
        .chunks_exact(TIME_ENTRY_BYTES)
        .map(|entry| (long(&entry[..8]), base.saturating_add(int(&entry[8..]))))
        .collect();
    let shown = file.display();
    if options.index_sanity_check {
        let ends = entries.first().zip(entries.last());
        if ends.is_some_and(|(first, last)| last.0 < first.0 || last.1 < base) {
            return Err(Unreadable::File(format!("Corrupt time index found, time index file ({shown}) goes back")));
        }
        return Ok(context.out(format!("{shown} passed sanity check."))?);
    }
    let log = sibling(file, "log");
    let mut reader =
        BatchReader::open(&log, None).map_err(|error| Unreadable::File(format!("{}: {error}", log.display())))?;
    let positions = offset_entries(&sibling(file, "index")).unwrap_or_default();
    let (mut errors, mut previous) = (TimeErrors::default(), -1);
    for (at, (timestamp, offset)) in entries.into_iter().enumerate() {
        if offset == base && at > 0 {
            break;
        }
        let before = |entry: &&(i64, i64)| entry.0 <= offset && (entry.0 != base || entry.1 == 0);
        let start = positions.iter().filter(before).map(|(_, position)| *position).max().unwrap_or_default();
        check_time(&mut reader, start, timestamp, offset, previous, &mut errors);
        if !options.verify_index_only {
            context.out(format!("timestamp: {timestamp} offset: {offset}"))?;
        }
        previous = timestamp;
    }
    errors.report(file, findings);
    Ok(())
}

fn check_time(
    reader: &mut BatchReader,
    start: i64,
    timestamp: i64,
    offset: i64,
    previous: i64,
    errors: &mut TimeErrors,
) {
    let mut found = None;
    if reader.seek(u64::try_from(start).unwrap_or_default()).is_ok() {
        while let Ok(Some((_, batch))) = reader.next() {
            match BatchHeader::parse(&batch) {
                Ok(header) if header.last_offset() >= offset => found = Some((header, batch)),
                Ok(_) => continue,
                Err(_) => {}
            }
            break;
        }
    }
    match found {
        None => errors.not_found.push((offset, -1)),
        Some((header, _)) if header.last_offset() != offset => errors.not_found.push((offset, header.last_offset())),
        Some((_, batch)) => {
            let records = read_records(&batch, DecompressionLimit::bytes(MAX_CONTENT_BYTES)).into_iter().flatten();
            let newest = records.filter_map(Result::ok).map(|record| record.timestamp).max().unwrap_or(-1);
            if newest != timestamp {
                errors.mismatches.push((timestamp, newest));
            }
            if previous >= timestamp {
                errors.out_of_order.push((timestamp, previous));
            }
        }
    }
}
