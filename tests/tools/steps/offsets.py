"""kafka-get-offsets, kafka-log-dirs and kafka-delete-records."""
from .step import FIRST, Step, at, tool


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
    yield at(t, "of some numbers", "--topic {R}-o --partitions 1")
    yield at(t, "of no such number", "--topic {R}-o --partitions 7")
    yield at(t, "numbers that are none", "--topic {R}-o --partitions a")
    yield at(t, "of ranges", "--topic-partitions {R}-o:1-,{R}-o:-1,{R}-m")
    yield at(t, "of a part of a range", "--topic-partitions {R}-o:1-2")
    yield at(t, "without internal topics", "--topic __consumer_offsets --exclude-internal-topics")
    yield at(t, "with equals signs", "--topic={R}-o --time=-2")
    for rule in ("{R}-o:x", "{R}-o:0:1", "{R}-o:1-2-3"):
        yield at(t, f"rule {rule}", f"--topic-partitions {rule}")
    yield at(t, "rule and topic", "--topic-partitions {R}-o --topic {R}-o")
    yield at(t, "rule and partitions", "--topic-partitions {R}-o --partitions 0")
    for time in ("earliest-pending-upload", "-4", "-5", "-6", "-7", "soon", "5.5", str(FIRST)):
        yield at(t, f"at {time}", f"--topic {{R}}-o --time {time}")
    yield at(t, "invalid pattern", "--topic ((")
    yield at(t, "topic twice", "--topic a --topic b")
    yield at(t, "unknown option", "--nonsense")
    yield at(t, "value missing", "--time")
    yield tool(t, "without arguments", "")
    yield tool(t, "without address", "--topic x")
    yield tool(t, "bad address", "--bootstrap-server nowhere --topic x")
    yield from log_dirs("kafka-log-dirs")


def log_dirs(t):
    yield at(t, "describe", "--describe --topic-list {R}-o --broker-list {N}")
    yield at(t, "describe several topics", "--describe --topic-list {R}-o,{R}-m")
    yield at(t, "describe unknown topic", "--describe --topic-list {R}-none")
    yield at(t, "unknown broker", "--describe --broker-list 9999")
    yield at(t, "broker that is no number", "--describe --broker-list x")
    yield at(t, "without describe", "--topic-list x")
    yield at(t, "unknown option", "--describe --nonsense")
    yield tool(t, "without address", "--describe")
    yield tool(t, "without arguments", "")

def record_deletion(folder):
    d = "kafka-delete-records"
    plans = {"plan": ('"{R}-o"', 0, 4), "beyond": ('"{R}-o"', 0, 400), "all": ('"{R}-o"', 0, -1)}
    for name, (topic, partition, offset) in plans.items():
        text = f'{{"partitions":[{{"topic":{topic},"partition":{partition},"offset":{offset}}}],"version":1}}'
        yield Step("", "@write", [f"{folder}/{{R}}-{name}.json"], stdin=text)
        yield at(d, name, f"--offset-json-file {folder}/{{R}}-{name}.json")
    texts = {
        "no json": "{bad", "version 2": '{"version":2,"partitions":[]}', "no partitions": '{"version":1}', "empty": '{"partitions":[]}',
        "no topic": '{"partitions":[{"partition":0,"offset":0}]}',
        "text for a number": '{"partitions":[{"topic":"t","partition":"0","offset":0}]}',
        "text for an offset": '{"partitions":[{"topic":"t","partition":0,"offset":"0"}]}',
        "list for an object": '[]',
        "twice": '{"partitions":[{"topic":"t","partition":0,"offset":0},{"topic":"t","partition":0,"offset":1}]}',
        "negative": '{"partitions":[{"topic":"{R}-o","partition":0,"offset":-5}]}',
        "several": '{"partitions":[{"topic":"{R}-o","partition":1,"offset":0},{"topic":"{R}-o","partition":0,"offset":5}]}',
    }
    for name, text in texts.items():
        path = f"{folder}/{{R}}-{name.replace(' ', '-')}.json"
        yield Step("", "@write", [path], stdin=text)
        yield at(d, name, f"--offset-json-file {path}", unordered=True)
    yield at(d, "no such file", "--offset-json-file /no/such/file")
    yield at(d, "without file", "--command-config x")
    yield at(d, "unknown option", "--nonsense")
    yield tool(d, "without arguments", "")
    yield at("kafka-get-offsets", "after delete", "--topic {R}-o --time -2")
