//! What each service amounts to once anchors and merge keys are followed: image, environment, volumes, and who names whom.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::edit::Mention;
use super::images::{Kind, kind_of};
use super::tree::{At, Node, Tree};

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub name: String,
    /// Where its name stands.
    pub key: At,
    pub image: Option<(String, At)>,
    pub kind: Kind,
    pub env: BTreeMap<String, String>,
    /// Paths inside the container.
    pub volumes: Vec<String>,
    pub has_healthcheck: bool,
    pub has_env_file: bool,
    pub replicas: Option<u32>,
    /// Entry point and command.
    pub command: String,
    is_flow: bool,
    /// Every text of the service, merged ones included.
    words: Vec<String>,
}

impl Service {
    /// Where its image is written, perhaps at an anchor elsewhere.
    pub(super) fn image_at(&self) -> Option<At> {
        self.image.as_ref().map(|(_, at)| *at)
    }

    /// Whether the small ZooKeeper of our image can stand for it: told by variables, and started as the image starts.
    pub(super) fn is_plain_zookeeper(&self) -> bool {
        let is_told = self.env.keys().any(|key| key.starts_with("ZOOKEEPER_") || key.starts_with("ZOO_"));
        is_told && self.command.is_empty() && !self.words.iter().any(|word| word.contains("zkServer"))
    }

    /// Whether it only runs tools out of a Kafka image.
    pub(super) fn is_tool(&self) -> bool {
        const TOOLS: [&str; 9] = [
            "kafka-topics",
            "kafka-ready",
            "kafka-configs",
            "kafka-acls",
            "kafka-console",
            "kafka-consumer-groups",
            "kafka-broker-api-versions",
            "sleep infinity",
            "tail -f",
        ];
        const STARTS: [&str; 5] = ["/docker/run", "docker/launch", "server-start", "start-kafka", "kafka/run.sh"];
        let has = |words: &[&str]| words.iter().any(|word| self.command.contains(word));
        has(&TOOLS) && !has(&STARTS)
    }
}

#[derive(Debug)]
pub(super) struct Services {
    all: Vec<Service>,
    mentions: Vec<(String, Mention)>,
}

impl Services {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let tree = Tree::parse(text)?;
        let missing = || "it has no services; is it a compose file?".to_owned();
        let services = tree.get(&tree.root, "services").ok_or_else(missing)?;
        if !matches!(**tree.resolved(services), Node::Map { .. }) {
            return Err(missing());
        }
        let mut mentions = Vec::new();
        let all: Vec<Service> = tree
            .entries(services)
            .into_iter()
            .filter_map(|(key, value)| read_service(&tree, key, value, &mut mentions))
            .collect();
        mentions.sort_by_key(|(_, mention)| mention.at);
        mentions.dedup_by_key(|(_, mention)| mention.at);
        Ok(Self { all, mentions })
    }

    pub(super) fn all(&self) -> &[Service] {
        &self.all
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Service> {
        self.all.iter().filter(move |service| service.kind == kind)
    }

    /// Services that are neither Kafka nor ZooKeeper and name this one.
    pub(super) fn others_that_name(&self, name: &str) -> Vec<String> {
        let strangers = self.all.iter().filter(|service| !matches!(service.kind, Kind::Kafka | Kind::ZooKeeper));
        let users = strangers.filter(|service| service.words.iter().any(|word| mentions_host(word, name)));
        users.map(|service| service.name.clone()).collect()
    }

    /// Where other services say that they depend on this one.
    pub(super) fn mentions_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Mention> + 'a {
        self.mentions.iter().filter(move |(who, _)| who == name).map(|(_, mention)| mention)
    }

    pub(super) fn can_drop(&self, service: &Service) -> bool {
        !service.is_flow
    }
}

/// Whether a text has this host in it as a word of its own, as in `zookeeper:2181`.
fn mentions_host(text: &str, name: &str) -> bool {
    let is_part = |ch: char| ch.is_alphanumeric() || ch == '-' || ch == '_';
    text.match_indices(name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn read_service(
    tree: &Tree,
    key: &Rc<Node>,
    value: &Rc<Node>,
    mentions: &mut Vec<(String, Mention)>,
) -> Option<Service> {
    let Node::Scalar { text: name, at: key } = &**key else { return None };
    let image = tree.get(value, "image").and_then(|node| match &**tree.resolved(node) {
        Node::Scalar { text, at } => Some((text.clone(), *at)),
        _ => None,
    });
    for section in ["depends_on", "links"] {
        if let Some(node) = tree.get(value, section) {
            collect_mentions(tree, node, mentions);
        }
    }
    let deploy = tree.get(value, "deploy").and_then(|deploy| tree.get(deploy, "replicas"));
    let replicas = deploy.or_else(|| tree.get(value, "scale")).and_then(|node| tree.text(node)?.parse().ok());
    Some(Service {
        name: name.clone(),
        key: *key,
        kind: image.as_ref().map_or(Kind::Other, |(image, _)| kind_of(image)),
        image,
        env: environment(tree, value),
        volumes: targets(tree, value),
        has_healthcheck: tree.get(value, "healthcheck").is_some(),
        has_env_file: tree.get(value, "env_file").is_some(),
        replicas,
        command: ["entrypoint", "command"]
            .iter()
            .filter_map(|part| tree.get(value, part))
            .map(|node| joined(tree, node))
            .collect(),
        is_flow: matches!(&**value, Node::Map { is_flow: true, .. }),
        words: tree.texts(value),
    })
}

fn collect_mentions(tree: &Tree, node: &Rc<Node>, mentions: &mut Vec<(String, Mention)>) {
    match &**tree.resolved(node) {
        Node::List(items) => {
            for item in items {
                if let Node::Scalar { text, at } = &**item {
                    let name = text.split(':').next().unwrap_or(text).to_owned();
                    mentions.push((name, Mention { at: *at, is_key: false, is_only: items.len() == 1 }));
                }
            }
        }
        Node::Map { entries, .. } => {
            for (key, _) in entries {
                if let Node::Scalar { text, at } = &**key {
                    mentions.push((text.clone(), Mention { at: *at, is_key: true, is_only: entries.len() == 1 }));
                }
            }
        }
        _ => {}
    }
}

fn environment(tree: &Tree, service: &Rc<Node>) -> BTreeMap<String, String> {
    let Some(node) = tree.get(service, "environment") else { return BTreeMap::new() };
    match &**tree.resolved(node) {
        Node::List(items) => items
            .iter()
            .filter_map(|item| tree.text(item))
            .map(|text| text.split_once('=').unwrap_or((text, "")))
            .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
            .collect(),
        _ => tree
            .entries(node)
            .into_iter()
            .filter_map(|(key, value)| {
                Some((tree.text(key)?.to_owned(), tree.text(value).unwrap_or_default().to_owned()))
            })
            .collect(),
    }
}

fn targets(tree: &Tree, service: &Rc<Node>) -> Vec<String> {
    let Some(Node::List(items)) = tree.get(service, "volumes").map(|node| &**tree.resolved(node)) else {
        return Vec::new();
    };
    let target = |item: &Rc<Node>| match tree.text(item) {
        Some(text) => text
            .split(':')
            .find(|part| part.starts_with('/') && text.find(part) != Some(0))
            .or(Some(text))
            .map(str::to_owned),
        None => tree.get(item, "target").and_then(|node| tree.text(node)).map(str::to_owned),
    };
    items.iter().filter_map(target).collect()
}

fn joined(tree: &Tree, node: &Rc<Node>) -> String {
    tree.texts(node).iter().map(|text| format!("{text} ")).collect()
}
