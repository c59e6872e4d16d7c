//! Precedence between the sources, file types, and what unknown names lead to.

use super::*;

fn input(file: Option<(&str, &str)>, env: &[(&str, &str)], overrides: &[&str]) -> LoadInput {
    LoadInput {
        file: file.map(|(path, contents)| (path.into(), contents.into())),
        env: env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        overrides: overrides.iter().map(|text| (*text).into()).collect(),
        container: None,
    }
}

fn refusal(input: &LoadInput) -> ConfigError {
    gather(input).err().unwrap()
}

fn value<'a>(gathered: &'a Gathered, key: &str) -> Option<&'a str> {
    gathered.settings.get(key).map(|setting| setting.value.as_str())
}

#[test]
fn overrides_win_over_env_over_file() {
    let file = "num.partitions=1\nlog.dirs=/f\nnode.id=7\n";
    let env = [("KAFKA_NUM_PARTITIONS", "2"), ("KAFKA_LOG_DIRS", "/e")];
    let gathered = gather(&input(Some(("server.properties", file)), &env, &["num.partitions=3"])).unwrap();
    assert_eq!(value(&gathered, "num.partitions"), Some("3"));
    assert_eq!(value(&gathered, "log.dirs"), Some("/e"));
    assert_eq!(value(&gathered, "node.id"), Some("7"));
    assert_eq!(gathered.settings["node.id"].origin.to_string(), "server.properties:3");
    assert!(gathered.warnings.is_empty() && gathered.notes.is_empty());
}

#[test]
fn toml_is_known_by_extension_or_content() {
    for (path, text) in
        [("x.toml", "node.id = 4"), ("config", "log.dirs = \"/d\"\nnode.id = 4"), ("config", "[node]\nid = 4")]
    {
        let gathered = gather(&input(Some((path, text)), &[], &[])).unwrap();
        assert_eq!(value(&gathered, "node.id"), Some("4"), "{text}");
    }
    let gathered = gather(&input(Some(("kafka.conf", "node.id = 4\nlog.dirs=/a")), &[], &[])).unwrap();
    assert_eq!(value(&gathered, "log.dirs"), Some("/a"));
}

#[test]
fn unknown_names_warn_with_the_nearest() {
    let file = "listners=PLAINTEXT://:1\nzookeeper.connect=z:2181\nconfluent.metrics.enable=true\n\
                listener.name.internal.ssl.keystore.lokation=/x\nlistener.name.a.plain.sasl.jaas.config=x\nquite.unheard.of=1";
    let gathered = gather(&input(Some(("s.properties", file)), &[("KAFKA_HEAP_OPTS", "-Xmx1G")], &[])).unwrap();
    let text = gathered.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(gathered.warnings.len(), 3, "{text}");
    assert!(
        text.contains("listners (s.properties:1): there is no such key, so it has no effect; did you mean listeners?")
    );
    assert!(text.contains("did you mean ssl.keystore.location?"));
    assert!(text.contains("quite.unheard.of (s.properties:6): there is no such key, so it has no effect"));
    assert_eq!(gathered.notes.len(), 3, "{:?}", gathered.notes);
}

#[test]
fn repeated_keys_of_a_file_warn_and_the_last_counts() {
    let gathered = gather(&input(Some(("s.properties", "node.id=1\nnode.id=2")), &[], &[])).unwrap();
    assert_eq!(value(&gathered, "node.id"), Some("2"));
    assert_eq!(gathered.warnings[0].message, "node.id is set twice: s.properties:2 overrides s.properties:1");
}

#[test]
fn broken_input_is_refused_with_its_place() {
    let broken = input(Some(("s.properties", "a=1\nb=\\u1")), &[], &[]);
    assert!(refusal(&broken).to_string().starts_with("s.properties:2: "));
    assert!(refusal(&input(Some(("s.toml", "a = ")), &[], &[])).to_string().starts_with("s.toml: "));
    assert!(refusal(&input(None, &[], &["node.id"])).to_string().contains("key=value"));
}
