//! `barnabas compose migrate FILE`: prints a compose file with its Kafka images replaced, and what will differ. The core is
//! text in, text and remarks out: `tree.rs` reads YAML with positions, `services.rs` finds what services amount to,
//! `images.rs` knows images, `edit.rs` changes lines, `remarks.rs` says what will differ. This file is the command.

mod edit;
mod images;
mod remarks;
mod services;
mod tree;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::doctor::OutputFormat;
use edit::{Edits, LineChange};
use images::Kind;
use remarks::Remark;
use services::{Service, Services};

#[derive(Args, Debug)]
pub(crate) struct ComposeArgs {
    #[command(subcommand)]
    command: ComposeCommand,
}

#[derive(Debug, Subcommand)]
enum ComposeCommand {
    /// Prints the file with its Kafka images replaced on standard output, and what will differ on standard error.
    Migrate(MigrateArgs),
}

#[derive(Args, Debug)]
struct MigrateArgs {
    /// A compose file; - for standard input.
    file: PathBuf,
    /// The image to put in.
    #[arg(long, default_value = "barnabas:dev")]
    image: String,
    /// Removes ZooKeeper services that only Kafka uses, instead of giving them the image, too.
    #[arg(long)]
    drop_zookeeper: bool,
    /// For people, or one JSON document on standard output.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
}

/// Runs the command. The error is one line for people.
pub(crate) fn run(arguments: ComposeArgs) -> Result<(), String> {
    let ComposeCommand::Migrate(arguments) = arguments.command;
    let text = read(&arguments.file)?;
    let wishes = Wishes { image: &arguments.image, drop_zookeeper: arguments.drop_zookeeper };
    let migrated = migrate(&text, wishes).map_err(|problem| format!("{}: {problem}", arguments.file.display()))?;
    match arguments.output {
        OutputFormat::Text => {
            print!("{}", migrated.text);
            for (number, remark) in (1..).zip(&migrated.remarks) {
                eprintln!("{number}. {remark}");
            }
        }
        OutputFormat::Json => println!("{:#}", as_json(&migrated)),
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<String, String> {
    let read =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    read.map_err(|error| {
        format!("cannot read {}: {error}; give the path of a compose file, or - for standard input", file.display())
    })
}

fn as_json(migrated: &Migrated) -> serde_json::Value {
    let changes = migrated
        .changes
        .iter()
        .map(|change| json!({ "line": change.line, "before": change.before, "after": change.after }));
    let remarks = migrated.remarks.iter().map(|remark| json!({ "service": remark.service, "remark": remark.text }));
    json!({
        "file": migrated.text,
        "changes": changes.collect::<Vec<_>>(),
        "remarks": remarks.collect::<Vec<_>>(),
    })
}

/// What the user wants besides.
#[derive(Clone, Copy, Debug)]
struct Wishes<'a> {
    image: &'a str,
    drop_zookeeper: bool,
}

/// A changed file and what there is to say about it.
#[derive(Debug)]
struct Migrated {
    text: String,
    changes: Vec<LineChange>,
    remarks: Vec<Remark>,
}

/// Only lines that must change are changed; everything else, comments included, stays as it is.
fn migrate(text: &str, wishes: Wishes<'_>) -> Result<Migrated, String> {
    let services = Services::read(text)?;
    let mut edits = Edits::new(text);
    let mut remarks = Vec::new();
    for service in services.of_kind(Kind::Kafka) {
        edits.replace(service.image_at(), wishes.image);
    }
    for service in services.of_kind(Kind::ZooKeeper) {
        remarks.push(treat_zookeeper(&services, service, wishes, &mut edits));
    }
    remarks.extend(remarks::about(&services, wishes.image));
    let (text, changes) = edits.apply();
    Ok(Migrated { text, changes, remarks })
}

fn treat_zookeeper(services: &Services, service: &Service, wishes: Wishes<'_>, edits: &mut Edits) -> Remark {
    let name = &service.name;
    let remark = |text: String| Remark { service: Some(name.clone()), text };
    let others = services.others_that_name(name);
    if !others.is_empty() {
        return remark(format!("stays as it is, because {} uses it", others.join(", ")));
    }
    let kept = || "stays as it is; the broker does not need it, --drop-zookeeper removes it".to_owned();
    if wishes.drop_zookeeper {
        if !services.can_drop(service) {
            return remark("stays as it is: it is written in flow style or shared; remove it by hand".to_owned());
        }
        edits.remove_block(service.key);
        let left: Vec<String> = services
            .mentions_of(name)
            .filter(|mention| !edits.remove_mention(mention))
            .map(|mention| format!("; remove it by hand from line {}", mention.at.line + 1))
            .collect();
        let volumes = if service.volumes.is_empty() { "" } else { "; its volumes are no longer used" };
        return remark(format!("removed: metadata is in the broker's own volume{volumes}{}", left.concat()));
    }
    if service.is_plain_zookeeper() {
        edits.replace(service.image_at(), wishes.image);
        return remark(
            "runs the small ZooKeeper of the image, which keeps nothing on disk; the broker does not need it, \
                       --drop-zookeeper removes it"
                .to_owned(),
        );
    }
    remark(kept())
}

#[cfg(test)]
mod tests;
