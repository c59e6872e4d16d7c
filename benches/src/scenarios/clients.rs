//! What programs of users see: KafkaJS and kafka-python with one message at a time, and Kafka's own performance tools.
//! Everybody is as it is by default.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{BYTES_PER_GB, DEFAULTS, MICROS_PER_SECOND, interleave, start};
use crate::args::{Clients, Common};
use crate::kind::Kind;
use crate::node::Node;
use crate::peer::{Peer, Setup};
use crate::python::{Python, Script};
use crate::report::{Better, Measure, Phase, Report, Rounds, Written};

const TOPIC: &str = "one-at-a-time";
const PERF_TOPIC: &str = "perf-test";
const PRODUCER_TOOL: &str = "org.apache.kafka.tools.ProducerPerformance";
const CONSUMER_TOOL: &str = "org.apache.kafka.tools.ConsumerPerformance";

/// A client library that sends one message and waits.
struct Library {
    rate: Measure,
    p99: Measure,
    cpu: Measure,
}

const KAFKAJS: Library = Library {
    rate: Measure::plotted("KafkaJS, one message at a time", "messages/s", Better::More),
    p99: Measure::new("KafkaJS, latency p99", "ms", Better::Less),
    cpu: Measure::new("KafkaJS, broker's CPU per message", "µs", Better::Less),
};
const KAFKA_PYTHON: Library = Library {
    rate: Measure::plotted("kafka-python, one message at a time", "messages/s", Better::More),
    p99: Measure::new("kafka-python, latency p99", "ms", Better::Less),
    cpu: Measure::new("kafka-python, broker's CPU per message", "µs", Better::Less),
};

const PRODUCER_RATE: Measure = Measure::plotted("kafka-producer-perf-test", "records/s", Better::More);
const PRODUCER_P99: Measure = Measure::new("kafka-producer-perf-test, latency p99", "ms", Better::Less);
const PRODUCER_CPU: Measure = Measure::new("kafka-producer-perf-test, broker's CPU per GB", "s", Better::Less);
const CONSUMER_RATE: Measure = Measure::plotted("kafka-consumer-perf-test, fetching", "records/s", Better::More);
const CONSUMER_CPU: Measure = Measure::new("kafka-consumer-perf-test, broker's CPU per GB", "s", Better::Less);

pub(super) fn run(common: &Common, options: &Clients) -> Result<Written> {
    let (node, python) = (Node::new()?, Python::new()?);
    let mut report = Report::new("clients", "Clients of users", Rounds::Interleaved);
    let (setup, peers) = start(common, &DEFAULTS, &mut report)?;
    let seconds = common.sized(options.seconds);
    let records = (common.sized(options.records as f64) as usize).max(1000);
    report.say(&format!(
        "KafkaJS and kafka-python with default settings send one message of {} bytes and wait for its acknowledgement, for \
         {seconds} s. kafka-producer-perf-test sends {records} records of {} bytes as fast as it can with default settings, \
         kafka-consumer-perf-test reads as many from the start of the topic in a new group; not against the null server, which \
         has no groups. Brokers are as they are by default: ours is durable, Apache Kafka is not. Clients share the machine and \
         bound the rates.",
        options.size, options.size
    ));
    for peer in &peers {
        peer.client()?.create_topic(TOPIC, 1)?;
        peer.client()?.create_topic(PERF_TOPIC, 1)?;
    }
    let mut group = 0;
    interleave(common, &peers, |peer, phase| {
        let words = [peer.address.to_string(), TOPIC.to_owned(), options.size.to_string(), seconds.to_string()];
        one_at_a_time(peer, &KAFKAJS, node.start("one_at_a_time.cjs", &words)?, phase, &mut report)?;
        let script = python.start("kafka_python_one_at_a_time.py", &words)?;
        one_at_a_time(peer, &KAFKA_PYTHON, script, phase, &mut report)?;
        group += 1;
        let perf = Perf { setup: &setup, peer, records, size: options.size, group };
        perf.produce(phase, &mut report)?;
        if peer.kind != Kind::Null {
            perf.consume(phase, &mut report)?;
        }
        Ok(())
    })?;
    report.write(common)
}

fn one_at_a_time(peer: &Peer, library: &Library, mut script: Script, phase: Phase, report: &mut Report) -> Result<()> {
    script.wait_until_ready()?;
    let (cpu, result) = peer.cpu_during(|| {
        script.go()?;
        script.result()
    })?;
    let number = |name: &str| result.get(name).and_then(Value::as_f64).context("no result");
    let count = number("count")?;
    report.add(library.rate, peer.kind, phase, count / number("seconds")?);
    report.add(library.p99, peer.kind, phase, number("p99_ms")?);
    report.add(library.cpu, peer.kind, phase, cpu * MICROS_PER_SECOND / count);
    Ok(())
}

/// A round of Kafka's performance tools.
struct Perf<'a> {
    setup: &'a Setup,
    peer: &'a Peer,
    records: usize,
    size: usize,
    group: usize,
}

impl Perf<'_> {
    fn produce(&self, phase: Phase, report: &mut Report) -> Result<()> {
        let mut tool = self.setup.kafka_tool(PRODUCER_TOOL)?;
        tool.args(["--topic", PERF_TOPIC, "--throughput", "-1", "--num-records", &self.records.to_string()]);
        tool.args(["--record-size", &self.size.to_string(), "--bootstrap-server", &self.peer.address.to_string()]);
        let (cpu, text) = self.peer.cpu_during(|| output(&mut tool))?;
        let (rate, p99) = producer_result(&text).with_context(|| format!("unknown output:\n{text}"))?;
        report.add(PRODUCER_RATE, self.peer.kind, phase, rate);
        report.add(PRODUCER_P99, self.peer.kind, phase, p99);
        report.add(PRODUCER_CPU, self.peer.kind, phase, cpu / self.gb());
        Ok(())
    }

    fn consume(&self, phase: Phase, report: &mut Report) -> Result<()> {
        let mut tool = self.setup.kafka_tool(CONSUMER_TOOL)?;
        tool.args(["--topic", PERF_TOPIC, "--num-records", &self.records.to_string()]);
        tool.args(["--group", &format!("perf-{}", self.group), "--timeout", "60000"]);
        tool.args(["--bootstrap-server", &self.peer.address.to_string()]);
        let (cpu, text) = self.peer.cpu_during(|| output(&mut tool))?;
        let rate = consumer_result(&text).with_context(|| format!("unknown output:\n{text}"))?;
        report.add(CONSUMER_RATE, self.peer.kind, phase, rate);
        report.add(CONSUMER_CPU, self.peer.kind, phase, cpu / self.gb());
        Ok(())
    }

    fn gb(&self) -> f64 {
        (self.records * self.size) as f64 / BYTES_PER_GB
    }
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{command:?} failed:\n{out}{err}");
    }
    Ok(out.into_owned())
}

/// Records per second and p99 in milliseconds, from the last line: `N records sent, R records/sec (…), …, M ms 99th, …`.
fn producer_result(text: &str) -> Option<(f64, f64)> {
    let line = text.lines().rfind(|line| line.contains("ms 99th"))?;
    let part = |end: &str| {
        let part = line.split(", ").find(|part| part.contains(end))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Some((part("records/sec")?, part("ms 99th")?))
}

/// Records per second of fetching, without the time that the group took: the last column.
fn consumer_result(text: &str) -> Option<f64> {
    let head = text.lines().find(|line| line.starts_with("start.time"))?;
    let column = head.split(", ").position(|name| name == "fetch.nMsg.sec")?;
    let line = text.lines().skip_while(|line| !line.starts_with("start.time")).nth(1)?;
    line.split(", ").nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{consumer_result, producer_result};

    #[test]
    fn the_producer_tool_is_understood() {
        let text = "4000 records sent, 800.0 records/sec (0.8 MB/sec), 1.0 ms avg latency, 3.0 ms max latency.\n\
                    5000 records sent, 1234.5 records/sec (1.18 MB/sec), 12.3 ms avg latency, 99.00 ms max latency, \
                    1 ms 50th, 2 ms 95th, 7 ms 99th, 9 ms 99.9th.\n";
        assert_eq!(producer_result(text), Some((1234.5, 7.0)));
        assert_eq!(producer_result("nothing"), None);
    }

    #[test]
    fn the_consumer_tool_is_understood() {
        let text = "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, \
                    fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n\
                    2026-11-21 20:00:00:000, 2026-11-21 20:00:01:000, 9.5, 9.5, 10000, 10000.0, 3000, 100, 95.3, 100000.0\n";
        assert_eq!(consumer_result(text), Some(100_000.0));
    }
}
