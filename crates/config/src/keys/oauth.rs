//! Keys of the OAUTHBEARER mechanism. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, class, int, list, long, password, string};

pub(super) const KEYS: &[ConfigKey] = &[
    string("sasl.oauthbearer.assertion.algorithm", "Signature algorithm of client assertions.")
        .default("RS256")
        .one_of_any_case(&["ES256", "RS256"]),
    string("sasl.oauthbearer.assertion.claim.aud", "Audience put into client assertions."),
    int("sasl.oauthbearer.assertion.claim.exp.seconds", "Life of a client assertion.")
        .default("300")
        .between(0, 86_400)
        .low(),
    string("sasl.oauthbearer.assertion.claim.iss", "Issuer put into client assertions."),
    boolean("sasl.oauthbearer.assertion.claim.jti.include", "Whether client assertions carry a unique id.")
        .default("false"),
    int("sasl.oauthbearer.assertion.claim.nbf.seconds", "How far before now a client assertion becomes valid.")
        .default("60")
        .between(0, 3_600)
        .low(),
    string("sasl.oauthbearer.assertion.claim.sub", "Subject put into client assertions."),
    string("sasl.oauthbearer.assertion.file", "File with a ready client assertion."),
    string("sasl.oauthbearer.assertion.private.key.file", "File with the key that signs client assertions."),
    password("sasl.oauthbearer.assertion.private.key.passphrase", "Password of that key."),
    string("sasl.oauthbearer.assertion.template.file", "File with fixed claims of client assertions."),
    string("sasl.oauthbearer.client.credentials.client.id", "Client id towards the token server."),
    password("sasl.oauthbearer.client.credentials.client.secret", "Client secret towards the token server."),
    int("sasl.oauthbearer.clock.skew.seconds", "Clock difference that is tolerated when tokens are checked.")
        .default("30")
        .low(),
    list("sasl.oauthbearer.expected.audience", "Audiences of which a token must name one.").default("").high(),
    string("sasl.oauthbearer.expected.issuer", "Issuer that a token must name.").high(),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms", "How often the key set is loaded again.")
        .default("3600000")
        .low(),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "First pause between tries to load the key set.")
        .default("100")
        .low(),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "Longest pause between those tries.")
        .default("10000")
        .low(),
    string("sasl.oauthbearer.jwks.endpoint.url", "Address of the key set that signs tokens."),
    class("sasl.oauthbearer.jwt.retriever.class", "Class that fetches tokens; accepted for compatibility.")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
    class("sasl.oauthbearer.jwt.validator.class", "Class that checks tokens; accepted for compatibility.")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
    string("sasl.oauthbearer.scope", "Scope asked for at the token server."),
    string("sasl.oauthbearer.scope.claim.name", "Name of the claim that holds the scope.").default("scope").low(),
    string("sasl.oauthbearer.sub.claim.name", "Name of the claim that holds the user.").default("sub").low(),
    string("sasl.oauthbearer.token.endpoint.url", "Address of the token server."),
];
