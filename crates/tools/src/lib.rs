//! Kafka's command line tools, natively: same names, flags, output and exit codes, milliseconds instead of a JVM. One
//! folder or file per tool; the client they share is in `client/`, command lines are in `cli/`. This file holds the list of
//! tools and how one of them is run.

mod acls;
mod admin_link;
mod broker_api_versions;
pub mod cli;
pub mod client;
mod client_metrics;
mod cluster;
mod configs;
mod console_consumer;
mod console_producer;
mod console_share_consumer;
mod context;
mod delete_records;
mod dump_log;
mod elsewhere;
mod failure;
mod features;
mod get_offsets;
mod groups;
mod java;
mod json_file;
mod leader_election;
mod log_dirs;
mod log_line;
mod metadata_quorum;
pub mod output;
mod perf;
mod properties;
mod reassign;
mod signals;
mod storage;
mod topics;
mod transactions;
mod utility_belt;
mod verifiable;

use std::io::{self, BufWriter, Write};

pub use context::Context;
pub use failure::Failure;

/// One tool.
pub struct Tool {
    /// Its name without `.sh`.
    pub name: &'static str,
    /// One line for lists of tools.
    pub about: &'static str,
    run: fn(&mut Context<'_>, &[String]) -> Result<(), Failure>,
    help: fn() -> String,
}

/// Every tool, by name.
pub const TOOLS: &[Tool] = &[
    acls::TOOL,
    broker_api_versions::TOOL,
    client_metrics::TOOL,
    cluster::TOOL,
    configs::TOOL,
    console_consumer::TOOL,
    console_producer::TOOL,
    console_share_consumer::TOOL,
    delete_records::TOOL,
    dump_log::TOOL,
    elsewhere::CONNECT_DISTRIBUTED,
    elsewhere::CONNECT_MIRROR_MAKER,
    elsewhere::CONNECT_PLUGIN_PATH,
    elsewhere::CONNECT_STANDALONE,
    elsewhere::DELEGATION_TOKENS,
    elsewhere::JMX,
    elsewhere::METADATA_SHELL,
    elsewhere::RUN_CLASS,
    elsewhere::STREAMS_RESET,
    elsewhere::TROGDOR,
    features::TOOL,
    get_offsets::TOOL,
    groups::CONSUMER_GROUPS,
    groups::GROUPS,
    groups::SHARE_GROUPS,
    groups::STREAMS_GROUPS,
    leader_election::TOOL,
    log_dirs::TOOL,
    metadata_quorum::TOOL,
    perf::CONSUMER,
    perf::PRODUCER,
    reassign::TOOL,
    storage::TOOL,
    topics::TOOL,
    transactions::TOOL,
    utility_belt::CUB,
    utility_belt::DUB,
    utility_belt::UB,
    verifiable::CONSUMER,
    verifiable::PRODUCER,
];

/// The tool of this name; `kafka-topics.sh` and a path before the name are fine.
pub fn find(name: &str) -> Option<&'static Tool> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let bare = base.strip_suffix(".sh").unwrap_or(base);
    TOOLS.iter().find(|tool| tool.name == bare)
}

/// Runs a tool on the streams of this process; gives the exit code.
pub fn run(tool: &Tool, arguments: &[String]) -> u8 {
    // Standard error is not locked: a tool's second thread may have something to say.
    let (mut stdin, mut stderr) = (io::stdin().lock(), io::stderr());
    let mut stdout = BufWriter::new(io::stdout().lock());
    let strict = std::env::var("BARNABAS_STRICT_EXIT").is_ok_and(|value| value == "1");
    let mut context = Context::new(&mut stdin, &mut stdout, &mut stderr, strict);
    let code = run_in(tool, arguments, &mut context);
    // Who no longer reads, as in `… | head -1`, is not told of it.
    let _ = stdout.flush();
    code
}

/// Runs a tool on given streams; gives the exit code.
pub fn run_in(tool: &Tool, arguments: &[String], context: &mut Context<'_>) -> u8 {
    if wants_json(arguments) {
        context.be_json();
    }
    let outcome = match arguments {
        [only] if only == "--help" || only == "-h" => context.out((tool.help)()).map_err(Failure::from),
        [only] if only == "--version" => context.out(version()).map_err(Failure::from),
        _ => (tool.run)(context, arguments),
    };
    match outcome {
        Ok(()) => context.exit_code(),
        Err(failure) => explain(tool, failure, context),
    }
}

fn wants_json(arguments: &[String]) -> bool {
    let pairs = arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    pairs || arguments.iter().any(|word| word == "--output=json")
}

/// Which Kafka the tools behave like; scripts look for the first word.
fn version() -> String {
    format!("4.3.1 (barnabas {})", env!("CARGO_PKG_VERSION"))
}

fn explain(tool: &Tool, failure: Failure, context: &mut Context<'_>) -> u8 {
    if let (true, Some((code, message))) = (context.is_json(), failure.code_and_message()) {
        let document = serde_json::json!({ "error": output::json_error(code, &message) });
        return context.out(output::json(&document)).map_or(1, |()| 1);
    }
    let (told, code) = match failure {
        Failure::Usage(message) => (context.err(message).and_then(|()| context.err((tool.help)())), 1),
        Failure::Message(message) => (context.err(message), 1),
        Failure::OnStdout(message) => (context.out(message), 1),
        Failure::Cluster { text, on_stdout: true, .. } => (context.out(text), 1),
        Failure::Cluster { text, .. } => (context.err(text), 1),
        Failure::Exit(code) => (Ok(()), code),
        Failure::Output(_) => (Ok(()), 1),
    };
    told.map_or(1, |()| code)
}
