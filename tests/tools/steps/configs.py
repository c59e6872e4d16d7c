"""kafka-configs."""
from .step import at, tool


def configs(folder):
    t = "kafka-configs"
    topic = "--entity-type topics --entity-name {R}-c"
    broker = "--entity-type brokers --entity-name {N}"
    yield at(t, "", f"{broker} --alter --delete-config log.cleaner.backoff.ms")
    yield at(t, "describe topic", f"{topic} --describe")
    yield at(t, "describe topic all", f"{topic} --describe --all")
    yield at(t, "alter topic", f"{topic} --alter --add-config retention.ms=100000,cleanup.policy=[compact,delete]")
    yield tool("@sleep", "", "300")
    yield at(t, "describe topic after alter", f"{topic} --describe")
    yield at(t, "alter topic delete", f"{topic} --alter --delete-config retention.ms")
    yield at(t, "alter topic delete unset", f"{topic} --alter --delete-config segment.ms")
    yield at(t, "alter topic unknown config", f"{topic} --alter --add-config no.such=1")
    yield at(t, "alter topic bad value", f"{topic} --alter --add-config retention.ms=soon")
    yield tool("@sleep", "", "300")
    yield at(t, "describe topic after delete", f"{topic} --describe")
    yield at(t, "describe unknown topic", "--entity-type topics --entity-name {R}-none --describe")
    yield at(t, "alter unknown topic", "--entity-type topics --entity-name {R}-none --alter --add-config retention.ms=1")
    yield at(t, "describe broker", f"{broker} --describe", without="advertised")
    yield at(t, "describe broker all", f"{broker} --describe --all", drop_static=True, without=r"^\s*(barnabas\.|inter\.broker\.protocol\.version)")
    yield at(t, "alter broker", f"{broker} --alter --add-config log.cleaner.backoff.ms=14000")
    yield tool("@sleep", "", "300")
    yield at(t, "describe broker after alter", f"{broker} --describe", only="backoff|onfigs")
    yield at(t, "alter broker delete", f"{broker} --alter --delete-config log.cleaner.backoff.ms")
    yield at(t, "alter broker read-only", f"{broker} --alter --add-config node.id=77")
    yield at(t, "alter broker default", "--entity-type brokers --entity-default --alter --add-config log.cleaner.backoff.ms=14500")
    yield tool("@sleep", "", "300")
    yield at(t, "describe broker default", "--entity-type brokers --entity-default --describe")
    yield at(t, "alter broker default delete", "--entity-type brokers --entity-default --alter --delete-config log.cleaner.backoff.ms")
    yield at(t, "describe groups", "--entity-type groups --entity-name {R}-g --describe")
    yield at(t, "without entity", "--describe")
    yield from short_forms(t)
    yield from listed_values(t, topic, folder)
    yield from judged_before_sending(t)
    yield from groups_and_metrics(t)
    yield from quotas(t)
    yield from scram(t)


def short_forms(t):
    yield at(t, "short topic", "--describe --topic {R}-c")
    yield at(t, "short topic with =", "--describe --topic={R}-c")
    yield at(t, "short broker", "--describe --broker {N}", without="advertised")
    yield at(t, "short broker defaults", "--describe --broker-defaults")
    yield at(t, "all brokers", "--describe --entity-type brokers", without="advertised")
    yield at(t, "short group", "--describe --group {R}-g")
    yield at(t, "short client metrics", "--describe --client-metrics {R}-cm")
    yield at(t, "short client", "--describe --client {R}-cl")
    yield at(t, "short client defaults", "--describe --client-defaults")
    yield at(t, "short user defaults", "--describe --user-defaults")
    yield at(t, "short ip", "--describe --ip 127.0.0.1")
    yield at(t, "short ip defaults", "--describe --ip-defaults")
    yield at(t, "unknown broker", "--describe --broker 4711")
    yield at(t, "all topics", "--describe --entity-type topics", only="RUN-c")
    yield at(t, "all groups", "--describe --entity-type groups", only="RUN-none")
    yield at(t, "word too many", "--describe --topic {R}-c extra")


def listed_values(t, topic, folder):
    yield at(t, "add list in brackets", f"{topic} --alter --add-config cleanup.policy=[compact,delete],segment.ms=86400000,retention.ms=5000")
    yield tool("@sleep", "", "300")
    yield at(t, "describe lists", f"{topic} --describe")
    yield at(t, "add and delete at once", f"{topic} --alter --add-config max.message.bytes=2000 --delete-config segment.ms,retention.ms")
    yield tool("@sleep", "", "300")
    yield at(t, "describe after both", f"{topic} --describe")
    yield at(t, "delete one set and one unset", f"{topic} --alter --delete-config max.message.bytes,flush.ms")
    yield at(t, "repeated delete-config", f"{topic} --alter --delete-config max.message.bytes --delete-config cleanup.policy")
    yield tool("@write", "", f"{folder}/{{R}}-configs.properties", stdin="# from a file\nretention.ms=7777\ncleanup.policy=compact\n")
    yield at(t, "add from a file", f"{topic} --alter --add-config-file {folder}/{{R}}-configs.properties")
    yield tool("@sleep", "", "300")
    yield at(t, "describe after file", f"{topic} --describe")
    yield at(t, "file and list", f"{topic} --alter --add-config a=b --add-config-file {folder}/{{R}}-configs.properties")
    yield at(t, "missing file", f"{topic} --alter --add-config-file {folder}/none.properties")
    yield at(t, "same key added and deleted", f"{topic} --alter --add-config retention.ms=1 --delete-config retention.ms")
    yield at(t, "empty value", f"{topic} --alter --add-config cleanup.policy=")
    yield at(t, "value with =", f"{topic} --alter --add-config retention.ms=1=2")
    yield at(t, "key without value", f"{topic} --alter --add-config retention.ms")
    yield at(t, "key with a blank", f"{topic} --alter --add-config retention{{_}}ms=1")
    yield at(t, "deprecated message format", f"{topic} --alter --add-config message.format.version=2.0")
    yield at(t, "back to compact", f"{topic} --alter --add-config cleanup.policy=compact,retention.ms=-1")


def judged_before_sending(t):
    yield at(t, "no action", "--entity-type topics")
    yield at(t, "two actions", "--describe --alter --topic x")
    yield at(t, "describe with add", "--describe --topic x --add-config a=b")
    yield at(t, "alter without changes", "--alter --topic x")
    yield at(t, "alter without name", "--alter --entity-type topics --add-config a=b")
    yield at(t, "alter brokers without name", "--alter --entity-type brokers --add-config a=b")
    yield at(t, "bad entity type", "--describe --entity-type things")
    yield at(t, "two entity types", "--describe --entity-type topics --entity-type brokers")
    yield at(t, "same entity type twice", "--describe --entity-type topics --entity-type topics")
    yield at(t, "type and flag", "--describe --entity-type topics --topic x")
    yield at(t, "broker name not a number", "--describe --entity-type brokers --entity-name one")
    yield at(t, "topic default", "--describe --entity-type topics --entity-default")
    yield at(t, "loggers without name", "--describe --entity-type broker-loggers")
    yield at(t, "bad ip", "--alter --ip not{_}an{_}ip --add-config connection_creation_rate=1")
    yield at(t, "illegal topic name", "--describe --topic a/b")
    yield at(t, "add-config without value", "--alter --topic x --add-config")
    yield tool(t, "without bootstrap", "--describe --topic x")
    yield tool(t, "without anything", "")
    yield tool(t, "unknown option", "--describe --bogus")
    yield tool(t, "both connections", "--bootstrap-server {B} --bootstrap-controller {B} --describe --topic x")
    yield tool(t, "broken address", "--bootstrap-server nowhere --describe --topic x")


def groups_and_metrics(t):
    group = "--entity-type groups --entity-name {R}-cg"
    yield at(t, "alter group", f"{group} --alter --add-config consumer.session.timeout.ms=50000")
    yield tool("@sleep", "", "300")
    yield at(t, "describe altered group", f"{group} --describe")
    yield at(t, "alter group bad value", f"{group} --alter --add-config consumer.session.timeout.ms=soon")
    yield at(t, "alter group unknown key", f"{group} --alter --add-config no.such=1")
    yield at(t, "reset group", f"{group} --alter --delete-config consumer.session.timeout.ms")
    yield at(t, "describe client metrics all", "--entity-type client-metrics --entity-name {R}-cm --describe --all")


def quotas(t):
    yield at(t, "quota unknown key", "--alter --user {R}-u --add-config no.such=1")
    yield at(t, "client quota unknown key", "--alter --client {R}-u --add-config no.such=1")
    yield at(t, "client quota scram", "--alter --client {R}-u --add-config SCRAM-SHA-256=[password=x]")
    yield at(t, "quota unknown key deleted", "--alter --user {R}-u --delete-config no.such")
    yield at(t, "ip unknown key", "--alter --ip 127.0.0.1 --add-config no.such=1")
    yield at(t, "quota no number", "--alter --user {R}-u --add-config producer_byte_rate=fast")
    yield at(t, "quota deleted but not set", "--alter --user {R}-u --delete-config producer_byte_rate")
    yield at(t, "quota and scram", "--alter --user {R}-u --add-config producer_byte_rate=1,SCRAM-SHA-256=[password=x]")
    yield at(t, "quota of two entities", "--describe --entity-type users --entity-name {R}-u --entity-type clients --entity-name {R}-cl")
    yield at(t, "quotas of all clients", "--describe --entity-type clients", only="RUN")


def scram(t):
    yield at(t, "scram for defaults", "--alter --user-defaults --add-config SCRAM-SHA-256=[password=x]")
    yield at(t, "scram without password", "--alter --user {R}-u --add-config SCRAM-SHA-256=[iterations=5000]")
    yield at(t, "scram too few iterations", "--alter --user {R}-u --add-config SCRAM-SHA-256=[iterations=10,password=x]")


def served_by_kafka(t="kafka-configs"):
    """What brokers answer that serve quotas and credentials."""
    for entity in ("--user {R}-u", "--user-defaults", "--client {R}-cl", "--ip 127.0.0.1", "--user {R}-u --client {R}-cl",
                   "--entity-type users --entity-default --entity-type clients --entity-name {R}-cl"):
        key = "connection_creation_rate" if "ip" in entity else "producer_byte_rate"
        yield at(t, f"quota set {entity}", f"--alter {entity} --add-config {key}=1024")
        yield tool("@sleep", "", "300")
        yield at(t, f"quota described {entity}", f"--describe {entity}")
    yield at(t, "quotas of all users", "--describe --entity-type users", only="RUN|default", unordered=True)
    for entity in ("--user {R}-u", "--user-defaults", "--client {R}-cl", "--ip 127.0.0.1", "--user {R}-u --client {R}-cl",
                   "--entity-type users --entity-default --entity-type clients --entity-name {R}-cl"):
        key = "connection_creation_rate" if "ip" in entity else "producer_byte_rate"
        yield at(t, f"quota removed {entity}", f"--alter {entity} --delete-config {key}")
    yield at(t, "scram set", "--alter --user {R}-s --add-config SCRAM-SHA-256=[iterations=8192,password=secret],SCRAM-SHA-512=[password=secret]")
    yield tool("@sleep", "", "300")
    yield at(t, "scram described", "--describe --user {R}-s")
    yield at(t, "scram described all", "--describe --entity-type users", only="RUN")
    yield at(t, "scram removed", "--alter --user {R}-s --delete-config SCRAM-SHA-256,SCRAM-SHA-512")
    yield at(t, "scram removed again", "--alter --user {R}-s --delete-config SCRAM-SHA-256")
    yield at(t, "scram of an unknown user", "--describe --user {R}-nobody")
    yield at(t, "client metrics altered", "--alter --client-metrics {R}-cm --add-config interval.ms=60000,metrics=[org.apache.,other.]")
    yield tool("@sleep", "", "300")
    yield at(t, "client metrics described", "--describe --client-metrics {R}-cm")
    yield at(t, "client metrics of all", "--describe --entity-type client-metrics", only="RUN")
    yield at(t, "client metrics reset", "--alter --client-metrics {R}-cm --delete-config interval.ms,metrics")
    yield at(t, "loggers", "--describe --broker-logger {N}", only="kafka.server.KafkaApis|org.apache.kafka.common.utils.AppInfoParser")
    yield at(t, "loggers altered", "--alter --broker-logger {N} --add-config kafka.server.KafkaApis=WARN")
    yield at(t, "loggers reset", "--alter --broker-logger {N} --delete-config kafka.server.KafkaApis")
    yield at(t, "logger unknown", "--alter --broker-logger {N} --add-config no.such.logger=WARN")
    yield at(t, "logger bad level", "--alter --broker-logger {N} --add-config kafka.server.KafkaApis=LOUD")
