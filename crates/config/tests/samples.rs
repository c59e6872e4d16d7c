//! The sample files that ship with the broker load without a word and mean the same.

use barnabas_config::{BrokerConfig, LoadInput, Loaded};

fn load(path: &str, contents: &str) -> Loaded {
    let file = Some((path.into(), contents.into()));
    BrokerConfig::load(LoadInput { file, ..LoadInput::default() }).expect("a sample file loads")
}

#[test]
fn both_samples_load_and_agree() {
    let properties = load("server.properties", include_str!("../../../config/server.properties"));
    let toml = load("barnabas.toml", include_str!("../../../config/barnabas.toml"));
    for loaded in [&properties, &toml] {
        assert!(loaded.warnings.is_empty() && loaded.notes.is_empty(), "{:?} {:?}", loaded.warnings, loaded.notes);
    }
    assert_eq!(properties.config.statics(), toml.config.statics());
    assert_eq!(properties.config.listeners(), toml.config.listeners());
}
