//! DescribeClientQuotas (48), versions 0-1.
//!
//! - No quotas can be set yet, so there are none to describe.

use barnabas_protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};

use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn describe(ctx: &RequestContext, _: DescribeClientQuotasRequest) -> Result<Answer, Refused> {
    Ok(ctx.ready(&DescribeClientQuotasResponse {
        error_message: None,
        entries: Some(Vec::new()),
        ..Default::default()
    }))
}
