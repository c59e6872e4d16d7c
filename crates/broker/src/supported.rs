//! What a configuration may ask for and this version does not do: refused at start in one line, never silently left out.

use barnabas_config::{BrokerConfig, Listener, ProcessRole, SecurityProtocol};

use crate::error::StartError;

/// Refuses what is not served yet. To be asked before anything is touched.
pub fn check_supported(config: &BrokerConfig) -> Result<(), StartError> {
    let refusal = secured_listener(config).or_else(|| several_nodes(config)).or_else(|| cordoned_dirs(config));
    refusal.map_or(Ok(()), |message| Err(StartError::Unsupported(message)))
}

fn secured_listener(config: &BrokerConfig) -> Option<String> {
    let secured: &Listener =
        config.listeners().iter().find(|listener| listener.protocol != SecurityProtocol::Plaintext)?;
    let wanted = match secured.protocol {
        SecurityProtocol::SaslSsl => "SASL and TLS are",
        SecurityProtocol::SaslPlaintext => "SASL is",
        SecurityProtocol::Ssl | SecurityProtocol::Plaintext => "TLS (SSL) is",
    };
    Some(format!(
        "listener {} is {}: {wanted} not served yet, and it will not be served without; until then give it PLAINTEXT in \
         'listener.security.protocol.map', or remove it from 'listeners'",
        secured.name,
        secured.protocol.name()
    ))
}

/// A dir that takes new partitions although it was cordoned would be a surprise.
pub(crate) fn cordoned_dirs(config: &BrokerConfig) -> Option<String> {
    let cordoned = config.list("cordoned.log.dirs");
    (!cordoned.is_empty()).then(|| {
        format!(
            "cordoned.log.dirs is {}, but cordoning is not served yet: new partitions would still be placed there; remove the \
             setting",
            cordoned.join(",")
        )
    })
}

/// Clusters wait for replication. Several silent clusters of one would be the worst outcome.
fn several_nodes(config: &BrokerConfig) -> Option<String> {
    let id = config.node_id();
    let alone = "clusters of several nodes are not served yet, and running this one alone would split your data";
    if !config.has_role(ProcessRole::Broker) {
        return Some(format!(
            "process.roles of node {id} is only controller: {alone}; for a single node set process.roles=broker,controller \
             and remove the others"
        ));
    }
    if !config.has_role(ProcessRole::Controller) {
        return Some(format!(
            "process.roles of node {id} is only broker: {alone}; for a single node set process.roles=broker,controller and \
             remove controller.quorum.voters and controller.quorum.bootstrap.servers"
        ));
    }
    let voters = config.quorum_voters();
    if voters.iter().any(|voter| voter.id != id) {
        return Some(format!(
            "controller.quorum.voters names {} nodes: {alone}; for a single node keep only node {id} in it",
            voters.len()
        ));
    }
    let servers = config.quorum_bootstrap_servers();
    (servers.len() > 1).then(|| {
        format!(
            "controller.quorum.bootstrap.servers names {} nodes: {alone}; for a single node keep only this one in it",
            servers.len()
        )
    })
}
