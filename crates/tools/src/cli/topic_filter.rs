//! Topics chosen by a regular expression, as the tools' `--topic` and `--include` take it. Java's syntax, but for
//! look-around and possessive quantifiers, which no topic name needs.

use regex::bytes::{Regex, RegexBuilder};

use crate::failure::Failure;

const INTERNAL_TOPICS: &[&str] = &["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Whether Kafka keeps its own data in the topic of this name.
pub fn is_internal_topic(name: &str) -> bool {
    INTERNAL_TOPICS.contains(&name)
}

/// A list of regular expressions, separated by commas, that a whole name has to match one of.
#[derive(Clone, Debug)]
pub struct TopicFilter {
    pattern: Regex,
}

impl TopicFilter {
    /// Blanks and quotes around the text do not count; a comma means "or".
    pub fn new(text: &str) -> Result<Self, Failure> {
        let plain = text.trim().replace(',', "|").replace(' ', "");
        let plain = plain.trim_matches(['"', '\'']);
        let invalid = |_| Failure::OnStdout(format!("{plain} is an invalid regex."));
        // Names are ASCII, and so are Java's character classes by default.
        let pattern = RegexBuilder::new(&format!("^(?:{plain})$")).unicode(false).build().map_err(invalid)?;
        Ok(Self { pattern })
    }

    /// Whether the name is chosen.
    pub fn allows(&self, topic: &str, exclude_internal: bool) -> bool {
        self.pattern.is_match(topic.as_bytes()) && !(exclude_internal && is_internal_topic(topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_whole_names() {
        let allows = |text: &str, name: &str| TopicFilter::new(text).unwrap().allows(name, true);
        assert!(allows("a, b|c", "b") && allows("a, b|c", "c") && !allows("a, b|c", "ab"));
        assert!(allows("'orders.*'", "orders-1") && allows("[ab]+", "abba") && allows("\\w+\\d", "x1"));
        assert!(!allows(".*", "__consumer_offsets"));
        assert!(TopicFilter::new(".*").unwrap().allows("__consumer_offsets", false));
        assert!(TopicFilter::new("((").is_err());
    }
}
