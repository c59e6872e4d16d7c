"""The calls that compare.py makes, in order. {B} bootstrap, {R} the run's name, {N} node id, {D} log directory."""
from dataclasses import dataclass, field

FIRST = 1_600_000_000_000  # the first record with a chosen timestamp: 2020-09-13T12:26:40Z


@dataclass
class Step:
    name: str                    # empty: preparation, not judged
    tool: str
    args: list = field(default_factory=list)
    stdin: str = ""
    only: str = ""               # keep only lines with this pattern (after normalising)
    without: str = ""            # leave out lines with this pattern
    unordered: bool = False
    drop_static: bool = False
    needs_log_dir: bool = False


def tool(name, title, line, **more):
    """A call of a tool, its arguments as one line; {_} stands for a blank inside an argument."""
    args = [word.replace("{_}", " ") for word in line.split()]
    return Step(f"{name} {title}" if title else "", name, args, **more)


def at(name, title, line, **more):
    return tool(name, title, f"--bootstrap-server {{B}} {line}", **more)


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


def console():
    p, c = "kafka-console-producer", "kafka-console-consumer"
    keyed = "--reader-property parse.key=true --reader-property key.separator=:"
    yield at(p, "plain", "--topic {R}-a", stdin="one\ntwo\nthree\n")
    yield at(p, "keys", f"--topic {{R}}-c {keyed}", stdin="k1:v1\nk2:v2\nk1:v3\n")
    yield at(p, "headers", f"--topic {{R}}-c {keyed} --reader-property parse.headers=true", stdin="h1:a,h2:b\tk3:v4\n")
    yield at(p, "deprecated property", "--topic {R}-c --property parse.key=true --property key.separator=:", stdin="k5:v5\n")
    yield at(p, "missing separator", f"--topic {{R}}-c {keyed}", stdin="no separator\n")
    yield at(p, "gzip", "--topic {R}-m --compression-codec gzip", stdin="".join(f"line {i}\n" for i in range(100)))
    yield at(p, "without topic", "")
    yield at(c, "from beginning", "--topic {R}-m --from-beginning --max-messages 100 --timeout-ms 15000")
    yield at(c, "three of several partitions", "--topic {R}-a --from-beginning --max-messages 3 --timeout-ms 15000", unordered=True)
    shown = " ".join(f"--formatter-property print.{what}=true" for what in ("key", "headers", "timestamp", "partition", "offset"))
    yield at(c, "keys headers timestamps", f"--topic {{R}}-c --from-beginning --max-messages 5 --timeout-ms 15000 {shown}", unordered=True)
    yield at(c, "one partition from an offset", "--topic {R}-m --partition 0 --offset 97 --timeout-ms 3000 --max-messages 2")
    yield at(c, "timeout", "--topic {R}-m --partition 0 --offset latest --timeout-ms 1500")
    yield at(c, "deprecated property", "--topic {R}-m --from-beginning --max-messages 1 --timeout-ms 15000 --property print.key=true")
    yield at(c, "in a group", "--topic {R}-m --group {R}-console --from-beginning --max-messages 10 --timeout-ms 15000")
    yield at(c, "resumes in a group", "--topic {R}-m --group {R}-console --max-messages 5 --timeout-ms 15000")
    yield at(c, "without topic", "--from-beginning")


def offsets():
    t = "kafka-get-offsets"
    yield at("kafka-topics", "", "--create --topic {R}-o --partitions 2 --config retention.ms=-1")
    yield tool("@sleep", "", "300")
    yield tool("@produce", "", f"{{B}} {{R}}-o 0 {FIRST} 10")
    for time in ("-1", "-2", "-3", "latest", "earliest", "max-timestamp", "earliest-local", "latest-tiered", str(FIRST + 90_000), str(FIRST + 9_000_000)):
        yield at(t, f"time {time}", f"--topic {{R}}-o --time {time}")
    yield at(t, "of several topics", "--topic {R}-[mo]")
    yield at(t, "of some partitions", "--topic-partitions {R}-o:0,{R}-m:0-2")
    yield at(t, "of an unknown topic", "--topic {R}-none")
    yield at("kafka-log-dirs", "describe", "--describe --topic-list {R}-o --broker-list {N}")
    yield at("kafka-log-dirs", "unknown broker", "--describe --broker-list 9999")


def group_describe(title, group):
    g = "kafka-consumer-groups"
    for option in ("--offsets", "--members", "--members --verbose", "--state"):
        yield at(g, f"describe {title} {option}", f"--describe --group {group} {option}", unordered=True)


def groups(folder):
    g = "kafka-consumer-groups"
    group = "{R}-g"
    yield tool("@join", "", "{B} {R}-o {R}-g")
    yield at(g, "list", "--list", only="RUN", unordered=True)
    yield at(g, "list with state", "--list --state", only="RUN|GROUP", unordered=True)
    yield at(g, "list only stable", "--list --state Stable", only="RUN", unordered=True)
    yield at(g, "list with type", "--list --type", only="RUN|GROUP", unordered=True)
    yield at("kafka-groups", "list", "--list", only="RUN|GROUP", unordered=True)
    yield from group_describe("live", group)
    yield at(g, "reset of a live group", f"--reset-offsets --group {group} --topic {{R}}-o --to-earliest --execute")
    yield at(g, "delete of a live group", f"--delete --group {group}")
    yield at(g, "delete offsets of a live group", f"--delete-offsets --group {group} --topic {{R}}-o")
    yield tool("@leave", "", "")
    yield from group_describe("empty", group)
    yield from group_describe("unknown", "{R}-none")
    yield from resets(g, group)
    yield Step("", "@write", [f"{folder}/{{R}}.csv"], stdin="{R}-o,0,3\n{R}-o,1,0\n")
    yield at(g, "reset from file", f"--reset-offsets --group {group} --from-file {folder}/{{R}}.csv --execute", unordered=True)
    yield at(g, "delete offsets", f"--delete-offsets --group {group} --topic {{R}}-o:0")
    yield at(g, "delete offsets of an unknown topic", f"--delete-offsets --group {group} --topic {{R}}-none")
    yield at(g, "delete", f"--delete --group {group}")
    yield at(g, "delete unknown", "--delete --group {R}-none")
    yield at(g, "list after delete", "--list", only="RUN", unordered=True)
    yield at(g, "without action", f"--group {group}")


def resets(g, group):
    base = f"--reset-offsets --group {group} --topic {{R}}-o"
    for scenario in ("--to-earliest", "--to-latest", "--to-current", "--to-offset 4", "--to-offset 400", "--shift-by 2", "--shift-by -3",
                     "--by-duration PT1H", "--to-datetime 2020-09-13T12:29:00.000", "--to-datetime 2031-01-01T00:00:00.000"):
        yield at(g, f"reset {scenario} dry run", f"{base} {scenario} --dry-run", unordered=True)
        yield at(g, f"reset {scenario}", f"{base} {scenario} --execute", unordered=True)
    yield at(g, "reset of one partition", f"--reset-offsets --group {group} --topic {{R}}-o:1 --to-earliest --execute")
    yield at(g, "reset of all topics", f"--reset-offsets --group {group} --all-topics --to-offset 1 --execute", unordered=True)
    yield at(g, "reset export", f"{base} --to-earliest --dry-run --export", unordered=True)
    yield at(g, "reset neither run nor execute", f"{base} --to-earliest", unordered=True)
    yield at(g, "reset without scenario", f"{base} --execute")
    yield at(g, "reset of an unknown topic", f"--reset-offsets --group {group} --topic {{R}}-none --to-earliest --execute")
    yield at(g, "reset of an unknown group", "--reset-offsets --group {R}-fresh --topic {R}-o --to-earliest --execute", unordered=True)


def others():
    yield at("kafka-leader-election", "nothing to do", "--election-type preferred --topic {R}-o --partition 0")
    yield at("kafka-acls", "list without authorizer", "--list")
    yield at("kafka-features", "describe", "describe", unordered=True)
    yield tool("kafka-cluster", "id", "cluster-id --bootstrap-server {B}")
    yield at("kafka-reassign-partitions", "list", "--list")


def record_deletion(folder):
    d = "kafka-delete-records"
    plans = {"plan": ('"{R}-o"', 0, 4), "beyond": ('"{R}-o"', 0, 400), "all": ('"{R}-o"', 0, -1)}
    for name, (topic, partition, offset) in plans.items():
        text = f'{{"partitions":[{{"topic":{topic},"partition":{partition},"offset":{offset}}}],"version":1}}'
        yield Step("", "@write", [f"{folder}/{{R}}-{name}.json"], stdin=text)
        yield at(d, name, f"--offset-json-file {folder}/{{R}}-{name}.json")
    yield at("kafka-get-offsets", "after delete", "--topic {R}-o --time -2")


def dump():
    d = "kafka-dump-log"
    for title, more in (("batches", ""), ("records", "--print-data-log"), ("deep", "--deep-iteration")):
        yield tool(d, f"{title}", f"--files {{D}}/{{R}}-m-0/00000000000000000000.log {more}", needs_log_dir=True)
    yield tool(d, "chosen timestamps", "--files {D}/{R}-o-0/00000000000000000000.log --print-data-log", needs_log_dir=True)
    yield tool(d, "time index", "--files {D}/{R}-o-0/00000000000000000000.timeindex --index-sanity-check", needs_log_dir=True)
    yield tool(d, "index", "--files {D}/{R}-o-0/00000000000000000000.index --index-sanity-check", needs_log_dir=True)


def cleaning():
    yield at("kafka-topics", "delete by pattern", "--delete --topic {R}[-_.].*")
    yield at("kafka-consumer-groups", "", "--delete --group {R}-console", unordered=True)
    yield at("kafka-consumer-groups", "", "--delete --group {R}-fresh")


def steps(folder):
    for part in (topics(), configs(), console(), offsets(), groups(folder), others(), record_deletion(folder), dump(), cleaning()):
        yield from part
