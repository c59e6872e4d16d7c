//! The first entry of a new cluster, and the features it uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use barnabas_common::ErrorCode;

use crate::command::{FeatureUpdate, FeatureUpdateKind};
use crate::image::{ConfigMap, ConfigResource, FeaturesImage, MetadataImage};
use crate::result::{ApiError, ItemResult};

pub(super) fn bootstrap(
    image: &mut MetadataImage,
    cluster_id: &str,
    features: &BTreeMap<String, i16>,
    broker_defaults: &ConfigMap,
) -> ItemResult<()> {
    if *image.cluster_id == *cluster_id && !cluster_id.is_empty() {
        return Ok(());
    }
    if !image.cluster_id.is_empty() || cluster_id.is_empty() {
        return Err(ApiError::new(
            ErrorCode::InconsistentClusterId,
            format!("The cluster's id is {:?} and cannot become {cluster_id:?}.", image.cluster_id),
        ));
    }
    image.cluster_id = cluster_id.into();
    image.features = Arc::new(FeaturesImage { finalized: features.clone(), epoch: image.offset });
    image.put_config(ConfigResource::BrokerDefault, broker_defaults.clone());
    Ok(())
}

pub(super) fn update(image: &mut MetadataImage, updates: &[FeatureUpdate]) -> ItemResult<()> {
    let mut finalized = image.features.finalized.clone();
    for update in updates {
        check(image, update)?;
        finalized.insert(update.name.clone(), update.level);
    }
    if finalized != image.features.finalized {
        image.features = Arc::new(FeaturesImage { finalized, epoch: image.offset });
    }
    Ok(())
}

fn check(image: &MetadataImage, update: &FeatureUpdate) -> ItemResult<()> {
    let FeatureUpdate { name, level, kind } = update;
    let refuse = |reason: String| {
        let message = format!("Feature {name:?} cannot be set to level {level}: {reason}.");
        Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
    };
    if *level < 0 {
        return refuse("levels are not negative".to_owned());
    }
    for broker in image.brokers() {
        match broker.supported_features.get(name) {
            None if *level > 0 => return refuse(format!("broker {} does not know it", broker.node_id)),
            Some(range) if *level > 0 && !(range.min..=range.max).contains(level) => {
                return refuse(format!("broker {} supports {} to {}", broker.node_id, range.min, range.max));
            }
            _ => {}
        }
    }
    let current = image.features.finalized.get(name).copied();
    if current.is_none() && !image.brokers().any(|broker| broker.supported_features.contains_key(name)) {
        return refuse("no such feature is known".to_owned());
    }
    if name == "metadata.version" && *level == 0 {
        return refuse("it cannot be switched off".to_owned());
    }
    let current = current.unwrap_or(0);
    match kind {
        FeatureUpdateKind::Upgrade if *level < current => {
            refuse(format!("it is at {current}, and going back must be asked for as a downgrade"))
        }
        FeatureUpdateKind::SafeDowngrade | FeatureUpdateKind::UnsafeDowngrade if *level > current => {
            refuse(format!("it is at {current}, and a downgrade cannot raise it"))
        }
        _ => Ok(()),
    }
}
