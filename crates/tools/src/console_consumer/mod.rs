//! `kafka-console-consumer`: records on standard output. Reading is the client's affair, showing the formatter's; here is
//! when to end, and what is said then.

mod deserializer;
mod formatter;
mod options;

use std::time::{Duration, Instant};

use crate::client::consumer::{ConsumedRecord, Consumer, ConsumerConfig};
use crate::client::{Client, ClientError, Settings};
use crate::log_line::log_line;
use crate::signals::Stop;
use crate::{Context, Failure, Tool, cli};
use formatter::FormatError;
use options::{Options, Plan};

pub(crate) const TOOL: Tool = Tool { name: "kafka-console-consumer", about: "Print the records of topics.", run, help };

/// Without a limit of time; a poll is repeated.
const LONG: Duration = Duration::from_secs(3600);

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let plan = options.plan(context)?;
    context.stdout.flush()?;
    if let Err(error) = ConsumerConfig::new(&plan.settings) {
        return tell_unknown(context, &error.as_exception());
    }
    let stop = Stop::default();
    stop.listen();
    let mut count = 0;
    let outcome = consume(context, &plan, &stop, &mut count);
    // Who no longer reads, as in `… | head -1`, is not told of it.
    let _ = context.stdout.flush();
    context.err(format_args!("Processed a total of {count} messages"))?;
    if plan.enable_systest_events && context.out("shutdown_complete").is_ok() {
        let _ = context.stdout.flush();
    }
    match outcome {
        Ok(()) => {}
        Err(End::Told(text)) => {
            context.err(log_line("ERROR", &text))?;
            context.note_reported_error();
        }
        Err(End::Failed(text)) => return tell_unknown(context, &text),
    }
    match stop.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

fn tell_unknown(context: &mut Context<'_>, exception: &str) -> Result<(), Failure> {
    context.err(log_line("ERROR", &format!("Unknown error when running consumer: {exception}")))?;
    Err(Failure::Exit(1))
}

/// An end before the last record.
enum End {
    /// Kafka's tool logs it and exits 0.
    Told(String),
    /// Kafka's tool exits 1.
    Failed(String),
}

fn consume(context: &mut Context<'_>, plan: &Plan, stop: &Stop, count: &mut u64) -> Result<(), End> {
    let is_full = |count: u64| plan.max_messages.is_some_and(|max| count >= max);
    let client = match connect(plan, stop) {
        _ if is_full(*count) => return Ok(()),
        Ok(Some(client)) => client,
        Ok(None) => return Ok(()),
        Err(error) => return Err(failed_to_start(&error)),
    };
    let mut consumer =
        Consumer::new(client, plan.subscription.clone(), stop.flag.clone()).map_err(|error| failed_to_start(&error))?;
    let outcome = read_all(context, plan, stop, &mut consumer, count);
    consumer.close();
    outcome
}

fn failed_to_start(error: &ClientError) -> End {
    match error {
        ClientError::Timeout(_) => terminating(&error.as_exception()),
        _ => End::Failed(error.as_exception()),
    }
}

/// Kafka's consumer waits for a cluster for ever, or as long as `--timeout-ms` says.
fn connect(plan: &Plan, stop: &Stop) -> Result<Option<Client>, ClientError> {
    let mut settings: Settings = plan.settings.clone();
    if let Some(timeout) = plan.timeout_ms {
        settings.api_timeout = settings.api_timeout.min(Duration::from_millis(timeout.max(1000)));
    }
    loop {
        match Client::connect(settings.clone()) {
            Err(ClientError::Timeout(_)) if plan.timeout_ms.is_none() && !stop.is_set() => {}
            Err(_) if stop.is_set() => return Ok(None),
            other => return other.map(Some),
        }
    }
}

fn terminating(exception: &str) -> End {
    End::Told(format!("Error processing message, terminating consumer process: {exception}"))
}

fn read_all(
    context: &mut Context<'_>,
    plan: &Plan,
    stop: &Stop,
    consumer: &mut Consumer,
    count: &mut u64,
) -> Result<(), End> {
    let is_full = |count: u64| plan.max_messages.is_some_and(|max| count >= max);
    let timeout = plan.timeout_ms.map(Duration::from_millis);
    let mut waiting_since = Instant::now();
    while !is_full(*count) && !stop.is_set() {
        let records = consumer.poll(timeout.unwrap_or(LONG)).map_err(|error| terminating(&error.as_exception()))?;
        if stop.is_set() {
            rewind(consumer, records.first());
            return Ok(());
        }
        if records.is_empty() && timeout.is_some_and(|timeout| waiting_since.elapsed() >= timeout) {
            return Err(terminating("org.apache.kafka.common.errors.TimeoutException"));
        }
        for (index, record) in records.iter().enumerate() {
            *count += 1;
            if let Some(end) = show(context, plan, record)? {
                rewind(consumer, records.get(index + 1));
                return end;
            }
            if is_full(*count) || stop.is_set() {
                rewind(consumer, records.get(index + 1));
                return Ok(());
            }
        }
        if !records.is_empty() {
            waiting_since = Instant::now();
            if context.stdout.flush().is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What is not shown is not read: it shall not be committed.
fn rewind(consumer: &mut Consumer, next: Option<&ConsumedRecord>) {
    if let Some(next) = next {
        consumer.rewind(&next.topic, next.partition, next.record.offset);
    }
}

/// `Some` ends the tool: nobody reads the output any more.
fn show(context: &mut Context<'_>, plan: &Plan, record: &ConsumedRecord) -> Result<Option<Result<(), End>>, End> {
    match plan.formatter.write(record, context.stdout) {
        Ok(()) => Ok(None),
        Err(FormatError::Output) => Ok(Some(Ok(()))),
        Err(FormatError::Serialization(text)) => {
            let exception = format!("org.apache.kafka.common.errors.SerializationException: {text}");
            if !plan.skip_message_on_error {
                return Err(End::Failed(exception));
            }
            let line = format!("Error processing message, skipping this message: {exception}");
            eprintln!("{}", log_line("ERROR", &line));
            Ok(None)
        }
    }
}
