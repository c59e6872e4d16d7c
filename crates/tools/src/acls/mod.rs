//! `kafka-acls`: lists, adds and removes access rules. The command line is here; numbers and names are in `words.rs`,
//! which rules a command line means in `rules.rs`.

mod rules;
mod words;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use barnabas_protocol::messages::create_acls_request::AclCreation;
use barnabas_protocol::messages::delete_acls_request::DeleteAclsFilter;
use barnabas_protocol::messages::describe_acls_response::DescribeAclsResource;
use barnabas_protocol::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{self, ClusterArgs};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool, output};
use rules::{Entry, Resource, Rules};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-acls",
    about: "List, add and remove access rules.",
    run,
    help: || cli::help::<Options>("kafka-acls"),
};

const DESCRIPTION: &str = "This tool helps to manage acls on kafka.";

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster_args: ClusterArgs,
    /// The controllers to connect to.
    #[arg(long)]
    bootstrap_controller: Option<String>,
    /// Add rules.
    #[arg(long)]
    add: bool,
    /// Remove rules.
    #[arg(long)]
    remove: bool,
    /// List rules.
    #[arg(long)]
    list: bool,
    /// A topic; * means all.
    #[arg(long)]
    topic: Vec<String>,
    /// The cluster.
    #[arg(long)]
    cluster: bool,
    /// A consumer group; * means all.
    #[arg(long)]
    group: Vec<String>,
    /// A transactional id; * means all.
    #[arg(long)]
    transactional_id: Vec<String>,
    /// With --producer: idempotence, too.
    #[arg(long)]
    idempotent: bool,
    /// A delegation token; * means all.
    #[arg(long)]
    delegation_token: Vec<String>,
    /// A user principal as a resource.
    #[arg(long)]
    user_principal: Vec<String>,
    /// literal, prefixed; to list and remove also any and match.
    #[arg(long)]
    resource_pattern_type: Option<String>,
    /// What is allowed or denied: Read, Write, … All.
    #[arg(long)]
    operation: Vec<String>,
    /// Who may: type:name.
    #[arg(long)]
    allow_principal: Vec<String>,
    /// Who may not: type:name.
    #[arg(long)]
    deny_principal: Vec<String>,
    /// List the rules of these principals only.
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    principal: Vec<String>,
    /// From where those may.
    #[arg(long)]
    allow_host: Vec<String>,
    /// From where those may not.
    #[arg(long)]
    deny_host: Vec<String>,
    /// The rules that a producer needs.
    #[arg(long)]
    producer: bool,
    /// The rules that a consumer needs.
    #[arg(long)]
    consumer: bool,
    /// Ask nothing.
    #[arg(long)]
    force: bool,
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(DESCRIPTION.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    check(&options)?;
    let rules = Rules::of(&options)?;
    let mut client = connect(&options)?;
    let outcome = if options.list {
        list(context, &mut client, &options, &rules)
    } else if options.add {
        add(context, &mut client, &rules)
    } else {
        remove(context, &mut client, &options, &rules)
    };
    outcome.map_err(|failure| match failure {
        Failure::Cluster { error, .. } => failed(error),
        other => other,
    })
}

/// This tool tells on standard output what the broker refused.
fn failed(error: ClientError) -> Failure {
    let exception = error.as_exception();
    let text = format!(
        "Error while executing ACL command: {exception}\njava.util.concurrent.ExecutionException: {exception}\n"
    );
    Failure::Cluster { error, text, on_stdout: true }
}

/// The same for what is wrong before anyone is asked.
fn refused(class: &str, text: &str) -> Failure {
    Failure::OnStdout(format!("Error while executing ACL command: {text}\n{class}: {text}\n"))
}

fn connect(options: &Options) -> Result<Client, Failure> {
    let config = options.cluster_args.address.command_config.as_deref();
    let settings = match &options.bootstrap_controller {
        Some(controllers) => cli::settings(controllers, config),
        None => options.cluster_args.settings(),
    };
    let settings = settings.map_err(|failure| match failure {
        Failure::Cluster { .. } => {
            refused("org.apache.kafka.common.KafkaException", "Failed to create new KafkaAdminClient")
        }
        other => other,
    })?;
    Client::connect(settings).map_err(failed)
}

fn usage(text: impl Into<String>) -> Failure {
    Failure::Usage(text.into())
}

fn check(options: &Options) -> Result<(), Failure> {
    let cluster = &options.cluster_args;
    let to_brokers = cluster.has_address();
    match (to_brokers, options.bootstrap_controller.is_some()) {
        (true, true) => {
            return Err(usage("Only one of --bootstrap-server or --bootstrap-controller must be specified"));
        }
        (false, false) => return Err(usage("One of --bootstrap-server or --bootstrap-controller must be specified")),
        _ => {}
    }
    if [options.add, options.remove, options.list].iter().filter(|given| **given).count() != 1 {
        return Err(usage("Command must include exactly one action: --list, --add, --remove. "));
    }
    check_combinations(options)?;
    if !options.principal.is_empty() && !options.list {
        return Err(usage("The --principal option is only available if --list is set"));
    }
    if options.producer && options.topic.is_empty() {
        return Err(usage("With --producer you must specify a --topic"));
    }
    if options.idempotent && !options.producer {
        return Err(usage("The --idempotent option is only available if --producer is set"));
    }
    let others = !options.producer && (options.cluster || !options.transactional_id.is_empty());
    if options.consumer && (options.topic.is_empty() || options.group.is_empty() || others) {
        return Err(usage(
            "With --consumer you must specify a --topic and a --group and no --cluster or --transactional-id option \
             should be specified.",
        ));
    }
    Ok(())
}

fn check_combinations(options: &Options) -> Result<(), Failure> {
    let given = |all: &[String]| !all.is_empty();
    let deny = [("deny-principal", given(&options.deny_principal)), ("deny-host", given(&options.deny_host))];
    let inferred = [("operation", given(&options.operation)), deny[0], deny[1]];
    let list = [
        ("producer", options.producer),
        ("consumer", options.consumer),
        ("allow-host", given(&options.allow_host)),
        ("allow-principal", given(&options.allow_principal)),
        deny[1],
        deny[0],
    ];
    let conflict = |name: &str, is_used: bool, unfit: &[(&str, bool)]| {
        let found = unfit.iter().find(|(_, is_given)| is_used && *is_given);
        found.map(|(other, _)| usage(format!("Option \"[{name}]\" can't be used with option \"[{other}]\"")))
    };
    let conflicts = [
        conflict("list", options.list, &list),
        conflict("producer", options.producer, &inferred),
        conflict("consumer", options.consumer, &inferred),
    ];
    conflicts.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn found_by(client: &mut Client, filter: &Resource) -> Result<Vec<DescribeAclsResource>, ClientError> {
    let request = DescribeAclsRequest {
        resource_type_filter: filter.kind,
        resource_name_filter: filter.name.clone(),
        pattern_type_filter: filter.pattern,
        principal_filter: None,
        host_filter: None,
        operation: words::ANY,
        permission_type: words::ANY,
    };
    let response = client.any(&request)?;
    ClientError::check(response.error_code, response.error_message).map(|()| response.resources)
}

type Listed = BTreeMap<Resource, Vec<Entry>>;

fn list(context: &mut Context<'_>, client: &mut Client, options: &Options, rules: &Rules) -> Result<(), Failure> {
    let mut found = Listed::new();
    let everything = [Resource { kind: words::ANY, name: None, pattern: words::ANY }];
    let filters: Vec<&Resource> =
        if rules.resources.is_empty() { everything.iter().collect() } else { rules.resources.keys().collect() };
    for filter in filters {
        for one in found_by(client, filter)? {
            let resource =
                Resource { kind: one.resource_type, name: Some(one.resource_name), pattern: one.pattern_type };
            let entries = one.acls.into_iter().map(|acl| Entry {
                principal: acl.principal,
                host: acl.host,
                operation: acl.operation,
                permission: acl.permission_type,
            });
            found.entry(resource).or_default().extend(entries);
        }
    }
    for entries in found.values_mut() {
        entries.sort();
        entries.dedup();
    }
    let principals: Vec<&String> = options.principal.iter().filter(|name| !name.is_empty()).collect();
    if context.is_json() {
        found
            .values_mut()
            .for_each(|all| all.retain(|one| principals.is_empty() || principals.contains(&&one.principal)));
        return Ok(context.out(output::json(&document(&found)))?);
    }
    if principals.is_empty() {
        return print(context, "Current ACLs for resource", &found);
    }
    for principal in principals {
        context.out(format!("ACLs for principal `{principal}`"))?;
        let own = |(resource, all): (&Resource, &Vec<Entry>)| {
            let own: Vec<Entry> = all.iter().filter(|one| one.principal == *principal).cloned().collect();
            (!own.is_empty()).then(|| (resource.clone(), own))
        };
        print(context, "Current ACLs for resource", &found.iter().filter_map(own).collect())?;
    }
    Ok(())
}

fn print(context: &mut Context<'_>, title: &str, found: &Listed) -> Result<(), Failure> {
    for (resource, entries) in found {
        let lines: Vec<String> = entries.iter().map(|entry| format!("\t{entry}")).collect();
        context.out(format!("{title} `{resource}`: \n {}\n", lines.join("\n")))?;
    }
    Ok(())
}

fn document(found: &Listed) -> Value {
    let row = |resource: &Resource, entry: &Entry| {
        json!({
            "resourceType": words::resource_name(resource.kind), "resourceName": resource.name,
            "patternType": words::pattern_name(resource.pattern), "principal": entry.principal, "host": entry.host,
            "operation": words::operation_name(entry.operation), "permissionType": words::permission_name(entry.permission),
        })
    };
    let rows = found.iter().flat_map(|(resource, entries)| entries.iter().map(move |entry| row(resource, entry)));
    json!({ "acls": rows.collect::<Vec<_>>() })
}

fn add(context: &mut Context<'_>, client: &mut Client, rules: &Rules) -> Result<(), Failure> {
    for (resource, entries) in &rules.resources {
        // Kafka's tool looks first, so a broker without an authorizer is found by this.
        found_by(client, resource)?;
        let creation = |entry: &Entry| AclCreation {
            resource_type: resource.kind,
            resource_name: resource.name.clone().unwrap_or_default(),
            resource_pattern_type: resource.pattern,
            principal: entry.principal.clone(),
            host: entry.host.clone(),
            operation: entry.operation,
            permission_type: entry.permission,
        };
        let response = client.any(&CreateAclsRequest { creations: entries.iter().map(creation).collect() })?;
        for result in response.results {
            ClientError::check(result.error_code, result.error_message)?;
        }
    }
    if context.is_json() {
        return Ok(context.out(output::json(&document(&rules.resources)))?);
    }
    print(context, "Adding ACLs for resource", &rules.resources)
}

fn remove(context: &mut Context<'_>, client: &mut Client, options: &Options, rules: &Rules) -> Result<(), Failure> {
    for (resource, entries) in &rules.resources {
        let lines: Vec<String> = entries.iter().map(|entry| format!("\t{entry}")).collect();
        let question = if entries.is_empty() {
            format!("Are you sure you want to delete all ACLs for resource filter `{resource}`? (y/n)")
        } else {
            let lines = lines.join("\n");
            format!("Are you sure you want to remove ACLs: \n {lines} \n from resource filter `{resource}`? (y/n)")
        };
        if !options.force && !confirmed(context, &question)? {
            continue;
        }
        let any = Entry::any();
        let wanted: Vec<&Entry> = if entries.is_empty() { vec![&any] } else { entries.iter().collect() };
        let filter = |entry: &&Entry| DeleteAclsFilter {
            resource_type_filter: resource.kind,
            resource_name_filter: resource.name.clone(),
            pattern_type_filter: resource.pattern,
            principal_filter: Some(entry.principal.clone()).filter(|text| !text.is_empty()),
            host_filter: Some(entry.host.clone()).filter(|text| !text.is_empty()),
            operation: entry.operation,
            permission_type: entry.permission,
        };
        let response = client.any(&DeleteAclsRequest { filters: wanted.iter().map(filter).collect() })?;
        for result in response.filter_results {
            ClientError::check(result.error_code, result.error_message)?;
        }
    }
    Ok(())
}

fn confirmed(context: &mut Context<'_>, question: &str) -> Result<bool, Failure> {
    context.out(question)?;
    context.stdout.flush()?;
    let mut answer = String::new();
    BufReader::new(&mut *context.stdin).read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
