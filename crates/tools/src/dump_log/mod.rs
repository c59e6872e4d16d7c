//! `kafka-dump-log`: what is in the files of a partition. Segments are in `segment.rs`, indexes in `index.rs`, producer
//! snapshots in `snapshot.rs`. Files may be damaged: nothing in them is believed.

mod index;
mod segment;
mod snapshot;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli;
use crate::{Context, Failure, Tool};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-dump-log",
    about: "Show what is in log segments, indexes and snapshots.",
    run,
    help: || cli::help::<Options>("kafka-dump-log"),
};

const DESCRIPTION: &str = "This tool helps to parse a log file and dump its contents to the console, useful for debugging \
                           a seemingly corrupt log segment.";

#[derive(Args)]
struct Options {
    /// The files to show, separated by commas.
    #[arg(long, value_delimiter = ',')]
    files: Vec<String>,
    /// Show keys and values.
    #[arg(long)]
    print_data_log: bool,
    /// Show single records.
    #[arg(long)]
    deep_iteration: bool,
    /// With --print-data-log: only keys and values of records.
    #[arg(long)]
    skip_record_metadata: bool,
    /// Only check indexes as a start of the broker does.
    #[arg(long)]
    index_sanity_check: bool,
    /// Only check indexes against the log.
    #[arg(long)]
    verify_index_only: bool,
    /// How far a batch may reach from an index entry.
    #[arg(long, default_value_t = 5 * 1024 * 1024)]
    max_message_size: u64,
    /// Only so many bytes of each file.
    #[arg(long)]
    max_bytes: Option<u64>,
    /// How values are shown: StringDecoder, LongDecoder, IntegerDecoder.
    #[arg(long, num_args = 0..=1, default_missing_value = "StringDecoder")]
    value_decoder_class: Option<String>,
    /// How keys are shown.
    #[arg(long, num_args = 0..=1, default_missing_value = "StringDecoder")]
    key_decoder_class: Option<String>,
    /// Show records of __consumer_offsets: not here.
    #[arg(long)]
    offsets_decoder: bool,
    /// Show records of __transaction_state: not here.
    #[arg(long)]
    transaction_log_decoder: bool,
    /// Show records of __cluster_metadata: not here.
    #[arg(long)]
    cluster_metadata_decoder: bool,
    /// Show records of __remote_log_metadata: not here.
    #[arg(long)]
    remote_log_metadata_decoder: bool,
    /// Show records of __share_group_state: not here.
    #[arg(long)]
    share_group_state_decoder: bool,
}

/// What is wrong with a file, for standard error after everything else.
type Findings = Vec<String>;

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(DESCRIPTION.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments).map_err(|failure| match failure {
        Failure::Usage(text) => Failure::Message(format!("Exception in thread \"main\" {}", thrown(&text))),
        other => other,
    })?;
    if options.files.is_empty() {
        return Err(cli::missing("files"));
    }
    refuse_decoders(&options)?;
    let mut findings = Findings::new();
    for file in &options.files {
        context.out(format!("Dumping {file}"))?;
        dump(context, Path::new(file), &options, &mut findings)?;
    }
    Ok(findings.iter().try_for_each(|line| context.err(line))?)
}

/// What joptsimple throws for this text.
fn thrown(text: &str) -> String {
    let class = if text.ends_with("requires an argument") {
        "OptionMissingRequiredArgumentException"
    } else {
        "UnrecognizedOptionException"
    };
    format!("joptsimple.{class}: {text}")
}

fn refuse_decoders(options: &Options) -> Result<(), Failure> {
    let decoders = [
        ("--offsets-decoder", options.offsets_decoder, "kafka-consumer-groups --describe"),
        ("--transaction-log-decoder", options.transaction_log_decoder, "kafka-transactions describe"),
        ("--cluster-metadata-decoder", options.cluster_metadata_decoder, "kafka-topics and kafka-configs --describe"),
        ("--remote-log-metadata-decoder", options.remote_log_metadata_decoder, "--print-data-log"),
        ("--share-group-state-decoder", options.share_group_state_decoder, "--print-data-log"),
    ];
    match decoders.into_iter().find(|(_, is_given, _)| *is_given) {
        Some((name, _, instead)) => Err(Failure::Message(format!(
            "{name} is not supported: the records stay bytes here. Use {instead}, or Apache Kafka's own kafka-dump-log: the \
             format of the files is the same"
        ))),
        None => Ok(()),
    }
}

fn dump(context: &mut Context<'_>, file: &Path, options: &Options, findings: &mut Findings) -> Result<(), Failure> {
    let outcome = match file.extension().and_then(|extension| extension.to_str()) {
        Some("log" | "checkpoint") => segment::dump(context, file, options, findings),
        Some("index") => index::dump_offsets(context, file, options, findings),
        Some("timeindex") => index::dump_times(context, file, options, findings),
        Some("snapshot") => snapshot::dump_producers(context, file),
        Some("txnindex") => snapshot::dump_aborted(context, file),
        _ => return Ok(context.err(format!("Ignoring unknown file {}", file.display()))?),
    };
    outcome.map_err(|failure| match failure {
        Unreadable::Output(error) => error.into(),
        Unreadable::File(text) => Failure::Message(format!("{}: {text}", file.display())),
    })
}

/// Why a file could not be shown.
enum Unreadable {
    File(String),
    Output(std::io::Error),
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// The offset in the name of a file.
fn base_offset(file: &Path) -> Result<i64, Unreadable> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.split('.').next().unwrap_or_default();
    digits.parse().map_err(|_| Unreadable::File(format!("'{digits}' is no offset; give a file as the broker named it")))
}

/// The file with the same offset and another ending.
fn sibling(file: &Path, ending: &str) -> PathBuf {
    file.with_extension(ending)
}

fn read_all(file: &Path) -> Result<Vec<u8>, Unreadable> {
    std::fs::read(file).map_err(|error| Unreadable::File(error.to_string()))
}

#[cfg(test)]
mod tests;
