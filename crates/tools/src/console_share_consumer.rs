//! `kafka-console-share-consumer`: says clearly that share groups cannot be read, instead of failing in some other way.

use clap::Args;

use crate::cli::{self, ClusterArgs};
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-console-share-consumer",
    about: "Print the records of a share group (not supported yet).",
    run,
    help,
};

/// The API by which members of share groups fetch.
const SHARE_FETCH: i16 = 78;

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// REQUIRED: The topic to read.
    #[arg(long, value_name = "topic")]
    topic: Option<String>,
    /// The share group.
    #[arg(long, value_name = "share group id")]
    group: Option<String>,
    /// End after so many records.
    #[arg(long, value_name = "Integer: num_messages", allow_hyphen_values = true)]
    max_messages: Option<i32>,
    /// End when no record came for so many milliseconds.
    #[arg(long, value_name = "Long: timeout_ms", allow_hyphen_values = true)]
    timeout_ms: Option<i64>,
    /// How records are shown.
    #[arg(long, value_name = "class")]
    formatter: Option<String>,
    /// What is shown, as key=value.
    #[arg(long, value_name = "prop", alias = "property")]
    formatter_property: Vec<String>,
    /// Settings of the consumer, as key=value.
    #[arg(long, value_name = "consumer_prop", alias = "consumer-property")]
    command_property: Vec<String>,
    /// Give records back to the group.
    #[arg(long)]
    release: bool,
    /// Reject records.
    #[arg(long)]
    reject: bool,
    /// Pass over records that cannot be shown.
    #[arg(long)]
    skip_message_on_error: bool,
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(_: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments)?;
    if options.topic.is_none() {
        return Err(cli::missing("topic"));
    }
    let mut client = options.cluster.connect()?;
    let served = &client.bootstrap_connection()?.api_versions().api_keys;
    let has_share_groups = served.iter().any(|row| row.api_key == SHARE_FETCH);
    Err(Failure::Message(refusal(has_share_groups).into()))
}

fn refusal(has_share_groups: bool) -> &'static str {
    if has_share_groups {
        "This tool does not read share groups yet, although the cluster has them. Use kafka-console-consumer with --group \
         for a consumer group, or the tool of Apache Kafka for a share group."
    } else {
        "org.apache.kafka.common.errors.UnsupportedVersionException: The cluster does not support share groups (KIP-932). \
         Use kafka-console-consumer with --group: a consumer group reads each partition by one member."
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_says_what_to_use_instead() {
        assert!(super::refusal(false).contains("UnsupportedVersionException"));
        assert!([false, true].iter().all(|has| super::refusal(*has).contains("kafka-console-consumer")));
    }
}
