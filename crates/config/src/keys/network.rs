//! Keys of listeners, sockets and connection limits. One row each; no parsing here.

use crate::key::{ConfigKey, int, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    list("listeners", "Addresses to listen on, as NAME://host:port; an empty host means every interface.")
        .default("PLAINTEXT://:9092")
        .non_empty()
        .high()
        .per_broker(),
    list("advertised.listeners", "Addresses that clients are told to connect to; the listeners themselves when unset. One broker can be told others while it runs.")
        .non_empty()
        .high(),
    string("listener.security.protocol.map", "Security protocol of each listener name, as NAME:PROTOCOL pairs.")
        .default("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT")
        .low()
        .per_broker(),
    string("inter.broker.listener.name", "Listener that brokers use to talk to each other."),
    string(
        "security.inter.broker.protocol",
        "Protocol between brokers, used when inter.broker.listener.name is unset.",
    )
    .default("PLAINTEXT")
    .one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
    list("early.start.listeners", "Listeners that serve before the broker has caught up with the metadata.").high(),
    int("num.network.threads", "Threads per listener that read requests and write answers.")
        .default("3")
        .at_least(1)
        .high()
        .cluster_wide(),
    int("num.io.threads", "Threads that work on requests, disk access included.")
        .default("8")
        .at_least(1)
        .high()
        .cluster_wide(),
    int("queued.max.requests", "Requests that may wait before reading from sockets pauses.")
        .default("500")
        .at_least(1)
        .high(),
    long("queued.max.request.bytes", "Bytes of waiting requests before reading pauses; -1 for no limit.").default("-1"),
    int("request.timeout.ms", "How long this broker waits for the answer to a request of its own.")
        .default("30000")
        .high(),
    int("socket.send.buffer.bytes", "Send buffer of server sockets (SO_SNDBUF); -1 leaves it to the system.")
        .default("102400")
        .high(),
    int("socket.receive.buffer.bytes", "Receive buffer of server sockets (SO_RCVBUF); -1 leaves it to the system.")
        .default("102400")
        .high(),
    int("socket.request.max.bytes", "Largest request that is accepted.").default("104857600").at_least(1).high(),
    int("socket.listen.backlog.size", "Length of the queue of connections not yet accepted.").default("50").at_least(1),
    long("socket.connection.setup.timeout.ms", "First time limit for this broker's own outgoing connections.")
        .default("10000"),
    long(
        "socket.connection.setup.timeout.max.ms",
        "Upper limit to which the connection time limit grows after failures.",
    )
    .default("30000"),
    long("connections.max.idle.ms", "Idle connections are closed after this time.").default("600000"),
    long(
        "connections.max.reauth.ms",
        "Longest life of a SASL session before the client must authenticate again; 0 for no limit.",
    )
    .default("0"),
    int(
        "connection.failed.authentication.delay.ms",
        "How long the close of a connection is held back after failed authentication.",
    )
    .default("100")
    .at_least(0)
    .low(),
    int("max.connections", "Most connections of this broker; can also be set per listener.")
        .default("2147483647")
        .at_least(0)
        .cluster_wide(),
    int("max.connections.per.ip", "Most connections from one address.")
        .default("2147483647")
        .at_least(0)
        .cluster_wide(),
    string("max.connections.per.ip.overrides", "Connection limits of single addresses, as host:count pairs.")
        .default("")
        .cluster_wide(),
    int("max.connection.creation.rate", "Most new connections per second; can also be set per listener.")
        .default("2147483647")
        .at_least(0)
        .cluster_wide(),
];
