//! Whose configuration is meant: types and names in the order of the command line, and Kafka's rules for them.

use std::net::ToSocketAddrs;

use super::{Options, ShortForms, Trouble};
use crate::Failure;

pub(super) const TOPICS: &str = "topics";
pub(super) const CLIENTS: &str = "clients";
pub(super) const USERS: &str = "users";
pub(super) const BROKERS: &str = "brokers";
pub(super) const IPS: &str = "ips";
pub(super) const CLIENT_METRICS: &str = "client-metrics";
pub(super) const GROUPS: &str = "groups";
pub(super) const BROKER_LOGGERS: &str = "broker-loggers";

const TYPES: [&str; 8] = [TOPICS, CLIENTS, USERS, BROKERS, IPS, CLIENT_METRICS, GROUPS, BROKER_LOGGERS];

/// Types, and names for the first of them; an empty name means the defaults.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entities {
    pub(super) types: Vec<String>,
    pub(super) names: Vec<String>,
}

/// `topics` is `topic`, `client-metrics` becomes `client-metric`, as Kafka prints it.
pub(super) fn singular(kind: &str) -> &str {
    kind.get(..kind.len().saturating_sub(1)).unwrap_or_default()
}

impl Entities {
    pub(super) fn first_type(&self) -> &str {
        self.types.first().map_or("", String::as_str)
    }

    pub(super) fn first_name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    pub(super) fn has_type(&self, kind: &str) -> bool {
        self.types.iter().any(|known| known == kind)
    }

    /// Whether quotas and credentials are meant, not a resource of its own.
    pub(super) fn are_quotas(&self) -> bool {
        matches!(self.first_type(), USERS | CLIENTS | IPS)
    }

    /// A change needs a name for every type.
    pub(super) fn check_complete(&self) -> Result<(), Trouble> {
        if self.types.len() == self.names.len() {
            return Ok(());
        }
        Err(Trouble::argument("An entity name must be specified for every entity type"))
    }
}

/// Flags with a name, in the order in which Kafka looks at them.
fn named(short: &ShortForms) -> [(&Option<String>, &'static str); 8] {
    [
        (&short.topic, TOPICS),
        (&short.client, CLIENTS),
        (&short.user, USERS),
        (&short.broker, BROKERS),
        (&short.broker_logger, BROKER_LOGGERS),
        (&short.ip, IPS),
        (&short.client_metrics, CLIENT_METRICS),
        (&short.group, GROUPS),
    ]
}

fn defaults(short: &ShortForms) -> [(bool, &'static str); 4] {
    [
        (short.client_defaults, CLIENTS),
        (short.user_defaults, USERS),
        (short.broker_defaults, BROKERS),
        (short.ip_defaults, IPS),
    ]
}

fn collected(options: &Options) -> Entities {
    let mut types = options.entity_type.clone();
    let mut names = options.entity_name.clone();
    for (name, kind) in named(&options.short) {
        if let Some(name) = name {
            types.push(kind.to_owned());
            names.push(name.clone());
        }
    }
    for (_, kind) in defaults(&options.short).into_iter().filter(|(is_given, _)| *is_given) {
        types.push(kind.to_owned());
        names.push(String::new());
    }
    Entities { types, names }
}

/// The entities of the command line, if it makes sense.
pub(super) fn checked(options: &Options) -> Result<Entities, Trouble> {
    check_action(options)?;
    let entities = collected(options);
    check_types(options, &entities)?;
    check_connection(options)?;
    check_names(&entities)?;
    if options.describe {
        check_describe(options, &entities)?;
    } else {
        check_alter(options, &entities)?;
    }
    Ok(entities)
}

fn check_action(options: &Options) -> Result<(), Trouble> {
    if options.alter == options.describe {
        let text = "Command must include exactly one action: --describe, --alter";
        return Err(Failure::Usage(text.into()).into());
    }
    let unfit = [("add-config", options.add_config.is_some()), ("delete-config", !options.delete_config.is_empty())];
    match unfit.into_iter().find(|(_, is_given)| options.describe && *is_given) {
        Some((name, _)) => {
            Err(Failure::Usage(format!("Option \"[describe]\" can't be used with option \"[{name}]\"")).into())
        }
        None => Ok(()),
    }
}

fn check_types(options: &Options, entities: &Entities) -> Result<(), Trouble> {
    let types = &entities.types;
    let repeated: Vec<&str> = types
        .iter()
        .enumerate()
        .filter(|(at, kind)| types[..*at].contains(kind))
        .map(|(_, kind)| kind.as_str())
        .collect();
    if !repeated.is_empty() {
        return Err(Trouble::argument(format!("Duplicate entity type(s) specified: {}", repeated.join(","))));
    }
    if let Some(wrong) = types.iter().find(|kind| !TYPES.contains(&kind.as_str())) {
        return Err(Trouble::argument(format!(
            "Invalid entity type {wrong}, the entity type must be one of {} with a --bootstrap-server or \
             --bootstrap-controller argument",
            TYPES.join(", ")
        )));
    }
    if types.is_empty() {
        return Err(Trouble::argument("At least one entity type must be specified"));
    }
    if types.len() > 1 && !(types.len() == 2 && entities.has_type(USERS) && entities.has_type(CLIENTS)) {
        let text = format!("Only '{USERS}' and '{CLIENTS}' entity types may be specified together");
        return Err(Trouble::argument(text));
    }
    let is_long = !options.entity_type.is_empty() || !options.entity_name.is_empty();
    let mut flags = named(&options.short).into_iter().map(|(name, _)| name.is_some());
    let is_short = flags.any(|given| given) || defaults(&options.short).iter().any(|(given, _)| *given);
    if is_long && is_short {
        let text = "--entity-{type,name,default} should not be used in conjunction with specific entity flags";
        return Err(Trouble::argument(text));
    }
    Ok(())
}

fn check_connection(options: &Options) -> Result<(), Trouble> {
    let cluster = &options.cluster;
    let to_brokers = cluster.has_address();
    match (to_brokers, options.bootstrap_controller.is_some()) {
        (false, false) => {
            Err(Trouble::argument("Either --bootstrap-server or --bootstrap-controller must be specified."))
        }
        (true, true) => {
            Err(Trouble::argument("Only one of --bootstrap-server or --bootstrap-controller can be specified"))
        }
        _ => Ok(()),
    }
}

fn check_names(entities: &Entities) -> Result<(), Trouble> {
    let kind = entities.first_type();
    let given = || entities.names.iter().filter(|name| !name.is_empty());
    let is_broker = matches!(kind, BROKERS | BROKER_LOGGERS);
    if let Some(wrong) = given().find(|name| is_broker && name.parse::<i32>().is_err()) {
        let text = format!("The entity name for {kind} must be a valid integer broker id, but it is: {wrong}");
        return Err(Trouble::argument(text));
    }
    let resolves = |name: &String| (name.as_str(), 0).to_socket_addrs().is_ok();
    if let Some(wrong) = given().find(|name| kind == IPS && !resolves(name)) {
        let text = format!("The entity name for {kind} must be a valid IP or resolvable host, but it is: {wrong}");
        return Err(Trouble::argument(text));
    }
    Ok(())
}

fn check_describe(options: &Options, entities: &Entities) -> Result<(), Trouble> {
    let listed = entities.types.join(",");
    let may_default = [USERS, CLIENTS, BROKERS, IPS].iter().any(|kind| entities.has_type(kind));
    if !may_default && options.entity_name.iter().any(String::is_empty) {
        return Err(Trouble::argument(format!("--entity-default must not be specified with --describe of {listed}")));
    }
    if entities.has_type(BROKER_LOGGERS) && entities.first_name().is_empty() {
        return Err(Trouble::argument(format!("An entity name must be specified with --describe of {listed}")));
    }
    Ok(())
}

fn check_alter(options: &Options, entities: &Entities) -> Result<(), Trouble> {
    let may_default = [USERS, CLIENTS, BROKERS, IPS].iter().any(|kind| entities.has_type(kind));
    if may_default && entities.names.is_empty() {
        let text = "An entity-name or default entity must be specified with --alter of users, clients, brokers or ips";
        return Err(Trouble::argument(text));
    }
    if !may_default && entities.names.iter().all(String::is_empty) {
        let text = format!("An entity name must be specified with --alter of {}", entities.types.join(","));
        return Err(Trouble::argument(text));
    }
    let (line, file) = (options.add_config.is_some(), options.add_config_file.is_some());
    if line && file {
        return Err(Trouble::argument("Only one of --add-config or --add-config-file must be specified"));
    }
    if !line && !file && options.delete_config.is_empty() {
        let text = "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter";
        return Err(Trouble::argument(text));
    }
    Ok(())
}
