//! `barnabas container`: what the entry points of the image run. Finds out what surrounds it, becomes the right user over
//! the right folder, and starts the broker. What variables and files mean is decided in `barnabas-config`.

mod actions;
mod facts;
mod folders;
mod identity;

use std::path::{Path, PathBuf};
use std::time::Instant;

use barnabas_config::{BrokerConfig, ConfigMap, ContainerFacts, LoadInput, Loaded};

use crate::args::ContainerArgs;
use crate::server::{self, Start};
use crate::{logging, zookeeper_server};

/// Only the image has it.
const SIGN_OF_THE_IMAGE: &str = "/etc/kafka/docker/launch";

/// Whether this process runs in the image.
pub(crate) fn is_here() -> bool {
    Path::new(SIGN_OF_THE_IMAGE).exists()
}

/// Runs a broker as the images do. The error is one line for people.
pub(crate) fn run(arguments: ContainerArgs) -> Result<(), String> {
    let started = Instant::now();
    let env = server::environment();
    // Where a compose file had a ZooKeeper, our image may stand; it then has that one's variables. A broker may have one of
    // them, too.
    let is_broker = env.iter().any(|(name, _)| name == "ZOOKEEPER_CONNECT");
    if !is_broker && zookeeper_server::zookeeper_role(&env) {
        return if arguments.write_properties.is_some() { Ok(()) } else { zookeeper_server::run_zookeeper(&env) };
    }
    logging::init();
    serve(started, move || {
        let facts = facts::gather(&env, arguments.file.as_deref())?;
        let input = LoadInput { file: None, env, overrides: arguments.overrides, container: Some(facts) };
        prepare(input, arguments.write_properties.as_deref())
    })
}

/// Runs a broker in the image with a file that speaks alone: `kafka-server-start FILE`.
pub(crate) fn run_file(file: (PathBuf, String), overrides: Vec<String>, started: Instant) -> Result<(), String> {
    serve(started, move || {
        let env = server::environment();
        let facts = ContainerFacts { alone: Some(file), base: Vec::new(), ..facts::gather(&env, None)? };
        prepare(LoadInput { file: None, env, overrides, container: Some(facts) }, None)
    })
}

fn serve(
    started: Instant,
    prepare: impl FnOnce() -> Result<Option<Loaded>, String> + Send + 'static,
) -> Result<(), String> {
    server::in_runtime(async move {
        let mut signals = server::StopSignals::listen()?;
        // As the first process of a container nobody else ends us: a command that hangs must not keep the signal away.
        let prepared = tokio::task::spawn_blocking(prepare);
        let loaded = tokio::select! {
            () = signals.wait() => return Ok(()),
            prepared = prepared => prepared.map_err(|error| format!("the start failed: {error}"))??,
        };
        let Some(loaded) = loaded else { return Ok(()) };
        let cluster_id = cluster_id(&loaded);
        server::serve(Start { loaded, cluster_id, started, announce: true, stop_at_once: true }, signals).await
    })
}

/// Everything before the broker; `None` if that was all.
fn prepare(input: LoadInput, write_properties_to: Option<&Path>) -> Result<Option<Loaded>, String> {
    let loaded = BrokerConfig::load(input).map_err(|error| error.to_string())?;
    barnabas_broker::check_supported(&loaded.config).map_err(|error| error.to_string())?;
    if let Some(path) = write_properties_to {
        write_properties(path, &loaded.config);
        return Ok(None);
    }
    let mut wanted = loaded.config.log_dirs();
    wanted.push(loaded.config.metadata_log_dir());
    wanted.dedup();
    folders::make_ready(&wanted)?;
    identity::drop_root()?;
    if let Some(first) = wanted.first() {
        actions::run_init_scripts(first)?;
    }
    Ok(Some(loaded))
}

/// What a start in this container would find, for those who only want to know.
pub(crate) fn gather_facts(env: &[(String, String)]) -> Result<ContainerFacts, String> {
    facts::gather(env, None)
}

/// The cluster that was asked for; a new folder of nobody's wish gets the default one.
fn cluster_id(loaded: &Loaded) -> Option<String> {
    let dirs = loaded.config.log_dirs();
    let asked = loaded.start.cluster_id.clone();
    if asked.is_some() {
        folders::forget_unused_identity(&dirs);
    }
    let is_new = || !dirs.iter().any(|dir| dir.join("meta.properties").exists());
    asked.or_else(|| is_new().then(|| barnabas_config::DEFAULT_CLUSTER_ID.to_owned()))
}

/// What was set, and what was chosen and tools ask the file for: `kafka-storage format` goes by these. The start reads them
/// as if people had written them; so roles stay out where ZooKeeper is named: who has none there looks for siblings.
fn shown_settings(config: &BrokerConfig) -> ConfigMap {
    let mut shown = config.statics().clone();
    let chosen = ["process.roles", "node.id", "log.dirs"].into_iter();
    for key in chosen.filter(|key| *key != "process.roles" || config.zookeeper_connect().is_none()) {
        if let Some(text) = config.get(key).to_text() {
            shown.entry(key.to_owned()).or_insert(text);
        }
    }
    shown
}

/// For people and scripts that look at the file; a container that may not write it starts all the same.
fn write_properties(path: &Path, config: &BrokerConfig) {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n");
    let shown = shown_settings(config);
    let lines = shown.iter().map(|(key, value)| format!("{key}={}\n", escape(value)));
    if let Err(error) = std::fs::write(path, lines.collect::<String>()) {
        tracing::debug!(path = %path.display(), %error, "the settings are not written to a file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(properties: &str) -> ConfigMap {
        let file = Some(("server.properties".into(), properties.into()));
        shown_settings(&BrokerConfig::load(LoadInput { file, ..LoadInput::default() }).expect("it loads").config)
    }

    #[test]
    fn chosen_roles_are_shown_unless_a_zookeeper_is_named() {
        assert_eq!(Some("broker,controller"), shown("node.id=2").get("process.roles").map(String::as_str));
        let beside_zookeeper = shown("node.id=2\nzookeeper.connect=zoo:2181");
        assert_eq!(
            (None, Some("2")),
            (
                beside_zookeeper.get("process.roles").map(String::as_str),
                beside_zookeeper.get("node.id").map(String::as_str)
            )
        );
    }
}
