//! Keys of authorization, principals and delegation tokens. One row each; no parsing here.

use crate::key::{ConfigKey, class, long, password, string};

pub(super) const KEYS: &[ConfigKey] = &[
    string("authorizer.class.name", "Authorizer that checks every request; empty means no checks.").default("").low(),
    class("principal.builder.class", "Class that names the user of a connection.")
        .default("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder")
        .per_broker(),
    string("security.providers", "Java security providers; accepted for compatibility.").low(),
    password("delegation.token.secret.key", "Secret that signs delegation tokens, the same on every broker."),
    long("delegation.token.max.lifetime.ms", "Longest life of a delegation token.").default("604800000").at_least(1),
    long("delegation.token.expiry.time.ms", "Time after which a token must be renewed.")
        .default("86400000")
        .at_least(1),
    long("delegation.token.expiry.check.interval.ms", "How often expired tokens are removed.")
        .default("3600000")
        .at_least(1)
        .low(),
];
