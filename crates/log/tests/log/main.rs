//! Tests of the log through its public interface, on the file system in memory unless files of Kafka are the point.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod append;
mod closed;
mod compaction;
mod damage;
mod disk_faults;
mod golden;
mod handles;
mod idempotence;
mod journaled;
mod maintenance;
mod model;
mod ranges;
mod read;
mod recompress;
mod recovery;
mod support;
mod survey;
