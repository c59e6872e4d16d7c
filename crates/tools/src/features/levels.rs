//! Which levels of which feature belong to which release. Data of Apache Kafka 4.3.1.

/// Releases and the level of `metadata.version` that they brought.
const RELEASES: [(&str, i16); 25] = [
    ("3.3-IV3", 7),
    ("3.4-IV0", 8),
    ("3.5-IV0", 9),
    ("3.5-IV1", 10),
    ("3.5-IV2", 11),
    ("3.6-IV0", 12),
    ("3.6-IV1", 13),
    ("3.6-IV2", 14),
    ("3.7-IV0", 15),
    ("3.7-IV1", 16),
    ("3.7-IV2", 17),
    ("3.7-IV3", 18),
    ("3.7-IV4", 19),
    ("3.8-IV0", 20),
    ("3.9-IV0", 21),
    ("4.0-IV0", 22),
    ("4.0-IV1", 23),
    ("4.0-IV2", 24),
    ("4.0-IV3", 25),
    ("4.1-IV0", 26),
    ("4.1-IV1", 27),
    ("4.2-IV0", 28),
    ("4.2-IV1", 29),
    ("4.3-IV0", 30),
    ("4.4-IV0", 31),
];

/// Features, the level that is usual, and since which `metadata.version`; in Kafka's order.
const FEATURES: [(&str, i16, i16); 6] = [
    ("kraft.version", 1, 21),
    ("transaction.version", 2, 24),
    ("group.version", 1, 22),
    ("eligible.leader.replicas.version", 1, 26),
    ("share.version", 1, 28),
    ("streams.version", 1, 29),
];

pub(crate) const METADATA_VERSION: &str = "metadata.version";
/// The newest release that is not a preview.
pub(crate) const LATEST: &str = "4.3-IV0";

/// The level of a release: `4.0-IV3`, or `4.0` for the last one of 4.0.
pub(crate) fn level_of(release: &str) -> Option<i16> {
    let exact = RELEASES.iter().find(|(name, _)| *name == release);
    let beginning = format!("{release}-");
    exact.or_else(|| RELEASES.iter().rev().find(|(name, _)| name.starts_with(&beginning))).map(|(_, level)| *level)
}

/// The name of a level of `metadata.version`.
pub(crate) fn release_of(level: i16) -> Option<&'static str> {
    RELEASES.iter().find(|(_, known)| *known == level).map(|(name, _)| *name)
}

/// What Kafka says about a release that it does not know. Some tools name previews, too.
pub(crate) fn unknown_release(release: &str, with_previews: bool) -> String {
    let known =
        RELEASES.iter().filter(|(_, level)| with_previews || level_of(LATEST).is_none_or(|last| *level <= last));
    let names: Vec<&str> = known.map(|(name, _)| *name).collect();
    format!("Unknown metadata.version '{release}'. Supported metadata.version are: {}", names.join(", "))
}

/// Every other feature and its level when `metadata.version` has this one.
pub(crate) fn others_at(metadata_level: i16) -> impl Iterator<Item = (&'static str, i16)> {
    FEATURES.iter().map(move |(name, level, since)| (*name, if metadata_level >= *since { *level } else { 0 }))
}

/// Whether Kafka knows the feature.
pub(crate) fn is_known(feature: &str) -> bool {
    feature == METADATA_VERSION || FEATURES.iter().any(|(name, _, _)| *name == feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_by_their_full_and_short_names() {
        assert_eq!(
            (level_of("4.0"), level_of("4.0-IV1"), level_of("1.0"), level_of("4")),
            (Some(25), Some(23), None, None)
        );
        assert_eq!(others_at(24).map(|(_, level)| level).collect::<Vec<_>>(), [1, 2, 1, 0, 0, 0]);
        assert_eq!(release_of(30), Some(LATEST));
    }
}
