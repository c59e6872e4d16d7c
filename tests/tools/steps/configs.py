"""kafka-configs."""
from .step import at, tool


def configs():
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
    yield at(t, "describe broker all", f"{broker} --describe --all", drop_static=True)
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
