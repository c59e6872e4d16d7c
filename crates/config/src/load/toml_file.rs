//! TOML with Kafka's keys: tables and dotted keys are joined with dots, arrays become comma lists.

use toml::{Table, Value};

/// Keys and texts of a TOML file.
pub fn parse_toml(contents: &str) -> Result<Vec<(String, String)>, String> {
    let table: Table = contents.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut pairs = Vec::new();
    flatten("", &table, &mut pairs)?;
    Ok(pairs)
}

fn flatten(prefix: &str, table: &Table, pairs: &mut Vec<(String, String)>) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, pairs)?,
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
                let texts = texts.ok_or_else(|| format!("{key}: a list may hold only plain values"))?;
                pairs.push((key, texts.join(",")));
            }
            other => pairs.extend(scalar(other).map(|text| (key, text))),
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(time) => Some(time.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_toml;

    #[test]
    fn tables_dotted_keys_and_lists_flatten() {
        let text = r#"
            "broker.id" = 3
            log.retention.ms = 5
            listeners = ["PLAINTEXT://:9092", "CONTROLLER://:9093"]
            [log.cleaner]
            enable = true
            min.cleanable.ratio = 0.5
        "#;
        let mut pairs = parse_toml(text).unwrap();
        pairs.sort();
        let expected = [
            ("broker.id", "3"),
            ("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"),
            ("log.cleaner.enable", "true"),
            ("log.cleaner.min.cleanable.ratio", "0.5"),
            ("log.retention.ms", "5"),
        ];
        assert_eq!(pairs, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn broken_files_and_nested_lists_are_refused() {
        assert!(parse_toml("a = ").is_err());
        assert!(parse_toml("a = [[1]]").is_err());
    }
}
