//! What each scenario of `--reset-offsets` means: which offset a partition gets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{NewOffsets, csv, time};
use crate::client::groups::{CommittedOffsets, TopicPartition};
use crate::client::{Client, ClientError};
use crate::groups::consumer::number;
use crate::groups::consumer::options::Options;
use crate::groups::{Stop, Thrown, print_error};
use crate::log_line::log_line;
use crate::{Context, Failure};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// How new offsets are chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    ToOffset(i64),
    ToEarliest,
    ToLatest,
    ShiftBy(i64),
    /// The first record at or after this many milliseconds since 1970.
    AtTime(i64),
    /// By group, from a file.
    Planned(BTreeMap<String, NewOffsets>),
    ToCurrent,
}

impl Scenario {
    /// The one that was asked for; in the order in which Kafka's tool looks for it.
    pub(super) fn of(options: &Options) -> Result<Self, Stop> {
        if let Some(offset) = &options.to_offset {
            return Ok(Self::ToOffset(number(offset, "to-offset")?));
        }
        if options.to_earliest {
            return Ok(Self::ToEarliest);
        }
        if options.to_latest {
            return Ok(Self::ToLatest);
        }
        if let Some(distance) = &options.shift_by {
            return Ok(Self::ShiftBy(number(distance, "shift-by")?));
        }
        if let Some(text) = &options.to_datetime {
            let unparsed = |message| Thrown::plain("java.text.ParseException", message).in_runtime_exception();
            return Ok(Self::AtTime(time::timestamp(text).map_err(unparsed)?));
        }
        if let Some(text) = &options.by_duration {
            let unparsed = || {
                let text = "Text cannot be parsed to a Duration".to_owned();
                Thrown::plain("java.time.format.DateTimeParseException", text)
            };
            let duration = time::duration_ms(text).ok_or_else(unparsed)?;
            return Ok(Self::AtTime(now_ms().saturating_sub(duration)));
        }
        if let Some(path) = &options.from_file {
            return Ok(Self::Planned(read_plan(path, &options.group)?));
        }
        if options.to_current {
            return Ok(Self::ToCurrent);
        }
        let text = "Option '[reset-offsets]' requires one of the following scenarios: [[to-offset], [shift-by], \
                    [to-datetime], [by-duration], [to-earliest], [to-latest], [to-current], [from-file]]";
        Err(Failure::Usage(text.into()).into())
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn read_plan(path: &str, groups: &[String]) -> Result<BTreeMap<String, NewOffsets>, Thrown> {
    let unread = |_| Thrown::plain("java.io.IOException", format!("Unable to read file {path}")).in_runtime_exception();
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let only_group = if let [group] = groups { Some(group.as_str()) } else { None };
    csv::parse(&text, only_group).map_err(|problem| {
        let class = "com.fasterxml.jackson.databind.exc.MismatchedInputException";
        Thrown::plain(class, format!("{path}: {problem}")).in_runtime_exception()
    })
}

/// The new offset of each partition.
pub(super) fn new_offsets(
    context: &mut Context<'_>,
    client: &mut Client,
    group: &str,
    partitions: &BTreeSet<TopicPartition>,
    scenario: &Scenario,
) -> Result<NewOffsets, Stop> {
    match scenario {
        Scenario::ToEarliest => offsets_at(client, partitions, EARLIEST),
        Scenario::ToLatest => offsets_at(client, partitions, LATEST),
        Scenario::AtTime(timestamp) => at_time(context, client, partitions, *timestamp),
        Scenario::ToOffset(offset) => {
            let wanted = partitions.iter().map(|partition| (partition.clone(), *offset)).collect();
            within_log(context, client, wanted)
        }
        Scenario::ShiftBy(distance) => {
            let committed = committed(client, group)?;
            within_log(context, client, shifted(partitions, &committed, *distance)?)
        }
        Scenario::Planned(plan) => {
            let Some(wanted) = plan.get(group) else {
                print_error(context, &format!("No reset plan for group {group} found"))?;
                return Ok(NewOffsets::new());
            };
            within_log(context, client, wanted.clone())
        }
        Scenario::ToCurrent => {
            let committed = committed(client, group)?;
            let current = |partition: &TopicPartition| Some((partition.clone(), offset_of(&committed, partition)?));
            let mut offsets: NewOffsets = partitions.iter().filter_map(current).collect();
            // Where nothing is committed, the end of the log is where a new consumer would begin.
            let rest = partitions.iter().filter(|partition| !offsets.contains_key(*partition)).cloned().collect();
            offsets.extend(offsets_at(client, &rest, LATEST)?);
            Ok(offsets)
        }
    }
}

fn committed(client: &mut Client, group: &str) -> Result<CommittedOffsets, Thrown> {
    let mut all = client.committed_offsets(&[group.to_owned()]).map_err(Thrown::wrapped)?;
    Ok(all.remove(group).unwrap_or_default())
}

fn offset_of(committed: &CommittedOffsets, partition: &TopicPartition) -> Option<i64> {
    committed.get(partition)?.as_ref().map(|entry| entry.offset)
}

fn shifted(
    partitions: &BTreeSet<TopicPartition>,
    committed: &CommittedOffsets,
    distance: i64,
) -> Result<NewOffsets, Failure> {
    let shift = |partition: &TopicPartition| match offset_of(committed, partition) {
        Some(offset) => Ok((partition.clone(), offset.saturating_add(distance))),
        None => Err(Failure::Usage(format!(
            "Cannot shift offset for partition {}-{} since there is no current committed offset",
            partition.0, partition.1
        ))),
    };
    partitions.iter().map(shift).collect()
}

fn offsets_at(client: &mut Client, partitions: &BTreeSet<TopicPartition>, timestamp: i64) -> Result<NewOffsets, Stop> {
    let topics: BTreeSet<String> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let leaders = client.leaders_of(&topics).map_err(Thrown::wrapped)?;
    // Kafka's client asks for the leader of a partition that its topic does not have until its time is up; we know at once.
    let exists = |partition: &TopicPartition| {
        leaders.contains_key(partition) || !leaders.keys().any(|(topic, _)| *topic == partition.0)
    };
    if !partitions.iter().all(exists) {
        let text = "Timed out waiting for a node assignment. Call: listOffsets(api=METADATA)";
        return Err(Thrown::wrapped(ClientError::Timeout(text.into())).into());
    }
    Ok(client.offsets_at(partitions, &leaders, timestamp).map_err(Thrown::wrapped)?)
}

fn at_time(
    context: &mut Context<'_>,
    client: &mut Client,
    partitions: &BTreeSet<TopicPartition>,
    timestamp: i64,
) -> Result<NewOffsets, Stop> {
    let mut offsets = offsets_at(client, partitions, timestamp)?;
    offsets.retain(|_, offset| *offset >= 0);
    let later: BTreeSet<TopicPartition> =
        partitions.iter().filter(|partition| !offsets.contains_key(*partition)).cloned().collect();
    for (topic, partition) in &later {
        let line =
            format!("\nWarn: Partition {partition} from topic {topic} is empty. Falling back to latest known offset.");
        if context.is_json() { context.err(line)? } else { context.out(line)? }
    }
    if !later.is_empty() {
        offsets.extend(offsets_at(client, &later, LATEST)?);
    }
    Ok(offsets)
}

/// Offsets outside the log are moved to its nearest end, with a warning.
fn within_log(context: &mut Context<'_>, client: &mut Client, wanted: NewOffsets) -> Result<NewOffsets, Stop> {
    let partitions: BTreeSet<TopicPartition> = wanted.keys().cloned().collect();
    let starts = offsets_at(client, &partitions, EARLIEST)?;
    let ends = offsets_at(client, &partitions, LATEST)?;
    let (offsets, warnings) = clamped(wanted, &starts, &ends);
    for warning in warnings {
        context.err(log_line("WARN", &warning))?;
    }
    Ok(offsets)
}

fn clamped(wanted: NewOffsets, starts: &NewOffsets, ends: &NewOffsets) -> (NewOffsets, Vec<String>) {
    let (mut offsets, mut warnings) = (NewOffsets::new(), Vec::new());
    for (partition, offset) in wanted {
        let start =
            starts.get(&partition).copied().filter(|start| offset < *start).map(|start| (start, "lower than earliest"));
        let end = ends.get(&partition).copied().filter(|end| offset > *end).map(|end| (end, "higher than latest"));
        let (topic, number) = &partition;
        if let Some((limit, how)) = end.or(start) {
            warnings.push(format!(
                "New offset ({offset}) is {how} offset for topic partition {topic}-{number}. Value will be set to \
                 {limit}. (org.apache.kafka.tools.OffsetsUtils)"
            ));
            offsets.insert(partition, limit);
        } else {
            offsets.insert(partition, offset);
        }
    }
    (offsets, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::groups::Committed;

    fn partition(number: i32) -> TopicPartition {
        ("t".into(), number)
    }

    #[test]
    fn offsets_stay_within_the_log() {
        let all = |offset| (0..3).map(|number| (partition(number), offset)).collect::<NewOffsets>();
        let wanted = NewOffsets::from([(partition(0), 1), (partition(1), 5), (partition(2), 99)]);
        let (offsets, warnings) = clamped(wanted, &all(2), &all(10));
        assert_eq!(offsets.into_values().collect::<Vec<_>>(), [2, 5, 10]);
        assert!(warnings[0].starts_with("New offset (1) is lower than earliest offset for topic partition t-0."));
        assert!(warnings[1].contains("higher than latest"));
    }

    #[test]
    fn nothing_can_be_shifted_that_is_not_there() {
        let committed = CommittedOffsets::from([(partition(0), Some(Committed { offset: 3, leader_epoch: None }))]);
        let one = BTreeSet::from([partition(0)]);
        assert_eq!(shifted(&one, &committed, -2).unwrap(), NewOffsets::from([(partition(0), 1)]));
        assert!(shifted(&BTreeSet::from([partition(1)]), &committed, 1).is_err());
    }
}
