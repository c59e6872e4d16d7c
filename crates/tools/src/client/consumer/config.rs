//! Settings of the consumer, by the names and defaults of Kafka's Java consumer. What they do is in the other files.

use std::time::Duration;

use crate::client::{ClientError, Settings};

/// Where to begin without a committed offset: `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
    None,
}

/// What a consumer needs to know. Keys that it has no use for are ignored, as Java ignores unknown ones.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// `group.id`.
    pub group_id: Option<String>,
    /// `group.instance.id`.
    pub group_instance_id: Option<String>,
    /// `auto.offset.reset`.
    pub offset_reset: OffsetReset,
    /// `isolation.level=read_committed`.
    pub read_committed: bool,
    /// `enable.auto.commit`.
    pub auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: Duration,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`.
    pub max_poll_interval: Duration,
    /// `max.poll.records`.
    pub max_poll_records: usize,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: i32,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait: Duration,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: i32,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
    /// `check.crcs`.
    pub check_crcs: bool,
    /// `allow.auto.create.topics`.
    pub auto_create_topics: bool,
    /// `client.rack`.
    pub rack: String,
}

impl ConsumerConfig {
    /// From the keys that are not settings of the client itself.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let source = Source(settings);
        let text = |key: &str| settings.other(key).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            group_id: text("group.id"),
            group_instance_id: text("group.instance.id"),
            offset_reset: source.offset_reset()?,
            read_committed: source.read_committed()?,
            auto_commit: source.flag("enable.auto.commit", true),
            auto_commit_interval: source.milliseconds("auto.commit.interval.ms", 5000)?,
            session_timeout: source.milliseconds("session.timeout.ms", 45_000)?,
            heartbeat_interval: source.milliseconds("heartbeat.interval.ms", 3000)?,
            max_poll_interval: source.milliseconds("max.poll.interval.ms", 300_000)?,
            max_poll_records: usize::try_from(source.number("max.poll.records", 500)?).unwrap_or(500).max(1),
            fetch_min_bytes: source.number("fetch.min.bytes", 1)?,
            fetch_max_bytes: source.number("fetch.max.bytes", 50 << 20)?,
            fetch_max_wait: source.milliseconds("fetch.max.wait.ms", 500)?,
            max_partition_fetch_bytes: source.number("max.partition.fetch.bytes", 1 << 20)?,
            metadata_max_age: source.milliseconds("metadata.max.age.ms", 300_000)?,
            check_crcs: source.flag("check.crcs", true),
            auto_create_topics: source.flag("allow.auto.create.topics", true),
            rack: text("client.rack").unwrap_or_default(),
        })
    }
}

/// Reads typed values, with Java's words for what cannot be read.
struct Source<'a>(&'a Settings);

impl Source<'_> {
    fn number(&self, key: &str, default: i32) -> Result<i32, ClientError> {
        let Some(text) = self.0.other(key) else { return Ok(default) };
        let told = |kind: &str| ClientError::Config(format!("Invalid value {text} for configuration {key}: {kind}"));
        let number: i32 = text.trim().parse().map_err(|_| told("Not a number of type INT"))?;
        if number < 0 { Err(told("Value must be at least 0")) } else { Ok(number) }
    }

    fn milliseconds(&self, key: &str, default: i32) -> Result<Duration, ClientError> {
        Ok(Duration::from_millis(u64::try_from(self.number(key, default)?).unwrap_or_default()))
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        self.0.other(key).map_or(default, |text| text.trim().eq_ignore_ascii_case("true"))
    }

    fn offset_reset(&self) -> Result<OffsetReset, ClientError> {
        match self.0.other("auto.offset.reset").unwrap_or("latest").to_lowercase().as_str() {
            "earliest" => Ok(OffsetReset::Earliest),
            "latest" => Ok(OffsetReset::Latest),
            "none" => Ok(OffsetReset::None),
            other => Err(ClientError::Config(format!(
                "Invalid value {other} for configuration auto.offset.reset: use earliest, latest or none"
            ))),
        }
    }

    fn read_committed(&self) -> Result<bool, ClientError> {
        match self.0.other("isolation.level").unwrap_or("read_uncommitted").to_lowercase().as_str() {
            "read_committed" => Ok(true),
            "read_uncommitted" => Ok(false),
            other => Err(ClientError::Config(format!(
                "Invalid value {other} for configuration isolation.level: String must be one of: read_committed, \
                 read_uncommitted"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Result<ConsumerConfig, String> {
        let settings = Settings::new("localhost:9092", Some(lines)).map_err(|error| error.to_string())?;
        ConsumerConfig::new(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_kafka_and_wrong_values_are_told() {
        let defaults = config("").unwrap();
        assert_eq!((defaults.offset_reset, defaults.auto_commit), (OffsetReset::Latest, true));
        assert!(config("isolation.level=read_committed").unwrap().read_committed);
        assert!(config("isolation.level=foo").is_err());
        assert!(config("auto.offset.reset=soon").is_err());
        assert!(config("max.poll.records=-1").is_err());
    }
}
