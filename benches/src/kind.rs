//! What is compared: the brokers, each in the modes that matter, and the bare disk.

use crate::args::Family;

/// A column of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Parses and discards.
    Null,
    /// Writes and fdatasync without any broker.
    Disk,
    /// What the null server takes and, without any broker, a CRC and a write of the same bytes: who checks and stores them
    /// can hardly need less.
    Floor,
    /// Ours as it is by default.
    Barnabas,
    /// Ours: every acknowledged record is on the disk.
    Durable,
    /// Ours as Kafka does it: acknowledged is what the page cache has.
    PageCache,
    Kafka,
    /// Kafka with a sync after every message.
    KafkaSync,
    /// Whatever the command line names.
    Other,
}

/// The setting of ours that says when a record counts as written.
pub(crate) const DURABILITY_KEY: &str = "barnabas.durability";

impl Kind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Null => "null server",
            Self::Disk => "bare disk",
            Self::Floor => "null server + CRC + write",
            Self::Barnabas => "Barnabas",
            Self::Durable => "Barnabas, durable",
            Self::PageCache => "Barnabas, page cache",
            Self::Kafka => "Apache Kafka",
            Self::KafkaSync => "Apache Kafka, syncing",
            Self::Other => "other broker",
        }
    }

    pub(crate) fn family(self) -> Option<Family> {
        match self {
            Self::Null => Some(Family::Null),
            Self::Barnabas | Self::Durable | Self::PageCache => Some(Family::Barnabas),
            Self::Kafka | Self::KafkaSync => Some(Family::Kafka),
            Self::Disk | Self::Floor | Self::Other => None,
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        self.family() == Some(Family::Barnabas)
    }

    pub(crate) fn is_kafka(self) -> bool {
        self.family() == Some(Family::Kafka)
    }

    /// The setting that makes it what it is.
    pub(crate) fn setting(self) -> Option<String> {
        match self {
            Self::Durable => Some(format!("{DURABILITY_KEY}=journal")),
            Self::PageCache => Some(format!("{DURABILITY_KEY}=page-cache")),
            Self::KafkaSync => Some("log.flush.interval.messages=1".to_owned()),
            Self::Null | Self::Disk | Self::Floor | Self::Barnabas | Self::Kafka | Self::Other => None,
        }
    }
}
