//! What the start scripts of the four image families (Apache, Confluent, Bitnami, wurstmeister) did before Kafka saw a
//! setting: secrets from files, results of commands, aliases, folders, things to do at the start. Pure: the shell that
//! runs in the container reads files, runs commands and hands the results in as [`ContainerFacts`].

mod addresses;
mod aliases;
mod commands;
mod folders;
mod secrets;
mod topics;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use commands::commands_wanted;
pub use folders::{DATA_FOLDERS, DataFolder, FolderFact, choose_data_folder};
pub use secrets::files_wanted;
pub use topics::TopicToCreate;

pub(crate) use addresses::{modernise, tolerate};

use super::{Gathered, Warning};

/// Cluster id of a container that nobody gave one, as in Apache's image.
pub const DEFAULT_CLUSTER_ID: &str = "5L6g3nShT-eMCtK--X86sw";

/// What the shell found out about its container.
#[derive(Clone, Debug, Default)]
pub struct ContainerFacts {
    /// Host name of the container.
    pub hostname: String,
    /// Where data goes when no setting says so.
    pub data_folder: Option<DataFolder>,
    /// Mounted or generated files of settings, the weakest first; the environment goes before all of them.
    pub base: Vec<(PathBuf, String)>,
    /// The file that speaks alone: a `server.properties` mounted where Bitnami's image looks for one.
    pub alone: Option<(PathBuf, String)>,
    /// Contents of the files that [`files_wanted`] names, or why they cannot be read.
    pub files: BTreeMap<PathBuf, Result<String, String>>,
    /// Output of the commands that [`commands_wanted`] names, or why they failed.
    pub commands: BTreeMap<String, Result<String, String>>,
}

/// What else is to be done when the broker starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartActions {
    /// The cluster that the environment names; any text.
    pub cluster_id: Option<String>,
    /// Topics to create before the broker is said to be ready.
    pub topics: Vec<TopicToCreate>,
}

/// A variable of the environment, and the one it stands for.
pub(crate) struct Variable {
    /// As the user wrote it, for messages.
    pub(crate) name: String,
    /// Under which name it counts.
    pub(crate) meaning: String,
    pub(crate) value: String,
}

/// Whose habits the environment shows, where families differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Family {
    /// Apache's and Confluent's images: what is advertised is listened on.
    #[default]
    Common,
    /// Bitnami's and wurstmeister's images: listens on 9092 (or `KAFKA_PORT`), whatever is advertised.
    FixedPort,
}

/// Names that only one family knows.
const FIXED_PORT_SIGNS: &[&str] = &[
    "KAFKA_CREATE_TOPICS",
    "KAFKA_ADVERTISED_HOST_NAME",
    "KAFKA_ADVERTISED_PORT",
    "HOSTNAME_COMMAND",
    "PORT_COMMAND",
    "BROKER_ID_COMMAND",
    "ALLOW_PLAINTEXT_LISTENER",
];

pub(crate) fn family(env: &[(String, String)]) -> Family {
    let fixed = |name: &str| name.starts_with("KAFKA_CFG_") || FIXED_PORT_SIGNS.contains(&name);
    if env.iter().any(|(name, _)| fixed(name)) { Family::FixedPort } else { Family::Common }
}

/// The environment as it counts: files read, commands answered, aliases told apart.
pub(crate) fn resolve(
    env: &[(String, String)],
    facts: Option<&ContainerFacts>,
    gathered: &mut Gathered,
) -> Vec<Variable> {
    let plain =
        |(name, value): &(String, String)| Variable { name: name.clone(), meaning: name.clone(), value: value.clone() };
    let mut variables: Vec<Variable> = env.iter().map(plain).collect();
    if let Some(facts) = facts {
        secrets::read(&mut variables, facts, &mut gathered.warnings);
        commands::answer(&mut variables, facts, &mut gathered.warnings);
    }
    if facts.is_some() {
        aliases::apply(&mut variables);
    }
    variables
}

/// What the environment asks for besides settings.
pub(crate) fn start_actions(variables: &[Variable], warnings: &mut Vec<Warning>) -> StartActions {
    let value = |name: &str| {
        let named = variables.iter().find(|variable| variable.meaning == name)?;
        Some(named.value.trim()).filter(|value| !value.is_empty())
    };
    let cluster_id = ["CLUSTER_ID", "KAFKA_CLUSTER_ID", "KAFKA_KRAFT_CLUSTER_ID"].into_iter().find_map(value);
    let raw = |name: &str| variables.iter().find(|variable| variable.meaning == name).map(|variable| &variable.value);
    let separators = raw("KAFKA_CREATE_TOPICS_SEPARATOR").map_or(",", String::as_str);
    let topics = raw("KAFKA_CREATE_TOPICS").map(|text| topics::parse(text, separators, warnings)).unwrap_or_default();
    StartActions { cluster_id: cluster_id.map(str::to_owned), topics }
}

#[cfg(test)]
mod tests;
