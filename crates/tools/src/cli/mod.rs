//! Command lines in the manner of Kafka's tools: `--flag value` and `--flag=value`, unambiguous beginnings of long names,
//! Kafka's words for what is wrong. A tool describes its options as a struct that derives `clap::Args`, all of them
//! optional, and judges combinations itself.

pub(crate) mod argparse;
pub mod arguments;
mod bootstrap;
mod topic_filter;

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Args, Command};

use crate::client::{Client, Settings};
use crate::failure::Failure;
pub use bootstrap::bootstrap_of_zookeeper;
pub use topic_filter::{TopicFilter, is_internal_topic};

/// How the output of a tool is shaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// As Kafka's tool prints it.
    #[default]
    Text,
    /// One JSON document, and exit codes that tell the truth.
    Json,
}

/// Options of every tool that asks a cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub address: AddressArgs,
    /// The old name of --bootstrap-server.
    #[arg(long, value_name = "broker-list", hide = true)]
    pub broker_list: Option<String>,
}

impl ClusterArgs {
    /// The settings for a client, or Kafka's word that an address is missing.
    pub fn settings(&self) -> Result<Settings, Failure> {
        self.address.settings_with(self.broker_list.as_deref())
    }

    /// Whether any option says where the cluster is.
    pub fn has_address(&self) -> bool {
        self.broker_list.is_some() || self.address.has_address()
    }

    /// A connected client.
    pub fn connect(&self) -> Result<Client, Failure> {
        Ok(Client::connect(self.settings()?)?)
    }

    pub fn is_json(&self) -> bool {
        self.address.is_json()
    }
}

/// Where the cluster is; alone for tools where `--broker-list` means ids of brokers.
#[derive(Args, Clone, Debug, Default)]
pub struct AddressArgs {
    /// The brokers to connect to first: host:port, separated by commas.
    #[arg(long, value_name = "server to connect to")]
    pub bootstrap_server: Option<String>,
    /// A properties file with settings of the client.
    #[arg(long, value_name = "command config property file")]
    pub command_config: Option<String>,
    /// Gone with Kafka 4: the brokers registered there are asked instead.
    #[arg(long, value_name = "urls", hide = true)]
    pub zookeeper: Option<String>,
    /// text (as Kafka's tool prints it) or json.
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

impl AddressArgs {
    /// The settings for a client, or Kafka's word that an address is missing.
    pub fn settings(&self) -> Result<Settings, Failure> {
        self.settings_with(None)
    }

    fn settings_with(&self, broker_list: Option<&str>) -> Result<Settings, Failure> {
        let given = self.bootstrap_server.as_deref().or(broker_list).map(str::to_owned);
        let from_zookeeper = || self.zookeeper.as_deref().map(bootstrap_of_zookeeper);
        let bootstrap = given.or_else(from_zookeeper).ok_or_else(|| missing("bootstrap-server"))?;
        settings(&bootstrap, self.command_config.as_deref())
    }

    /// Whether any option says where the cluster is.
    pub fn has_address(&self) -> bool {
        self.bootstrap_server.is_some() || self.zookeeper.is_some()
    }

    pub fn is_json(&self) -> bool {
        self.output == OutputFormat::Json
    }
}

/// Settings from an address list and the path of a properties file.
pub fn settings(bootstrap: &str, config_file: Option<&str>) -> Result<Settings, Failure> {
    let contents = config_file.map(read_config).transpose()?;
    Settings::new(bootstrap, contents.as_deref()).map_err(Failure::from)
}

fn read_config(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(Path::new(path))
        .map_err(|error| Failure::Message(format!("cannot read {path}: {error}; give the path of a properties file")))
}

/// What Kafka's tools say when an option is missing.
pub fn missing(option: &str) -> Failure {
    Failure::Usage(format!("Missing required argument \"[{option}]\""))
}

/// Parses the arguments of a tool. `--help` and `--version` are answered in `lib.rs`.
pub fn parse<T: Args>(tool: &'static str, arguments: &[String]) -> Result<T, Failure> {
    let command = command::<T>(tool);
    let words = arguments.iter().map(|word| with_both_dashes(&command, word));
    let words: Vec<String> = std::iter::once(tool.to_owned()).chain(words).collect();
    let matches = command.try_get_matches_from(words).map_err(|error| explain(&error))?;
    T::from_arg_matches(&matches).map_err(|error| explain(&error))
}

/// Kafka's tools take `-topic` for `--topic`.
fn with_both_dashes(command: &Command, word: &str) -> String {
    let name = word.strip_prefix('-').map(|rest| rest.split('=').next().unwrap_or(rest));
    let is_long = name.is_some_and(|name| command.get_arguments().any(|known| known.get_long() == Some(name)));
    if is_long { format!("-{word}") } else { word.to_owned() }
}

/// The help of a tool as text.
pub fn help<T: Args>(tool: &'static str) -> String {
    command::<T>(tool).render_help().to_string()
}

fn command<T: Args>(tool: &'static str) -> Command {
    let command = T::augment_args(Command::new(tool)).about(None::<&str>);
    let command = command.infer_long_args(true).disable_help_flag(true).disable_version_flag(true);
    if command.get_positionals().next().is_some() {
        return command;
    }
    // Kafka's tools pass over words that belong to no option.
    command.arg(Arg::new("other words").num_args(0..).hide(true))
}

fn explain(error: &clap::Error) -> Failure {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => {
            text.split(' ').next().unwrap_or_default().trim_start_matches('-').to_owned()
        }
        _ => String::new(),
    };
    let option = named(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => Failure::Usage(format!("{option} is not a recognized option")),
        ErrorKind::InvalidValue if named(ContextKind::InvalidValue).is_empty() => {
            Failure::Usage(format!("Option {option} requires an argument"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            Failure::Usage(format!("Cannot parse argument '{}' of option {option}", named(ContextKind::InvalidValue)))
        }
        ErrorKind::ArgumentConflict => {
            Failure::Usage(format!("Found multiple arguments for option {option}, but you asked for only one"))
        }
        _ => Failure::Usage(error.to_string().trim_start_matches("error: ").trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Args)]
    struct Options {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[arg(long)]
        topic: Option<String>,
        #[arg(long, allow_hyphen_values = true)]
        shift_by: Option<i64>,
    }

    fn parsed(words: &[&str]) -> Result<Options, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse::<Options>("kafka-topics", &words).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn both_forms_of_a_value_and_beginnings_of_names() {
        let options = parsed(&["-bootstrap-server=a:1", "--top", "x", "--shift-by", "-3"]).unwrap();
        assert_eq!(options.cluster.address.bootstrap_server.as_deref(), Some("a:1"));
        assert_eq!((options.topic.as_deref(), options.shift_by), (Some("x"), Some(-3)));
    }

    #[test]
    fn errors_are_told_in_kafkas_words() {
        let told = |words: &[&str]| parsed(words).err().unwrap_or_default();
        assert!(told(&["--nonsense"]).contains("nonsense is not a recognized option"));
        assert!(told(&["--topic"]).contains("Option topic requires an argument"));
        assert!(told(&["--shift-by", "x"]).contains("Cannot parse argument 'x' of option shift-by"));
        assert!(told(&["--topic", "a", "--topic", "b"]).contains("multiple arguments for option topic"));
    }

    #[test]
    fn a_missing_address_is_told_as_kafka_tells_it() {
        let failure = ClusterArgs::default().settings().err();
        assert!(format!("{failure:?}").contains("bootstrap-server"));
    }
}
