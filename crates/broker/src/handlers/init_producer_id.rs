//! InitProducerId (22), versions 0-5. Ids for idempotent producers.
//!
//! - Without a transactional id every request gets a new id: an epoch that anybody could raise would let anybody
//!   fence a producer.
//! - Not yet: transactional ids; they are refused until there is a transaction coordinator.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: InitProducerIdRequest) -> Result<Answer, Refused> {
    match request.transactional_id.as_deref() {
        Some("") => return Ok(failed(ctx, ErrorCode::InvalidRequest)),
        // Transactions are not served yet. This code ends the client's attempt with a message, not a retry.
        Some(_) => return Ok(failed(ctx, ErrorCode::TransactionalIdAuthorizationFailed)),
        None => {}
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

fn failed(ctx: &RequestContext, error: ErrorCode) -> Answer {
    ctx.ready(&InitProducerIdResponse { error_code: error.code(), producer_epoch: -1, ..Default::default() })
}
