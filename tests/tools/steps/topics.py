"""kafka-topics."""
from .step import at, tool


def topics():
    t = "kafka-topics"
    yield at(t, "create", "--create --topic {R}-a --partitions 3 --replication-factor 1")
    yield at(t, "create with configs", "--create --topic {R}-c --partitions 2 --replication-factor 1 --config cleanup.policy=compact --config retention.ms=-1")
    yield at(t, "create with defaults", "--create --topic {R}-d")
    yield at(t, "create with assignment", "--create --topic {R}-m --replica-assignment {N}")
    yield at(t, "create name with a dot warns", "--create --topic {R}.dotted")
    yield at(t, "create colliding", "--create --topic {R}_dotted", only="ollide|WARNING")
    yield at(t, "create existing", "--create --topic {R}-a")
    yield at(t, "create existing with --if-not-exists", "--create --topic {R}-a --if-not-exists")
    yield at(t, "create illegal name", "--create --topic {R}/bad")
    yield at(t, "create replication factor too high", "--create --topic {R}-rf --replication-factor 9", unordered=True)
    yield at(t, "create partitions 0", "--create --topic {R}-p0 --partitions 0")
    yield at(t, "create unknown config", "--create --topic {R}-uc --config no.such=1")
    yield at(t, "create bad config value", "--create --topic {R}-bc --config segment.bytes=100")
    yield at(t, "create without topic", "--create")
    yield tool("@sleep", "", "500")
    yield at(t, "list", "--list", only="RUN", unordered=True)
    yield at(t, "list one", "--list --topic {R}-a")
    for topic in ("a", "c", "m"):
        yield at(t, f"describe {topic}", f"--describe --topic {{R}}-{topic}")
    yield at(t, "describe unknown", "--describe --topic {R}-none")
    yield at(t, "describe unknown with --if-exists", "--describe --topic {R}-none --if-exists")
    yield at(t, "describe by pattern", "--describe --topic {R}-[ac]", unordered=True)
    yield at(t, "describe under replicated", "--describe --topic {R}-a --under-replicated-partitions")
    yield at(t, "describe unavailable", "--describe --topic {R}-a --unavailable-partitions")
    yield at(t, "describe overrides", "--describe --topic {R}-c --topics-with-overrides")
    yield at(t, "alter partitions", "--alter --topic {R}-a --partitions 5")
    yield at(t, "alter partitions down", "--alter --topic {R}-a --partitions 2")
    yield at(t, "alter partitions same", "--alter --topic {R}-a --partitions 5")
    yield at(t, "alter unknown", "--alter --topic {R}-none --partitions 5")
    yield at(t, "alter unknown with --if-exists", "--alter --topic {R}-none --partitions 5 --if-exists")
    yield tool("@sleep", "", "300")
    yield at(t, "describe after alter", "--describe --topic {R}-a")
    yield at(t, "delete", "--delete --topic {R}-d")
    yield at(t, "delete unknown", "--delete --topic {R}-none")
    yield at(t, "delete unknown with --if-exists", "--delete --topic {R}-none --if-exists")
    yield tool("@sleep", "", "300")
    yield at(t, "list after delete", "--list", only="RUN", unordered=True)
    yield at(t, "list internal", "--list --exclude-internal", only="__", unordered=True)
    yield tool(t, "without bootstrap", "--list")
    yield from topic_filters(t)
    yield from topic_options(t)
    yield from topic_settings(t)


def topic_filters(t):
    """Which topics and partitions an option line means."""
    yield at(t, "describe several", "--describe --topic {R}-a,{R}-c", unordered=True)
    yield at(t, "describe with equals signs", "--describe --topic={R}-a --exclude-internal")
    yield at(t, "describe quoted pattern", "--describe --topic '{R}-(a|m)'", unordered=True)
    yield at(t, "describe in small pages", "--describe --topic {R}-[ac] --partition-size-limit-per-response 2", unordered=True)
    yield at(t, "describe at min isr", "--describe --topic {R}-a --at-min-isr-partitions")
    yield at(t, "describe under min isr", "--describe --topic {R}-a --under-min-isr-partitions")
    yield at(t, "describe reports together", "--describe --topic {R}-a --under-min-isr-partitions --at-min-isr-partitions --unavailable-partitions")
    yield at(t, "describe no overrides", "--describe --topic {R}-a --topics-with-overrides")
    yield at(t, "describe unknown id", "--describe --topic-id zzzz6a45S4y5Rg8NYg2baQ")
    yield at(t, "describe short id", "--describe --topic-id AAAA")
    yield at(t, "describe long id", "--describe --topic-id AAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    yield at(t, "describe zero id", "--describe --topic {R}-m --topic-id AAAAAAAAAAAAAAAAAAAAAA")
    yield at(t, "describe unknown id with --if-exists", "--describe --topic x --topic-id zzzz6a45S4y5Rg8NYg2baQ --if-exists")
    yield at(t, "invalid pattern", "--describe --topic ((")
    yield at(t, "list pattern", "--list --topic {R}.*", unordered=True)
    yield at(t, "list nothing", "--list --topic {R}-none")
    yield at(t, "delete nothing by pattern", "--delete --topic {R}-none.*")


def topic_options(t):
    """What cannot be, told before a broker is asked."""
    yield tool(t, "without arguments", "")
    yield at(t, "no action", "--topic x")
    yield at(t, "two actions", "--list --describe")
    yield at(t, "unknown option", "--list --nonsense")
    yield at(t, "value missing", "--topic")
    yield at(t, "describe if exists without topic", "--describe --if-exists")
    yield at(t, "alter without topic", "--alter --partitions 3")
    yield at(t, "alter without partitions", "--alter --topic x")
    yield at(t, "delete without topic", "--delete")
    for action in ("--list", "--describe", "--delete --topic x"):
        for option in ("config a=b", "partitions 3", "replication-factor 1", "replica-assignment 1", "if-not-exists"):
            yield at(t, f"{action.split()[0][2:]} with {option.split()[0]}", f"{action} --{option}")
    for option in ("under-replicated", "unavailable", "under-min-isr", "at-min-isr"):
        yield at(t, f"list with {option}", f"--list --{option}-partitions")
        yield at(t, f"overrides and {option}", f"--describe --topics-with-overrides --{option}-partitions")
    yield at(t, "create with exclude-internal", "--create --topic x --exclude-internal")
    yield at(t, "create with if-exists", "--create --topic x --if-exists")
    yield at(t, "alter with replication-factor", "--alter --topic x --partitions 3 --replication-factor 1")
    yield at(t, "assignment and partitions", "--create --topic x --replica-assignment 1 --partitions 1")
    yield at(t, "assignment and replication factor", "--create --topic x --replica-assignment 1 --replication-factor 1")
    yield at(t, "topic twice", "--create --topic x --topic y")
    yield at(t, "partitions no number", "--create --topic x --partitions many")
    yield at(t, "partitions negative", "--create --topic x --partitions -1")
    yield at(t, "partitions too many", "--create --topic x --partitions 99999999999")
    yield at(t, "replication factor 0", "--create --topic x --replication-factor=0")
    yield at(t, "replication factor huge", "--create --topic x --replication-factor 40000")
    yield at(t, "assignment with duplicates", "--create --topic x --replica-assignment 1:1")
    yield at(t, "assignment uneven", "--create --topic x --replica-assignment 1:2,1")
    yield at(t, "assignment no number", "--create --topic x --replica-assignment a")
    yield at(t, "assignment unknown broker", "--create --topic {R}-ub --replica-assignment 9999")
    yield at(t, "", "--create --topic {R}-l --replica-assignment {N}")
    yield at(t, "alter with assignment", "--alter --topic {R}-l --partitions 2 --replica-assignment {N},{N}")
    yield at(t, "alter with short assignment", "--alter --topic {R}-l --partitions 4 --replica-assignment {N},{N},{N}", unordered=True)
    yield tool(t, "bad address", "--bootstrap-server nowhere --list")
    yield at(t, "other words", "--list --topic {R}-a more words")
    yield at(t, "list twice", "--list --list --topic {R}-a")
    yield tool(t, "single dashes", "-bootstrap-server {B} -list -topic={R}-a")
    yield at(t, "unknown short option", "--list -x")
    yield at(t, "end of options", "--list --topic {R}-a -- --nonsense")
    yield at(t, "delete-config", "--list --topic {R}-a --delete-config x")


def topic_settings(t):
    """Settings are judged before they are sent."""
    for setting in ("a", "retention.ms=", "retention.ms=1=2", "cleanup.policy=nonsense", "cleanup.policy=compact,nonsense", "retention.ms=abc",
                    "retention.ms=-5", "segment.bytes=99999999999", "min.cleanable.dirty.ratio=2", "min.cleanable.dirty.ratio=-1",
                    "min.cleanable.dirty.ratio=a", "compression.type=foo", "compression.lz4.level=99", "compression.lz4.level=0",
                    "compression.gzip.level=99", "preallocate=maybe", "min.insync.replicas=0", "leader.replication.throttled.replicas=a",
                    "message.timestamp.type=foo", "message.format.version=2.0", "flush.messages=0"):
        yield at(t, f"setting {setting}", f"--create --topic {{R}}-s --config {setting}")
    yield at(t, "settings in conflict", "--create --topic {R}-s --config min.compaction.lag.ms=5 --config max.compaction.lag.ms=2")
    yield at(t, "settings with blanks", "--create --topic {R}-s --config retention.ms{_}={_}5 --config cleanup.policy=compact,delete")
    yield tool("@sleep", "", "200")
    yield at(t, "describe settings", "--describe --topic {R}-s")
