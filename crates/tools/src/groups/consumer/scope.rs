//! Which partitions `--topic` means: a topic, or `topic:0,1,2`.

use std::collections::BTreeSet;

use crate::Failure;
use crate::client::groups::TopicPartition;

/// The partitions that were named, and the topics that are meant as a whole.
pub(super) fn parse(arguments: &[String]) -> Result<(BTreeSet<TopicPartition>, Vec<String>), Failure> {
    let (mut partitions, mut topics) = (BTreeSet::new(), BTreeSet::new());
    for argument in arguments {
        if !argument.contains(':') {
            topics.insert(argument.clone());
            continue;
        }
        let parts: Vec<&str> = argument.trim_end_matches(':').split(':').collect();
        let [topic, numbers] = parts[..] else {
            let text = format!("Invalid topic arg '{argument}', expected topic name and partitions");
            return Err(Failure::Usage(text));
        };
        for number in numbers.trim_end_matches(',').split(',') {
            let partition = number.parse().map_err(|_| {
                Failure::Usage(format!("Invalid partition '{number}' specified in topic arg '{argument}''"))
            })?;
            partitions.insert((topic.to_owned(), partition));
        }
    }
    Ok((partitions, topics.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn topics_and_partitions() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (partitions, topics) = parse(&words(&["b", "a:1,0", "b"])).unwrap();
        assert_eq!(partitions.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 0), ("a".to_owned(), 1)]);
        assert_eq!(topics, ["b"]);
        assert!(parse(&words(&["a:x"])).is_err());
        assert!(parse(&words(&["a:0:1"])).is_err());
    }
}
