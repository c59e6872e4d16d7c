//! From a file, the environment and overrides to one list of settings: who wins, which names are known. The formats
//! are in the files beside this one; what the settings mean for a broker is in `broker/`. Reads no files itself.

mod env;
pub(crate) mod images;
mod names;
mod notes;
mod properties;
mod suggest;
mod toml_file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use images::Family;
pub use images::{
    ContainerFacts, DATA_FOLDERS, DEFAULT_CLUSTER_ID, DataFolder, FolderFact, StartActions, TopicToCreate,
    choose_data_folder, commands_wanted, files_wanted,
};
pub use names::base_key;
pub use properties::{PropertiesError, parse_properties};
pub use suggest::nearest;
pub use toml_file::parse_toml;

/// What a broker is configured from. The caller has read the file.
#[derive(Clone, Default)]
pub struct LoadInput {
    /// Path and contents of `server.properties` or a TOML file.
    pub file: Option<(PathBuf, String)>,
    /// The environment; variables of others are skipped.
    pub env: Vec<(String, String)>,
    /// `key=value` from the command line.
    pub overrides: Vec<String>,
    /// Set in a container: what the images' scripts did is done, and their defaults hold.
    pub container: Option<ContainerFacts>,
}

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this file, at this line where the format tells.
    File(PathBuf, Option<usize>),
    /// In this environment variable.
    Env(String),
    /// On the command line.
    Override,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Override => f.write_str("command line"),
        }
    }
}

/// One key as somebody set it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The key, in Kafka's spelling.
    pub(crate) key: String,
    /// Its text, not yet parsed.
    pub(crate) value: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// Something a user should see, though the broker starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key it is about.
    pub key: String,
    /// What is odd and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why a broker cannot start with what it was given: every problem that was found, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problems.join("\n"))]
pub struct ConfigError {
    /// One line per problem: key, value, source, what is accepted.
    pub problems: Vec<String>,
}

impl ConfigError {
    pub(crate) fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }
}

/// All settings with the winner per key, and what was remarkable on the way.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) settings: BTreeMap<String, Setting>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) notes: Vec<String>,
    pub(crate) start: StartActions,
    pub(crate) family: Family,
}

/// Merges the sources: override before environment before file.
pub(crate) fn gather(input: &LoadInput) -> Result<Gathered, ConfigError> {
    let mut gathered = Gathered { family: images::family(&input.env), ..Gathered::default() };
    let facts = input.container.as_ref();
    if let Some((path, contents)) = &input.file {
        gathered.put_file(path, contents)?;
    }
    for (path, contents) in
        facts.iter().flat_map(|facts| facts.alone.as_ref().map_or(&facts.base[..], std::slice::from_ref))
    {
        gathered.put_base(path, contents)?;
    }
    let variables = images::resolve(&input.env, facts, &mut gathered);
    gathered.start = images::start_actions(&variables, &mut gathered.warnings);
    let alone = facts.and_then(|facts| facts.alone.as_ref());
    let mut skipped = notes::Skipped::default();
    let mut unheard = Vec::new();
    for variable in &variables {
        match env::read(&variable.meaning, &variable.value) {
            env::Outcome::Setting(_) if alone.is_some() && !variable.meaning.starts_with("BARNABAS_") => {
                unheard.push(variable.name.as_str());
            }
            env::Outcome::Setting(key) => {
                gathered.put_over_file(&key, &variable.value, Origin::Env(variable.name.clone()));
            }
            env::Outcome::Skipped(kind) => skipped.add(kind, variable),
            env::Outcome::NotOurs => {}
        }
    }
    if let (Some((path, _)), false) = (alone, unheard.is_empty()) {
        gathered.notes.push(format!("{}: no effect, {} speaks alone", unheard.join(", "), path.display()));
    }
    for text in &input.overrides {
        let Some((key, value)) = text.split_once('=') else {
            return Err(ConfigError::one(format!("override '{text}' is not of the form key=value")));
        };
        gathered.put_over_file(key.trim(), value, Origin::Override);
    }
    images::tolerate(&mut gathered);
    images::modernise(&mut gathered);
    let host = facts.map_or("localhost", |facts| facts.hostname.as_str());
    gathered.notes.extend(skipped.into_notes(host));
    gathered.check_names(host);
    Ok(gathered)
}

impl Gathered {
    fn put(&mut self, setting: Setting) {
        if let Some(earlier) = self.settings.get(&setting.key) {
            let message = format!("{} is set twice: {} overrides {}", setting.key, setting.origin, earlier.origin);
            self.warnings.push(Warning { key: setting.key.clone(), message });
        }
        self.settings.insert(setting.key.clone(), setting);
    }

    fn put_over_file(&mut self, key: &str, value: &str, origin: Origin) {
        let setting = Setting { key: key.to_owned(), value: value.to_owned(), origin };
        self.settings.insert(key.to_owned(), setting);
    }

    fn put_file(&mut self, path: &Path, contents: &str) -> Result<(), ConfigError> {
        for setting in read_file(path, contents)? {
            self.put(setting);
        }
        Ok(())
    }

    /// A file over weaker ones. A value that stands there already keeps its first place.
    fn put_base(&mut self, path: &Path, contents: &str) -> Result<(), ConfigError> {
        for setting in read_file(path, contents)? {
            let same = self.settings.get(&setting.key).is_some_and(|earlier| earlier.value == setting.value);
            if !same {
                self.settings.insert(setting.key.clone(), setting);
            }
        }
        Ok(())
    }
}

fn read_file(path: &Path, contents: &str) -> Result<Vec<Setting>, ConfigError> {
    if is_toml(path, contents) {
        let pairs = parse_toml(contents).map_err(|error| ConfigError::one(format!("{}: {error}", path.display())))?;
        let origin = Origin::File(path.to_owned(), None);
        return Ok(pairs.into_iter().map(|(key, value)| Setting { key, value, origin: origin.clone() }).collect());
    }
    let lines = parse_properties(contents)
        .map_err(|error| ConfigError::one(format!("{}:{}: {}", path.display(), error.line, error.problem)))?;
    let at = |line| Origin::File(path.to_owned(), Some(line));
    Ok(lines.into_iter().map(|(line, key, value)| Setting { key, value, origin: at(line) }).collect())
}

/// The extension decides; without a telling one, a `[section]` line or a quoted value means TOML.
fn is_toml(path: &Path, contents: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => true,
        Some("properties") => false,
        _ => contents.lines().map(str::trim).any(|line| {
            let section = line.starts_with('[') && line.ends_with(']');
            let quoted = line.split_once('=').is_some_and(|(_, value)| {
                let value = value.trim();
                value.len() >= 2 && value.starts_with('"') && value.ends_with('"')
            });
            !line.starts_with('#') && (section || quoted)
        }),
    }
}

#[cfg(test)]
mod tests;
