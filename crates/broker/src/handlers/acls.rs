//! DescribeAcls (29), CreateAcls (30), DeleteAcls (31), versions 1-3.
//!
//! - There is no authorizer yet: every call is answered SECURITY_DISABLED, one result per entry. Tools detect
//!   an open cluster by exactly this code.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::create_acls_response::AclCreationResult;
use barnabas_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use barnabas_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse,
};

use crate::dispatch::{Answer, Refused, RequestContext};

const DISABLED: i16 = ErrorCode::SecurityDisabled.code();
const MESSAGE: &str = "No Authorizer is configured on the broker";

pub(crate) fn describe(ctx: &RequestContext, _: DescribeAclsRequest) -> Result<Answer, Refused> {
    Ok(ctx.ready(&DescribeAclsResponse {
        error_code: DISABLED,
        error_message: Some(MESSAGE.to_owned()),
        ..Default::default()
    }))
}

pub(crate) fn create(ctx: &RequestContext, request: CreateAclsRequest) -> Result<Answer, Refused> {
    let result = AclCreationResult { error_code: DISABLED, error_message: Some(MESSAGE.to_owned()) };
    let results = vec![result; request.creations.len()];
    Ok(ctx.ready(&CreateAclsResponse { results, ..Default::default() }))
}

pub(crate) fn delete(ctx: &RequestContext, request: DeleteAclsRequest) -> Result<Answer, Refused> {
    let result =
        DeleteAclsFilterResult { error_code: DISABLED, error_message: Some(MESSAGE.to_owned()), ..Default::default() };
    let filter_results = vec![result; request.filters.len()];
    Ok(ctx.ready(&DeleteAclsResponse { filter_results, ..Default::default() }))
}
