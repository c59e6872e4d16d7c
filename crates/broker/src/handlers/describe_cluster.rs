//! DescribeCluster (60), versions 0-2. The brokers and the controller.
//!
//! - Endpoint type 2 (controllers, KIP-919) is refused on a client listener as Kafka refuses it.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use barnabas_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::addresses::Addresses;
use super::authorized;
use crate::dispatch::{Answer, Refused, RequestContext};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn handle(ctx: &RequestContext, request: DescribeClusterRequest) -> Result<Answer, Refused> {
    if request.endpoint_type != BROKERS {
        return Ok(ctx.ready(&wrong_endpoint_type(request.endpoint_type)));
    }
    let image = ctx.broker.image();
    let addresses = Addresses::new(ctx, &image);
    let brokers = image
        .brokers()
        .filter(|broker| !broker.fenced || request.include_fenced_brokers)
        .filter_map(|broker| {
            let address = addresses.of(broker)?;
            Some(DescribeClusterBroker {
                broker_id: broker.node_id,
                host: address.host,
                port: address.port,
                rack: broker.rack.clone(),
                is_fenced: broker.fenced,
            })
        })
        .collect();
    Ok(ctx.ready(&DescribeClusterResponse {
        cluster_id: image.cluster_id.to_string(),
        controller_id: ctx.broker.controller_id(),
        brokers,
        cluster_authorized_operations: authorized::when(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Default::default()
    }))
}

fn wrong_endpoint_type(endpoint_type: i8) -> DescribeClusterResponse {
    let (code, message) = if endpoint_type == CONTROLLERS {
        (ErrorCode::MismatchedEndpointType, "this is a broker's listener; ask a controller's listener for controllers")
    } else {
        (ErrorCode::UnsupportedEndpointType, "endpoint types are 1 (brokers) and 2 (controllers)")
    };
    DescribeClusterResponse {
        error_code: code.code(),
        error_message: Some(message.to_owned()),
        endpoint_type,
        ..Default::default()
    }
}
