//! `KAFKA_CREATE_TOPICS` of wurstmeister's image: `name:partitions:replicas[:cleanup.policy]`, several of them between
//! separators.

use crate::load::Warning;

/// A topic that the environment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicToCreate {
    /// Its name.
    pub name: String,
    /// How many partitions; -1 takes the broker's default.
    pub partitions: i32,
    /// How many replicas; -1 takes the broker's default.
    pub replication_factor: i16,
    /// Its own settings.
    pub configs: Vec<(String, String)>,
}

/// `separators` is a set of characters, as in a shell's IFS. What cannot be read is said and left out.
pub(super) fn parse(text: &str, separators: &str, warnings: &mut Vec<Warning>) -> Vec<TopicToCreate> {
    let items = text.split(|ch: char| separators.contains(ch)).map(str::trim).filter(|item| !item.is_empty());
    let mut topics = Vec::new();
    for item in items {
        match parse_one(item.trim_matches(['"', '\''])) {
            Some(topic) => topics.push(topic),
            None => warnings.push(Warning {
                key: "KAFKA_CREATE_TOPICS".into(),
                message: format!(
                    "KAFKA_CREATE_TOPICS: {item:?} is left out; write name:partitions:replicas or \
                     name:partitions:replicas:cleanup.policy"
                ),
            }),
        }
    }
    topics
}

fn parse_one(item: &str) -> Option<TopicToCreate> {
    let mut parts = item.split(':').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let mut number = || match parts.next() {
        None | Some("") => Some(-1),
        Some(text) => text.parse::<i32>().ok().filter(|number| *number > 0),
    };
    let (partitions, replicas) = (number()?, number()?);
    let replication_factor = i16::try_from(replicas).ok()?;
    let policy = parts.next().filter(|policy| !policy.is_empty());
    let configs = policy.map(|policy| ("cleanup.policy".to_owned(), policy.replace(' ', ","))).into_iter().collect();
    Some(TopicToCreate { name, partitions, replication_factor, configs })
}
