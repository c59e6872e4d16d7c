//! Whole brokers in this process on disks in memory that fail or fill up. What is asserted: Kafka's error codes, that
//! nothing acknowledged is lost, and that everything works again once the disk does.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod damaged_journal;
mod every_site;
mod failing_dir;
mod failing_start;
mod figures;
mod full_disk;
mod full_start;
mod gone;
mod handles;
mod lost_journal;
mod missing_dirs;
mod misuse;
mod recreated;
mod restart;
mod retention;
mod support;
#[path = "../wire/mod.rs"]
mod wire;
