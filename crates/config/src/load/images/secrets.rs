//! `KAFKA_X_FILE`: the value of `KAFKA_X` stands in a file, as Bitnami's image and secrets of orchestrators have it.

use std::path::PathBuf;

use super::{ContainerFacts, Variable};
use crate::load::Warning;

/// Variables that end like this and name a file for its own sake.
const NO_SECRETS: &[&str] = &["KAFKA_TLS_TRUSTSTORE_FILE", "KAFKA_ZOOKEEPER_TLS_TRUSTSTORE_FILE"];

/// Files to be read before the environment can be understood.
pub fn files_wanted(env: &[(String, String)]) -> Vec<PathBuf> {
    env.iter().filter(|(name, value)| target(name, value).is_some()).map(|(_, value)| PathBuf::from(value)).collect()
}

/// The variable whose value the file holds.
fn target<'a>(name: &'a str, value: &str) -> Option<&'a str> {
    let base = name.strip_suffix("_FILE").filter(|base| base.starts_with("KAFKA_"))?;
    (value.starts_with('/') && !NO_SECRETS.contains(&name)).then_some(base)
}

/// Puts contents in the place of names; they win over what the plain variable says.
pub(super) fn read(variables: &mut Vec<Variable>, facts: &ContainerFacts, warnings: &mut Vec<Warning>) {
    let mut read = Vec::new();
    variables.retain(|variable| {
        let Some(base) = target(&variable.name, &variable.value) else { return true };
        match facts.files.get(&PathBuf::from(&variable.value)) {
            Some(Ok(contents)) => read.push(Variable {
                name: variable.name.clone(),
                meaning: base.to_owned(),
                value: contents.trim_end_matches(['\n', '\r']).to_owned(),
            }),
            Some(Err(error)) => warnings.push(Warning {
                key: base.to_owned(),
                message: format!("{} = {}: {error}; it is left out", variable.name, variable.value),
            }),
            None => {}
        }
        false
    });
    variables.retain(|variable| !read.iter().any(|read| read.meaning == variable.meaning));
    variables.extend(read);
}
