//! The features (KIP-584) that this version of the broker can work at.

/// Levels of one feature.
#[derive(Debug)]
pub(crate) struct Feature {
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
}

/// `metadata.version` 30 is Kafka 4.3-IV0. Group, share and transaction features appear when they are served.
pub(crate) const SUPPORTED: &[Feature] = &[
    Feature { name: "eligible.leader.replicas.version", min: 0, max: 1 },
    Feature { name: "kraft.version", min: 0, max: 1 },
    Feature { name: "metadata.version", min: 7, max: 30 },
];
