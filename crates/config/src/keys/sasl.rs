//! Keys of SASL and its logins. One row each; no parsing here.

use crate::key::{ConfigKey, class, double, int, list, long, password, short, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("sasl.enabled.mechanisms", "SASL mechanisms that clients may use.").default("GSSAPI").per_broker(),
    string("sasl.mechanism.inter.broker.protocol", "SASL mechanism between brokers.").default("GSSAPI").per_broker(),
    string("sasl.mechanism.controller.protocol", "SASL mechanism towards controllers.").default("GSSAPI").high(),
    password(
        "sasl.jaas.config",
        "Login settings in JAAS form, as listener.name.<listener>.<mechanism>.sasl.jaas.config.",
    )
    .per_broker(),
    int("sasl.server.max.receive.size", "Largest message during SASL authentication.").default("524288"),
    class("sasl.client.callback.handler.class", "Client callback class; accepted for compatibility."),
    class("sasl.login.callback.handler.class", "Login callback class; accepted for compatibility."),
    class("sasl.login.class", "Login class; accepted for compatibility."),
    class("sasl.server.callback.handler.class", "Server callback class of a mechanism; accepted for compatibility."),
    int("sasl.login.connect.timeout.ms", "Time limit for connecting to the token server.").low(),
    int("sasl.login.read.timeout.ms", "Time limit for reading from the token server.").low(),
    short("sasl.login.refresh.buffer.seconds", "Time before a login ends by which it should be renewed.")
        .default("300")
        .per_broker(),
    short("sasl.login.refresh.min.period.seconds", "Least time between two renewals of a login.")
        .default("60")
        .per_broker(),
    double("sasl.login.refresh.window.factor", "Share of a login's life after which it is renewed.")
        .default("0.8")
        .per_broker(),
    double("sasl.login.refresh.window.jitter", "Random part of that share.").default("0.05").per_broker(),
    long("sasl.login.retry.backoff.ms", "First pause between tries to reach the token server.").default("100").low(),
    long("sasl.login.retry.backoff.max.ms", "Longest pause between those tries.").default("10000").low(),
    string("sasl.kerberos.kinit.cmd", "Path of the kinit command.").default("/usr/bin/kinit").per_broker(),
    long("sasl.kerberos.min.time.before.relogin", "Least time between two ticket renewals.")
        .default("60000")
        .per_broker(),
    list("sasl.kerberos.principal.to.local.rules", "Rules that turn Kerberos principals into user names.")
        .default("DEFAULT")
        .per_broker(),
    string("sasl.kerberos.service.name", "Kerberos service name of the brokers.").per_broker(),
    double("sasl.kerberos.ticket.renew.jitter", "Random part of the renewal time.").default("0.05").per_broker(),
    double("sasl.kerberos.ticket.renew.window.factor", "Share of a ticket's life after which it is renewed.")
        .default("0.8")
        .per_broker(),
];
