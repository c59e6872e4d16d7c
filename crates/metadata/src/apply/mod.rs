//! How each command changes the image. One file per kind of thing that changes; this one only tells them apart.

mod assignment;
mod brokers;
mod configs;
mod features;
mod leaders;
mod partitions;
mod topics;

#[cfg(test)]
mod tests;

use barnabas_common::{ErrorCode, NodeId};

use crate::PRODUCER_ID_BLOCK_SIZE;
use crate::command::MetadataCommand;
use crate::config_rules::ConfigRules;
use crate::image::MetadataImage;
use crate::result::{ApiError, CommandResult, ItemResult, ProducerIdBlock};

/// Changes the image as the command says, item by item; `image.offset` is already the command's index. Whether
/// the command only validates is the caller's concern.
pub(crate) fn run(image: &mut MetadataImage, rules: &dyn ConfigRules, command: &MetadataCommand) -> CommandResult {
    use MetadataCommand as C;
    match command {
        C::Bootstrap { cluster_id, features, broker_defaults } => {
            CommandResult::Bootstrap(features::bootstrap(image, cluster_id, features, broker_defaults))
        }
        C::RegisterBroker(registration) => CommandResult::RegisterBroker(brokers::register(image, registration)),
        C::FenceBroker { node_id, broker_epoch } => {
            CommandResult::ChangeBroker(brokers::set_fenced(image, *node_id, *broker_epoch, true))
        }
        C::UnfenceBroker { node_id, broker_epoch } => {
            CommandResult::ChangeBroker(brokers::set_fenced(image, *node_id, *broker_epoch, false))
        }
        C::UnregisterBroker { node_id } => CommandResult::ChangeBroker(brokers::unregister(image, *node_id)),
        C::CreateTopics { topics, defaults, .. } => {
            CommandResult::CreateTopics(topics::create_all(image, rules, topics, *defaults))
        }
        C::DeleteTopics { topics } => {
            CommandResult::DeleteTopics(topics.iter().map(|topic| topics::delete(image, topic)).collect())
        }
        C::CreatePartitions { topics, .. } => CommandResult::CreatePartitions(partitions::create_all(image, topics)),
        C::AlterConfigs { resources, .. } => CommandResult::AlterConfigs(configs::replace_all(image, rules, resources)),
        C::IncrementalAlterConfigs { resources, .. } => {
            CommandResult::AlterConfigs(configs::alter_all(image, rules, resources))
        }
        C::AlterPartition { broker_id, broker_epoch, partitions } => {
            CommandResult::AlterPartition(partitions::alter_all(image, *broker_id, *broker_epoch, partitions))
        }
        C::ElectLeaders { election_type, partitions } => {
            CommandResult::ElectLeaders(leaders::elect(image, *election_type, partitions.as_deref()))
        }
        C::AllocateProducerIds { broker_id, broker_epoch } => {
            CommandResult::AllocateProducerIds(allocate_producer_ids(image, *broker_id, *broker_epoch))
        }
        C::UpdateFeatures { updates, .. } => CommandResult::UpdateFeatures(features::update(image, updates)),
    }
}

fn allocate_producer_ids(
    image: &mut MetadataImage,
    broker_id: NodeId,
    broker_epoch: i64,
) -> ItemResult<ProducerIdBlock> {
    check_broker_epoch(image, broker_id, broker_epoch)?;
    let first = image.next_producer_id;
    let next = first.checked_add(i64::from(PRODUCER_ID_BLOCK_SIZE)).ok_or_else(|| {
        ApiError::new(ErrorCode::UnknownServerError, "All producer ids of this cluster have been handed out.")
    })?;
    image.next_producer_id = next;
    Ok(ProducerIdBlock { first, len: PRODUCER_ID_BLOCK_SIZE })
}

/// A broker may only speak for its present incarnation.
fn check_broker_epoch(image: &MetadataImage, broker_id: NodeId, broker_epoch: i64) -> ItemResult<()> {
    let Some(broker) = image.broker(broker_id) else {
        return Err(ApiError::new(
            ErrorCode::BrokerIdNotRegistered,
            format!("Broker {broker_id} is not registered: it must register before it asks for anything."),
        ));
    };
    if broker.epoch != broker_epoch {
        return Err(ApiError::new(
            ErrorCode::StaleBrokerEpoch,
            format!(
                "Broker {broker_id} registered with epoch {}, the request has epoch {broker_epoch}: it comes from \
                 another incarnation of the broker.",
                broker.epoch
            ),
        ));
    }
    Ok(())
}

fn unknown_topic(name: &str) -> ApiError {
    ApiError::new(ErrorCode::UnknownTopicOrPartition, format!("The topic '{name}' does not exist."))
}
