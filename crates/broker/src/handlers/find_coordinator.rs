//! FindCoordinator (10), versions 0-6. Which broker coordinates a group.
//!
//! - Batched from version 4 on (KIP-699). Answers only with a coordinator that can be used.
//! - Not yet: transaction coordinators (key type 1) and share coordinators (key type 2).

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::find_coordinator_response::Coordinator;
use barnabas_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::addresses::Addresses;
use crate::dispatch::{Answer, Refused, RequestContext};

const FIRST_BATCHED_VERSION: i16 = 4;
const GROUP: i8 = 0;

pub(crate) fn handle(ctx: &RequestContext, request: FindCoordinatorRequest) -> Result<Answer, Refused> {
    let response = if ctx.version >= FIRST_BATCHED_VERSION {
        let coordinators = request.coordinator_keys.into_iter().map(|key| find(ctx, request.key_type, key)).collect();
        FindCoordinatorResponse { coordinators, error_message: None, ..Default::default() }
    } else {
        let found = find(ctx, request.key_type, request.key);
        FindCoordinatorResponse {
            error_code: found.error_code,
            error_message: found.error_message,
            node_id: found.node_id,
            host: found.host,
            port: found.port,
            ..Default::default()
        }
    };
    Ok(ctx.ready(&response))
}

fn find(ctx: &RequestContext, key_type: i8, key: String) -> Coordinator {
    let failed = |code: ErrorCode, message: &str, key: String| Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code: code.code(),
        error_message: Some(message.to_owned()),
        ..Default::default()
    };
    if key_type != GROUP {
        let message = "this broker coordinates consumer groups only; transactions and share groups are not served yet";
        return failed(ErrorCode::InvalidRequest, message, key);
    }
    if let Err(error) = ctx.broker.groups.read(&key, |_| ()) {
        return failed(error, "the groups of this coordinator are not loaded", key);
    }
    let image = ctx.broker.image();
    let address = image.broker(ctx.broker.node_id).and_then(|broker| Addresses::new(ctx, &image).of(broker));
    match address {
        Some(address) => Coordinator {
            key,
            node_id: ctx.broker.node_id,
            host: address.host,
            port: address.port,
            error_code: 0,
            error_message: Some(String::new()),
        },
        None => failed(ErrorCode::CoordinatorNotAvailable, "the coordinator has no such listener", key),
    }
}
