//! ApiVersions (18), versions 0-4. The table of served APIs and the cluster's features.
//!
//! - An unknown version is answered with version 0, error 35 and the row of ApiVersions itself, so that newer
//!   clients step down (KIP-511).
//! - The response header stays at version 0 in every version.
//! - Features whose lowest version is 0 are left out before version 4: older clients refuse them (KIP-1022).

use std::sync::LazyLock;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use barnabas_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use barnabas_protocol::{ApiKey, SERVED_APIS};

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::features;

const FIRST_VERSION_WITH_CLIENT_SOFTWARE: i16 = 3;
const FIRST_VERSION_WITH_ZERO_MINIMUM: i16 = 4;

static SERVED: LazyLock<Vec<ApiVersion>> = LazyLock::new(|| SERVED_APIS.iter().copied().map(row).collect());

pub(crate) fn handle(ctx: &RequestContext, request: ApiVersionsRequest) -> Result<Answer, Refused> {
    if ctx.version >= FIRST_VERSION_WITH_CLIENT_SOFTWARE
        && !(is_software_name(&request.client_software_name) && is_software_name(&request.client_software_version))
    {
        let error_code = ErrorCode::InvalidRequest.code();
        return Ok(ctx.ready(&ApiVersionsResponse { error_code, ..Default::default() }));
    }
    if ctx.version >= FIRST_VERSION_WITH_CLIENT_SOFTWARE {
        ctx.connection.set_software(request.client_software_name);
    }
    let image = ctx.broker.image();
    let shown = |minimum: i16| minimum > 0 || ctx.version >= FIRST_VERSION_WITH_ZERO_MINIMUM;
    let supported_features = features::SUPPORTED
        .iter()
        .filter(|feature| shown(feature.min))
        .map(|f| SupportedFeatureKey { name: f.name.to_owned(), min_version: f.min, max_version: f.max })
        .collect();
    let finalized_features = image
        .features
        .finalized
        .iter()
        .filter(|(_, level)| **level > 0)
        .map(|(name, level)| FinalizedFeatureKey {
            name: name.clone(),
            max_version_level: *level,
            min_version_level: *level,
        })
        .collect();
    Ok(ctx.ready(&ApiVersionsResponse {
        api_keys: SERVED.clone(),
        supported_features,
        finalized_features_epoch: image.features.epoch,
        finalized_features,
        ..Default::default()
    }))
}

/// The answer that every client understands, whatever version it asked in.
pub(crate) fn unsupported_version(ctx: &RequestContext) -> Answer {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: vec![row(ApiKey::ApiVersions)],
        ..Default::default()
    };
    RequestContext { version: 0, ..ctx.clone() }.ready(&response)
}

fn row(api: ApiKey) -> ApiVersion {
    let versions = api.versions();
    ApiVersion { api_key: api.code(), min_version: versions.first, max_version: versions.last }
}

/// Letters, digits, dots and dashes, with a letter or digit at both ends.
fn is_software_name(name: &str) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends_well(name.chars().next())
        && ends_well(name.chars().last())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}
