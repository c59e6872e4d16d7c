//! `kafka-features`: which features a cluster has, and at which levels.

pub(crate) mod levels;
pub(crate) mod offline;

use barnabas_protocol::messages::update_features_request::FeatureUpdateKey;
use barnabas_protocol::messages::{ApiVersionsResponse, UpdateFeaturesRequest};
use serde_json::{Value, json};

use crate::admin_link::AdminLink;
use crate::cli::argparse::{Kind, Opt, Parsed, Parser, Stop};
use crate::client::ClientError;
use crate::output::json_error;
use crate::{Context, Failure, Tool, output};
use levels::METADATA_VERSION;

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-features", about: "Show and change the levels of features.", run, help: || PARSER.help() };

const FEATURE: Opt = Opt { names: &["--feature"], kind: Kind::Append, help: "feature=level; may be repeated" };
const METADATA: Opt = Opt { names: &["--metadata"], kind: Kind::One, help: "deprecated: a level of metadata.version" };
const RELEASE: Opt =
    Opt { names: &["--release-version"], kind: Kind::One, help: "set all features as this release has them" };
const UNSAFE: Opt = Opt { names: &["--unsafe"], kind: Kind::Switch, help: "even if metadata may be lost" };
const DRY_RUN: Opt = Opt { names: &["--dry-run"], kind: Kind::Switch, help: "check, but change nothing" };

static PARSER: Parser = Parser {
    usage: "kafka-features [-h] [--command-config COMMAND_CONFIG]\n                      \
            [--bootstrap-server BOOTSTRAP_SERVER |\n                      \
            --bootstrap-controller BOOTSTRAP_CONTROLLER]\n                      \
            {describe,upgrade,downgrade,disable,version-mapping,feature-dependencies}\n                      ...",
    options: &[
        Opt { names: &["--bootstrap-server"], kind: Kind::One, help: "host:port of brokers, separated by commas" },
        Opt { names: &["--bootstrap-controller"], kind: Kind::One, help: "host:port of controllers" },
        Opt { names: &["--command-config"], kind: Kind::One, help: "a properties file for the client" },
    ],
    commands: &[
        ("describe", &DESCRIBE),
        ("upgrade", &UPGRADE),
        ("downgrade", &DOWNGRADE),
        ("disable", &DISABLE),
        ("version-mapping", &offline::VERSION_MAPPING),
        ("feature-dependencies", &offline::FEATURE_DEPENDENCIES),
    ],
    required: &[],
    exclusive: &[&["--bootstrap-server", "--bootstrap-controller"]],
};
static DESCRIBE: Parser = Parser {
    usage: "kafka-features describe [-h] [--node-id NODE_ID]",
    options: &[Opt { names: &["--node-id"], kind: Kind::One, help: "the node to ask" }],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static UPGRADE: Parser = Parser {
    usage: "kafka-features upgrade [-h] [--metadata METADATA]\n                      \
            [--release-version RELEASE_VERSION]\n                      [--feature FEATURE] [--dry-run]",
    options: &[METADATA, RELEASE, FEATURE, DRY_RUN],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static DOWNGRADE: Parser = Parser {
    usage: "kafka-features downgrade [-h] [--metadata METADATA]\n                      \
            [--release-version RELEASE_VERSION]\n                      \
            [--feature FEATURE] [--unsafe] [--dry-run]",
    options: &[METADATA, RELEASE, FEATURE, UNSAFE, DRY_RUN],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static DISABLE: Parser = Parser {
    usage: "kafka-features disable [-h] [--feature FEATURE] [--unsafe]\n                      [--dry-run]",
    options: &[FEATURE, UNSAFE, DRY_RUN],
    commands: &[],
    required: &[],
    exclusive: &[],
};

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let parsed = match PARSER.parse(arguments) {
        Err(Stop::Wrong { text, .. }) => return Err(command_line(&text)),
        other => other.map_err(|stop| stop.into_failure(context, TOOL.name))?,
    };
    match parsed.command {
        "version-mapping" => return offline::version_mapping(context, &parsed),
        "feature-dependencies" => return offline::feature_dependencies(context, &parsed),
        _ => {}
    }
    if !parsed.has("--bootstrap-server") && !parsed.has("--bootstrap-controller") {
        return Err(command_line("You must specify either --bootstrap-controller or --bootstrap-server."));
    }
    let changes = if parsed.command == "describe" { Vec::new() } else { changes(context, &parsed)? };
    let mut link = AdminLink::open(&parsed, parsed.one("--command-config"))?;
    if parsed.command == "describe" {
        let node = parsed.one("--node-id").map(|text| text.parse().map_err(|_| wrong_node(text))).transpose()?;
        return describe(context, &link.features(node)?);
    }
    update(context, &mut link, &parsed, &changes)
}

fn command_line(text: &str) -> Failure {
    Failure::Message(format!("Command line error: {text}. Type --help for help."))
}

fn wrong_node(text: &str) -> Failure {
    command_line(&format!("argument --node-id: could not convert '{text}' to Integer (For input string: \"{text}\")"))
}

fn describe(context: &mut Context<'_>, features: &ApiVersionsResponse) -> Result<(), Failure> {
    let mut rows: Vec<_> = features
        .supported_features
        .iter()
        .map(|one| {
            let finalized = features.finalized_features.iter().find(|known| known.name == one.name);
            (one.name.as_str(), one.min_version, one.max_version, finalized.map_or(0, |known| known.max_version_level))
        })
        .collect();
    rows.sort_unstable();
    if context.is_json() {
        let row = |(name, first, last, level): &(&str, i16, i16, i16)| json!({ "feature": name, "supportedMinVersion": first, "supportedMaxVersion": last, "finalizedVersionLevel": level });
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let document = json!({ "features": rows, "epoch": features.finalized_features_epoch });
        return Ok(context.out(output::json(&document))?);
    }
    let epoch = match features.finalized_features_epoch {
        unknown if unknown < 0 => "-".to_owned(),
        known => known.to_string(),
    };
    for (name, first, last, level) in rows {
        let text = |level: i16| level_text(name, level);
        context.out(format!(
            "Feature: {name:<40}  SupportedMinVersion: {:<15}  SupportedMaxVersion: {:<15}  \
             FinalizedVersionLevel: {:<15}  Epoch: {epoch}",
            text(first),
            text(last),
            text(level)
        ))?;
    }
    Ok(())
}

fn level_text(feature: &str, level: i16) -> String {
    if feature != METADATA_VERSION {
        return level.to_string();
    }
    levels::release_of(level).map_or_else(|| format!("UNKNOWN [{level}]"), str::to_owned)
}

/// What is to be set: names and levels in the order of the names.
fn changes(context: &mut Context<'_>, parsed: &Parsed) -> Result<Vec<(String, i16)>, Failure> {
    let mut all = std::collections::BTreeMap::new();
    if let Some(release) = parsed.one("--metadata") {
        if !context.is_json() {
            context.out(" `metadata` flag is deprecated and may be removed in a future release.")?;
        }
        let level = release_level(release)?;
        all.insert(METADATA_VERSION.to_owned(), level);
    }
    if let Some(release) = parsed.one("--release-version") {
        let level = release_level(release)?;
        all.insert(METADATA_VERSION.to_owned(), level);
        all.extend(levels::others_at(level).map(|(name, level)| (name.to_owned(), level)));
    }
    for text in parsed.all("--feature") {
        let (name, level) = if parsed.command == "disable" { (text, 0) } else { offline::split(text)? };
        if all.insert(name.to_owned(), level).is_some() {
            return Err(Failure::Message(format!("Feature {name} was specified more than once.")));
        }
    }
    if all.is_empty() {
        return Err(Failure::Message(format!("You must specify at least one feature to {}", parsed.command)));
    }
    Ok(all.into_iter().collect())
}

fn release_level(release: &str) -> Result<i16, Failure> {
    levels::level_of(release).ok_or_else(|| Failure::Message(levels::unknown_release(release, true)))
}

fn update(
    context: &mut Context<'_>,
    link: &mut AdminLink,
    parsed: &Parsed,
    changes: &[(String, i16)],
) -> Result<(), Failure> {
    let upgrade_type = match (parsed.command, parsed.has("--unsafe")) {
        ("upgrade", _) => 1,
        (_, false) => 2,
        (_, true) => 3,
    };
    let update = |(feature, level): &(String, i16)| FeatureUpdateKey {
        feature: feature.clone(),
        max_version_level: *level,
        allow_downgrade: upgrade_type != 1,
        upgrade_type,
    };
    let request = UpdateFeaturesRequest {
        feature_updates: changes.iter().map(update).collect(),
        validate_only: parsed.has("--dry-run"),
        ..Default::default()
    };
    let response = link.ask(&request);
    let outcome = |feature: &str| -> Result<(), String> {
        let response = response.as_ref().map_err(ToString::to_string)?;
        let own = response.results.iter().find(|result| result.feature == feature);
        let code = own.map_or(response.error_code, |result| result.error_code);
        let message = own.map_or(&response.error_message, |result| &result.error_message);
        ClientError::check(code, message.clone()).map_err(|error| error.to_string())
    };
    let outcomes: Vec<_> = changes.iter().map(|(name, level)| (name.as_str(), *level, outcome(name))).collect();
    report(context, parsed, &outcomes)
}

fn report(
    context: &mut Context<'_>,
    parsed: &Parsed,
    outcomes: &[(&str, i16, Result<(), String>)],
) -> Result<(), Failure> {
    let failed = outcomes.iter().filter(|(_, _, outcome)| outcome.is_err()).count();
    if context.is_json() {
        let row = |(name, level, outcome): &(&str, i16, Result<(), String>)| match outcome {
            Ok(()) => json!({ "feature": name, "level": level, "result": "altered" }),
            Err(text) => {
                json!({ "feature": name, "level": level, "error": json_error("INVALID_UPDATE_VERSION", text) })
            }
        };
        let rows: Vec<Value> = outcomes.iter().map(row).collect();
        context.out(output::json(&json!({ "features": rows })))?;
        return if failed == 0 { Ok(()) } else { Err(Failure::Exit(1)) };
    }
    for (name, level, outcome) in outcomes {
        context.out(sentence(parsed, name, *level, outcome))?;
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Message(format!("{failed} out of {} operation(s) failed.", outcomes.len())))
}

fn sentence(parsed: &Parsed, name: &str, level: i16, outcome: &Result<(), String>) -> String {
    let is_dry = parsed.has("--dry-run");
    let (verb, done) = match parsed.command {
        "disable" => ("disable", "disabled"),
        "downgrade" => ("downgrade", "downgraded"),
        _ => ("upgrade", "upgraded"),
    };
    let to = if parsed.command == "disable" { String::new() } else { format!(" to {level}") };
    match (outcome, is_dry) {
        (Ok(()), true) => format!("{name} can be {done}{to}."),
        (Ok(()), false) => format!("{name} was {done}{to}."),
        (Err(text), true) => format!("Can not {verb} {name}{to}. {text}"),
        (Err(text), false) => format!("Could not {verb} {name}{to}. {text}"),
    }
}
