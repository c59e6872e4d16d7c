//! Options as structs for those of Kafka's tools that are made with argparse4j but have no subcommands: what is wrong is told as
//! the usage, then the error, on standard error. Tools with subcommands use `argparse.rs`.

use clap::{Args, Command};

use crate::Context;
use crate::failure::Failure;

/// `usage: TOOL`, one option per line.
pub fn usage<T: Args>(tool: &'static str) -> String {
    let command = T::augment_args(Command::new(tool));
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(|argument| {
        let value = if argument.get_action().takes_values() { argument.get_value_names() } else { None };
        let value = value.and_then(|names| names.first()).map(|name| format!(" {name}")).unwrap_or_default();
        Some(format!("       [--{}{value}]", argument.get_long()?))
    });
    let lines: Vec<String> = std::iter::once(format!("usage: {tool}")).chain(shown).collect();
    lines.join("\n")
}

/// What is wrong with the command line.
pub fn error<T: Args>(tool: &'static str, name: &str, problem: &str) -> Failure {
    Failure::Message(format!("{}\n{name}: error: {problem}", usage::<T>(tool)))
}

/// Parses; no words at all ask for the usage.
pub fn parse<T: Args>(
    context: &mut Context<'_>,
    tool: &'static str,
    name: &str,
    arguments: &[String],
) -> Result<T, Failure> {
    if arguments.is_empty() {
        context.out(usage::<T>(tool))?;
        return Err(Failure::Exit(0));
    }
    super::parse(tool, arguments).map_err(|failure| match failure {
        Failure::Usage(text) => error::<T>(tool, name, &reworded(&text)),
        other => other,
    })
}

fn reworded(text: &str) -> String {
    if let Some(option) = text.strip_suffix(" is not a recognized option") {
        return format!("unrecognized arguments: '--{option}'");
    }
    if let Some(rest) = text.strip_prefix("Option ").and_then(|rest| rest.strip_suffix(" requires an argument")) {
        return format!("argument --{rest}: expected one argument");
    }
    match text.strip_prefix("Cannot parse argument '").and_then(|rest| rest.split_once("' of option ")) {
        Some((value, option)) => format!("argument --{option}: could not convert '{value}'"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Args)]
    struct Options {
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        #[arg(long)]
        verbose: bool,
    }

    #[test]
    fn usage_and_errors_are_those_of_argparse() {
        assert_eq!(usage::<Options>("x"), "usage: x\n       [--topic TOPIC]\n       [--verbose]");
        assert_eq!(reworded("nonsense is not a recognized option"), "unrecognized arguments: '--nonsense'");
        let Failure::Message(text) = error::<Options>("x", "y", "bad") else { panic!("a message") };
        assert!(text.starts_with("usage: x\n") && text.ends_with("\ny: error: bad"));
    }
}
