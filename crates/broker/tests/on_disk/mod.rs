//! A broker in this process on a real folder, on a port that is free.

use std::sync::Arc;

use barnabas_broker::{RunningBroker, StartOptions};
use barnabas_common::SystemClock;
use barnabas_common::vfs::OsVfs;
use barnabas_config::{BrokerConfig, LoadInput};
use tempfile::TempDir;

pub(crate) async fn start(dir: &TempDir, cluster_id: &str, settings: &[&str]) -> RunningBroker {
    let log_dirs = format!("log.dirs={}", dir.path().display());
    let own = ["process.roles=broker,controller", "node.id=7", "listeners=PLAINTEXT://127.0.0.1:0", &log_dirs];
    let overrides = own.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
    let loaded = BrokerConfig::load(LoadInput { overrides, ..LoadInput::default() }).unwrap();
    let (vfs, clock) = (Arc::new(OsVfs), Arc::new(SystemClock::default()));
    let options = StartOptions { config: loaded.config, cluster_id: Some(cluster_id.to_owned()), vfs, clock };
    barnabas_broker::start(options).await.unwrap()
}
