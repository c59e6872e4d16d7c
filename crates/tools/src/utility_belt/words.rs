//! The words after a command: positional ones, and options in any place.

use std::time::Duration;

use super::Trouble;

/// Names of options with a value: what callers write, and what the commands ask for.
const VALUES: &[(&str, &str)] = &[
    ("-b", "bootstrap"),
    ("--bootstrap_broker_list", "bootstrap"),
    ("--bootstrap-servers", "bootstrap"),
    ("--bootstrap-server", "bootstrap"),
    ("-z", "zookeeper"),
    ("--zookeeper_connect", "zookeeper"),
    ("--zookeeper-connect", "zookeeper"),
    ("-c", "config"),
    ("--config", "config"),
    ("-s", "security"),
    ("--security-protocol", "security"),
    ("--security", "security"),
    ("--username", "username"),
    ("--password", "password"),
];
const SWITCHES: &[&str] = &["--secure", "--ignore_cert", "--ignore-cert"];

#[derive(Default)]
pub(super) struct Words {
    positional: Vec<String>,
    options: Vec<(&'static str, String)>,
    pub(super) is_secure: bool,
}

impl Words {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Trouble> {
        let mut words = Self::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            if SWITCHES.contains(&name) {
                words.is_secure |= name == "--secure";
            } else if let Some((_, option)) = VALUES.iter().find(|(known, _)| *known == name) {
                let value = attached.or_else(|| rest.next().cloned());
                let value = value.ok_or_else(|| Trouble::Usage(format!("argument {name}: expected one argument")))?;
                words.options.push((option, value));
            } else if word.starts_with('-') && word.len() > 1 && word.parse::<f64>().is_err() {
                return Err(Trouble::Usage(format!("unrecognized arguments: {word}")));
            } else {
                words.positional.push(word.clone());
            }
        }
        Ok(words)
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Exactly as many positional words as there are names.
    pub(super) fn exactly<const N: usize>(&self, names: [&str; N]) -> Result<[&str; N], Trouble> {
        if self.positional.len() > N {
            return Err(Trouble::Usage(format!("unrecognized arguments: {}", self.positional[N..].join(" "))));
        }
        let mut found = [""; N];
        for (slot, word) in found.iter_mut().zip(&self.positional) {
            *slot = word;
        }
        let missing = &names[self.positional.len()..];
        if missing.is_empty() {
            return Ok(found);
        }
        Err(Trouble::Usage(format!("the following arguments are required: {}", missing.join(", "))))
    }

    pub(super) fn all(&self) -> &[String] {
        &self.positional
    }
}

/// A number of seconds, as all commands take them.
pub(super) fn seconds(text: &str) -> Result<Duration, Trouble> {
    let parsed = text.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    parsed.ok_or_else(|| Trouble::Usage(format!("argument timeout: invalid value: '{text}'; give seconds")))
}
