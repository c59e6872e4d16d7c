//! `kafka-verifiable-producer` and `kafka-verifiable-consumer`: what happens, as JSON lines that test harnesses read. The
//! order of the keys is Kafka's.

mod consume;
mod produce;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::{Context, Failure};
pub(crate) use consume::TOOL as CONSUMER;
pub(crate) use produce::TOOL as PRODUCER;

/// `{"timestamp":…,"name":…, fields}` on one line.
pub(crate) fn event(name: &str, fields: &[(&str, Value)]) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    event_at(since.as_millis(), name, fields)
}

fn event_at(timestamp_ms: u128, name: &str, fields: &[(&str, Value)]) -> String {
    let fields: String = fields.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    format!("{{\"timestamp\":{timestamp_ms},\"name\":\"{name}\"{fields}}}")
}

/// A line that a harness sees at once.
fn line(context: &mut Context<'_>, text: String) -> Result<(), Failure> {
    context.out(text)?;
    Ok(context.stdout.flush()?)
}

/// Like [`event`], with a list of objects as the last but `after` fields. Objects keep the order of their keys, which a map
/// of JSON would sort.
pub(crate) fn event_with_list(
    name: &str,
    before: &[(&str, Value)],
    list: (&str, &[Vec<(&str, Value)>]),
    after: &[(&str, Value)],
) -> String {
    let head = event(name, before);
    let objects: Vec<String> = list.1.iter().map(|fields| ordered(fields)).collect();
    let after: String = after.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    format!("{},\"{}\":[{}]{after}}}", head.trim_end_matches('}'), list.0, objects.join(","))
}

fn ordered(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order() {
        let fields = [("value", Value::from("a\"b")), ("key", Value::Null)];
        assert_eq!(event_at(5, "x", &fields), r#"{"timestamp":5,"name":"x","value":"a\"b","key":null}"#);
        assert_eq!(ordered(&fields), r#"{"value":"a\"b","key":null}"#);
    }
}
