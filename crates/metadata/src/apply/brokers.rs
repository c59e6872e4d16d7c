//! Brokers that register, are fenced and leave.

use std::sync::Arc;

use barnabas_common::{ErrorCode, NodeId};

use super::check_broker_epoch;
use super::leaders::{BrokerChange, reassess_all};
use crate::command::BrokerRegistrationCommand;
use crate::image::{BrokerRegistration, MetadataImage};
use crate::result::{ApiError, ItemResult};

/// Registers an incarnation and answers its epoch: the log index of its first registration.
pub(super) fn register(image: &mut MetadataImage, command: &BrokerRegistrationCommand) -> ItemResult<i64> {
    check_registration(image, command)?;
    let old = image.broker(command.node_id).cloned();
    let same_incarnation = old.as_ref().is_some_and(|old| old.incarnation_id == command.incarnation_id);
    let epoch = match &old {
        Some(old) if same_incarnation => old.epoch,
        _ => image.offset,
    };
    let fenced = match &old {
        // A retry must not undo what happened since.
        Some(old) if same_incarnation => old.fenced,
        _ => command.fenced,
    };
    image.put_broker(BrokerRegistration {
        node_id: command.node_id,
        epoch,
        incarnation_id: command.incarnation_id,
        directory_ids: command.directory_ids.clone(),
        listeners: command.listeners.clone(),
        rack: command.rack.clone(),
        fenced,
        supported_features: command.supported_features.clone(),
    });
    match old {
        Some(old) if !same_incarnation => {
            let clean = command.previous_broker_epoch == old.epoch;
            let change = if clean { BrokerChange::Restarted } else { BrokerChange::RestartedUnclean };
            reassess_all(image, command.node_id, change);
        }
        _ => {}
    }
    Ok(epoch)
}

fn check_registration(image: &MetadataImage, command: &BrokerRegistrationCommand) -> ItemResult<()> {
    let node_id = command.node_id;
    if *command.cluster_id != *image.cluster_id {
        return Err(ApiError::new(
            ErrorCode::InconsistentClusterId,
            format!(
                "Broker {node_id} belongs to cluster {:?}, this is cluster {:?}: check its directories and the \
                 address of its controllers.",
                command.cluster_id, image.cluster_id
            ),
        ));
    }
    if let Some(old) = image.broker(node_id).filter(|old| !may_replace(old, command)) {
        return Err(ApiError::new(
            ErrorCode::DuplicateBrokerRegistration,
            format!(
                "Broker {node_id} is alive with epoch {} and other directories: give this broker another node.id.",
                old.epoch
            ),
        ));
    }
    for (name, level) in image.features.finalized.iter().filter(|(_, level)| **level > 0) {
        let supported = command.supported_features.get(name);
        if !supported.is_some_and(|range| (range.min..=range.max).contains(level)) {
            return Err(ApiError::new(
                ErrorCode::UnsupportedVersion,
                format!("The cluster uses {name} at level {level}, which broker {node_id} does not support."),
            ));
        }
    }
    Ok(())
}

/// Whoever opens a log directory holds its lock, so the earlier incarnation that held it has ended.
fn may_replace(old: &BrokerRegistration, command: &BrokerRegistrationCommand) -> bool {
    old.fenced
        || old.incarnation_id == command.incarnation_id
        || old.directory_ids.iter().any(|directory| command.directory_ids.contains(directory))
}

pub(super) fn set_fenced(
    image: &mut MetadataImage,
    node_id: NodeId,
    broker_epoch: i64,
    fenced: bool,
) -> ItemResult<()> {
    check_broker_epoch(image, node_id, broker_epoch)?;
    let Some(broker) = image.broker(node_id).filter(|broker| broker.fenced != fenced) else {
        return Ok(());
    };
    let changed = BrokerRegistration { fenced, ..(**broker).clone() };
    image.put_broker(changed);
    reassess_all(image, node_id, BrokerChange::Liveness);
    Ok(())
}

pub(super) fn unregister(image: &mut MetadataImage, node_id: NodeId) -> ItemResult<()> {
    if Arc::make_mut(&mut image.brokers).remove(&node_id).is_none() {
        let message = format!("Broker {node_id} is not registered, so there is nothing to remove.");
        return Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message));
    }
    reassess_all(image, node_id, BrokerChange::Liveness);
    Ok(())
}
