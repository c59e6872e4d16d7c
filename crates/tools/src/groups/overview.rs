//! `kafka-groups`: groups of every type and protocol in one table.

use clap::Args;

use super::columns;
use crate::cli::{self, ClusterArgs};
use crate::client::ClientError;
use crate::client::groups::GroupListing;
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool = Tool { name: "kafka-groups", about: "List groups of all types.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// List groups.
    #[arg(long)]
    list: bool,
    /// Only groups of this type: classic, consumer, share, streams.
    #[arg(long, value_name = "type")]
    group_type: Option<String>,
    /// Only groups whose members speak this protocol: consumer, connect, share …
    #[arg(long, value_name = "protocol")]
    protocol: Option<String>,
    /// Only groups of consumers, of both protocols, and those that only hold offsets.
    #[arg(long)]
    consumer: bool,
    /// Only share groups.
    #[arg(long)]
    share: bool,
    /// Only streams groups.
    #[arg(long)]
    streams: bool,
    /// Words that are no options are not looked at.
    #[arg(hide = true)]
    ignored: Vec<String>,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let group_type = options.check()?;
    let mut groups = options.groups().map_err(told)?;
    groups.retain(|group| options.passes(group, group_type));
    if context.is_json() {
        return Ok(context.out(output::json(&super::consumer::listing_document(&groups)))?);
    }
    Ok(table(&groups).iter().try_for_each(|line| context.out(line))?)
}

fn told(failure: Failure) -> Failure {
    match failure {
        Failure::Cluster { error, .. } => {
            // Java's client says no more than this of a setting that it refuses.
            let shown = match &error {
                ClientError::Config(_) => "Failed to create new KafkaAdminClient".to_owned(),
                other => other.to_string(),
            };
            Failure::Cluster { error, text: format!("Error while executing groups command : {shown}"), on_stdout: true }
        }
        other => other,
    }
}

impl Options {
    /// Refuses what does not go together; gives the type as brokers' answers are shown.
    fn check(&self) -> Result<Option<&'static str>, Failure> {
        let cluster = &self.cluster;
        if !cluster.has_address() {
            return Err(Failure::Usage("Missing required option(s) [bootstrap-server]".into()));
        }
        if !self.list {
            return Err(Failure::Usage("Command must include exactly one action: --list.".into()));
        }
        let known = |text: &String| {
            let types = ["Classic", "Consumer", "Share", "Streams"];
            let found = types.into_iter().find(|one| one.eq_ignore_ascii_case(text));
            found.ok_or_else(|| Failure::Message("--group-type must be a valid group type.".into()))
        };
        let group_type = self.group_type.as_ref().map(known).transpose()?;
        let given = [
            ("consumer", self.consumer),
            ("group-type", group_type.is_some()),
            ("protocol", self.protocol.is_some()),
            ("share", self.share),
            ("streams", self.streams),
        ];
        // A type and a protocol go together, the other filters stand alone.
        for alone in ["consumer", "share", "streams"] {
            let is_given = given.iter().any(|(name, is_given)| *name == alone && *is_given);
            let other = given.iter().find(|(name, is_given)| *name != alone && *is_given);
            if let (true, Some((other, _))) = (is_given, other) {
                let text = format!("Option \"[{alone}]\" can't be used with option \"[{other}]\"");
                return Err(Failure::Usage(text));
            }
        }
        Ok(group_type)
    }

    fn groups(&self) -> Result<Vec<GroupListing>, Failure> {
        Ok(self.cluster.connect()?.list_groups(&[], &[])?)
    }

    fn passes(&self, group: &GroupListing, group_type: Option<&str>) -> bool {
        let has_protocol = self.protocol.as_ref().is_none_or(|wanted| *wanted == group.protocol);
        match group_type {
            Some(wanted) => group.kind == wanted && has_protocol,
            None if self.protocol.is_some() => has_protocol,
            None if self.consumer => matches!(group.protocol.as_str(), "" | "consumer") || group.kind == "Consumer",
            None if self.share => group.kind == "Share",
            None if self.streams => group.kind == "Streams",
            None => true,
        }
    }
}

/// Three columns, all as wide as the widest cell of any.
fn table(groups: &[GroupListing]) -> Vec<String> {
    let cells = groups.iter().flat_map(|group| [group.id.as_str(), &group.kind, &group.protocol]);
    let widths = [super::widest(20, cells); 3];
    // Kafka's rows, but not its header, end in one blank more.
    let row = |group: &GroupListing| columns(&[&group.id, &group.kind, &group.protocol], &widths) + " ";
    std::iter::once(columns(&["GROUP", "TYPE", "PROTOCOL"], &widths)).chain(groups.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(kind: &str, protocol: &str) -> GroupListing {
        GroupListing { id: "g".into(), protocol: protocol.into(), state: "Empty".into(), kind: kind.into() }
    }

    fn options(words: &[&str]) -> Options {
        let mut all = vec!["--bootstrap-server".to_owned(), "a:1".to_owned(), "--list".to_owned()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        cli::parse("kafka-groups", &all).unwrap()
    }

    #[test]
    fn filters() {
        let passing = |words: &[&str]| {
            let options = options(words);
            let group_type = options.check().unwrap();
            let groups = [
                ("Classic", "consumer"),
                ("Classic", ""),
                ("Classic", "connect"),
                ("Consumer", "consumer"),
                ("Share", "share"),
            ];
            groups.into_iter().filter(|(kind, protocol)| options.passes(&group(kind, protocol), group_type)).count()
        };
        assert_eq!(passing(&[]), 5);
        assert_eq!(passing(&["--consumer"]), 3);
        assert_eq!(passing(&["--share"]), 1);
        assert_eq!(passing(&["--protocol", "consumer"]), 2);
        assert_eq!(passing(&["--group-type", "CLASSIC"]), 3);
        assert_eq!(passing(&["--group-type", "classic", "--protocol", "connect"]), 1);
        assert!(options(&["--share", "--protocol", "x"]).check().is_err());
        assert!(options(&["--group-type", "none"]).check().is_err());
    }

    #[test]
    fn rows_end_in_a_blank() {
        let lines = table(&[group("Classic", "consumer")]);
        assert_eq!(lines[0], "GROUP                TYPE                 PROTOCOL            ");
        assert_eq!(lines[1], "g                    Classic              consumer             ");
    }
}
