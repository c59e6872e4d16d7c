//! `kafka-consumer-perf-test`: reads records as fast as it can and says how fast that was.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use regex::Regex;
use serde_json::json;

use super::{date_format, fixed};
use crate::cli::{self, OutputFormat};
use crate::client::consumer::{Consumer, GroupEvent, Subscription};
use crate::client::{Client, Settings};
use crate::properties::{client_settings, merged};
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-consumer-perf-test", about: "Measure how fast records can be read.", run, help };

const COLUMNS: &str = "data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, \
                       fetch.MB.sec, fetch.nMsg.sec";

#[derive(Args, Clone, Debug, Default)]
struct Options {
    /// REQUIRED: The brokers to connect to first: host:port, separated by commas.
    #[arg(long, value_name = "server to connect to")]
    bootstrap_server: Option<String>,
    /// The old name of --bootstrap-server.
    #[arg(long, value_name = "broker-list", hide = true)]
    broker_list: Option<String>,
    /// The topic to read.
    #[arg(long, value_name = "topic")]
    topic: Option<String>,
    /// A regular expression of topics to read.
    #[arg(long, value_name = "Java regex (String)")]
    include: Option<String>,
    /// The group to join; without it, none is joined.
    #[arg(long, value_name = "gid")]
    group: Option<String>,
    /// How many records to read.
    #[arg(long, value_name = "Long: count")]
    num_records: Option<u64>,
    /// (DEPRECATED) The old name of --num-records.
    #[arg(long, value_name = "Long: count")]
    messages: Option<u64>,
    /// Bytes of one partition in one fetch (max.partition.fetch.bytes); default 1048576.
    #[arg(long, value_name = "Integer: size")]
    fetch_size: Option<i32>,
    /// Begin at the end where nothing is committed.
    #[arg(long)]
    from_latest: bool,
    /// Has no effect: the system sizes socket buffers.
    #[arg(long, value_name = "Integer: size")]
    socket_buffer_size: Option<i32>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "consumer.config", value_name = "config file")]
    consumer_config: Option<String>,
    /// A properties file with settings of the consumer.
    #[arg(long, value_name = "config file")]
    command_config: Option<String>,
    /// Settings of the consumer, as key=value.
    #[arg(long, value_name = "prop1=val1")]
    command_property: Vec<String>,
    /// Has no effect: this consumer keeps no metrics.
    #[arg(long)]
    print_metrics: bool,
    /// A line per reporting interval.
    #[arg(long)]
    show_detailed_stats: bool,
    /// Milliseconds between two reports; default 5000.
    #[arg(long, value_name = "Integer: interval_ms", allow_hyphen_values = true)]
    reporting_interval: Option<i64>,
    /// Milliseconds without a record after which the test ends; default 10000.
    #[arg(long, value_name = "Long: milliseconds")]
    timeout: Option<u64>,
    /// Leave out the header.
    #[arg(long)]
    hide_header: bool,
    /// How dates are shown, in the letters of SimpleDateFormat.
    #[arg(long, value_name = "date format")]
    date_format: Option<String>,
    /// text or json.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let (settings, subscription) = options.check(context)?;
    if !options.hide_header && !context.is_json() {
        let first = if options.show_detailed_stats { "time, threadId" } else { "start.time, end.time" };
        context.out(format_args!("{first}, {COLUMNS}"))?;
    }
    let began = (Instant::now(), now_ms());
    let client = Client::connect(settings)?;
    let mut consumer = Consumer::new(client, subscription, Arc::default())?;
    let mut test = Test { options: &options, total: Counts::default(), rebalance_ms: 0 };
    test.read(context, &mut consumer)?;
    let ended = now_ms();
    consumer.close();
    let report = Report {
        counts: test.total,
        elapsed_ms: u64::try_from(ended - began.1).unwrap_or_default(),
        rebalance_ms: test.rebalance_ms,
    };
    if context.is_json() {
        return Ok(context.out(output::json(&json!({ "results": [report.json(began.1, ended)] })))?);
    }
    if !options.show_detailed_stats {
        let (first, last) = (options.date(began.1), options.date(ended));
        context.out(format_args!("{first}, {last}, {}", report.line()))?;
    }
    Ok(())
}

impl Options {
    fn check(&self, context: &mut Context<'_>) -> Result<(Settings, Subscription), Failure> {
        let usage = |text: &str| Failure::Usage(text.to_owned());
        let given = self.bootstrap_server.clone().or_else(|| self.broker_list.clone());
        let Some(bootstrap) = given else { return Err(cli::missing("bootstrap-server")) };
        if self.num_records.is_some() == self.messages.is_some() {
            return Err(usage("Exactly one of the following arguments is required: [messages], [num-records]"));
        }
        if self.topic.is_some() == self.include.is_some() {
            return Err(usage("Exactly one of the following arguments is required: [topic], [include]"));
        }
        if self.consumer_config.is_some() && self.command_config.is_some() {
            return Err(usage("Options --consumer.config and --command-config cannot be specified together."));
        }
        let renamed = [
            ("messages", "num-records", self.messages.is_some()),
            ("consumer.config", "command-config", self.consumer_config.is_some()),
        ];
        for (old, new, _) in renamed.into_iter().filter(|(.., is_given)| *is_given) {
            let text = format!("Warning: --{old} is deprecated. Use --{new} instead.");
            if context.is_json() { context.err(text)? } else { context.out(text)? }
        }
        if self.reporting_interval.is_some_and(|interval| interval <= 0) {
            return Err(Failure::Message("Reporting interval must be greater than 0.".into()));
        }
        let subscription = match (&self.topic, &self.include) {
            (Some(topic), _) => Subscription::Topics(vec![topic.clone()]),
            (None, include) => {
                let pattern = include.as_deref().unwrap_or_default();
                Subscription::Pattern(Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
                    Failure::Message(format!("--include {pattern} is no regular expression: {error}"))
                })?)
            }
        };
        Ok((self.settings(&bootstrap)?, subscription))
    }

    fn settings(&self, bootstrap: &str) -> Result<Settings, Failure> {
        let file = self.command_config.as_deref().or(self.consumer_config.as_deref());
        let mut all = merged(file, &self.command_property)?;
        if let Some(group) = self.group.clone() {
            all.insert("group.id".into(), group);
        }
        let reset = if self.from_latest { "latest" } else { "earliest" };
        all.insert("auto.offset.reset".into(), reset.into());
        all.insert("check.crcs".into(), "false".into());
        let fetch_size = self.fetch_size.map_or_else(|| "1048576".into(), |size| size.to_string());
        all.insert("max.partition.fetch.bytes".into(), fetch_size);
        all.entry("client.id".into()).or_insert_with(|| "perf-consumer-client".into());
        client_settings(bootstrap, &all)
    }

    fn date(&self, milliseconds: i64) -> String {
        date_format::format(self.date_format.as_deref().unwrap_or("yyyy-MM-dd HH:mm:ss:SSS"), milliseconds)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    records: u64,
    bytes: u64,
}

impl Counts {
    fn megabytes(self) -> f64 {
        self.bytes as f64 / (1024.0 * 1024.0)
    }
}

struct Test<'a> {
    options: &'a Options,
    total: Counts,
    rebalance_ms: u64,
}

impl Test<'_> {
    fn read(&mut self, context: &mut Context<'_>, consumer: &mut Consumer) -> Result<(), Failure> {
        let wanted = self.options.num_records.or(self.options.messages).unwrap_or_default();
        let timeout = Duration::from_millis(self.options.timeout.unwrap_or(10_000));
        let interval = u64::try_from(self.options.reporting_interval.unwrap_or(5000)).unwrap_or(5000);
        let interval = Duration::from_millis(interval);
        let began = Instant::now();
        let (mut last_record, mut last_report, mut last) = (began, began, Counts::default());
        while self.total.records < wanted && last_record.elapsed() <= timeout {
            let records = consumer.poll(Duration::from_millis(100))?;
            let is_assigned = consumer.take_events().iter().any(|event| matches!(event, GroupEvent::Assigned(_)));
            if is_assigned {
                self.rebalance_ms += u64::try_from(began.elapsed().as_millis()).unwrap_or_default();
            }
            if !records.is_empty() {
                last_record = Instant::now();
            }
            for one in &records {
                let size = |bytes: Option<&bytes::Bytes>| bytes.map_or(0, |bytes| bytes.len() as u64);
                self.total.records += 1;
                self.total.bytes += size(one.record.key.as_ref()) + size(one.record.value.as_ref());
            }
            let since = last_report.elapsed();
            if since >= interval && !records.is_empty() {
                if self.options.show_detailed_stats && !context.is_json() {
                    context.out(self.progress(last, since))?;
                    context.stdout.flush()?;
                }
                (last_report, last) = (Instant::now(), self.total);
            }
        }
        if self.total.records < wanted {
            let text = format!(
                "WARNING: Exiting before consuming the expected number of records: timeout ({} ms) exceeded. You can \
                 use the --timeout option to increase the timeout.",
                timeout.as_millis()
            );
            if context.is_json() { context.err(text)? } else { context.out(text)? }
        }
        Ok(())
    }

    fn progress(&self, last: Counts, since: Duration) -> String {
        let counts = Counts { records: self.total.records - last.records, bytes: self.total.bytes - last.bytes };
        let elapsed_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let [megabytes, records, fetch_megabytes, fetch_records] =
            Report { counts, elapsed_ms, rebalance_ms: 0 }.rates().map(|rate| fixed(rate, 4));
        let (all, date) = (self.total, self.options.date(now_ms()));
        let total = fixed(all.megabytes(), 4);
        format!(
            "{date}, 0, {total}, {megabytes}, {}, {records}, 0, {elapsed_ms}, {fetch_megabytes}, {fetch_records}",
            all.records
        )
    }
}

/// The result.
struct Report {
    counts: Counts,
    elapsed_ms: u64,
    rebalance_ms: u64,
}

impl Report {
    fn fetch_ms(&self) -> u64 {
        self.elapsed_ms.saturating_sub(self.rebalance_ms)
    }

    /// MiB and records per second of the whole time, and of the time without rebalances.
    fn rates(&self) -> [f64; 4] {
        let (megabytes, records) = (self.counts.megabytes(), self.counts.records as f64);
        let (elapsed, fetch) = (self.elapsed_ms as f64 / 1000.0, self.fetch_ms() as f64 / 1000.0);
        [megabytes / elapsed, records / elapsed, megabytes / fetch, records / fetch]
    }

    fn line(&self) -> String {
        let [megabytes, records, fetch_megabytes, fetch_records] = self.rates().map(|rate| fixed(rate, 4));
        format!(
            "{}, {megabytes}, {}, {records}, {}, {}, {fetch_megabytes}, {fetch_records}",
            fixed(self.counts.megabytes(), 4),
            self.counts.records,
            self.rebalance_ms,
            self.fetch_ms()
        )
    }

    fn json(&self, began_ms: i64, ended_ms: i64) -> serde_json::Value {
        let [megabytes, records, fetch_megabytes, fetch_records] = self.rates();
        json!({
            "startMs": began_ms,
            "endMs": ended_ms,
            "consumedBytes": self.counts.bytes,
            "records": self.counts.records,
            "mbPerSec": megabytes,
            "recordsPerSec": records,
            "rebalanceMs": self.rebalance_ms,
            "fetchMs": self.fetch_ms(),
            "fetchMbPerSec": fetch_megabytes,
            "fetchRecordsPerSec": fetch_records,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_kafkas_columns() {
        let counts = Counts { records: 1000, bytes: 5 << 20 };
        let report = Report { counts, elapsed_ms: 2000, rebalance_ms: 1000 };
        assert_eq!(report.line(), "5.0000, 2.5000, 1000, 500.0000, 1000, 1000, 5.0000, 1000.0000");
        assert_eq!(report.line().split(", ").count(), COLUMNS.split(", ").count());
    }
}
