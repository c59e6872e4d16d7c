//! Names and numbers of resources, patterns, operations and permissions, and which operations a resource has.

pub(super) const ANY: i8 = 1;
pub(super) const MATCH: i8 = 2;
pub(super) const LITERAL: i8 = 3;
pub(super) const PREFIXED: i8 = 4;

pub(super) const TOPIC: i8 = 2;
pub(super) const GROUP: i8 = 3;
pub(super) const CLUSTER: i8 = 4;
pub(super) const TRANSACTIONAL_ID: i8 = 5;
pub(super) const DELEGATION_TOKEN: i8 = 6;
pub(super) const USER: i8 = 7;

pub(super) const DENY: i8 = 2;
pub(super) const ALLOW: i8 = 3;

pub(super) const ALL: i8 = 2;
pub(super) const READ: i8 = 3;
pub(super) const WRITE: i8 = 4;
pub(super) const CREATE: i8 = 5;
pub(super) const DESCRIBE: i8 = 8;
pub(super) const IDEMPOTENT_WRITE: i8 = 12;

const OPERATIONS: [&str; 16] = [
    "UNKNOWN",
    "ANY",
    "ALL",
    "READ",
    "WRITE",
    "CREATE",
    "DELETE",
    "ALTER",
    "DESCRIBE",
    "CLUSTER_ACTION",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
    "IDEMPOTENT_WRITE",
    "CREATE_TOKENS",
    "DESCRIBE_TOKENS",
    "TWO_PHASE_COMMIT",
];

fn name_in(names: &'static [&'static str], number: i8) -> &'static str {
    usize::try_from(number).ok().and_then(|at| names.get(at)).copied().unwrap_or("UNKNOWN")
}

pub(super) fn operation_name(number: i8) -> &'static str {
    name_in(&OPERATIONS, number)
}

pub(super) fn resource_name(number: i8) -> &'static str {
    name_in(&["UNKNOWN", "ANY", "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER"], number)
}

pub(super) fn pattern_name(number: i8) -> &'static str {
    name_in(&["UNKNOWN", "ANY", "MATCH", "LITERAL", "PREFIXED"], number)
}

pub(super) fn permission_name(number: i8) -> &'static str {
    name_in(&["UNKNOWN", "ANY", "DENY", "ALLOW"], number)
}

/// `DescribeConfigs`, `describe_configs` …; 0 for a name that nobody knows.
pub(super) fn operation(name: &str) -> i8 {
    let bare = |text: &str| text.replace(['_', ' '], "").to_ascii_uppercase();
    let found = OPERATIONS.iter().position(|known| bare(known) == bare(name));
    found.and_then(|at| i8::try_from(at).ok()).unwrap_or_default()
}

/// `literal`, `PREFIXED` …
pub(super) fn pattern(name: &str) -> Option<i8> {
    [ANY, MATCH, LITERAL, PREFIXED].into_iter().find(|number| pattern_name(*number).eq_ignore_ascii_case(name))
}

/// What can be allowed for a resource, in the order in which Kafka lists it.
pub(super) fn operations_of(resource: i8) -> &'static [i8] {
    match resource {
        TOPIC => &[11, 4, 3, 2, 10, 6, 7, 5, 8],
        GROUP => &[11, 3, 2, 10, 6, 8],
        CLUSTER => &[11, 2, 10, 9, 7, 5, 12, 8],
        TRANSACTIONAL_ID => &[4, 2, 15, 8],
        DELEGATION_TOKEN => &[2, 8],
        USER => &[13, 14, 2],
        _ => &[],
    }
}
