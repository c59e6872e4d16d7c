//! `--config key=value` of a topic to be created, judged before it is sent, in Kafka's words. What the broker judges is its
//! affair.

use barnabas_config::keys::topic_key;
use barnabas_config::{Allowed, ConfigKey, ConfigType, Value};

use crate::Failure;

/// The pairs of all `--config` options; a later one of the same key wins.
pub(super) fn parse(options: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut configs: Vec<(String, String)> = Vec::new();
    for option in options {
        let parts: Vec<&str> = option.trim_end_matches('=').split('=').map(str::trim).collect();
        let &[name, value] = parts.as_slice() else {
            return Err(super::wrong(
                "requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".",
            ));
        };
        configs.retain(|(known, _)| known != name);
        configs.push((name.to_owned(), value.to_owned()));
    }
    validate(&configs).map_err(super::wrong)?;
    Ok(configs)
}

fn validate(configs: &[(String, String)]) -> Result<(), String> {
    let unknown = configs.iter().find(|(name, _)| topic_key(name).is_none());
    if let Some((name, _)) = unknown {
        return Err(format!("Unknown topic config name: {name}"));
    }
    for (name, text) in configs {
        let key = topic_key(name).filter(|key| Value::parse(key, text).is_err());
        if let Some(key) = key {
            return Err(problem(key, text));
        }
    }
    let lag = |name: &str| configs.iter().find(|(key, _)| key == name).and_then(|(_, text)| text.parse::<i64>().ok());
    match (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms")) {
        (Some(min), Some(max)) if min > max => {
            Err(format!("conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"))
        }
        _ => Ok(()),
    }
}

/// What Kafka says about a value that does not parse or is out of range.
fn problem(key: &ConfigKey, text: &str) -> String {
    let number = text.parse::<f64>().ok().filter(|_| is_in_type(key.config_type, text));
    let is_number =
        matches!(key.config_type, ConfigType::Int | ConfigType::Short | ConfigType::Long | ConfigType::Double);
    let reason = match (key.allowed, number) {
        _ if key.config_type == ConfigType::Boolean => "Expected value to be either true or false".into(),
        (_, None) if is_number => format!("Not a number of type {}", key.config_type.name()),
        (Allowed::AtLeast(lowest), _) => format!("Value must be at least {lowest}"),
        (Allowed::Between(lowest, _), Some(value)) if value < lowest as f64 => {
            format!("Value must be at least {lowest}")
        }
        (Allowed::Between(_, highest), _) => format!("Value must be no more than {highest}"),
        (Allowed::BetweenDoubles(lowest, _), Some(value)) if value < lowest => {
            format!("Value must be at least {lowest}")
        }
        (Allowed::BetweenDoubles(_, highest), _) => format!("Value must be no more than {highest}"),
        (Allowed::OneOf(words) | Allowed::OneOfAnyCase(words), _) => {
            format!("String must be one of: {}", words.join(", "))
        }
        (Allowed::GzipLevel, _) => "Value must be between 1 and 9 or equal to -1".into(),
        (Allowed::ThrottledReplicas, _) => format!(
            "{} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],...",
            key.name
        ),
        _ => key.documentation.into(),
    };
    format!("Invalid value {} for configuration {}: {reason}", shown(key, text, number), key.name)
}

fn is_in_type(config_type: ConfigType, text: &str) -> bool {
    match config_type {
        ConfigType::Int => text.parse::<i32>().is_ok(),
        ConfigType::Short => text.parse::<i16>().is_ok(),
        ConfigType::Long => text.parse::<i64>().is_ok(),
        _ => true,
    }
}

/// Values that were parsed are shown as Java shows them.
fn shown(key: &ConfigKey, text: &str, number: Option<f64>) -> String {
    match (key.allowed, key.config_type, number) {
        (Allowed::ThrottledReplicas, _, _) => {
            format!("[{}]", text.split(',').map(str::trim).collect::<Vec<_>>().join(", "))
        }
        (_, ConfigType::Double, Some(value)) => Value::Double(value).to_text().unwrap_or_default(),
        (Allowed::OneOf(words), ConfigType::List, _) => {
            let wrong = text.split(',').map(str::trim).find(|item| !words.contains(item));
            wrong.unwrap_or(text).to_owned()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(option: &str) -> String {
        match parse(&option.split(' ').map(str::to_owned).collect::<Vec<_>>()) {
            Err(Failure::OnStdout(text)) => text.trim_start_matches(super::super::PREFIX).to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn wrong_settings_are_told_in_kafkas_words() {
        let invalid =
            |name: &str, value: &str, reason: &str| format!("Invalid value {value} for configuration {name}: {reason}");
        assert_eq!(told("no.such=1"), "Unknown topic config name: no.such");
        assert_eq!(told("segment.bytes=100"), invalid("segment.bytes", "100", "Value must be at least 1048576"));
        assert_eq!(told("retention.ms=abc"), invalid("retention.ms", "abc", "Not a number of type LONG"));
        assert_eq!(
            told("segment.bytes=99999999999"),
            invalid("segment.bytes", "99999999999", "Not a number of type INT")
        );
        let name = "min.cleanable.dirty.ratio";
        assert_eq!(told(&format!("{name}=2")), invalid(name, "2.0", "Value must be no more than 1"));
        assert_eq!(told(&format!("{name}=a")), invalid(name, "a", "Not a number of type DOUBLE"));
        let name = "compression.lz4.level";
        assert_eq!(told(&format!("{name}=99")), invalid(name, "99", "Value must be no more than 17"));
        assert_eq!(
            told("preallocate=maybe"),
            invalid("preallocate", "maybe", "Expected value to be either true or false")
        );
        assert_eq!(
            told("min.compaction.lag.ms=5 max.compaction.lag.ms=2"),
            "conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (2)"
        );
        assert!(
            told("cleanup.policy=").contains("key=val")
                && told("a").contains("key=val")
                && told("a=b=c").contains("key=val")
        );
    }

    #[test]
    fn the_last_value_of_a_key_wins() {
        let pairs = parse(&["retention.ms=1".into(), "retention.ms = 2".into()]).unwrap();
        assert_eq!(pairs, [("retention.ms".to_owned(), "2".to_owned())]);
    }
}
