//! Which partitions `--topic-partitions`, or `--topic` and `--partitions`, mean.

use crate::Failure;
use crate::cli::TopicFilter;

/// A partition is chosen if any rule allows it.
#[derive(Debug)]
pub(super) struct Filter {
    rules: Vec<(TopicFilter, Partitions)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Partitions {
    /// One of these; all if there are none.
    In(Vec<i32>),
    /// From the first on, without the last.
    Range(i32, i32),
}

impl Filter {
    pub(super) fn of_topic(topic: Option<&str>, partitions: Option<&str>) -> Result<Self, String> {
        let list = partitions.unwrap_or_default();
        let numbers = list.split(',').filter(|_| !list.is_empty()).map(str::parse).collect::<Result<_, _>>();
        let numbers = numbers.map_err(|_| {
            format!("--partitions expects a comma separated list of numeric partition ids, but received: {list}")
        })?;
        Ok(Self { rules: vec![(pattern(topic.unwrap_or(".*"))?, Partitions::In(numbers))] })
    }

    /// From rules like `topic:1,topic:0-3,:-2`.
    pub(super) fn of_rules(text: &str) -> Result<Self, String> {
        let rules = text.trim_end_matches(',').split(',').map(rule).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    pub(super) fn allows(&self, topic: &str, partition: i32) -> bool {
        self.rules.iter().any(|(pattern, partitions)| partitions.contain(partition) && pattern.allows(topic, false))
    }
}

impl Partitions {
    fn contain(&self, partition: i32) -> bool {
        match self {
            Self::In(numbers) => numbers.is_empty() || numbers.contains(&partition),
            Self::Range(first, end) => (*first..*end).contains(&partition),
        }
    }
}

fn rule(text: &str) -> Result<(TopicFilter, Partitions), String> {
    let (topic, partitions) = text.split_once(':').unwrap_or((text, ""));
    let (first, end) = partitions.split_once('-').unwrap_or((partitions, "-"));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(first) || !is_number(end.trim_start_matches('-')) || end.len() > 1 && end.starts_with('-') {
        return Err(format!("org.apache.kafka.tools.TerseException: Invalid rule specification: {text}"));
    }
    let number = |text: &str, default| match text {
        "" | "-" => Ok(default),
        digits => digits.parse::<i32>().map_err(|_| format!("For input string: \"{digits}\"")),
    };
    let pattern = pattern(if topic.is_empty() { ".*" } else { topic })?;
    let is_single = !first.is_empty() && !partitions.contains('-');
    let partitions = if is_single {
        Partitions::In(vec![number(first, 0)?])
    } else {
        Partitions::Range(number(first, 0)?, number(end, i32::MAX)?)
    };
    Ok((pattern, partitions))
}

fn pattern(text: &str) -> Result<TopicFilter, String> {
    TopicFilter::new(text).map_err(|failure| match failure {
        Failure::OnStdout(message) | Failure::Message(message) | Failure::Usage(message) => message,
        other => format!("{other:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let partitions = |text: &str| rule(text).map(|(_, partitions)| partitions);
        assert_eq!(partitions("t:1"), Ok(Partitions::In(vec![1])));
        assert_eq!(partitions("t:0-3"), Ok(Partitions::Range(0, 3)));
        assert_eq!(partitions("t:5-"), Ok(Partitions::Range(5, i32::MAX)));
        assert_eq!(partitions("t:-3"), Ok(Partitions::Range(0, 3)));
        for all in ["t", "t:", "t:-", ""] {
            assert_eq!(partitions(all), Ok(Partitions::Range(0, i32::MAX)), "{all}");
        }
        for wrong in ["t:x", "t:0:1", "t:1-2-3", "t:--1"] {
            assert!(partitions(wrong).unwrap_err().ends_with(&format!("Invalid rule specification: {wrong}")));
        }
    }

    #[test]
    fn any_rule_allows() {
        let filter = Filter::of_rules("a:0,b.*:1-").unwrap();
        assert!(filter.allows("a", 0) && filter.allows("bb", 7) && !filter.allows("a", 1) && !filter.allows("bb", 0));
        let filter = Filter::of_topic(None, Some("0,2")).unwrap();
        assert!(filter.allows("x", 2) && !filter.allows("x", 1));
        assert!(Filter::of_topic(None, Some("a")).unwrap_err().ends_with("but received: a"));
    }
}
