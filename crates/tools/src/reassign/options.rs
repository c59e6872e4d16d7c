//! The options of `kafka-reassign-partitions` and which of them go with which action.

use clap::{ArgAction, Args};

use crate::Failure;
use crate::cli::{AddressArgs, missing};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) address: AddressArgs,
    /// A controller to ask instead, for --list and --cancel.
    #[arg(long, value_name = "controller to connect to")]
    bootstrap_controller: Option<String>,
    /// Propose a new assignment; nothing is changed.
    #[arg(long, action = ArgAction::Count)]
    generate: u8,
    /// Start the moves of --reassignment-json-file.
    #[arg(long, action = ArgAction::Count)]
    execute: u8,
    /// Tell how far the moves of --reassignment-json-file are, and lift the throttles when all are done.
    #[arg(long, action = ArgAction::Count)]
    verify: u8,
    /// Stop the moves of --reassignment-json-file.
    #[arg(long, action = ArgAction::Count)]
    cancel: u8,
    /// List all moves.
    #[arg(long, action = ArgAction::Count)]
    list: u8,
    /// {"partitions": [{"topic": "foo", "partition": 1, "replicas": [1, 2], "log_dirs": ["/d", "any"]}], "version": 1};
    /// log_dirs may be left out.
    #[arg(long, value_name = "path")]
    reassignment_json_file: Option<String>,
    /// {"topics": [{"topic": "foo"}], "version": 1}
    #[arg(long, value_name = "path")]
    topics_to_move_json_file: Option<String>,
    /// Ids of the brokers to move to, separated by commas.
    #[arg(long, value_name = "broker ids", allow_hyphen_values = true)]
    broker_list: Option<String>,
    /// Do not spread replicas over racks.
    #[arg(long, action = ArgAction::Count)]
    disable_rack_aware: u8,
    /// Bytes per second between brokers.
    #[arg(long, value_name = "bytes per second", allow_hyphen_values = true)]
    throttle: Option<String>,
    /// Bytes per second between log directories of a broker.
    #[arg(long, value_name = "bytes per second", allow_hyphen_values = true)]
    replica_alter_log_dirs_throttle: Option<String>,
    /// Milliseconds to wait for moves between log directories to begin.
    #[arg(long, value_name = "milliseconds", allow_hyphen_values = true)]
    timeout: Option<String>,
    /// Start these moves beside others, or change the throttle of the same.
    #[arg(long, action = ArgAction::Count)]
    additional: u8,
    /// Leave throttles as they are.
    #[arg(long, action = ArgAction::Count)]
    preserve_throttles: u8,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

/// What is to be done, with everything that was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Generate { topics_file: String, brokers: String, rack_aware: bool },
    Execute { file: String, additional: bool },
    Verify { file: String, preserve_throttles: bool },
    Cancel { file: String, preserve_throttles: bool },
    List,
}

impl Options {
    pub(super) fn action(&mut self) -> Result<Action, Failure> {
        let actions = [
            ("generate", self.generate),
            ("execute", self.execute),
            ("verify", self.verify),
            ("cancel", self.cancel),
            ("list", self.list),
        ];
        let mut given = actions.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name);
        let (Some(name), None) = (given.next(), given.next()) else {
            return Err(Failure::Usage(
                "Command must include exactly one action: --generate, --execute, --verify, --cancel, --list".into(),
            ));
        };
        self.check_address()?;
        let action = self.with_required(name)?;
        self.check_permitted(name)?;
        Ok(action)
    }

    /// Asks a controller like a broker; whether it answers is its affair.
    fn check_address(&mut self) -> Result<(), Failure> {
        let address = &mut self.address;
        match (address.bootstrap_server.is_some() || address.zookeeper.is_some(), &self.bootstrap_controller) {
            (true, Some(_)) => {
                Err(Failure::Usage("Please don't specify both --bootstrap-server and --bootstrap-controller".into()))
            }
            (false, None) => {
                Err(Failure::Usage("Please specify either --bootstrap-server or --bootstrap-controller".into()))
            }
            (false, Some(controller)) => {
                address.bootstrap_server = Some(controller.clone());
                Ok(())
            }
            (true, None) => Ok(()),
        }
    }

    fn with_required(&self, name: &str) -> Result<Action, Failure> {
        let file = || self.reassignment_json_file.clone().ok_or_else(|| missing("reassignment-json-file"));
        let preserve_throttles = self.preserve_throttles > 0;
        Ok(match name {
            "generate" => {
                let topics_file = self.topics_to_move_json_file.clone();
                let topics_file = topics_file.ok_or_else(|| missing("topics-to-move-json-file"))?;
                let brokers = self.broker_list.clone().ok_or_else(|| missing("broker-list"))?;
                Action::Generate { topics_file, brokers, rack_aware: self.disable_rack_aware == 0 }
            }
            "execute" => Action::Execute { file: file()?, additional: self.additional > 0 },
            "verify" => Action::Verify { file: file()?, preserve_throttles },
            "cancel" => Action::Cancel { file: file()?, preserve_throttles },
            _ => Action::List,
        })
    }

    fn check_permitted(&self, action: &str) -> Result<(), Failure> {
        let rules: [(&str, bool, &[&str]); 10] = [
            ("bootstrap-controller", self.bootstrap_controller.is_some(), &["cancel", "list"]),
            ("reassignment-json-file", self.reassignment_json_file.is_some(), &["execute", "verify", "cancel"]),
            ("topics-to-move-json-file", self.topics_to_move_json_file.is_some(), &["generate"]),
            ("broker-list", self.broker_list.is_some(), &["generate"]),
            ("disable-rack-aware", self.disable_rack_aware > 0, &["generate"]),
            ("throttle", self.throttle.is_some(), &["execute"]),
            ("replica-alter-log-dirs-throttle", self.replica_alter_log_dirs_throttle.is_some(), &["execute"]),
            ("timeout", self.timeout.is_some(), &["execute", "cancel"]),
            ("additional", self.additional > 0, &["execute"]),
            ("preserve-throttles", self.preserve_throttles > 0, &["verify", "cancel"]),
        ];
        let wrong = rules.into_iter().find(|(_, given, fine_with)| *given && !fine_with.contains(&action));
        wrong.map_or(Ok(()), |(option, _, _)| {
            Err(Failure::Usage(format!("Option \"[{option}]\" can't be used with action \"[{action}]\"")))
        })
    }

    /// Bytes per second between brokers, if there is to be a limit.
    pub(super) fn throttle(&self) -> Result<Option<i64>, Failure> {
        limit(self.throttle.as_deref(), "throttle")
    }

    /// Bytes per second between log directories, if there is to be a limit.
    pub(super) fn log_dir_throttle(&self) -> Result<Option<i64>, Failure> {
        limit(self.replica_alter_log_dirs_throttle.as_deref(), "replica-alter-log-dirs-throttle")
    }

    pub(super) fn timeout_ms(&self) -> Result<i64, Failure> {
        self.timeout.as_deref().map_or(Ok(10_000), |text| number(text, "timeout"))
    }
}

fn limit(text: Option<&str>, option: &str) -> Result<Option<i64>, Failure> {
    Ok(text.map(|text| number(text, option)).transpose()?.filter(|limit| *limit >= 0))
}

fn number(text: &str, option: &str) -> Result<i64, Failure> {
    let message = format!("Cannot parse argument '{text}' of option {option}");
    text.parse().map_err(|_| super::exception("joptsimple.OptionArgumentConversionException", &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(words: &str) -> Result<Action, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let mut options: Options = crate::cli::parse("kafka-reassign-partitions", &words).unwrap();
        options.action().map_err(|failure| match failure {
            Failure::Usage(text) => text,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn actions_and_what_goes_with_them() {
        assert_eq!(action("--bootstrap-server b:1 --list"), Ok(Action::List));
        assert_eq!(action("--bootstrap-controller b:1 --list"), Ok(Action::List));
        let told = |words: &str| action(&format!("--bootstrap-server b:1 {words}")).unwrap_err();
        assert_eq!(told("--list --throttle 5"), "Option \"[throttle]\" can't be used with action \"[list]\"");
        assert_eq!(told("--verify"), "Missing required argument \"[reassignment-json-file]\"");
        assert!(told("--list --verify").starts_with("Command must include exactly one action"));
        assert!(action("--list").unwrap_err().starts_with("Please specify either"));
        let expected = Action::Generate { topics_file: "f".into(), brokers: "1,2".into(), rack_aware: false };
        let words = "--generate --topics-to-move-json-file f --broker-list 1,2 --disable-rack-aware";
        assert_eq!(action(&format!("--bootstrap-server b:1 {words}")), Ok(expected));
    }
}
