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
    yield at("kafka-log-dirs", "describe", "--describe --topic-list {R}-o --broker-list {N}")
    yield at("kafka-log-dirs", "unknown broker", "--describe --broker-list 9999")


def record_deletion(folder):
    d = "kafka-delete-records"
    plans = {"plan": ('"{R}-o"', 0, 4), "beyond": ('"{R}-o"', 0, 400), "all": ('"{R}-o"', 0, -1)}
    for name, (topic, partition, offset) in plans.items():
        text = f'{{"partitions":[{{"topic":{topic},"partition":{partition},"offset":{offset}}}],"version":1}}'
        yield Step("", "@write", [f"{folder}/{{R}}-{name}.json"], stdin=text)
        yield at(d, name, f"--offset-json-file {folder}/{{R}}-{name}.json")
    yield at("kafka-get-offsets", "after delete", "--topic {R}-o --time -2")
