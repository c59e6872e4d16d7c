//! `kafka-producer-perf-test`: sends records as fast as it may and says how fast that was.

use std::time::{Duration, Instant};

use clap::Args;

use super::stats::Stats;
use crate::cli::{OutputFormat, arguments};
use crate::client::producer::{Producer, Record};
use crate::client::{Client, Settings};
use crate::properties::{client_settings, merged};
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-producer-perf-test", about: "Measure how fast records can be sent.", run, help };

#[derive(Args, Clone, Debug, Default)]
struct Options {
    /// The brokers to connect to first: host:port, separated by commas.
    #[arg(long, value_name = "BOOTSTRAP-SERVER")]
    bootstrap_server: Option<String>,
    /// The topic to send to.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// How many records to send.
    #[arg(long, value_name = "NUM-RECORDS", allow_hyphen_values = true)]
    num_records: Option<i64>,
    /// What separates records in the payload file; a line feed by default.
    #[arg(long, value_name = "PAYLOAD-DELIMITER")]
    payload_delimiter: Option<String>,
    /// Records per second, roughly; -1 for no limit.
    #[arg(long, value_name = "THROUGHPUT", allow_hyphen_values = true)]
    throughput: Option<f64>,
    /// (DEPRECATED) The old name of --command-property.
    #[arg(long, value_name = "PROP-NAME=PROP-VALUE", num_args = 1.., action = clap::ArgAction::Append)]
    producer_props: Vec<String>,
    /// Settings of the producer.
    #[arg(long, value_name = "PROP-NAME=PROP-VALUE", num_args = 1.., action = clap::ArgAction::Append)]
    command_property: Vec<String>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "producer.config", value_name = "CONFIG-FILE")]
    producer_config: Option<String>,
    /// A properties file with settings of the producer.
    #[arg(long, value_name = "CONFIG-FILE")]
    command_config: Option<String>,
    /// Has no effect: this producer keeps no metrics.
    #[arg(long)]
    print_metrics: bool,
    /// Not supported yet.
    #[arg(long, value_name = "TRANSACTIONAL-ID")]
    transactional_id: Option<String>,
    /// Not supported yet.
    #[arg(long, value_name = "TRANSACTION-DURATION")]
    transaction_duration_ms: Option<i64>,
    /// Records that are sent before measuring begins.
    #[arg(long, value_name = "WARMUP-RECORDS", allow_hyphen_values = true)]
    warmup_records: Option<i64>,
    /// Milliseconds between two reports; default 5000.
    #[arg(long, value_name = "INTERVAL-MS", allow_hyphen_values = true)]
    reporting_interval: Option<i64>,
    /// Bytes of a record.
    #[arg(long, value_name = "RECORD-SIZE", allow_hyphen_values = true)]
    record_size: Option<i64>,
    /// A file of records, one of which is sent each time.
    #[arg(long, value_name = "PAYLOAD-FILE")]
    payload_file: Option<String>,
    /// Send the numbers from 0 on.
    #[arg(long)]
    payload_monotonic: bool,
    /// text or json.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
}

fn help() -> String {
    arguments::usage::<Options>(TOOL.name)
}

fn wrong(problem: &str) -> Failure {
    arguments::error::<Options>(TOOL.name, TOOL.name, problem)
}

/// What the options amount to.
struct Plan {
    settings: Settings,
    topic: String,
    records: u64,
    warmup: u64,
    throughput: f64,
    interval_ms: u64,
    payload: Payload,
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = arguments::parse(context, TOOL.name, TOOL.name, arguments)?;
    let mut plan = options.plan(context)?;
    let mut producer = Producer::new(Client::connect(plan.settings.clone())?)?;
    let measured = plan.records.saturating_sub(plan.warmup);
    let warmup = (plan.warmup > 0).then(|| Test::new(plan.warmup, plan.interval_ms));
    if let Some(mut warmup) = warmup {
        warmup.send(context, &mut producer, &mut plan, 0, plan_warmup(&options))?;
    }
    let mut test = Test::new(measured, plan.interval_ms);
    let first = plan.warmup;
    test.send(context, &mut producer, &mut plan, first, measured)?;
    let now = test.now_ms();
    if context.is_json() {
        let document = serde_json::json!({ "results": [test.stats.total_json(now)] });
        return Ok(context.out(output::json(&document))?);
    }
    Ok(context.out(test.stats.total(now))?)
}

fn plan_warmup(options: &Options) -> u64 {
    options.warmup_records.and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
}

impl Options {
    fn plan(&self, context: &mut Context<'_>) -> Result<Plan, Failure> {
        self.check()?;
        let renamed = [
            ("producer-props", "command-property", !self.producer_props.is_empty()),
            ("producer.config", "command-config", self.producer_config.is_some()),
        ];
        for (old, new, _) in renamed.into_iter().filter(|(.., is_given)| *is_given) {
            let text = format!(
                "Option --{old} has been deprecated and will be removed in a future version. Use --{new} instead."
            );
            if context.is_json() { context.err(text)? } else { context.out(text)? }
        }
        let pairs: Vec<String> = self.command_property.iter().chain(&self.producer_props).cloned().collect();
        if let Some(pair) = pairs.iter().find(|pair| !pair.contains('=')) {
            return Err(Failure::Message(format!("java.lang.IllegalArgumentException: Invalid property: {pair}")));
        }
        let file = self.command_config.as_deref().or(self.producer_config.as_deref());
        let mut all = merged(file, &pairs)?;
        all.entry("client.id".into()).or_insert_with(|| "perf-producer-client".into());
        let bootstrap = self.bootstrap_server.clone().or_else(|| all.get("bootstrap.servers").cloned());
        let bootstrap = bootstrap.unwrap_or_default();
        let positive = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        Ok(Plan {
            settings: client_settings(&bootstrap, &all)?,
            topic: self.topic.clone().unwrap_or_default(),
            records: positive(self.num_records).unwrap_or_default(),
            warmup: positive(self.warmup_records).unwrap_or_default(),
            throughput: self.throughput.unwrap_or(-1.0),
            interval_ms: positive(self.reporting_interval).unwrap_or(5000),
            payload: self.payload(context)?,
        })
    }

    fn check(&self) -> Result<(), Failure> {
        let required = [
            ("topic", self.topic.is_some()),
            ("num-records", self.num_records.is_some()),
            ("throughput", self.throughput.is_some()),
        ];
        if let Some((name, _)) = required.iter().find(|(_, is_given)| !is_given) {
            return Err(wrong(&format!("argument --{name} is required")));
        }
        let payloads = [self.record_size.is_some(), self.payload_file.is_some(), self.payload_monotonic];
        match payloads.iter().filter(|is_given| **is_given).count() {
            0 => {
                return Err(wrong("one of the arguments --record-size --payload-file --payload-monotonic is required"));
            }
            1 => {}
            _ => return Err(wrong("argument --payload-file: not allowed with argument --record-size")),
        }
        for (name, value) in [("num-records", self.num_records), ("record-size", self.record_size)] {
            if value.is_some_and(|value| value <= 0) {
                return Err(wrong(&format!("--{name} should be greater than zero.")));
            }
        }
        if self.warmup_records.is_some_and(|warmup| warmup >= self.num_records.unwrap_or_default()) {
            return Err(wrong(
                "The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.",
            ));
        }
        let has_settings = !self.producer_props.is_empty()
            || !self.command_property.is_empty()
            || self.producer_config.is_some()
            || self.command_config.is_some();
        if self.bootstrap_server.is_none() && !has_settings {
            return Err(wrong(
                "At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or \
                 --command-config must be specified.",
            ));
        }
        if self.transactional_id.is_some() || self.transaction_duration_ms.is_some() {
            return Err(Failure::Message(
                "This tool sends no transactions yet; leave out --transactional-id and --transaction-duration-ms."
                    .into(),
            ));
        }
        Ok(())
    }

    fn payload(&self, context: &mut Context<'_>) -> Result<Payload, Failure> {
        if let Some(size) = self.record_size {
            let size = usize::try_from(size).unwrap_or_default();
            return Ok(Payload::Random(vec![0; size], Random(0x9e37_79b9_7f4a_7c15)));
        }
        let Some(path) = &self.payload_file else { return Ok(Payload::Monotonic(Vec::new())) };
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        if !context.is_json() {
            context.out(format_args!("Reading payloads from: {}", absolute.display()))?;
        }
        let bytes = std::fs::read_to_string(path).unwrap_or_default();
        if bytes.is_empty() {
            let text = "java.lang.IllegalArgumentException: File does not exist or empty file provided.";
            return Err(Failure::Message(text.into()));
        }
        let delimiter = self.payload_delimiter.as_deref().filter(|text| *text != "\\n").unwrap_or("\n");
        let mut payloads: Vec<String> = bytes.split(delimiter).map(str::to_owned).collect();
        while payloads.len() > 1 && payloads.last().is_some_and(String::is_empty) {
            payloads.pop();
        }
        if !context.is_json() {
            context.out(format_args!("Number of records read: {}", payloads.len()))?;
        }
        Ok(Payload::OneOf(payloads, Random(0x9e37_79b9_7f4a_7c15)))
    }
}

/// Numbers that look random, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What is sent.
enum Payload {
    /// Capital letters.
    Random(Vec<u8>, Random),
    OneOf(Vec<String>, Random),
    Monotonic(Vec<u8>),
}

impl Payload {
    fn next(&mut self, number: u64) -> &[u8] {
        match self {
            Self::Random(buffer, random) => {
                for chunk in buffer.chunks_mut(8) {
                    let bytes = random.next().to_le_bytes();
                    for (letter, byte) in chunk.iter_mut().zip(bytes) {
                        *letter = b'A' + ((u16::from(byte) * 26) >> 8) as u8;
                    }
                }
                buffer
            }
            Self::OneOf(payloads, random) => {
                let index = random.next() % payloads.len().max(1) as u64;
                payloads.get(usize::try_from(index).unwrap_or_default()).map_or(&[], |payload| payload.as_bytes())
            }
            Self::Monotonic(buffer) => {
                *buffer = number.to_string().into_bytes();
                buffer
            }
        }
    }
}

/// One run of so many records.
struct Test {
    began: Instant,
    stats: Stats,
}

impl Test {
    fn new(records: u64, interval_ms: u64) -> Self {
        Self { began: Instant::now(), stats: Stats::new(records, interval_ms) }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn send(
        &mut self,
        context: &mut Context<'_>,
        producer: &mut Producer,
        plan: &mut Plan,
        first: u64,
        count: u64,
    ) -> Result<(), Failure> {
        for index in 0..count {
            let sent_ms = self.now_ms();
            let value = plan.payload.next(first + index);
            // When it was sent and how big it is, for the report.
            let tag = sent_ms << 32 | (value.len() as u64 & 0xffff_ffff);
            let sent = producer.send(&Record { topic: &plan.topic, value: Some(value), tag, ..Record::default() });
            if let Err(error) = sent {
                context.err(error.as_exception())?;
                context.note_reported_error();
            }
            self.report(context, producer)?;
            self.throttle(producer, plan.throughput, index + 1);
        }
        producer.flush();
        self.report(context, producer)
    }

    fn report(&mut self, context: &mut Context<'_>, producer: &mut Producer) -> Result<(), Failure> {
        let all = producer.take_delivered();
        if all.is_empty() {
            return Ok(());
        }
        let now = self.now_ms();
        for delivered in all {
            if let Some(error) = &delivered.error {
                context.err(error.as_exception())?;
                context.note_reported_error();
                continue;
            }
            for tag in &delivered.tags {
                let line = self.stats.record(now.saturating_sub(tag >> 32), tag & 0xffff_ffff, now);
                if let Some(line) = line.filter(|_| !context.is_json()) {
                    context.out(line)?;
                    context.stdout.flush()?;
                }
            }
        }
        Ok(())
    }

    /// Waits until so many records may have been sent.
    fn throttle(&self, producer: &mut Producer, throughput: f64, sent: u64) {
        if throughput <= 0.0 {
            return;
        }
        let due = Duration::try_from_secs_f64(sent as f64 / throughput).unwrap_or_default();
        loop {
            let left = due.saturating_sub(self.began.elapsed());
            if left < Duration::from_millis(1) {
                return;
            }
            producer.poll(Duration::ZERO);
            std::thread::sleep(left.min(Duration::from_millis(2)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_payloads_are_capital_letters_of_the_right_size() {
        let mut payload = Payload::Random(vec![0; 21], Random(1));
        let first = payload.next(0).to_vec();
        assert!(first.len() == 21 && first.iter().all(u8::is_ascii_uppercase));
        assert_ne!(first, payload.next(1));
        assert_eq!(Payload::Monotonic(Vec::new()).next(17), b"17");
    }
}
