//! `kafka-topics`.

use clap::Args;

use crate::cli::{self, ClusterArgs};
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-topics", about: "Create, list, describe, change and delete topics.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// List all topics.
    #[arg(long)]
    list: bool,
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let mut client = options.cluster.connect()?;
    let mut names: Vec<String> = client.topics(None)?.into_iter().filter_map(|topic| topic.name).collect();
    names.sort();
    Ok(context.out(names.join("\n"))?)
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}
