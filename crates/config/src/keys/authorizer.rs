//! Keys that the authorizer reads from the broker's file. Kafka does not count them among its broker keys, so
//! `DescribeConfigs` shows them only when they are set. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, string};

pub(super) const KEYS: &[ConfigKey] = &[
    string("super.users", "Users that may do everything, as User:name pairs parted by semicolons.").default(""),
    boolean("allow.everyone.if.no.acl.found", "Whether a resource without any ACL is open to all.").default("false"),
];
