//! `kafka-console-producer`: lines of standard input become records. This file joins the two halves: the main thread
//! reads and understands lines, another one sends, so that what was typed goes out while nobody types.

mod line_reader;
mod lines;
mod options;

use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::client::producer::{Delivered, Producer, Record};
use crate::client::{Client, ClientError};
use crate::log_line::log_line;
use crate::{Context, Failure, Tool, cli, signals};
use line_reader::{LineReader, Parsed};
use lines::Lines;
use options::Options;

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-console-producer", about: "Send lines of standard input to a topic.", run, help };

/// Lines are handed over in chunks of at most this many.
const CHUNK_LINES: usize = 1000;

enum Work {
    Records(Vec<Parsed>),
    /// There are no more lines.
    End,
    /// Send what is there and end the process: the main thread waits for a line that may never come.
    Stop(u8),
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let mut options: Options = cli::parse(TOOL.name, arguments)?;
    options.check(context)?;
    let reader = LineReader::new(&options.reader_properties()?).map_err(kafka_exception)?;
    let settings = options.settings()?;
    crate::client::producer::ProducerConfig::new(&settings)?;
    let (sender, receiver) = sync_channel(16);
    let stopper = sender.clone();
    signals::on_stop(move |code| drop(stopper.send(Work::Stop(code))));
    let topic = options.topic.clone().unwrap_or_default();
    let sync = options.sync;
    let sending = thread::spawn(move || Sending { topic, sync, failures: 0 }.run(settings, &receiver));
    let read = feed(context, reader, &sender);
    drop(sender.send(Work::End));
    finish(context, sending)?;
    read
}

/// Reads all lines; what was understood before an error is sent.
fn feed(context: &mut Context<'_>, mut reader: LineReader, sender: &SyncSender<Work>) -> Result<(), Failure> {
    let prompts = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut lines = Lines::new(context.stdin);
    let mut chunk = Vec::new();
    loop {
        if prompts {
            write!(context.stdout, ">")?;
        }
        context.stdout.flush()?;
        let parsed = match lines.next() {
            Ok(Some(line)) => reader.parse(&line).map_err(kafka_exception),
            Ok(None) => break,
            Err(error) => Err(Failure::Message(format!("org.apache.kafka.common.KafkaException: {error}"))),
        };
        let failure = parsed.map(|record| chunk.push(record)).err();
        if failure.is_some() || !lines.has_line() || chunk.len() >= CHUNK_LINES {
            // A receiver that is gone has failed, which `finish` tells.
            if sender.send(Work::Records(std::mem::take(&mut chunk))).is_err() {
                return Ok(());
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    drop(sender.send(Work::Records(chunk)));
    Ok(())
}

fn kafka_exception(message: String) -> Failure {
    Failure::Message(format!("org.apache.kafka.common.KafkaException: {message}"))
}

fn finish(context: &mut Context<'_>, sending: JoinHandle<Result<usize, Failure>>) -> Result<(), Failure> {
    let failed = sending.join().map_err(|_| Failure::Message("the sending thread ended unexpectedly".into()))??;
    (0..failed).for_each(|_| context.note_reported_error());
    Ok(())
}

/// The half that sends.
struct Sending {
    topic: String,
    sync: bool,
    failures: usize,
}

impl Sending {
    fn run(mut self, settings: crate::client::Settings, work: &Receiver<Work>) -> Result<usize, Failure> {
        let mut producer = Producer::new(Client::connect(settings)?)?;
        loop {
            match work.recv_timeout(wait_time(&producer)) {
                Ok(Work::Records(records)) => self.send_all(&mut producer, &records)?,
                Ok(Work::Stop(code)) => {
                    producer.flush();
                    std::process::exit(i32::from(code));
                }
                Err(RecvTimeoutError::Timeout) => producer.poll(Duration::ZERO),
                Ok(Work::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.report(&mut producer);
        }
        producer.flush();
        self.report(&mut producer);
        Ok(self.failures)
    }

    fn send_all(&mut self, producer: &mut Producer, records: &[Parsed]) -> Result<(), Failure> {
        for record in records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let tag = sizes(key, value);
            let headers = &record.headers;
            let sent = producer.send(&Record { topic: &self.topic, key, value, headers, tag, ..Record::default() });
            match sent {
                Err(error) if self.sync => return Err(execution_exception(&error)),
                Err(error) => self.tell(tag, &error.as_exception()),
                Ok(()) if self.sync => wait_for(producer)?,
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn report(&mut self, producer: &mut Producer) {
        for delivered in producer.take_delivered() {
            let errors = exceptions(&delivered);
            for (tag, exception) in delivered.tags.iter().zip(errors) {
                self.tell(*tag, &exception);
            }
        }
    }

    /// Java's tool logs it and goes on.
    fn tell(&mut self, tag: u64, exception: &str) {
        self.failures += 1;
        eprintln!("{}", log_line("ERROR", &error_text(&self.topic, tag, exception)));
    }
}

fn wait_time(producer: &Producer) -> Duration {
    let soon = if producer.has_in_flight() { Duration::from_millis(2) } else { Duration::from_secs(60) };
    let due = producer.next_deadline().map(|moment| moment.saturating_duration_since(Instant::now()));
    due.map_or(soon, |due| due.min(soon)).max(Duration::from_micros(100))
}

fn wait_for(producer: &mut Producer) -> Result<(), Failure> {
    producer.flush();
    for delivered in producer.take_delivered() {
        if let Some(exception) = exceptions(&delivered).first() {
            return Err(Failure::Message(format!("java.util.concurrent.ExecutionException: {exception}")));
        }
    }
    Ok(())
}

fn execution_exception(error: &ClientError) -> Failure {
    Failure::Message(format!("java.util.concurrent.ExecutionException: {}", error.as_exception()))
}

/// What is wrong with each record of a batch; nothing if it was delivered.
fn exceptions(delivered: &Delivered) -> Vec<String> {
    let Some(error) = &delivered.error else { return Vec::new() };
    let of_record = |index: usize| {
        let index = i32::try_from(index).unwrap_or(-1);
        let own = delivered.record_errors.iter().find(|(record, _)| *record == index)?;
        own.1.as_ref().map(|text| format!("{}: {text}", error.exception_class()))
    };
    (0..delivered.tags.len()).map(|index| of_record(index).unwrap_or_else(|| error.as_exception())).collect()
}

/// Sizes of key and value as one number: what is told of a record that failed.
fn sizes(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let size = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| (bytes.len() as u64).min(0xffff_fffe) + 1);
    size(key) << 32 | size(value)
}

fn error_text(topic: &str, sizes: u64, exception: &str) -> String {
    let shown = |size: u64| if size == 0 { "null".into() } else { format!("{} bytes", size - 1) };
    let (key, value) = (shown(sizes >> 32), shown(sizes & 0xffff_ffff));
    format!("Error when sending message to topic {topic} with key: {key}, value: {value} with error: {exception}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_sizes_and_not_contents() {
        let text = error_text("t", sizes(None, Some(b"")), "X: y");
        assert_eq!(text, "Error when sending message to topic t with key: null, value: 0 bytes with error: X: y");
    }

    #[test]
    fn a_record_error_is_told_of_its_record() {
        let delivered = Delivered {
            topic: "t".into(),
            partition: 0,
            base_offset: -1,
            tags: vec![0, 1],
            error: Some(ClientError::api(87, Some("general".into()))),
            record_errors: vec![(1, Some("mine".into()))],
        };
        let told = exceptions(&delivered);
        assert!(told[0].ends_with("InvalidRecordException: general"), "{}", told[0]);
        assert!(told[1].ends_with("InvalidRecordException: mine"), "{}", told[1]);
    }
}
