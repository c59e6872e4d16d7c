//! `key=value` options and properties files of the tools that take settings for clients, readers and formatters.

use std::collections::BTreeMap;

use barnabas_config::parse_properties;

use crate::client::{ClientError, Settings};
use crate::failure::Failure;

/// Settings by name.
pub(crate) type Properties = BTreeMap<String, String>;

/// Those of a file, then those of the command line.
pub(crate) fn merged(file: Option<&str>, pairs: &[String]) -> Result<Properties, Failure> {
    let mut all = file.map(load).transpose()?.unwrap_or_default();
    all.extend(pairs.iter().map(|pair| split(pair)));
    Ok(all)
}

/// A word without `=` is a key with an empty value, as Kafka's tools read it.
fn split(pair: &str) -> (String, String) {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    (key.to_owned(), value.to_owned())
}

fn load(path: &str) -> Result<Properties, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::Message(format!("java.nio.file.NoSuchFileException: {path}")),
        _ => Failure::Message(format!("cannot read {path}: {error}; give the path of a properties file")),
    })?;
    let lines = parse_properties(&text)
        .map_err(|error| ClientError::Config(format!("{path}, line {}: {}", error.line, error.problem)))?;
    Ok(lines.into_iter().map(|(_, key, value)| (key, value)).collect())
}

/// Client settings for these addresses. `bootstrap.servers` of the properties yields to the command line.
pub(crate) fn client_settings(bootstrap: &str, properties: &Properties) -> Result<Settings, Failure> {
    let mut settings = Settings::new(bootstrap, None)?;
    for (key, value) in properties.iter().filter(|(key, _)| *key != "bootstrap.servers") {
        settings.set(key, value)?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_win_over_the_file_and_may_lack_a_value() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a=1\nb=2\n").unwrap();
        let all = merged(file.path().to_str(), &["b=x=y".into(), "c".into()]).unwrap();
        let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(all, [("a", "1"), ("b", "x=y"), ("c", "")]);
        assert!(format!("{:?}", merged(Some("/does/not/exist"), &[])).contains("NoSuchFileException: /does/not/exist"));
    }
}
