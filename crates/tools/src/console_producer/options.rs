//! The command line of `kafka-console-producer`, and the settings it amounts to.

use clap::Args;

use crate::cli::{self, OutputFormat, bootstrap_of_zookeeper};
use crate::client::Settings;
use crate::properties::{Properties, client_settings, merged};
use crate::{Context, Failure};

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Options {
    /// REQUIRED: The name of the topic to send to.
    #[arg(long, value_name = "topic")]
    pub(super) topic: Option<String>,
    /// REQUIRED: The brokers to connect to first: host:port, separated by commas.
    #[arg(long, value_name = "server to connect to")]
    bootstrap_server: Option<String>,
    /// The old name of --bootstrap-server.
    #[arg(long, value_name = "broker-list", hide = true)]
    broker_list: Option<String>,
    /// Gone with Kafka 4: the brokers registered there are asked instead.
    #[arg(long, value_name = "urls", hide = true)]
    zookeeper: Option<String>,
    /// Send one record after the other, and end at the first that fails.
    #[arg(long)]
    pub(super) sync: bool,
    /// none, gzip, snappy, lz4 or zstd; gzip without a value.
    #[arg(long, value_name = "compression-codec", num_args = 0..=1, default_missing_value = "gzip")]
    compression_codec: Option<String>,
    /// Bytes of one batch (batch.size); default 16384.
    #[arg(long, value_name = "Integer: size")]
    batch_size: Option<i32>,
    /// How often a batch is tried again (retries); default 3.
    #[arg(long, value_name = "Integer")]
    message_send_max_retries: Option<i32>,
    /// Milliseconds before trying again (retry.backoff.ms); default 100.
    #[arg(long, value_name = "Long")]
    retry_backoff_ms: Option<i64>,
    /// Milliseconds a record waits for others (linger.ms); default 1000.
    #[arg(long, value_name = "Long: timeout_ms")]
    timeout: Option<i64>,
    /// -1, all, 0 or 1 (acks); default -1.
    #[arg(long, value_name = "request required acks", allow_hyphen_values = true)]
    request_required_acks: Option<String>,
    /// Milliseconds one request may take (request.timeout.ms); default 1500.
    #[arg(long, value_name = "Integer: request timeout ms")]
    request_timeout_ms: Option<i32>,
    /// Milliseconds after which the leaders are asked for anew (metadata.max.age.ms); default 300000.
    #[arg(long, value_name = "Long: metadata expiration interval")]
    metadata_expiry_ms: Option<i64>,
    /// Milliseconds a record may wait for the topic to be known or for memory (max.block.ms); default 60000.
    #[arg(long, value_name = "Long: max block on send")]
    max_block_ms: Option<i64>,
    /// Bytes of all records that are not acknowledged (buffer.memory); default 33554432.
    #[arg(long, value_name = "Long: total memory in bytes")]
    max_memory_bytes: Option<i64>,
    /// Bytes of one batch (batch.size); wins over --batch-size.
    #[arg(long, value_name = "Integer: memory in bytes per partition")]
    max_partition_memory_bytes: Option<i32>,
    /// The reader of lines; there is only Kafka's own.
    #[arg(long, value_name = "reader_class")]
    line_reader: Option<String>,
    /// Has no effect: the system sizes socket buffers.
    #[arg(long, value_name = "Integer: size")]
    socket_buffer_size: Option<i32>,
    /// (DEPRECATED) The old name of --reader-property.
    #[arg(long, value_name = "prop")]
    property: Vec<String>,
    /// How lines are read, as key=value: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
    /// headers.key.separator, ignore.error, null.marker.
    #[arg(long, value_name = "prop")]
    reader_property: Vec<String>,
    /// A properties file for the reader.
    #[arg(long, value_name = "config file")]
    reader_config: Option<String>,
    /// (DEPRECATED) The old name of --command-property.
    #[arg(long, value_name = "producer_prop")]
    producer_property: Vec<String>,
    /// Settings of the producer, as key=value.
    #[arg(long, value_name = "producer_prop")]
    command_property: Vec<String>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "producer.config", value_name = "config file")]
    producer_config: Option<String>,
    /// A properties file with settings of the producer.
    #[arg(long, value_name = "config file")]
    command_config: Option<String>,
    /// text, or json for exit codes that tell the truth.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
}

const KAFKA_READERS: [&str; 3] =
    ["org.apache.kafka.tools.LineMessageReader", "kafka.tools.ConsoleProducer$LineMessageReader", "LineMessageReader"];

impl Options {
    /// Judges combinations, in the order and words of Kafka's tool; says what is deprecated.
    pub(super) fn check(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.topic.is_none() {
            return Err(cli::missing("topic"));
        }
        self.bootstrap()?;
        self.rename(context)?;
        match &self.line_reader {
            Some(class) if !KAFKA_READERS.contains(&class.as_str()) => {
                Err(Failure::Message(format!("java.lang.ClassNotFoundException: {class}")))
            }
            _ => Ok(()),
        }
    }

    fn bootstrap(&self) -> Result<String, Failure> {
        let given = self.bootstrap_server.clone().or_else(|| self.broker_list.clone());
        let given = given.or_else(|| self.zookeeper.as_deref().map(bootstrap_of_zookeeper));
        let given = given.filter(|text| !text.trim().is_empty());
        let given = given.ok_or_else(|| Failure::Usage("Error while validating the bootstrap address\n".into()))?;
        let is_valid = |address: &str| crate::client::parse_address(address.trim()).is_ok();
        if given.split(',').all(is_valid) {
            return Ok(given);
        }
        Err(Failure::Usage("Please provide valid host:port like host1:9091,host2:9092\n".into()))
    }

    fn rename(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let renamed = [
            ("property", "reader-property", !self.property.is_empty(), !self.reader_property.is_empty()),
            (
                "producer-property",
                "command-property",
                !self.producer_property.is_empty(),
                !self.command_property.is_empty(),
            ),
            ("producer.config", "command-config", self.producer_config.is_some(), self.command_config.is_some()),
        ];
        if let Some((old, new, _, _)) = renamed.iter().find(|(_, _, has_old, has_new)| *has_old && *has_new) {
            return Err(Failure::Usage(format!("Options --{new} and --{old} cannot be specified together.")));
        }
        for (old, new, _, _) in renamed.iter().filter(|(_, _, has_old, _)| *has_old) {
            context.out(format_args!(
                "Warning: --{old} is deprecated and will be removed in a future version. Use --{new} instead."
            ))?;
        }
        if self.max_partition_memory_bytes.is_some() {
            context.out(
                "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use \
                 --batch-size instead.",
            )?;
        }
        self.reader_property.append(&mut self.property);
        self.command_property.append(&mut self.producer_property);
        self.command_config = self.command_config.take().or_else(|| self.producer_config.take());
        Ok(())
    }

    pub(super) fn reader_properties(&self) -> Result<Properties, Failure> {
        merged(self.reader_config.as_deref(), &self.reader_property)
    }

    /// Settings of the producer: files and properties, then options; defaults of options only where nothing else is said.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let mut all = merged(self.command_config.as_deref(), &self.command_property)?;
        let codec = self.compression_codec.clone().unwrap_or_else(|| "none".into());
        let codec = if codec.is_empty() { "gzip".into() } else { codec };
        all.insert("compression.type".into(), codec);
        all.entry("client.id".into()).or_insert_with(|| "console-producer".into());
        let mut option = |key: &str, given: Option<String>, default: &str| match given {
            Some(value) => drop(all.insert(key.to_owned(), value)),
            None => drop(all.entry(key.to_owned()).or_insert_with(|| default.to_owned())),
        };
        let text = |number: Option<i64>| number.map(|number| number.to_string());
        option("linger.ms", text(self.timeout), "1000");
        option("acks", self.request_required_acks.clone(), "-1");
        option("request.timeout.ms", text(self.request_timeout_ms.map(i64::from)), "1500");
        option("retries", text(self.message_send_max_retries.map(i64::from)), "3");
        option("retry.backoff.ms", text(self.retry_backoff_ms), "100");
        option("buffer.memory", text(self.max_memory_bytes), "33554432");
        let batch_size = self.max_partition_memory_bytes.or(self.batch_size);
        option("batch.size", text(batch_size.map(i64::from)), "16384");
        option("metadata.max.age.ms", text(self.metadata_expiry_ms), "300000");
        option("max.block.ms", text(self.max_block_ms), "60000");
        let max_block = all.get("max.block.ms").cloned().unwrap_or_default();
        all.entry("default.api.timeout.ms".into()).or_insert(max_block);
        client_settings(&self.bootstrap()?, &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(words: &[&str]) -> Settings {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut options: Options = cli::parse("kafka-console-producer", &words).unwrap();
        options.broker_list.get_or_insert_with(|| "a:1".into());
        options.settings().unwrap()
    }

    #[test]
    fn compression_without_a_value_is_gzip() {
        assert_eq!(settings(&[]).other("compression.type"), Some("none"));
        assert_eq!(settings(&["--compression-codec"]).other("compression.type"), Some("gzip"));
        assert_eq!(settings(&["--compression-codec=lz4"]).other("compression.type"), Some("lz4"));
        assert_eq!(settings(&["--compression-codec", "--topic", "x"]).other("compression.type"), Some("gzip"));
    }

    #[test]
    fn an_option_wins_over_a_property_and_a_property_over_a_default() {
        let both = settings(&["--command-property", "acks=1", "--request-required-acks", "-1"]);
        assert_eq!(both.other("acks"), Some("-1"));
        assert_eq!(settings(&["--command-property", "linger.ms=7"]).other("linger.ms"), Some("7"));
        assert_eq!(settings(&[]).other("linger.ms"), Some("1000"));
    }
}
