//! `kafka-verifiable-consumer`: reads as a member of a group, and says what it read, committed and was assigned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{event, event_with_list, line};
use crate::cli::arguments;
use crate::client::consumer::group::Offsets;
use crate::client::consumer::{ConsumedRecord, Consumer, GroupEvent, Place, Subscription};
use crate::client::{Client, ClientError};
use crate::log_line::log_line;
use crate::properties::{client_settings, merged};
use crate::signals::Stop;
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-verifiable-consumer",
    about: "Read as a member of a group and tell as JSON what happens.",
    run,
    help,
};
const NAME: &str = "verifiable-consumer";

#[derive(Args, Clone, Debug, Default)]
struct Options {
    /// The topic to read.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// The brokers to connect to first.
    #[arg(long, value_name = "HOST1:PORT1[,HOST2:PORT2[...]]")]
    bootstrap_server: Option<String>,
    /// The old name of --bootstrap-server.
    #[arg(long, hide = true)]
    broker_list: Option<String>,
    /// classic: the other protocols are not spoken.
    #[arg(long, value_name = "GROUP_PROTOCOL")]
    group_protocol: Option<String>,
    /// Has no effect with the classic protocol.
    #[arg(long, value_name = "GROUP_REMOTE_ASSIGNOR")]
    group_remote_assignor: Option<String>,
    /// The group to join.
    #[arg(long, value_name = "GROUP_ID")]
    group_id: Option<String>,
    /// The name of this member, if it is a static one.
    #[arg(long, value_name = "GROUP_INSTANCE_ID")]
    group_instance_id: Option<String>,
    /// How many records to read; -1 until the tool is stopped.
    #[arg(long, value_name = "MAX-MESSAGES", allow_hyphen_values = true)]
    max_messages: Option<i64>,
    /// session.timeout.ms; default 30000.
    #[arg(long, value_name = "TIMEOUT_MS")]
    session_timeout: Option<i32>,
    /// Tell of each record.
    #[arg(long)]
    verbose: bool,
    /// Commit now and then instead of after each poll.
    #[arg(long)]
    enable_autocommit: bool,
    /// earliest (default), latest or none.
    #[arg(long, value_name = "RESET_POLICY")]
    reset_policy: Option<String>,
    /// Has no effect: members offer range and cooperative-sticky.
    #[arg(long, value_name = "ASSIGNMENT_STRATEGY")]
    assignment_strategy: Option<String>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "consumer.config", value_name = "CONFIG_FILE")]
    consumer_config: Option<String>,
    /// A properties file with settings of the consumer.
    #[arg(long, value_name = "CONFIG-FILE")]
    command_config: Option<String>,
}

fn help() -> String {
    arguments::usage::<Options>(NAME)
}

fn wrong(problem: &str) -> Failure {
    arguments::error::<Options>(NAME, NAME, problem)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = arguments::parse(context, NAME, NAME, arguments)?;
    let stop = Stop::default();
    let mut consumer = options.consumer(context, stop.flag.clone())?;
    stop.listen();
    line(context, event("startup_complete", &[]))?;
    let outcome = read(context, &options, &mut consumer, &stop.flag)?;
    consumer.close();
    tell_assignments(context, &mut consumer)?;
    line(context, event("shutdown_complete", &[]))?;
    line(context, event("shutdown_requested", &[]))?;
    if let Err(error) = outcome {
        let text = format!("Error during processing, terminating consumer process: {}", error.as_exception());
        context.err(log_line("ERROR", &text))?;
        context.note_reported_error();
    }
    match stop.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

impl Options {
    fn consumer(&self, context: &mut Context<'_>, stop: Arc<AtomicBool>) -> Result<Consumer, Failure> {
        let bootstrap = self.bootstrap_server.clone().or_else(|| self.broker_list.clone());
        let bootstrap = bootstrap.ok_or_else(|| wrong("argument --bootstrap-server is required"))?;
        let topic = self.topic.clone().ok_or_else(|| wrong("argument --topic is required"))?;
        let group = self.group_id.clone().ok_or_else(|| wrong("argument --group-id is required"))?;
        if self.group_protocol.as_deref().is_some_and(|protocol| !protocol.eq_ignore_ascii_case("classic")) {
            let text = "This tool speaks the classic group protocol only; leave out --group-protocol.";
            return Err(Failure::Message(text.into()));
        }
        if self.consumer_config.is_some() {
            context.out(
                "Option --consumer.config has been deprecated and will be removed in a future version. Use \
                 --command-config instead.",
            )?;
        }
        let file = self.command_config.as_deref().or(self.consumer_config.as_deref());
        let mut all = merged(file, &[])?;
        let mut set = |key: &str, value: String| drop(all.insert(key.to_owned(), value));
        set("group.id", group);
        set("enable.auto.commit", self.enable_autocommit.to_string());
        set("auto.offset.reset", self.reset_policy.clone().unwrap_or_else(|| "earliest".into()));
        set("session.timeout.ms", self.session_timeout.unwrap_or(30_000).to_string());
        if let Some(instance) = self.group_instance_id.clone() {
            set("group.instance.id", instance);
        }
        all.entry("client.id".into()).or_insert_with(|| "consumer-1".into());
        let client = Client::connect(client_settings(&bootstrap, &all)?)?;
        Ok(Consumer::new(client, Subscription::Topics(vec![topic]), stop)?)
    }
}

/// The outer error is that of the output, the inner one that of reading.
fn read(
    context: &mut Context<'_>,
    options: &Options,
    consumer: &mut Consumer,
    stop: &AtomicBool,
) -> Result<Result<(), ClientError>, Failure> {
    let mut left = options.max_messages.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
    while left > 0 && !stop.load(Ordering::Relaxed) {
        let polled = consumer.poll(Duration::from_millis(200));
        tell_assignments(context, consumer)?;
        let mut records = match polled {
            Ok(records) => records,
            Err(error) => return Ok(Err(error)),
        };
        let count = records.len();
        if let Some(next) = records.get(left) {
            consumer.rewind(&next.topic.clone(), next.partition, next.record.offset);
        }
        records.truncate(left);
        let (Some(first), Some(last)) = (records.first(), records.last()) else { continue };
        left = left.saturating_sub(records.len());
        if options.verbose {
            records.iter().try_for_each(|record| context.out(record_data(record)))?;
        }
        line(context, records_consumed(count, records.len(), first, last))?;
        if !options.enable_autocommit {
            let place: Place = (last.topic.clone(), last.partition);
            let offset = last.record.offset + 1;
            let outcome = consumer.commit(&Offsets::from([(place.clone(), offset)]));
            line(context, offsets_committed(&place, offset, outcome.err()))?;
        }
    }
    Ok(Ok(()))
}

fn tell_assignments(context: &mut Context<'_>, consumer: &mut Consumer) -> Result<(), Failure> {
    for happened in consumer.take_events() {
        let (name, places) = match happened {
            GroupEvent::Assigned(places) => ("partitions_assigned", places),
            GroupEvent::Revoked(places) => ("partitions_revoked", places),
        };
        let places: Vec<_> = places.iter().map(place_fields).collect();
        line(context, event_with_list(name, &[], ("partitions", &places), &[]))?;
    }
    Ok(())
}

fn place_fields((topic, partition): &Place) -> Vec<(&'static str, Value)> {
    vec![("topic", Value::from(&**topic)), ("partition", Value::from(*partition))]
}

fn record_data(consumed: &ConsumedRecord) -> String {
    let text =
        |bytes: Option<&bytes::Bytes>| Value::from(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    let fields = [
        ("key", text(consumed.record.key.as_ref())),
        ("value", text(consumed.record.value.as_ref())),
        ("topic", Value::from(&*consumed.topic)),
        ("partition", Value::from(consumed.partition)),
        ("offset", Value::from(consumed.record.offset)),
    ];
    event("record_data", &fields)
}

fn records_consumed(polled: usize, used: usize, first: &ConsumedRecord, last: &ConsumedRecord) -> String {
    let mut summary = place_fields(&(first.topic.clone(), first.partition));
    summary.push(("count", Value::from(used)));
    summary.push(("minOffset", Value::from(first.record.offset)));
    summary.push(("maxOffset", Value::from(last.record.offset)));
    event_with_list("records_consumed", &[("count", Value::from(polled))], ("partitions", &[summary]), &[])
}

fn offsets_committed(place: &Place, offset: i64, error: Option<ClientError>) -> String {
    let mut fields = place_fields(place);
    fields.push(("offset", Value::from(offset)));
    let mut after = Vec::new();
    let success = error.is_none();
    after.extend(error.map(|error| ("error", Value::from(error.to_string()))));
    after.push(("success", Value::from(success)));
    event_with_list("offsets_committed", &[], ("offsets", &[fields]), &after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_kafkas_fields_in_kafkas_order() {
        let told = offsets_committed(&("t".into(), 0), 3, None);
        let rest = told.split_once("\"name\"").unwrap().1;
        let expected = r#":"offsets_committed","offsets":[{"topic":"t","partition":0,"offset":3}],"success":true}"#;
        assert_eq!(rest, expected);
    }
}
