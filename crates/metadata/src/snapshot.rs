//! The image as bytes and back. Damaged or foreign bytes are an error, never half an image. Where the bytes
//! are kept is the quorum's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::image::{BrokerRegistration, ConfigMap, ConfigResource, FeaturesImage, MetadataImage, TopicImage};

const MAGIC: &[u8; 4] = b"BMSN";
const VERSION: u16 = 1;
/// Magic, version, CRC-32C of the body, length of the body.
const HEADER_LEN: usize = 4 + 2 + 4 + 8;

/// Why bytes are no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("not a metadata snapshot: the first bytes are not {MAGIC:?}")]
    NotASnapshot,
    #[error("metadata snapshot of version {0}, this software reads up to version {VERSION}: use newer software")]
    NewerVersion(u16),
    #[error("metadata snapshot is cut off: {found} bytes where {expected} were written")]
    Truncated { expected: u64, found: u64 },
    #[error("metadata snapshot is damaged: its checksum does not match")]
    BadChecksum,
    #[error("metadata snapshot cannot be read: {0}")]
    BadBody(String),
}

/// The body. Maps with keys that JSON cannot have are lists; ids of topics are found again from the topics.
#[derive(Serialize, Deserialize)]
struct Body {
    offset: i64,
    cluster_id: Arc<str>,
    features: FeaturesImage,
    brokers: Vec<Arc<BrokerRegistration>>,
    topics: Vec<Arc<TopicImage>>,
    configs: Vec<(ConfigResource, Arc<ConfigMap>)>,
    next_producer_id: i64,
}

/// The whole image with a checksum.
pub fn encode_image(image: &MetadataImage) -> Result<Vec<u8>, SnapshotError> {
    let body = Body {
        offset: image.offset,
        cluster_id: image.cluster_id.clone(),
        features: (*image.features).clone(),
        brokers: image.brokers.values().cloned().collect(),
        topics: image.topics.values().cloned().collect(),
        configs: image.configs.iter().map(|(resource, configs)| (resource.clone(), configs.clone())).collect(),
        next_producer_id: image.next_producer_id,
    };
    let mut bytes = vec![0; HEADER_LEN];
    serde_json::to_writer(&mut bytes, &body).map_err(|e| SnapshotError::BadBody(e.to_string()))?;
    let (header, body) = bytes.split_at_mut(HEADER_LEN);
    header[..4].copy_from_slice(MAGIC);
    header[4..6].copy_from_slice(&VERSION.to_be_bytes());
    header[6..10].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    header[10..].copy_from_slice(&(body.len() as u64).to_be_bytes());
    Ok(bytes)
}

/// The image that `encode_image` wrote.
pub fn decode_image(bytes: &[u8]) -> Result<MetadataImage, SnapshotError> {
    let body: Body = serde_json::from_slice(checked_body(bytes)?).map_err(|e| SnapshotError::BadBody(e.to_string()))?;
    let topic_names: BTreeMap<_, _> = body.topics.iter().map(|topic| (topic.id, topic.name.clone())).collect();
    let topics: BTreeMap<_, _> = body.topics.iter().map(|topic| (topic.name.clone(), topic.clone())).collect();
    if topic_names.len() != topics.len() {
        return Err(SnapshotError::BadBody("two topics share a name or an id".to_owned()));
    }
    Ok(MetadataImage {
        offset: body.offset,
        cluster_id: body.cluster_id,
        features: Arc::new(body.features),
        brokers: Arc::new(body.brokers.into_iter().map(|broker| (broker.node_id, broker)).collect()),
        topics: Arc::new(topics),
        topic_names: Arc::new(topic_names),
        configs: Arc::new(body.configs.into_iter().collect()),
        next_producer_id: body.next_producer_id,
    })
}

fn checked_body(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(SnapshotError::NotASnapshot)?;
    if magic != MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let cut = |expected: u64| SnapshotError::Truncated { expected, found: bytes.len() as u64 };
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(cut(HEADER_LEN as u64))?;
    let (crc, rest) = rest.split_first_chunk::<4>().ok_or(cut(HEADER_LEN as u64))?;
    let (len, body) = rest.split_first_chunk::<8>().ok_or(cut(HEADER_LEN as u64))?;
    let (version, len) = (u16::from_be_bytes(*version), u64::from_be_bytes(*len));
    if version > VERSION {
        return Err(SnapshotError::NewerVersion(version));
    }
    if len != body.len() as u64 {
        return Err(cut(len.saturating_add(HEADER_LEN as u64)));
    }
    if crc32c::crc32c(body) != u32::from_be_bytes(*crc) {
        return Err(SnapshotError::BadChecksum);
    }
    Ok(body)
}
