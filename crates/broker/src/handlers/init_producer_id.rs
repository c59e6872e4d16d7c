//! InitProducerId (22), versions 0-5. Ids for idempotent producers.
//!
//! - A producer that comes with its id and epoch gets the next epoch; at the end of the epochs, a new id
//!   (KIP-360).
//! - Not yet: transactional ids; they are refused until there is a transaction coordinator.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::dispatch::{Answer, Refused, RequestContext};

const NO_PRODUCER_ID: i64 = -1;

pub(crate) fn handle(ctx: &RequestContext, request: InitProducerIdRequest) -> Result<Answer, Refused> {
    match request.transactional_id.as_deref() {
        Some("") => return Ok(failed(ctx, ErrorCode::InvalidRequest)),
        // Transactions are not served yet. This code ends the client's attempt with a message, not a retry.
        Some(_) => return Ok(failed(ctx, ErrorCode::TransactionalIdAuthorizationFailed)),
        None => {}
    }
    if let Some(producer_epoch) = next_epoch(&request) {
        let producer_id = request.producer_id;
        return Ok(ctx.ready(&InitProducerIdResponse { producer_id, producer_epoch, ..Default::default() }));
    }
    if let Some(producer_id) = ctx.broker.producer_ids.take() {
        return Ok(ctx.ready(&InitProducerIdResponse { producer_id, ..Default::default() }));
    }
    let work = ctx.clone();
    Ok(ctx.later(async move {
        match work.broker.next_producer_id().await {
            Ok(producer_id) => InitProducerIdResponse { producer_id, ..Default::default() },
            Err(error) => {
                InitProducerIdResponse { error_code: error.code.code(), producer_epoch: -1, ..Default::default() }
            }
        }
    }))
}

/// The epoch after the one that the producer has, if it has one and there is a next.
fn next_epoch(request: &InitProducerIdRequest) -> Option<i16> {
    // The largest epoch is left for fencing.
    let is_usable = request.producer_id != NO_PRODUCER_ID && (0..i16::MAX - 1).contains(&request.producer_epoch);
    is_usable.then(|| request.producer_epoch + 1)
}

fn failed(ctx: &RequestContext, error: ErrorCode) -> Answer {
    ctx.ready(&InitProducerIdResponse { error_code: error.code(), producer_epoch: -1, ..Default::default() })
}
