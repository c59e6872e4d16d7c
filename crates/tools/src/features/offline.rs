//! `version-mapping` and `feature-dependencies`: answered from tables, for `kafka-features` and `kafka-storage`.

use serde_json::json;

use super::levels;
use crate::cli::argparse::{Kind, Opt, Parsed, Parser};
use crate::{Context, Failure, output};

pub(crate) static VERSION_MAPPING: Parser = Parser {
    usage: "version-mapping [-h] [--release-version RELEASE_VERSION]",
    options: &[Opt { names: &["--release-version", "-r"], kind: Kind::One, help: "a release, such as 4.0 or 3.9-IV0" }],
    commands: &[],
    required: &[],
    exclusive: &[],
};
pub(crate) static FEATURE_DEPENDENCIES: Parser = Parser {
    usage: "feature-dependencies [-h] --feature FEATURE",
    options: &[Opt { names: &["--feature"], kind: Kind::Append, help: "feature=level; may be repeated" }],
    commands: &[],
    required: &[&["--feature"]],
    exclusive: &[],
};

pub(crate) fn version_mapping(context: &mut Context<'_>, parsed: &Parsed) -> Result<(), Failure> {
    let release = parsed.one("--release-version").unwrap_or(levels::LATEST);
    let level = levels::level_of(release).ok_or_else(|| Failure::Message(levels::unknown_release(release, true)))?;
    if context.is_json() {
        let mut all: Vec<_> = vec![json!({ "feature": levels::METADATA_VERSION, "level": level, "release": release })];
        all.extend(levels::others_at(level).map(|(name, level)| json!({ "feature": name, "level": level })));
        return Ok(context.out(output::json(&json!({ "features": all })))?);
    }
    context.out(format!("{}={level} ({release})", levels::METADATA_VERSION))?;
    for (name, level) in levels::others_at(level) {
        context.out(format!("{name}={level}"))?;
    }
    Ok(())
}

pub(crate) fn feature_dependencies(context: &mut Context<'_>, parsed: &Parsed) -> Result<(), Failure> {
    for text in parsed.all("--feature") {
        let (name, level) = split(text)?;
        if !levels::is_known(name) {
            return Err(Failure::Message(format!("Unknown feature: {name}")));
        }
        let release = levels::release_of(level).filter(|_| name == levels::METADATA_VERSION);
        let release = release.map(|release| format!(" ({release})")).unwrap_or_default();
        context.out(format!("{name}={level}{release} has no dependencies."))?;
    }
    Ok(())
}

/// `feature=level`.
pub(crate) fn split(text: &str) -> Result<(&str, i16), Failure> {
    let (name, level) = text
        .split_once('=')
        .ok_or_else(|| Failure::Message(format!("Can't parse feature=level string {text}: equals sign not found.")))?;
    let parsed = level.trim().parse().map_err(|_| {
        Failure::Message(format!("Can't parse feature=level string {text}: unable to parse {level} as a short."))
    })?;
    Ok((name.trim(), parsed))
}
