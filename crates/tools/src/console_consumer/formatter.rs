//! How a record is shown: as Kafka's `DefaultMessageFormatter` does, not at all, or as a JSON object. Pure.

use std::io::{self, Write};

use barnabas_protocol::records::TimestampType;
use serde_json::{Value, json};

use super::deserializer::Deserializer;
use crate::client::consumer::ConsumedRecord;
use crate::properties::Properties;

/// Which of the formatters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    NoOp,
    Json,
}

/// Why a record could not be shown.
pub(crate) enum FormatError {
    /// Nobody reads the output any more.
    Output,
    /// The message of a `SerializationException`.
    Serialization(String),
}

impl From<io::Error> for FormatError {
    fn from(_: io::Error) -> Self {
        Self::Output
    }
}

/// Shows records.
pub(crate) struct Formatter {
    kind: Kind,
    timestamp: bool,
    key: bool,
    value: bool,
    partition: bool,
    offset: bool,
    delivery: bool,
    epoch: bool,
    headers: bool,
    key_separator: Vec<u8>,
    line_separator: Vec<u8>,
    headers_separator: Vec<u8>,
    null_literal: Vec<u8>,
    key_deserializer: Option<Deserializer>,
    value_deserializer: Option<Deserializer>,
    headers_deserializer: Option<Deserializer>,
}

impl Formatter {
    /// By the name of Kafka's class, in the packages of old and new releases.
    pub(crate) fn kind(class: &str) -> Option<Kind> {
        let packages = ["org.apache.kafka.tools.consumer.", "kafka.tools."];
        match packages.into_iter().find_map(|package| class.strip_prefix(package))? {
            "DefaultMessageFormatter" | "LoggingMessageFormatter" => Some(Kind::Default),
            "NoOpMessageFormatter" => Some(Kind::NoOp),
            _ => None,
        }
    }

    pub(crate) fn new(kind: Kind, properties: &Properties) -> Self {
        let flag = |key: &str, default: bool| {
            properties.get(key).map_or(default, |value| value.trim().eq_ignore_ascii_case("true"))
        };
        let text = |key: &str, default: &str| properties.get(key).map_or(default, String::as_str).as_bytes().to_vec();
        // Kafka's tool logs a class that it does not find, and shows the bytes.
        let class = |key: &str| properties.get(key).and_then(|class| Deserializer::named(class));
        Self {
            kind,
            timestamp: flag("print.timestamp", false),
            key: flag("print.key", false),
            value: flag("print.value", true),
            partition: flag("print.partition", false),
            offset: flag("print.offset", false),
            delivery: flag("print.delivery", false),
            epoch: flag("print.epoch", false),
            headers: flag("print.headers", false),
            key_separator: text("key.separator", "\t"),
            line_separator: text("line.separator", "\n"),
            headers_separator: text("headers.separator", ","),
            null_literal: text("null.literal", "null"),
            key_deserializer: class("key.deserializer"),
            value_deserializer: class("value.deserializer"),
            headers_deserializer: class("headers.deserializer"),
        }
    }

    /// Writes one record.
    pub(crate) fn write(&self, record: &ConsumedRecord, output: &mut dyn Write) -> Result<(), FormatError> {
        match self.kind {
            Kind::NoOp => Ok(()),
            Kind::Json => Ok(writeln!(output, "{}", self.json(record)?)?),
            Kind::Default => self.write_columns(record, output),
        }
    }

    fn write_columns(&self, consumed: &ConsumedRecord, output: &mut dyn Write) -> Result<(), FormatError> {
        let record = &consumed.record;
        let wanted = [
            self.timestamp,
            self.partition,
            self.offset,
            self.delivery,
            self.epoch,
            self.headers,
            self.key,
            self.value,
        ];
        for (column, _) in wanted.iter().enumerate().filter(|(_, is_wanted)| **is_wanted) {
            match column {
                0 => write!(output, "{}:{}", timestamp_name(consumed), record.timestamp)?,
                1 => write!(output, "Partition:{}", consumed.partition)?,
                2 => write!(output, "Offset:{}", record.offset)?,
                // Kafka's tool does not pass these two on to its formatter.
                3 => write!(output, "Delivery:NOT_PRESENT")?,
                4 => write!(output, "Epoch:NOT_PRESENT")?,
                5 => self.write_headers(consumed, output)?,
                6 => output.write_all(&self.shown(self.key_deserializer, record.key.as_deref())?)?,
                _ => output.write_all(&self.shown(self.value_deserializer, record.value.as_deref())?)?,
            }
            let is_last = !wanted[column + 1..].contains(&true);
            output.write_all(if is_last { &self.line_separator } else { &self.key_separator })?;
        }
        Ok(())
    }

    fn write_headers(&self, consumed: &ConsumedRecord, output: &mut dyn Write) -> Result<(), FormatError> {
        if consumed.record.headers.is_empty() {
            output.write_all(b"NO_HEADERS")?;
        }
        for (index, header) in consumed.record.headers.iter().enumerate() {
            if index > 0 {
                output.write_all(&self.headers_separator)?;
            }
            output.write_all(&header.key)?;
            output.write_all(b":")?;
            output.write_all(&self.shown(self.headers_deserializer, header.value.as_deref())?)?;
        }
        Ok(())
    }

    /// As Kafka's tool does, the words for null go through the deserializer, too.
    fn shown(&self, deserializer: Option<Deserializer>, bytes: Option<&[u8]>) -> Result<Vec<u8>, FormatError> {
        let bytes = bytes.unwrap_or(&self.null_literal);
        match deserializer {
            Some(deserializer) => deserializer.print(bytes).map_err(FormatError::Serialization),
            None => Ok(bytes.to_vec()),
        }
    }

    fn json(&self, consumed: &ConsumedRecord) -> Result<Value, FormatError> {
        let record = &consumed.record;
        let field = |deserializer: Option<Deserializer>, bytes: Option<&[u8]>| match bytes {
            None => Ok(Value::Null),
            Some(bytes) => self.shown(deserializer, Some(bytes)).map(|shown| json_text(&shown)),
        };
        let headers = record.headers.iter().map(|header| {
            let value = field(self.headers_deserializer, header.value.as_deref())?;
            Ok(json!({ "key": json_text(&header.key), "value": value }))
        });
        Ok(json!({
            "topic": &*consumed.topic,
            "partition": consumed.partition,
            "offset": record.offset,
            "leaderEpoch": (consumed.leader_epoch >= 0).then_some(consumed.leader_epoch),
            "timestampMs": (record.timestamp >= 0).then_some(record.timestamp),
            "timestampType": timestamp_name(consumed),
            "headers": headers.collect::<Result<Vec<Value>, FormatError>>()?,
            "key": field(self.key_deserializer, record.key.as_deref())?,
            "value": field(self.value_deserializer, record.value.as_deref())?,
        }))
    }
}

fn timestamp_name(consumed: &ConsumedRecord) -> &'static str {
    match consumed.timestamp_type {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

/// Text as a string; what is no text as `{"bytes": "<hexadecimal>"}`.
fn json_text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
    }
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::records::{Record, RecordHeader};

    use super::*;

    fn shown(kind: Kind, pairs: &[(&str, &str)]) -> String {
        let properties = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let record = ConsumedRecord {
            topic: "t".into(),
            partition: 2,
            leader_epoch: 4,
            timestamp_type: TimestampType::CreateTime,
            record: Record {
                offset: 7,
                timestamp: 9,
                sequence: -1,
                key: None,
                value: Some("v".into()),
                headers: vec![RecordHeader::new("a", Some("b")), RecordHeader::new("c", None::<&str>)],
            },
        };
        let mut output = Vec::new();
        match Formatter::new(kind, &properties).write(&record, &mut output) {
            Ok(()) => String::from_utf8(output).unwrap(),
            Err(FormatError::Serialization(text)) => text,
            Err(FormatError::Output) => String::new(),
        }
    }

    #[test]
    fn columns_come_in_kafkas_order() {
        let names = ["timestamp", "partition", "offset", "delivery", "epoch", "headers", "key"];
        let names: Vec<String> = names.iter().map(|name| format!("print.{name}")).collect();
        let mut all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "true")).collect();
        let line = "CreateTime:9|Partition:2|Offset:7|Delivery:NOT_PRESENT|Epoch:NOT_PRESENT|a:b,c:null|null|v\n";
        all.push(("key.separator", "|"));
        assert_eq!(shown(Kind::Default, &all), line);
        assert_eq!(shown(Kind::Default, &[]), "v\n");
        assert_eq!(shown(Kind::Default, &[("print.key", "true"), ("print.value", "false")]), "null\n");
        assert_eq!(shown(Kind::NoOp, &[]), "");
    }

    #[test]
    fn null_goes_through_the_deserializer_as_in_kafka() {
        let told = shown(Kind::Default, &[("print.key", "true"), ("key.deserializer", "LongDeserializer")]);
        assert_eq!(told, "Size of data received by LongDeserializer is not 8");
    }

    #[test]
    fn json_is_one_object_per_record() {
        let expected = json!({
            "topic": "t", "partition": 2, "offset": 7, "leaderEpoch": 4, "timestampMs": 9,
            "timestampType": "CreateTime", "key": null, "value": "v",
            "headers": [{"key": "a", "value": "b"}, {"key": "c", "value": null}],
        });
        assert_eq!(serde_json::from_str::<Value>(&shown(Kind::Json, &[])).unwrap(), expected);
        assert_eq!(json_text(&[0xff, 0]), json!({"bytes": "ff00"}));
    }
}
