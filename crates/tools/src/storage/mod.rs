//! `kafka-storage`: a random id, what is in the log directories, and `format`. The broker needs no format step; `format`
//! writes `meta.properties` as the broker itself would, so that the cluster id of the start script holds.

mod folders;

use std::path::Path;

use barnabas_common::Uuid;
use serde_json::json;

use crate::cli::argparse::{Kind, Opt, Parsed, Parser};
use crate::features::{levels, offline};
use crate::{Context, Failure, Tool, output};
use folders::{Folder, Folders};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-storage",
    about: "Make a cluster id, show and prepare log directories.",
    run,
    help: || PARSER.help(),
};

const CONFIG: Opt = Opt { names: &["--config", "-c"], kind: Kind::One, help: "server.properties" };

static PARSER: Parser = Parser {
    usage: "kafka-storage [-h]\n                     \
            {info,format,version-mapping,feature-dependencies,random-uuid}\n                     ...",
    options: &[],
    commands: &[
        ("info", &INFO),
        ("format", &FORMAT),
        ("version-mapping", &offline::VERSION_MAPPING),
        ("feature-dependencies", &offline::FEATURE_DEPENDENCIES),
        ("random-uuid", &RANDOM_UUID),
    ],
    required: &[],
    exclusive: &[],
};
static INFO: Parser = Parser {
    usage: "kafka-storage info [-h] --config CONFIG",
    options: &[CONFIG],
    commands: &[],
    required: &[&["--config"]],
    exclusive: &[],
};
static RANDOM_UUID: Parser =
    Parser { usage: "kafka-storage random-uuid [-h]", options: &[], commands: &[], required: &[], exclusive: &[] };
static FORMAT: Parser = Parser {
    usage: "kafka-storage format [-h] --config CONFIG --cluster-id CLUSTER_ID\n                     \
            [--add-scram ADD_SCRAM] [--ignore-formatted]\n                     \
            [--release-version RELEASE_VERSION]\n                     \
            [--feature FEATURE] [--standalone |\n                     --no-initial-controllers |\n                     \
            --initial-controllers INITIAL_CONTROLLERS]",
    options: &[
        CONFIG,
        Opt { names: &["--cluster-id", "-t"], kind: Kind::One, help: "the id of the cluster" },
        Opt { names: &["--add-scram", "-S"], kind: Kind::Append, help: "a SCRAM credential; not kept, see the note" },
        Opt { names: &["--ignore-formatted", "-g"], kind: Kind::Switch, help: "formatted directories are fine" },
        Opt { names: &["--release-version", "-r"], kind: Kind::One, help: "a release, for its features" },
        Opt { names: &["--feature", "-f"], kind: Kind::Append, help: "feature=level; may be repeated" },
        Opt { names: &["--standalone", "-s"], kind: Kind::Switch, help: "a quorum of one" },
        Opt { names: &["--no-initial-controllers", "-N"], kind: Kind::Switch, help: "no controllers yet" },
        Opt { names: &["--initial-controllers", "-I"], kind: Kind::One, help: "id@host:port:directory,…" },
    ],
    commands: &[],
    required: &[&["--config"], &["--cluster-id"]],
    exclusive: &[&["--standalone", "--no-initial-controllers", "--initial-controllers"]],
};

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let parsed = PARSER.parse(arguments).map_err(|stop| stop.into_failure(context, TOOL.name))?;
    match parsed.command {
        "random-uuid" => random_uuid(context),
        "version-mapping" => offline::version_mapping(context, &parsed),
        "feature-dependencies" => offline::feature_dependencies(context, &parsed),
        "info" => info(context, &read_config(&parsed)?),
        _ => format(context, &parsed),
    }
}

/// A new id; none that begins with a dash, which would look like an option.
fn random_uuid(context: &mut Context<'_>) -> Result<(), Failure> {
    let mut id = Uuid::random().to_string();
    while id.starts_with('-') {
        id = Uuid::random().to_string();
    }
    if context.is_json() {
        return Ok(context.out(output::json(&json!({ "uuid": id })))?);
    }
    Ok(context.out(id)?)
}

fn uncaught(text: impl std::fmt::Display) -> Failure {
    Failure::Message(format!("Exception in thread \"main\" {text}"))
}

fn read_config(parsed: &Parsed) -> Result<Folders, Failure> {
    let path = parsed.one("--config").unwrap_or_default();
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => uncaught(format!("java.nio.file.NoSuchFileException: {path}")),
        _ => Failure::Message(format!("cannot read {path}: {error}")),
    })?;
    Folders::of_properties(&text).map_err(|problem| Failure::Message(format!("{path}: {problem}")))
}

fn info(context: &mut Context<'_>, folders: &Folders) -> Result<(), Failure> {
    let states = folders.look().map_err(Failure::Message)?;
    let found: Vec<&Folder> = states.iter().filter(|folder| folder.exists).collect();
    let problems: Vec<String> = states.iter().filter_map(Folder::problem).collect();
    let known = states.iter().find_map(|folder| folder.identity.as_ref());
    if context.is_json() {
        let row = |folder: &Folder| {
            let identity = folder.identity.as_ref();
            json!({
                "logDir": folder.path.display().to_string(), "exists": folder.exists,
                "clusterId": identity.map(|identity| &identity.cluster_id), "nodeId": identity.map(|identity| identity.node_id),
                "directoryId": identity.and_then(|identity| identity.directory_id).map(|id| id.to_string()),
            })
        };
        let rows: Vec<_> = states.iter().map(row).collect();
        context.out(output::json(&json!({ "logDirs": rows })))?;
    } else {
        let titled = |count: usize| if count == 1 { "Found log directory:" } else { "Found log directories:" };
        if !found.is_empty() {
            context.out(titled(found.len()))?;
            for folder in &found {
                context.out(format!("  {}", folder.path.display()))?;
            }
            context.out("")?;
        }
        if let Some(identity) = known {
            context.out(format!("Found metadata: {}\n", folders::as_map(identity)))?;
        }
        if !problems.is_empty() {
            context.out(if problems.len() == 1 { "Found problem:" } else { "Found problems:" })?;
            for problem in &problems {
                context.out(format!("  {problem}"))?;
            }
            context.out("")?;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Exit(1)) }
}

fn format(context: &mut Context<'_>, parsed: &Parsed) -> Result<(), Failure> {
    let release = parsed.one("--release-version").unwrap_or(levels::LATEST);
    let level = levels::level_of(release).ok_or_else(|| Failure::Message(levels::unknown_release(release, false)))?;
    let features = features(parsed, level)?;
    let folders = read_config(parsed)?;
    if folders.has_voters && (parsed.has("--standalone") || parsed.has("--initial-controllers")) {
        return Err(Failure::Message(
            "You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. \
             If you want to use dynamic quorum, please remove controller.quorum.voters and specify \
             controller.quorum.bootstrap.servers instead."
                .into(),
        ));
    }
    let cluster_id = parsed.one("--cluster-id").unwrap_or_default();
    let states = folders.look().map_err(Failure::Message)?;
    check(&states, cluster_id, parsed.has("--ignore-formatted"))?;
    let fresh: Vec<&Folder> = states.iter().filter(|folder| folder.identity.is_none()).collect();
    if fresh.is_empty() {
        return Ok(context.out("All of the log directories are already formatted.")?);
    }
    context.out(bootstrap_line(level, &features))?;
    let shown = levels::release_of(level).unwrap_or(release);
    for folder in fresh {
        let what = if folder.path == folders.metadata_dir { "metadata" } else { "data" };
        context.out(format!("Formatting {what} directory {} with metadata.version {shown}.", folder.path.display()))?;
        folders.claim(folder, cluster_id).map_err(Failure::Message)?;
    }
    if parsed.has("--add-scram") {
        context.stdout.flush()?;
        context.err(
            "note: --add-scram is not kept: SASL is not supported yet. Add the user with kafka-configs --alter once it is.",
        )?;
    }
    Ok(())
}

fn check(states: &[Folder], cluster_id: &str, ignore_formatted: bool) -> Result<(), Failure> {
    for folder in states {
        let Some(identity) = &folder.identity else { continue };
        if identity.cluster_id != cluster_id {
            return Err(uncaught(format!(
                "java.lang.RuntimeException: Invalid cluster.id in: {}. Expected {cluster_id}, but read {}",
                folder.path.join(Path::new("meta.properties")).display(),
                identity.cluster_id
            )));
        }
        if !ignore_formatted {
            return Err(Failure::Message(format!(
                "Log directory {} is already formatted. Use --ignore-formatted to ignore this directory and format the \
                 others.",
                folder.path.display()
            )));
        }
    }
    Ok(())
}

/// Features above 0 by name, as a new cluster gets them.
fn features(parsed: &Parsed, level: i16) -> Result<Vec<(String, i16)>, Failure> {
    let mut all: std::collections::BTreeMap<String, i16> =
        levels::others_at(level).map(|(name, level)| (name.to_owned(), level)).collect();
    let names: Vec<String> = all.keys().cloned().collect();
    // The version of the quorum is 0 unless the quorum is dynamic.
    all.insert("kraft.version".into(), 0);
    for text in parsed.all("--feature") {
        let (name, level) = offline::split(text)?;
        if name != levels::METADATA_VERSION && !names.iter().any(|known| known == name) {
            let text = format!("Unsupported feature: {name}. Supported features are: {}", names.join(", "));
            return Err(Failure::Message(text));
        }
        all.insert(name.to_owned(), level);
    }
    all.remove(levels::METADATA_VERSION);
    Ok(all.into_iter().filter(|(_, level)| *level > 0).collect())
}

fn bootstrap_line(level: i16, features: &[(String, i16)]) -> String {
    let metadata = (levels::METADATA_VERSION.to_owned(), level);
    let record = |(name, level): &(String, i16)| {
        format!("ApiMessageAndVersion(FeatureLevelRecord(name='{name}', featureLevel={level}) at version 0)")
    };
    let records: Vec<String> = std::iter::once(&metadata).chain(features).map(record).collect();
    format!(
        "Bootstrap metadata: BootstrapMetadata(records=[{}], metadataVersionLevel={level}, source=format command)",
        records.join(", ")
    )
}

#[cfg(test)]
mod tests;
