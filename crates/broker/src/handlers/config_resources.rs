//! Configuration resources as requests name them: a type number and a name.

use barnabas_common::ErrorCode;
use barnabas_metadata::{ApiError, ConfigResource};

use crate::dispatch::RequestContext;

/// Kafka's numbers of the types.
pub(crate) mod resource_type {
    pub(crate) const TOPIC: i8 = 2;
    pub(crate) const BROKER: i8 = 4;
    pub(crate) const BROKER_LOGGER: i8 = 8;
    pub(crate) const CLIENT_METRICS: i8 = 16;
    pub(crate) const GROUP: i8 = 32;
    pub(crate) const ALL: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
}

/// The resource of a request. An empty broker name means all brokers of the cluster.
pub(crate) fn parse(ctx: &RequestContext, resource_type: i8, name: &str) -> Result<ConfigResource, ApiError> {
    let refused = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    match resource_type {
        resource_type::TOPIC => Ok(ConfigResource::Topic(name.to_owned())),
        resource_type::BROKER if name.is_empty() => Ok(ConfigResource::BrokerDefault),
        resource_type::BROKER => match name.parse() {
            Ok(id) if id == ctx.broker.node_id => Ok(ConfigResource::Broker(id)),
            _ => refused(format!(
                "Unexpected broker id, expected {} or empty string, but received {name}",
                ctx.broker.node_id
            )),
        },
        resource_type::GROUP if !name.is_empty() => Ok(ConfigResource::Group(name.to_owned())),
        resource_type::CLIENT_METRICS if !name.is_empty() => Ok(ConfigResource::ClientMetrics(name.to_owned())),
        resource_type::GROUP | resource_type::CLIENT_METRICS => refused("the name of the resource is empty".to_owned()),
        other => refused(format!("configuration resources of type {other} cannot be changed on this broker")),
    }
}
