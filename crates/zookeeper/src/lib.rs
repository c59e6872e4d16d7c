//! The little of ZooKeeper that files of its era need: a codec, a server that keeps everything in memory, a client,
//! and the decision that brokers make when they see each other there. Nothing here knows Kafka's protocol, brokers'
//! configuration or JSON.

pub mod client;
pub mod connect_string;
mod error;
pub mod jute;
pub mod neighbours;
pub mod registration;
pub mod server;

pub use connect_string::{ConnectString, ConnectStringError, HostPort};
pub use error::ErrorCode;

/// The release of Apache ZooKeeper whose protocol and texts are followed.
pub const ZOOKEEPER_LEVEL: &str = "3.9.3";
