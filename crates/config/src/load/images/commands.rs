//! `HOSTNAME_COMMAND` and its like: values that a command in the container finds out. The shell runs them.

use super::{ContainerFacts, Variable};
use crate::load::Warning;

/// The variable with the command, and the one that it answers for unless that one is set.
const COMMANDS: &[(&str, &str)] = &[
    ("HOSTNAME_COMMAND", "KAFKA_ADVERTISED_HOST_NAME"),
    ("PORT_COMMAND", "KAFKA_ADVERTISED_PORT"),
    ("BROKER_ID_COMMAND", "KAFKA_BROKER_ID"),
    ("KAFKA_BROKER_ID_COMMAND", "KAFKA_BROKER_ID"),
    ("KAFKA_NODE_ID_COMMAND", "KAFKA_NODE_ID"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS_COMMAND", "KAFKA_CONTROLLER_QUORUM_VOTERS"),
    ("RACK_COMMAND", "KAFKA_BROKER_RACK"),
];

/// Names and texts of the commands to be run before the environment can be understood.
pub fn commands_wanted(env: &[(String, String)]) -> Vec<(String, String)> {
    let is_command =
        |(name, value): &&(String, String)| !value.trim().is_empty() && COMMANDS.iter().any(|(known, _)| known == name);
    env.iter().filter(is_command).cloned().collect()
}

/// Puts answers into `_{HOSTNAME_COMMAND}` and into the variables that are not set otherwise.
pub(super) fn answer(variables: &mut Vec<Variable>, facts: &ContainerFacts, warnings: &mut Vec<Warning>) {
    for (command, answered) in COMMANDS {
        let Some(asked) = variables.iter().position(|variable| variable.name == *command) else { continue };
        let asked = variables.remove(asked);
        let output = match facts.commands.get(*command) {
            Some(Ok(output)) => output.trim(),
            Some(Err(error)) => {
                let message = format!("{command} ({}) failed: {error}; it is left out", asked.value);
                warnings.push(Warning { key: (*command).to_owned(), message });
                continue;
            }
            None => continue,
        };
        let mut used = false;
        let place = format!("_{{{command}}}");
        for variable in variables.iter_mut().filter(|variable| variable.value.contains(&place)) {
            variable.value = variable.value.replace(&place, output);
            used = true;
        }
        let bare = answered.trim_start_matches("KAFKA_");
        let is_set = |name: &str| name == *answered || name.strip_prefix("KAFKA_CFG_") == Some(bare);
        let is_address = matches!(*command, "HOSTNAME_COMMAND" | "PORT_COMMAND");
        let advertised = |name: &str| matches!(name, "KAFKA_ADVERTISED_LISTENERS" | "KAFKA_CFG_ADVERTISED_LISTENERS");
        let set = variables.iter().any(|variable| is_set(&variable.meaning) && !variable.value.trim().is_empty());
        let moot = is_address && (used || variables.iter().any(|variable| advertised(&variable.meaning)));
        if !set && !moot && !output.is_empty() {
            variables.push(Variable { name: asked.name, meaning: (*answered).to_owned(), value: output.to_owned() });
        }
    }
}
