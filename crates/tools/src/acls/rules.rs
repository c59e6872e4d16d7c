//! Which rules a command line means: for each resource, who may or may not do what from where.

use std::collections::BTreeMap;
use std::fmt;

use super::words::{self, ALLOW, ANY, DENY, LITERAL};
use super::{Options, refused};
use crate::Failure;

/// A resource, or a filter for some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Resource {
    pub(super) kind: i8,
    pub(super) name: Option<String>,
    pub(super) pattern: i8,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("<any>");
        let (kind, pattern) = (words::resource_name(self.kind), words::pattern_name(self.pattern));
        write!(f, "ResourcePattern(resourceType={kind}, name={name}, patternType={pattern})")
    }
}

/// Who, from where, what, and whether it is allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) principal: String,
    pub(super) host: String,
    pub(super) operation: i8,
    pub(super) permission: i8,
}

impl Entry {
    /// A filter that every entry passes.
    pub(super) fn any() -> Self {
        Self { principal: String::new(), host: String::new(), operation: ANY, permission: ANY }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, host, operation, permission } = self;
        let (operation, permission) = (words::operation_name(*operation), words::permission_name(*permission));
        write!(f, "(principal={principal}, host={host}, operation={operation}, permissionType={permission})")
    }
}

pub(super) struct Rules {
    pub(super) resources: BTreeMap<Resource, Vec<Entry>>,
}

impl Rules {
    pub(super) fn of(options: &Options) -> Result<Self, Failure> {
        let pattern = match &options.resource_pattern_type {
            None => LITERAL,
            Some(name) => words::pattern(name).ok_or_else(|| {
                let text = format!("Cannot parse argument '{name}' of option resource-pattern-type");
                refused("joptsimple.OptionArgumentConversionException", &text)
            })?,
        };
        if options.add && matches!(pattern, words::ANY | words::MATCH) {
            let name = words::pattern_name(pattern);
            let text = format!("A '--resource-pattern-type' value of '{name}' is not valid when adding acls.");
            return Err(Failure::Usage(text));
        }
        let named = resources(options, pattern);
        if options.list {
            return Ok(Self { resources: named.into_iter().map(|resource| (resource, Vec::new())).collect() });
        }
        if named.is_empty() {
            return Err(Failure::Usage(
                "You must provide at least one resource: --topic <topic> or --cluster or --group <group> or \
                 --delegation-token <Delegation Token ID>"
                    .into(),
            ));
        }
        let rules = Self { resources: with_entries(options, named)? };
        rules.check()?;
        if options.add && rules.resources.values().any(Vec::is_empty) {
            let text = "You must specify one of: --allow-principal, --deny-principal when trying to add ACLs.";
            return Err(Failure::Usage(text.into()));
        }
        Ok(rules)
    }

    fn check(&self) -> Result<(), Failure> {
        for (resource, entries) in &self.resources {
            let valid = words::operations_of(resource.kind);
            if entries.iter().any(|entry| !valid.contains(&entry.operation)) {
                let names: Vec<&str> = valid.iter().map(|number| words::operation_name(*number)).collect();
                let kind = words::resource_name(resource.kind);
                let text = format!("ResourceType {kind} only supports operations [{}]", names.join(", "));
                return Err(Failure::Usage(text));
            }
        }
        Ok(())
    }
}

fn resources(options: &Options, pattern: i8) -> Vec<Resource> {
    let named = |kind: i8, names: &[String]| -> Vec<Resource> {
        let resource = |name: &String| Resource { kind, name: Some(name.trim().to_owned()), pattern };
        names.iter().map(resource).collect()
    };
    let mut all = named(words::TOPIC, &options.topic);
    if pattern == LITERAL && (options.cluster || options.idempotent) {
        all.push(cluster());
    }
    all.extend(named(words::GROUP, &options.group));
    all.extend(named(words::TRANSACTIONAL_ID, &options.transactional_id));
    all.extend(named(words::DELEGATION_TOKEN, &options.delegation_token));
    all.extend(named(words::USER, &options.user_principal));
    all
}

fn cluster() -> Resource {
    Resource { kind: words::CLUSTER, name: Some("kafka-cluster".into()), pattern: LITERAL }
}

fn with_entries(options: &Options, named: Vec<Resource>) -> Result<BTreeMap<Resource, Vec<Entry>>, Failure> {
    let mut all: BTreeMap<Resource, Vec<Entry>> = BTreeMap::new();
    let mut add = |resource: Resource, operations: &[i8]| -> Result<(), Failure> {
        let entries = all.entry(resource).or_default();
        entries.extend(self::entries(options, operations)?);
        entries.sort();
        entries.dedup();
        Ok(())
    };
    if !options.producer && !options.consumer {
        let mut operations: Vec<i8> = options.operation.iter().map(|name| words::operation(name.trim())).collect();
        if operations.is_empty() {
            operations.push(words::ALL);
        }
        for resource in named {
            add(resource, &operations)?;
        }
        return Ok(all);
    }
    for resource in named {
        match resource.kind {
            words::TOPIC => {
                if options.producer {
                    add(resource.clone(), &[words::WRITE, words::DESCRIBE, words::CREATE])?;
                }
                if options.consumer {
                    add(resource, &[words::READ, words::DESCRIBE])?;
                }
            }
            words::TRANSACTIONAL_ID if options.producer => add(resource, &[words::WRITE, words::DESCRIBE])?,
            words::GROUP if options.consumer => add(resource, &[words::READ])?,
            _ => {}
        }
    }
    if options.producer && options.idempotent {
        add(cluster(), &[words::IDEMPOTENT_WRITE])?;
    }
    Ok(all)
}

fn entries(options: &Options, operations: &[i8]) -> Result<Vec<Entry>, Failure> {
    let sides =
        [(ALLOW, &options.allow_principal, &options.allow_host), (DENY, &options.deny_principal, &options.deny_host)];
    let wildcard = [String::from("*")];
    let mut all = Vec::new();
    for (permission, principals, hosts) in sides {
        let hosts = if hosts.is_empty() { &wildcard[..] } else { &hosts[..] };
        for text in principals {
            let principal = principal(text.trim())?;
            for host in hosts {
                let entry = |operation: &i8| Entry {
                    principal: principal.to_owned(),
                    host: host.trim().to_owned(),
                    operation: *operation,
                    permission,
                };
                all.extend(operations.iter().map(entry));
            }
        }
    }
    Ok(all)
}

fn principal(text: &str) -> Result<&str, Failure> {
    if text.split_once(':').is_some_and(|(kind, name)| !kind.is_empty() && !name.is_empty()) {
        return Ok(text);
    }
    let wrong = format!("expected a string in format principalType:principalName but got {text}");
    Err(refused("java.lang.IllegalArgumentException", &wrong))
}
