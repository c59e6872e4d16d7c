//! `kafka-verifiable-producer`: sends the numbers from 0 on, and says of each what became of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::{event, line};
use crate::cli::arguments;
use crate::client::producer::{Delivered, Producer, Record};
use crate::client::{Client, ClientError};
use crate::properties::{client_settings, merged};
use crate::signals::Stop;
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-verifiable-producer",
    about: "Send increasing numbers and tell as JSON what became of each.",
    run,
    help,
};
const NAME: &str = "verifiable-producer";

#[derive(Args, Clone, Debug, Default)]
struct Options {
    /// The topic to send to.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// The brokers to connect to first.
    #[arg(long, value_name = "HOST1:PORT1[,HOST2:PORT2[...]]")]
    bootstrap_server: Option<String>,
    /// The old name of --bootstrap-server.
    #[arg(long, hide = true)]
    broker_list: Option<String>,
    /// How many records to send; -1 until the tool is stopped.
    #[arg(long, value_name = "MAX-MESSAGES", allow_hyphen_values = true)]
    max_messages: Option<i64>,
    /// Records per second, roughly; -1 for no limit.
    #[arg(long, value_name = "THROUGHPUT", allow_hyphen_values = true)]
    throughput: Option<i64>,
    /// -1, 0 or 1; default -1.
    #[arg(long, value_name = "ACKS", allow_hyphen_values = true)]
    acks: Option<i16>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "producer.config", value_name = "CONFIG_FILE")]
    producer_config: Option<String>,
    /// A properties file with settings of the producer.
    #[arg(long, value_name = "CONFIG-FILE")]
    command_config: Option<String>,
    /// Timestamps begin here, in milliseconds since 1970.
    #[arg(long, value_name = "CREATETIME", allow_hyphen_values = true)]
    message_create_time: Option<i64>,
    /// A number and a dot before each value.
    #[arg(long, value_name = "VALUE-PREFIX", allow_hyphen_values = true)]
    value_prefix: Option<i64>,
    /// Keys go from 0 to this number, exclusive, again and again.
    #[arg(long, value_name = "REPEATING-KEYS", allow_hyphen_values = true)]
    repeating_keys: Option<u64>,
}

fn help() -> String {
    arguments::usage::<Options>(NAME)
}

fn wrong(problem: &str) -> Failure {
    arguments::error::<Options>(NAME, NAME, problem)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = arguments::parse(context, NAME, NAME, arguments)?;
    let mut producer = options.producer(context)?;
    let stop = Stop::default();
    stop.listen();
    line(context, event("startup_complete", &[]))?;
    let mut test = Sending { options: &options, began: Instant::now(), sent: 0, acked: 0 };
    test.run(context, &mut producer, &stop.flag)?;
    line(context, event("shutdown_complete", &[]))?;
    line(context, test.summary())?;
    match stop.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Exit(code)),
    }
}

impl Options {
    fn producer(&self, context: &mut Context<'_>) -> Result<Producer, Failure> {
        if self.topic.is_none() {
            return Err(wrong("argument --topic is required"));
        }
        let bootstrap = self.bootstrap_server.clone().or_else(|| self.broker_list.clone());
        let bootstrap = bootstrap.ok_or_else(|| wrong("one of the arguments --bootstrap-server is required"))?;
        let acks = self.acks.unwrap_or(-1);
        if !matches!(acks, -1..=1) {
            return Err(wrong(&format!("argument --acks: invalid choice: '{acks}' (choose from {{0,1,-1}})")));
        }
        if self.producer_config.is_some() && self.command_config.is_some() {
            return Err(wrong("Options --producer.config and --command-config are mutually exclusive."));
        }
        if self.producer_config.is_some() {
            context.out(
                "Option --producer.config has been deprecated and will be removed in a future version. Use \
                 --command-config instead.",
            )?;
        }
        let file = self.command_config.as_deref().or(self.producer_config.as_deref());
        let mut all = merged(file, &[])?;
        all.entry("acks".into()).or_insert_with(|| acks.to_string());
        // A record is tried once: the harness wants to know of each failure.
        all.entry("retries".into()).or_insert_with(|| "0".into());
        all.entry("client.id".into()).or_insert_with(|| "producer-1".into());
        Ok(Producer::new(Client::connect(client_settings(&bootstrap, &all)?)?)?)
    }

    fn value(&self, number: u64) -> String {
        self.value_prefix.map_or_else(|| number.to_string(), |prefix| format!("{prefix}.{number}"))
    }

    fn key(&self, number: u64) -> Option<String> {
        self.repeating_keys.map(|count| (number % count.max(1)).to_string())
    }
}

struct Sending<'a> {
    options: &'a Options,
    began: Instant,
    sent: u64,
    acked: u64,
}

impl Sending<'_> {
    fn run(&mut self, context: &mut Context<'_>, producer: &mut Producer, stop: &AtomicBool) -> Result<(), Failure> {
        let max = self.options.max_messages.and_then(|max| u64::try_from(max).ok()).unwrap_or(u64::MAX);
        let topic = self.options.topic.clone().unwrap_or_default();
        while self.sent < max && !stop.load(Ordering::Relaxed) {
            let number = self.sent;
            let (key, value) = (self.options.key(number), self.options.value(number));
            let elapsed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
            let record = Record {
                topic: &topic,
                timestamp: self.options.message_create_time.filter(|time| *time >= 0).map(|time| time + elapsed),
                key: key.as_deref().map(str::as_bytes),
                value: Some(value.as_bytes()),
                tag: number,
                ..Record::default()
            };
            self.sent += 1;
            if let Err(error) = producer.send(&record) {
                self.failed(context, number, &error)?;
            }
            self.tell(context, producer)?;
            self.throttle(context, producer, stop)?;
        }
        producer.flush();
        self.tell(context, producer)
    }

    fn tell(&mut self, context: &mut Context<'_>, producer: &mut Producer) -> Result<(), Failure> {
        for delivered in producer.take_delivered() {
            match &delivered.error {
                Some(error) => delivered.tags.iter().try_for_each(|number| self.failed(context, *number, error))?,
                None => self.succeeded(context, &delivered)?,
            }
            context.stdout.flush()?;
        }
        Ok(())
    }

    fn succeeded(&mut self, context: &mut Context<'_>, delivered: &Delivered) -> Result<(), Failure> {
        for (index, number) in (0_i64..).zip(&delivered.tags) {
            self.acked += 1;
            let offset = if delivered.base_offset < 0 { -1 } else { delivered.base_offset + index };
            let fields = [
                ("key", Value::from(self.options.key(*number))),
                ("value", Value::from(self.options.value(*number))),
                ("offset", Value::from(offset)),
                ("topic", Value::from(&*delivered.topic)),
                ("partition", Value::from(delivered.partition)),
            ];
            context.out(event("producer_send_success", &fields))?;
        }
        Ok(())
    }

    fn failed(&mut self, context: &mut Context<'_>, number: u64, error: &ClientError) -> Result<(), Failure> {
        context.note_reported_error();
        let fields = [
            ("key", Value::from(self.options.key(number))),
            ("value", Value::from(self.options.value(number))),
            ("topic", Value::from(self.options.topic.clone())),
            ("exception", Value::from(format!("class {}", error.exception_class()))),
            ("message", Value::from(error.to_string())),
        ];
        Ok(context.out(event("producer_send_error", &fields))?)
    }

    fn throttle(
        &mut self,
        context: &mut Context<'_>,
        producer: &mut Producer,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let per_second = match self.options.throughput {
            Some(limit) if limit > 0 => limit as f64,
            Some(0) => 0.0,
            _ => return Ok(()),
        };
        let due = Duration::try_from_secs_f64(self.sent as f64 / per_second).unwrap_or(Duration::MAX);
        while !stop.load(Ordering::Relaxed) {
            let left = due.saturating_sub(self.began.elapsed());
            if left < Duration::from_millis(1) {
                break;
            }
            producer.poll(Duration::ZERO);
            self.tell(context, producer)?;
            std::thread::sleep(left.min(Duration::from_millis(5)));
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        let fields = [
            ("sent", Value::from(self.sent)),
            ("acked", Value::from(self.acked)),
            ("target_throughput", Value::from(self.options.throughput.unwrap_or(-1))),
            ("avg_throughput", Value::from(self.acked as f64 / seconds)),
        ];
        event("tool_data", &fields)
    }
}
