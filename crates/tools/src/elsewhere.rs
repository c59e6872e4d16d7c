//! Names of Kafka's commands that have no counterpart here: each says in one line what to use instead. And
//! `kafka-run-class`, which leads the class names that people know to the native tools.

use crate::{Context, Failure, Tool};

macro_rules! elsewhere {
    ($($constant:ident $name:literal $instead:literal;)*) => {
        $(pub(crate) const $constant: Tool = Tool {
            name: $name,
            about: concat!("Not here: ", $instead),
            run: |_, _| Err(Failure::Message(concat!($name, " is not part of Barnabas: ", $instead).into())),
            help: || concat!($name, " is not part of Barnabas: ", $instead).into(),
        };)*
    };
}

elsewhere! {
    METADATA_SHELL "kafka-metadata-shell"
        "show metadata with kafka-topics --describe, kafka-configs --describe and kafka-metadata-quorum describe";
    CONNECT_STANDALONE "connect-standalone"
        "run Kafka Connect from an image of its own (debezium/connect, cp-kafka-connect) with this broker as bootstrap.servers";
    CONNECT_DISTRIBUTED "connect-distributed"
        "run Kafka Connect from an image of its own (debezium/connect, cp-kafka-connect) with this broker as bootstrap.servers";
    CONNECT_MIRROR_MAKER "connect-mirror-maker"
        "run MirrorMaker from an image of Apache Kafka with this broker as one of its clusters";
    CONNECT_PLUGIN_PATH "connect-plugin-path" "use it from the image that runs Kafka Connect";
    TROGDOR "trogdor" "use kafka-producer-perf-test and kafka-consumer-perf-test";
    JMX "kafka-jmx" "there is no JVM; read the metrics as text from the HTTP port (/metrics)";
    DELEGATION_TOKENS "kafka-delegation-tokens"
        "delegation tokens belong to SASL, which is not supported yet; brokers of Apache Kafka need Kafka's own tool";
    STREAMS_RESET "kafka-streams-application-reset"
        "use kafka-consumer-groups --reset-offsets and kafka-topics --delete for the internal topics";
}

pub(crate) const RUN_CLASS: Tool = Tool {
    name: "kafka-run-class",
    about: "Run a tool by the name of its Java class.",
    run: run_class,
    help: || "usage: kafka-run-class CLASS [arguments of the tool]".into(),
};

/// The last part of class names, and the tool.
const CLASSES: &[(&str, &str)] = &[
    ("AclCommand", "kafka-acls"),
    ("BrokerApiVersionsCommand", "kafka-broker-api-versions"),
    ("ClientMetricsCommand", "kafka-client-metrics"),
    ("ClusterTool", "kafka-cluster"),
    ("ConfigCommand", "kafka-configs"),
    ("ConsoleConsumer", "kafka-console-consumer"),
    ("ConsoleProducer", "kafka-console-producer"),
    ("ConsoleShareConsumer", "kafka-console-share-consumer"),
    ("ConsumerGroupCommand", "kafka-consumer-groups"),
    ("ConsumerPerformance", "kafka-consumer-perf-test"),
    ("DelegationTokenCommand", "kafka-delegation-tokens"),
    ("DeleteRecordsCommand", "kafka-delete-records"),
    ("DumpLogSegments", "kafka-dump-log"),
    ("EndToEndLatency", "kafka-e2e-latency"),
    ("FeatureCommand", "kafka-features"),
    ("GetOffsetShell", "kafka-get-offsets"),
    ("GroupsCommand", "kafka-groups"),
    ("LeaderElectionCommand", "kafka-leader-election"),
    ("LogDirsCommand", "kafka-log-dirs"),
    ("MetadataQuorumCommand", "kafka-metadata-quorum"),
    ("ProducerPerformance", "kafka-producer-perf-test"),
    ("ReassignPartitionsCommand", "kafka-reassign-partitions"),
    ("ReplicaVerificationTool", "kafka-replica-verification"),
    ("ShareGroupCommand", "kafka-share-groups"),
    ("StorageTool", "kafka-storage"),
    ("StreamsGroupCommand", "kafka-streams-groups"),
    ("TopicCommand", "kafka-topics"),
    ("TransactionsCommand", "kafka-transactions"),
    ("VerifiableConsumer", "kafka-verifiable-consumer"),
    ("VerifiableProducer", "kafka-verifiable-producer"),
];

fn run_class(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let mut words = arguments.iter();
    // Options of Kafka's own script come first.
    let class = words.find(|word| !word.starts_with('-'));
    let Some(class) = class else {
        let text = "USAGE: kafka-run-class [-daemon] [-name servicename] [-loggc] classname [opts]";
        return Err(Failure::OnStdout(text.into()));
    };
    let tool = tool_of(class).ok_or_else(|| {
        Failure::Message(format!(
            "Error: Could not find or load main class {class}. There is no JVM here: use one of the commands that \
             `barnabas tools` lists"
        ))
    })?;
    (tool.run)(context, words.as_slice())
}

/// Only Kafka's own packages count.
fn tool_of(class: &str) -> Option<&'static Tool> {
    let is_kafkas =
        ["kafka.tools.", "kafka.admin.", "org.apache.kafka."].iter().any(|package| class.starts_with(package));
    let last = class.rsplit('.').next().filter(|_| is_kafkas)?;
    CLASSES.iter().find(|(name, _)| *name == last).and_then(|(_, tool)| crate::find(tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_lead_to_tools() {
        let name = |class| tool_of(class).map(|tool| tool.name);
        assert_eq!(name("kafka.admin.TopicCommand"), Some("kafka-topics"));
        assert_eq!(name("org.apache.kafka.tools.ClusterTool"), Some("kafka-cluster"));
        assert_eq!(name("com.example.TopicCommand"), None);
        assert_eq!(name("kafka.tools.NoSuchTool"), None);
    }
}
