//! Settings of the producer, by the names and defaults of Kafka's Java producer. What they do is in the other files.

use std::time::Duration;

use barnabas_protocol::records::Compression;

use crate::client::{ClientError, Settings};

/// What a producer needs to know. Keys that it has no use for are ignored, as Java ignores unknown ones.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// `acks`: -1 is `all`.
    pub acks: i16,
    /// `batch.size`, in bytes before compression.
    pub batch_size: usize,
    /// `linger.ms`.
    pub linger: Duration,
    /// `max.request.size`, in bytes.
    pub max_request_size: usize,
    /// `buffer.memory`, in bytes.
    pub buffer_memory: usize,
    /// `compression.type` and `compression.<codec>.level`.
    pub compression: Compression,
    pub compression_level: Option<i32>,
    /// `enable.idempotence`, as it comes out of the other settings.
    pub idempotence: bool,
    /// `retries`.
    pub retries: u32,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// `max.block.ms`.
    pub max_block: Duration,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
}

impl ProducerConfig {
    /// From the keys that are not settings of the client itself.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let source = Source(settings);
        let acks = source.acks()?;
        let retries = source.number("retries", u64::from(i32::MAX.unsigned_abs()))?;
        let max_in_flight = source.number("max.in.flight.requests.per.connection", 5)?.max(1);
        let compression = source.compression()?;
        let linger = source.milliseconds("linger.ms", 5)?;
        Ok(Self {
            acks,
            batch_size: source.size("batch.size", 16 * 1024)?,
            linger,
            max_request_size: source.size("max.request.size", 1 << 20)?,
            buffer_memory: source.size("buffer.memory", 32 << 20)?,
            compression,
            compression_level: source.level(compression)?,
            idempotence: source.idempotence(acks, retries, max_in_flight)?,
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            delivery_timeout: source.delivery_timeout(linger)?,
            max_block: source.milliseconds("max.block.ms", 60_000)?,
            max_in_flight: usize::try_from(max_in_flight).unwrap_or(5),
            metadata_max_age: source.milliseconds("metadata.max.age.ms", 300_000)?,
        })
    }
}

/// Reads typed values, with Java's words for what cannot be read.
struct Source<'a>(&'a Settings);

impl Source<'_> {
    fn number(&self, key: &str, default: u64) -> Result<u64, ClientError> {
        let Some(text) = self.0.other(key) else { return Ok(default) };
        let told = |kind: &str| ClientError::Config(format!("Invalid value {text} for configuration {key}: {kind}"));
        let number: i64 = text.trim().parse().map_err(|_| told("Not a number of type LONG"))?;
        u64::try_from(number).map_err(|_| told("Value must be at least 0"))
    }

    fn size(&self, key: &str, default: u64) -> Result<usize, ClientError> {
        Ok(usize::try_from(self.number(key, default)?).unwrap_or(usize::MAX))
    }

    fn milliseconds(&self, key: &str, default: u64) -> Result<Duration, ClientError> {
        self.number(key, default).map(Duration::from_millis)
    }

    fn one_of<T>(&self, key: &str, text: &str, known: &str, found: Option<T>) -> Result<T, ClientError> {
        let told = || {
            let problem = format!("String must be one of: {known}");
            ClientError::Config(format!("Invalid value {text} for configuration {key}: {problem}"))
        };
        found.ok_or_else(told)
    }

    fn acks(&self) -> Result<i16, ClientError> {
        let text = self.0.other("acks").unwrap_or("all");
        let found = match text {
            "all" | "-1" => Some(-1),
            "0" => Some(0),
            "1" => Some(1),
            _ => None,
        };
        self.one_of("acks", text, "all, -1, 0, 1", found)
    }

    fn compression(&self) -> Result<Compression, ClientError> {
        let text = self.0.other("compression.type").unwrap_or("none");
        let found = Compression::ALL.into_iter().find(|codec| codec.name() == text);
        self.one_of("compression.type", text, "none, gzip, snappy, lz4, zstd", found)
    }

    fn level(&self, codec: Compression) -> Result<Option<i32>, ClientError> {
        let key = format!("compression.{codec}.level");
        let invalid = |text: &str| ClientError::Config(format!("Invalid value {text} for configuration {key}"));
        self.0.other(&key).map(|text| text.trim().parse().map_err(|_| invalid(text))).transpose()
    }

    /// On unless another setting forbids it; asked for against such a setting, it is an error.
    fn idempotence(&self, acks: i16, retries: u64, in_flight: u64) -> Result<bool, ClientError> {
        let asked = self.0.other("enable.idempotence").map(|text| text.trim().eq_ignore_ascii_case("true"));
        let conflict = if retries == 0 {
            Some("Must set retries to non-zero when using the idempotent producer.")
        } else if acks != -1 {
            Some(
                "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
            )
        } else if in_flight > 5 {
            Some("Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.")
        } else {
            None
        };
        match (asked, conflict) {
            (Some(true), Some(problem)) => Err(ClientError::Config(problem.into())),
            (asked, conflict) => Ok(asked.unwrap_or(true) && conflict.is_none()),
        }
    }

    /// Never less than what one try may take; asked for, less is an error.
    fn delivery_timeout(&self, linger: Duration) -> Result<Duration, ClientError> {
        let least = linger + self.0.request_timeout;
        let timeout = self.milliseconds("delivery.timeout.ms", 120_000)?;
        if timeout >= least {
            return Ok(timeout);
        }
        if self.0.other("delivery.timeout.ms").is_none() {
            return Ok(least);
        }
        let problem = "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms";
        Err(ClientError::Config(problem.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Result<ProducerConfig, String> {
        let settings = Settings::new("localhost:9092", Some(lines)).map_err(|error| error.to_string())?;
        ProducerConfig::new(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_kafka() {
        let config = config("").unwrap();
        assert_eq!((config.acks, config.batch_size, config.linger), (-1, 16384, Duration::from_millis(5)));
        assert!(config.idempotence);
    }

    #[test]
    fn idempotence_yields_to_other_settings_unless_it_was_asked_for() {
        assert!(!config("acks=1").unwrap().idempotence);
        assert!(config("acks=1\nenable.idempotence=true").unwrap_err().contains("Must set acks to all"));
    }

    #[test]
    fn wrong_values_are_told_in_javas_words() {
        let told = config("compression.type=foo").unwrap_err();
        assert!(told.ends_with("compression.type: String must be one of: none, gzip, snappy, lz4, zstd"), "{told}");
        assert!(config("acks=5").unwrap_err().contains("all, -1, 0, 1"));
        assert!(config("linger.ms=x").is_err());
        assert!(config("delivery.timeout.ms=1").is_err());
    }
}
