//! What `kafka-share-groups` and `kafka-streams-groups` have in common: their options, and `--list`.

use clap::Args;

use super::{Stop, Thrown, columns, consumer, widest};
use crate::cli::{self, ClusterArgs, missing};
use crate::client::groups::GroupListing;
use crate::client::{Client, ClientError};
use crate::{Context, Failure, output};

/// Options of both tools.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// The group to act on; may be given several times.
    #[arg(long, value_name = "group", allow_hyphen_values = true)]
    pub(super) group: Vec<String>,
    /// Act on all groups of this type.
    #[arg(long)]
    pub(super) all_groups: bool,
    /// List groups.
    #[arg(long)]
    pub(super) list: bool,
    /// Describe groups: offsets, or members, or state.
    #[arg(long)]
    pub(super) describe: bool,
    /// Describe the members.
    #[arg(long)]
    pub(super) members: bool,
    /// Describe offsets; what --describe does without other options.
    #[arg(long)]
    pub(super) offsets: bool,
    /// Describe more.
    #[arg(long)]
    pub(super) verbose: bool,
    /// With --describe, the state of the group; with --list, show states, or only groups in the named ones.
    #[arg(long, value_name = "states")]
    pub(super) state: Option<Option<String>>,
    /// How long the cluster may take to answer, in milliseconds.
    #[arg(long, value_name = "timeout (ms)", default_value = "30000", allow_hyphen_values = true)]
    pub(super) timeout: String,
    #[arg(long, hide = true)]
    delete: bool,
    #[arg(long, hide = true)]
    reset_offsets: bool,
    #[arg(long, hide = true)]
    delete_offsets: bool,
    /// Words that are no options are not looked at.
    #[arg(hide = true)]
    ignored: Vec<String>,
}

/// A type of groups.
pub(super) struct Kind {
    pub(super) tool: &'static str,
    /// As in `Share group 'g' …`.
    pub(super) name: &'static str,
    /// As lists show it.
    pub(super) group_type: &'static str,
    pub(super) states: &'static [&'static str],
    pub(super) actions: &'static str,
    /// How `--list` without states wraps what the client throws.
    pub(super) list_failed: fn(ClientError) -> Thrown,
}

impl Kind {
    /// Parses and judges the options.
    pub(super) fn options(
        &self,
        arguments: &[String],
        as_uncaught: fn(Failure) -> Failure,
    ) -> Result<Options, Failure> {
        let options: Options = cli::parse(self.tool, arguments).map_err(as_uncaught)?;
        self.check_available(&options).map_err(as_uncaught)?;
        let cluster = &options.cluster;
        if !cluster.has_address() {
            return Err(missing("bootstrap-server"));
        }
        let (has_group, all) = (!options.group.is_empty(), options.all_groups);
        let views = [options.members, options.offsets, options.state.is_some()];
        let problem = if options.describe && !has_group && !all {
            "Option [describe] takes one of these options: [all-groups], [group]"
        } else if options.describe && views.into_iter().filter(|given| *given).count() > 1 {
            "Option [describe] takes at most one of these options: [members], [offsets], [state]"
        } else if options.describe && matches!(options.state, Some(Some(_))) {
            "Option [describe] does not take a value for [state]"
        } else if has_group && all {
            "Option \"[group]\" can't be used with option \"[all-groups]\""
        } else if has_group && options.list {
            "Option \"[group]\" can't be used with option \"[list]\""
        } else {
            ""
        };
        if !problem.is_empty() {
            return Err(Failure::Usage(problem.into()));
        }
        self.check_action(&options)?;
        Ok(options)
    }

    fn check_available(&self, options: &Options) -> Result<(), Failure> {
        let given = [
            ("members", options.members && !options.describe),
            ("offsets", options.offsets && !options.describe),
            ("state", options.state.is_some() && !options.describe && !options.list),
            ("verbose", options.verbose && !options.describe),
        ];
        let names: Vec<&str> = given.into_iter().filter(|(_, wrong)| *wrong).map(|(name, _)| name).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(", ");
        Err(Failure::Usage(format!("Option(s) [{names}] are unavailable given other options on the command line")))
    }

    fn check_action(&self, options: &Options) -> Result<(), Failure> {
        let later = [options.delete, options.reset_offsets, options.delete_offsets].into_iter().filter(|given| *given);
        let others = later.count();
        let actions = others + usize::from(options.list) + usize::from(options.describe);
        if actions != 1 {
            return Err(Failure::Usage(format!("Command must include exactly one action: {}.", self.actions)));
        }
        if others == 0 {
            return Ok(());
        }
        Err(Failure::Message(format!(
            "{} can only --list and --describe so far; use the tool of Apache Kafka against this cluster to change {}s",
            self.tool, self.name
        )))
    }

    /// The groups that were named, or all.
    pub(super) fn chosen(&self, options: &Options, client: &mut Client) -> Result<Vec<String>, Stop> {
        if !options.all_groups {
            return Ok(options.group.clone());
        }
        let groups = self.groups(client, &[]).map_err(self.list_failed)?;
        Ok(groups.into_iter().map(|group| group.id).collect())
    }

    fn groups(&self, client: &mut Client, states: &[String]) -> Result<Vec<GroupListing>, ClientError> {
        // Brokers without groups of this type may not know its name: what they list is filtered here.
        let mut groups = client.list_groups(states, &[])?;
        groups.retain(|group| group.kind == self.group_type);
        Ok(groups)
    }

    /// `--list`.
    pub(super) fn list(&self, context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
        let states = consumer::filter("state", options.state.as_ref(), self.states)?;
        let failed = if options.state.is_some() { Thrown::execution } else { self.list_failed };
        let groups = self.groups(client, &states).map_err(failed)?;
        if context.is_json() {
            return Ok(context.out(output::json(&consumer::listing_document(&groups)))?);
        }
        let lines = if options.state.is_some() {
            state_lines(&groups)
        } else {
            groups.into_iter().map(|group| group.id).collect()
        };
        print(context, &lines)
    }
}

fn state_lines(groups: &[GroupListing]) -> Vec<String> {
    let widths = [widest(15, groups.iter().map(|group| group.id.as_str())), 0];
    let row = |group: &GroupListing| columns(&[&group.id, &group.state], &widths);
    std::iter::once(columns(&["GROUP", "STATE"], &widths)).chain(groups.iter().map(row)).collect()
}

pub(super) fn print(context: &mut Context<'_>, lines: &[String]) -> Result<(), Stop> {
    lines.iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}
