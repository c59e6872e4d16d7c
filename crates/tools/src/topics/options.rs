//! The options of `kafka-topics` and which of them go together. Nothing here talks to a broker.

use clap::{ArgAction, Args};

use crate::Failure;
use crate::cli::{ClusterArgs, missing};

/// Options with values are lists because Kafka's tool complains about a second value only when it needs the first.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// List all topics.
    #[arg(long, action = ArgAction::Count)]
    list: u8,
    /// Create a topic.
    #[arg(long, action = ArgAction::Count)]
    create: u8,
    /// Delete topics.
    #[arg(long, action = ArgAction::Count)]
    delete: u8,
    /// Raise the number of partitions (kafka-configs changes settings).
    #[arg(long, action = ArgAction::Count)]
    alter: u8,
    /// Show topics and their partitions.
    #[arg(long, action = ArgAction::Count)]
    describe: u8,
    /// The topic; but for --create a regular expression.
    #[arg(long, action = ArgAction::Append, value_name = "topic", allow_hyphen_values = true)]
    topic: Vec<String>,
    /// The id of the topic to describe.
    #[arg(long, action = ArgAction::Append, value_name = "topic-id", allow_hyphen_values = true)]
    topic_id: Vec<String>,
    /// A setting of the topic to create; may be given several times.
    #[arg(long, action = ArgAction::Append, value_name = "name=value", allow_hyphen_values = true)]
    pub(super) config: Vec<String>,
    /// No longer supported.
    #[arg(long, action = ArgAction::Append, value_name = "name", hide = true)]
    delete_config: Vec<String>,
    /// The number of partitions; the cluster's default when creating without it.
    #[arg(long, action = ArgAction::Append, value_name = "# of partitions", allow_hyphen_values = true)]
    partitions: Vec<String>,
    /// The number of replicas of each partition; the cluster's default without it.
    #[arg(long, action = ArgAction::Append, value_name = "replication factor", allow_hyphen_values = true)]
    replication_factor: Vec<String>,
    /// The brokers of each partition: 1:2,2:3 puts partition 0 on 1 and 2, partition 1 on 2 and 3.
    #[arg(long, action = ArgAction::Append, value_name = "broker:broker,broker:broker", allow_hyphen_values = true)]
    replica_assignment: Vec<String>,
    /// Describe only partitions with fewer replicas in sync than replicas.
    #[arg(long, action = ArgAction::Count)]
    under_replicated_partitions: u8,
    /// Describe only partitions without a live leader.
    #[arg(long, action = ArgAction::Count)]
    unavailable_partitions: u8,
    /// Describe only partitions with fewer replicas in sync than min.insync.replicas.
    #[arg(long, action = ArgAction::Count)]
    under_min_isr_partitions: u8,
    /// Describe only partitions with exactly min.insync.replicas replicas in sync.
    #[arg(long, action = ArgAction::Count)]
    at_min_isr_partitions: u8,
    /// Describe only topics with settings of their own, without partitions.
    #[arg(long, action = ArgAction::Count)]
    topics_with_overrides: u8,
    /// Do nothing, instead of failing, if no topic matches.
    #[arg(long, action = ArgAction::Count)]
    if_exists: u8,
    /// Do nothing, instead of failing, if the topic exists.
    #[arg(long, action = ArgAction::Count)]
    if_not_exists: u8,
    /// Leave out topics in which Kafka keeps its own data.
    #[arg(long, action = ArgAction::Count)]
    exclude_internal: u8,
    /// How many partitions the broker describes in one answer.
    #[arg(long, action = ArgAction::Append, value_name = "number of partitions", allow_hyphen_values = true)]
    partition_size_limit_per_response: Vec<String>,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Alter,
    List,
    Describe,
    Delete,
}

impl Options {
    /// The one action, after everything that can be judged without a broker.
    pub(super) fn check(&self) -> Result<Action, Failure> {
        let action = self.action()?;
        self.check_required(action)?;
        self.check_combinations(action)?;
        Ok(action)
    }

    fn action(&self) -> Result<Action, Failure> {
        let all = [
            (self.create, Action::Create),
            (self.alter, Action::Alter),
            (self.list, Action::List),
            (self.describe, Action::Describe),
            (self.delete, Action::Delete),
        ];
        let mut given = all.into_iter().filter(|(count, _)| *count > 0).map(|(_, action)| action);
        match (given.next(), given.next()) {
            (Some(action), None) => Ok(action),
            _ => Err(Failure::Usage(
                "Command must include exactly one action: --list, --describe, --create, --alter or --delete".into(),
            )),
        }
    }

    fn check_required(&self, action: Action) -> Result<(), Failure> {
        if !self.cluster.has_address() {
            return Err(Failure::Message("--bootstrap-server must be specified".into()));
        }
        if action == Action::Describe && self.if_exists() && self.topic.is_empty() && self.topic_id.is_empty() {
            return Err(Failure::Usage("--topic or --topic-id is required to describe a topic".into()));
        }
        if !matches!(action, Action::List | Action::Describe) && self.topic.is_empty() {
            return Err(missing("topic"));
        }
        if action != Action::Alter {
            return Ok(());
        }
        if !self.config.is_empty() {
            let hint = "(To alter topic configurations, the kafka-configs tool can be used.)";
            let options = "[[config], [bootstrap-server]]";
            return Err(Failure::Usage(format!(
                "Option combination \"{options}\" can't be used with option \"[alter]\" {hint}"
            )));
        }
        if self.partitions.is_empty() { Err(missing("partitions")) } else { Ok(()) }
    }

    fn check_combinations(&self, action: Action) -> Result<(), Failure> {
        use Action::{Alter, Create, Delete, Describe, List};
        let wrong = |option: &str, with: &str| {
            Err(Failure::Usage(format!("Option \"[{option}]\" can't be used with option \"[{with}]\"")))
        };
        let has = |values: &[String]| !values.is_empty();
        let rules: [(&str, bool, &[Action]); 11] = [
            ("config", has(&self.config), &[Alter, Create]),
            ("partitions", has(&self.partitions), &[Alter, Create]),
            ("replication-factor", has(&self.replication_factor), &[Create]),
            ("replica-assignment", has(&self.replica_assignment), &[Alter, Create]),
            ("under-replicated-partitions", self.under_replicated_partitions > 0, &[Describe]),
            ("under-min-isr-partitions", self.under_min_isr_partitions > 0, &[Describe]),
            ("at-min-isr-partitions", self.at_min_isr_partitions > 0, &[Describe]),
            ("unavailable-partitions", self.unavailable_partitions > 0, &[Describe]),
            ("topics-with-overrides", self.topics_with_overrides > 0, &[Describe]),
            ("if-exists", self.if_exists(), &[Alter, Delete, Describe]),
            ("if-not-exists", self.if_not_exists(), &[Create]),
        ];
        for (option, given, fine_with) in rules {
            if given && !fine_with.contains(&action) {
                return wrong(option, name(action));
            }
            if given && option == "replica-assignment" && action == Create {
                if has(&self.partitions) {
                    return wrong(option, "partitions");
                }
                if has(&self.replication_factor) {
                    return wrong(option, "replication-factor");
                }
            }
            if given && option.ends_with("-partitions") && self.topics_with_overrides > 0 {
                return wrong(option, "topics-with-overrides");
            }
        }
        if self.exclude_internal() && !matches!(action, List | Describe) {
            return wrong("exclude-internal", name(action));
        }
        Ok(())
    }

    pub(super) fn uses_delete_config(&self) -> bool {
        !self.delete_config.is_empty()
    }

    pub(super) fn topic(&self) -> Result<Option<&str>, Failure> {
        single(&self.topic, "topic")
    }

    pub(super) fn topic_id(&self) -> Result<Option<&str>, Failure> {
        single(&self.topic_id, "topic-id")
    }

    pub(super) fn partitions(&self) -> Result<Option<i32>, Failure> {
        number(&self.partitions, "partitions")
    }

    pub(super) fn replication_factor(&self) -> Result<Option<i32>, Failure> {
        number(&self.replication_factor, "replication-factor")
    }

    pub(super) fn partition_limit(&self) -> Result<Option<i32>, Failure> {
        number(&self.partition_size_limit_per_response, "partition-size-limit-per-response")
    }

    pub(super) fn replica_assignment(&self) -> Result<Option<&str>, Failure> {
        single(&self.replica_assignment, "replica-assignment")
    }

    pub(super) fn if_exists(&self) -> bool {
        self.if_exists > 0
    }

    pub(super) fn if_not_exists(&self) -> bool {
        self.if_not_exists > 0
    }

    pub(super) fn exclude_internal(&self) -> bool {
        self.exclude_internal > 0
    }

    /// Which partitions and topics are to be described.
    pub(super) fn filter(&self) -> super::description::Filter {
        super::description::Filter {
            under_replicated: self.under_replicated_partitions > 0,
            unavailable: self.unavailable_partitions > 0,
            under_min_isr: self.under_min_isr_partitions > 0,
            at_min_isr: self.at_min_isr_partitions > 0,
            with_overrides: self.topics_with_overrides > 0,
        }
    }
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Alter => "alter",
        Action::List => "list",
        Action::Describe => "describe",
        Action::Delete => "delete",
    }
}

fn single<'a>(values: &'a [String], option: &str) -> Result<Option<&'a str>, Failure> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(super::wrong(format!("Found multiple arguments for option {option}, but you asked for only one"))),
    }
}

fn number(values: &[String], option: &str) -> Result<Option<i32>, Failure> {
    let Some(text) = single(values, option)? else { return Ok(None) };
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| super::wrong(format!("Cannot parse argument '{text}' of option {option}")))
}
