//! Values of keys: parsing as Kafka parses them, range checks, and Kafka's text form. Which keys exist is in `keys/`.

use std::fmt;

use crate::key::{Allowed, ConfigKey, ConfigType};

/// A text that must not appear in logs or answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The secret itself, for those who must compare or use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A parsed value. `Null` stands for a key that is not set and has no default.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not set.
    Null,
    /// BOOLEAN.
    Boolean(bool),
    /// INT.
    Int(i32),
    /// SHORT.
    Short(i16),
    /// LONG.
    Long(i64),
    /// DOUBLE.
    Double(f64),
    /// STRING and CLASS.
    Text(String),
    /// LIST.
    List(Vec<String>),
    /// PASSWORD.
    Password(Password),
}

impl Value {
    /// Parses and checks the text of a key. The error says in one clause what is wrong.
    pub fn parse(key: &ConfigKey, text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let value = match key.config_type {
            ConfigType::Boolean => Self::Boolean(parse_boolean(trimmed)?),
            ConfigType::Int => Self::Int(parse_number(trimmed, "a whole number of 32 bits")?),
            ConfigType::Short => Self::Short(parse_number(trimmed, "a whole number of 16 bits")?),
            ConfigType::Long => Self::Long(parse_number(trimmed, "a whole number of 64 bits")?),
            ConfigType::Double => Self::Double(parse_double(trimmed)?),
            ConfigType::String | ConfigType::Class => Self::Text(trimmed.to_owned()),
            ConfigType::List => Self::List(parse_list(trimmed)),
            ConfigType::Password => Self::Password(Password(text.to_owned())),
        };
        value.check(key)?;
        Ok(value)
    }

    /// The default of a key.
    pub fn default_of(key: &ConfigKey) -> Self {
        // A test parses every default of the table, so the fallback is never taken.
        key.default.map_or(Self::Null, |text| Self::parse(key, text).unwrap_or(Self::Null))
    }

    /// Whether there is no value.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Kafka's text form; `None` for null and for secrets.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Null | Self::Password(_) => None,
            Self::Boolean(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Short(value) => Some(value.to_string()),
            Self::Long(value) => Some(value.to_string()),
            Self::Double(value) => Some(java_double(*value)),
            Self::Text(value) => Some(value.clone()),
            Self::List(items) => Some(items.join(",")),
        }
    }

    /// The value of any of the whole number types.
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(i64::from(*value)),
            Self::Short(value) => Some(i64::from(*value)),
            Self::Long(value) => Some(*value),
            _ => None,
        }
    }

    fn check(&self, key: &ConfigKey) -> Result<(), String> {
        let accepted = match (key.allowed, self) {
            (Allowed::Any, _) => true,
            (Allowed::AtLeast(lowest), Self::Double(value)) => *value >= lowest as f64,
            (Allowed::AtLeast(lowest), _) => self.as_number().is_some_and(|value| value >= lowest),
            (Allowed::Between(lowest, highest), _) => {
                self.as_number().is_some_and(|value| (lowest..=highest).contains(&value))
            }
            (Allowed::BetweenDoubles(lowest, highest), Self::Double(value)) => (lowest..=highest).contains(value),
            (Allowed::OneOf(words), Self::List(items)) => items.iter().all(|item| words.contains(&item.as_str())),
            (Allowed::OneOf(words), Self::Text(text)) => words.contains(&text.as_str()),
            (Allowed::OneOfAnyCase(words), Self::Text(text)) => {
                words.iter().any(|word| word.eq_ignore_ascii_case(text))
            }
            (Allowed::GzipLevel, _) => self.as_number().is_some_and(|level| level == -1 || (1..=9).contains(&level)),
            (Allowed::ThrottledReplicas, Self::List(items)) => are_throttled_replicas(items),
            (Allowed::OffsetReset, Self::Text(text)) => is_offset_reset(text),
            _ => false,
        };
        if !accepted {
            return Err(format!("it must be {}", key.allowed_text()));
        }
        match self {
            Self::Text(text) if key.non_empty && text.is_empty() => Err("it must not be empty".into()),
            Self::List(items) if key.non_empty && items.is_empty() => Err("it must not be empty".into()),
            Self::List(items) if items.iter().any(String::is_empty) => Err("it contains an empty item".into()),
            _ => Ok(()),
        }
    }
}

fn parse_boolean(text: &str) -> Result<bool, String> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err("it must be true or false".into())
    }
}

fn parse_number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("it is not {what}"))
}

fn parse_double(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| "it is not a number".into())
}

/// Items in order, without repeats.
fn parse_list(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    if !text.is_empty() {
        for item in text.split(',').map(str::trim) {
            if !items.iter().any(|known| known == item) {
                items.push(item.to_owned());
            }
        }
    }
    items
}

fn are_throttled_replicas(items: &[String]) -> bool {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(items, [only] if only == "*")
        || items
            .iter()
            .all(|item| item.split_once(':').is_some_and(|(partition, broker)| is_id(partition) && is_id(broker)))
}

fn is_offset_reset(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("by_duration:") {
        Some(duration) => crate::duration::parse_iso_millis(duration).is_some_and(|millis| millis >= 0),
        None => lower == "earliest" || lower == "latest",
    }
}

/// A double as Java prints it, because that is what Kafka's tools show.
fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn doubles_look_like_javas() {
        let seen: Vec<_> = [0.5, 1e-5, f64::MAX, 1e7, 0.0, 100.0, 0.001].into_iter().map(java_double).collect();
        assert_eq!(seen, ["0.5", "1.0E-5", "1.7976931348623157E308", "1.0E7", "0.0", "100.0", "0.001"]);
    }

    #[test]
    fn lists_drop_repeats_and_refuse_empty_items() {
        let row = key::list("l", "");
        assert_eq!(Value::parse(&row, " a , b,a").unwrap(), Value::List(vec!["a".into(), "b".into()]));
        assert_eq!(Value::parse(&row, "").unwrap(), Value::List(vec![]));
        assert!(Value::parse(&row, "a,,b").is_err());
        assert!(Value::parse(&row.non_empty(), " ").is_err());
    }

    #[test]
    fn numbers_are_trimmed_signed_and_bounded() {
        let row = key::int("i", "").at_least(1);
        assert_eq!(Value::parse(&row, " +77 ").unwrap(), Value::Int(77));
        assert_eq!(Value::parse(&row, "0").unwrap_err(), "it must be at least 1");
        assert_eq!(Value::parse(&row, "3000000000").unwrap_err(), "it is not a whole number of 32 bits");
        assert!(Value::parse(&key::double("d", ""), "NaN").is_err());
    }

    #[test]
    fn throttled_replicas_and_offset_resets() {
        let replicas = key::list("l", "").throttled_replicas();
        assert!(["", "*", "0:1", "0:1,1:2"].iter().all(|text| Value::parse(&replicas, text).is_ok()));
        assert!(["none", "0:1,x", "*,0:5", "0:-1"].iter().all(|text| Value::parse(&replicas, text).is_err()));
        let reset = key::string("s", "").offset_reset();
        assert!(
            ["latest", "earliest", "by_duration:PT1H", "by_duration:P1DT2H3.5S"]
                .iter()
                .all(|t| Value::parse(&reset, t).is_ok())
        );
        assert!(
            ["none", "by_duration:x", "by_duration:P", "by_duration:-PT1H"]
                .iter()
                .all(|t| Value::parse(&reset, t).is_err())
        );
    }

    #[test]
    fn secrets_do_not_print() {
        let value = Value::parse(&key::password("p", ""), "geheim").unwrap();
        assert!(!format!("{value:?}").contains("geheim"));
        assert_eq!(value.to_text(), None);
    }
}
