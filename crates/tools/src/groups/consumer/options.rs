//! The options of `kafka-consumer-groups` and which of them go together, in Kafka's words.

use clap::Args;

use crate::cli::{ClusterArgs, missing};
use crate::{Context, Failure};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// The group to act on; may be given several times.
    #[arg(long, value_name = "consumer group", allow_hyphen_values = true)]
    pub(super) group: Vec<String>,
    /// Act on all consumer groups.
    #[arg(long)]
    pub(super) all_groups: bool,
    /// A topic whose offsets are reset or deleted, or some of its partitions: topic:0,1,2. May be given several times.
    #[arg(long, value_name = "topic", allow_hyphen_values = true)]
    pub(super) topic: Vec<String>,
    /// Reset the offsets of all topics for which the group has any.
    #[arg(long)]
    pub(super) all_topics: bool,
    /// List consumer groups.
    #[arg(long)]
    pub(super) list: bool,
    /// Describe groups: committed offsets and lag, or members, or state.
    #[arg(long)]
    pub(super) describe: bool,
    /// Delete groups that have no members, with their offsets.
    #[arg(long)]
    pub(super) delete: bool,
    /// Delete the offsets of some topics.
    #[arg(long)]
    pub(super) delete_offsets: bool,
    /// Set the offsets of a group without members; see the options named --to-…, --shift-by, --by-duration, --from-file.
    #[arg(long)]
    pub(super) reset_offsets: bool,
    /// Say whether a regular expression is valid for subscriptions.
    #[arg(long, value_name = "regex", allow_hyphen_values = true)]
    pub(super) validate_regex: Option<String>,
    /// Only show what --reset-offsets would do.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Let --reset-offsets set the offsets.
    #[arg(long)]
    pub(super) execute: bool,
    /// Print the offsets of --reset-offsets as CSV, for --from-file.
    #[arg(long)]
    pub(super) export: bool,
    /// Reset to this offset.
    #[arg(long, value_name = "offset", allow_hyphen_values = true)]
    pub(super) to_offset: Option<String>,
    /// Reset to the offsets in a file: topic,partition,offset per line, or group,topic,partition,offset.
    #[arg(long, value_name = "path to CSV file", allow_hyphen_values = true)]
    pub(super) from_file: Option<String>,
    /// Reset to the first record at or after this time: YYYY-MM-DDThh:mm:ss.sss, UTC unless a zone follows.
    #[arg(long, value_name = "datetime", allow_hyphen_values = true)]
    pub(super) to_datetime: Option<String>,
    /// Reset to the first record of the time before now: PnDTnHnMnS.
    #[arg(long, value_name = "duration", allow_hyphen_values = true)]
    pub(super) by_duration: Option<String>,
    /// Reset to the start of the log.
    #[arg(long)]
    pub(super) to_earliest: bool,
    /// Reset to the end of the log.
    #[arg(long)]
    pub(super) to_latest: bool,
    /// Reset to what is committed now.
    #[arg(long)]
    pub(super) to_current: bool,
    /// Move the committed offsets by so many, forward or (negative) back.
    #[arg(long, value_name = "number-of-offsets", allow_hyphen_values = true)]
    pub(super) shift_by: Option<String>,
    /// Describe the members.
    #[arg(long)]
    pub(super) members: bool,
    /// Describe more.
    #[arg(long)]
    pub(super) verbose: bool,
    /// Describe offsets and lag; what --describe does without other options.
    #[arg(long)]
    pub(super) offsets: bool,
    /// With --describe, the state of the group; with --list, show states, or only groups in the named ones.
    #[arg(long, value_name = "states")]
    pub(super) state: Option<Option<String>>,
    /// With --list, show types, or only groups of the named ones (classic, consumer).
    #[arg(long = "type", value_name = "types")]
    pub(super) kind: Option<Option<String>>,
    /// How long the cluster may take to answer, in milliseconds.
    #[arg(long, value_name = "timeout (ms)", default_value = "30000", allow_hyphen_values = true)]
    pub(super) timeout: String,
    /// Without meaning since Kafka 2.
    #[arg(long, hide = true)]
    new_consumer: bool,
    /// Words that are no options are not looked at.
    #[arg(hide = true)]
    ignored: Vec<String>,
}

/// The ways to choose new offsets, in the order in which Kafka's tool looks at them.
const SCENARIOS: [&str; 8] =
    ["to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "shift-by", "from-file"];

impl Options {
    /// Refuses what does not go together, as Kafka's tool does before it connects.
    pub(super) fn check(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        self.check_available()?;
        let cluster = &self.cluster;
        let has_address = cluster.has_address();
        if !has_address && self.validate_regex.is_none() {
            return Err(missing("bootstrap-server"));
        }
        self.check_describe()?;
        self.check_deletes()?;
        self.check_reset(context)?;
        self.check_exclusive()?;
        let actions = [self.list, self.describe, self.delete, self.reset_offsets, self.delete_offsets];
        let given = actions.into_iter().filter(|given| *given).count() + usize::from(self.validate_regex.is_some());
        usage_unless(given == 1, || {
            "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, --delete-offsets, \
             --validate-regex"
                .to_owned()
        })
    }

    fn check_available(&self) -> Result<(), Failure> {
        let described = self.describe;
        let options = [
            ("members", self.members && !described),
            ("offsets", self.offsets && !described),
            ("state", self.state.is_some() && !described && !self.list),
            ("type", self.kind.is_some() && !self.list),
            ("verbose", self.verbose && !described),
        ];
        let out_of_place: Vec<&str> = options.into_iter().filter(|(_, wrong)| *wrong).map(|(name, _)| name).collect();
        if out_of_place.is_empty() {
            return Ok(());
        }
        let names = out_of_place.join(", ");
        Err(Failure::Message(format!(
            "Exception in thread \"main\" joptsimple.UnavailableOptionException: Option(s) [{names}] are unavailable \
             given other options on the command line"
        )))
    }

    fn check_describe(&self) -> Result<(), Failure> {
        if !self.describe {
            return Ok(());
        }
        self.check_groups("describe")?;
        let views = [self.members, self.offsets, self.state.is_some()].into_iter().filter(|given| *given).count();
        usage_unless(views <= 1, || {
            "Option [describe] takes at most one of these options: [members], [offsets], [state]".to_owned()
        })?;
        usage_unless(!matches!(self.state, Some(Some(_))), || {
            "Option [describe] does not take a value for [state]".to_owned()
        })
    }

    fn check_deletes(&self) -> Result<(), Failure> {
        if self.delete {
            self.check_groups("delete")?;
            usage_unless(self.topic.is_empty(), || {
                "The consumer does not support topic-specific offset deletion from a consumer group.".to_owned()
            })?;
        }
        let complete = !self.group.is_empty() && !self.topic.is_empty();
        usage_unless(!self.delete_offsets || complete, || {
            "Option [delete-offsets] takes the following options: [group], [topic]".to_owned()
        })
    }

    fn check_reset(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        if !self.reset_offsets {
            return Ok(());
        }
        usage_unless(!(self.dry_run && self.execute), || {
            "Option [reset-offsets] only accepts one of [execute] and [dry-run]".to_owned()
        })?;
        if !self.dry_run && !self.execute {
            context.err(
                "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will \
                 require either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if \
                 you are scripting this command and want to keep the current default behavior without prompting.",
            )?;
        }
        self.check_groups("reset-offsets")?;
        let chosen: Vec<&str> = SCENARIOS.into_iter().filter(|name| self.has_scenario(name)).collect();
        match chosen[..] {
            [one, other, ..] => Err(cannot_join(one, other)),
            _ => Ok(()),
        }
    }

    pub(super) fn has_scenario(&self, name: &str) -> bool {
        match name {
            "to-offset" => self.to_offset.is_some(),
            "to-datetime" => self.to_datetime.is_some(),
            "by-duration" => self.by_duration.is_some(),
            "to-earliest" => self.to_earliest,
            "to-latest" => self.to_latest,
            "to-current" => self.to_current,
            "shift-by" => self.shift_by.is_some(),
            _ => self.from_file.is_some(),
        }
    }

    fn check_groups(&self, action: &str) -> Result<(), Failure> {
        usage_unless(!self.group.is_empty() || self.all_groups, || {
            format!("Option [{action}] takes one of these options: [all-groups], [group]")
        })
    }

    fn check_exclusive(&self) -> Result<(), Failure> {
        let (group, topic) = (!self.group.is_empty(), !self.topic.is_empty());
        let pairs = [
            (group && self.all_groups, "group", "all-groups"),
            (group && self.list, "group", "list"),
            (topic && self.list, "topic", "list"),
            (topic && self.describe, "topic", "describe"),
        ];
        match pairs.into_iter().find(|(both, ..)| *both) {
            Some((_, one, other)) => Err(cannot_join(one, other)),
            None => Ok(()),
        }
    }
}

fn usage_unless(fine: bool, message: impl FnOnce() -> String) -> Result<(), Failure> {
    if fine { Ok(()) } else { Err(Failure::Usage(message())) }
}

fn cannot_join(one: &str, other: &str) -> Failure {
    Failure::Usage(format!("Option \"[{one}]\" can't be used with option \"[{other}]\""))
}
