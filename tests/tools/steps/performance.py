"""kafka-producer-perf-test and kafka-consumer-perf-test: what does not depend on how fast they are."""
from .step import at, tool

HEADER = r"^(start\.time|time), "


def performance():
    p, c = "kafka-producer-perf-test", "kafka-consumer-perf-test"
    nothing = r"^$"
    yield at(p, "sends", "--topic {R}-m --num-records 100 --record-size 10 --throughput -1", only=nothing)
    yield tool(p, "old properties", "--topic {R}-m --num-records 1 --record-size 10 --throughput 10 --producer-props bootstrap.servers={B} acks=1", only=r"deprecated")
    yield tool(p, "without brokers", "--topic {R}-m --num-records 1 --record-size 10 --throughput -1", only=nothing)
    yield at(p, "without payload", "--topic {R}-m --num-records 1 --throughput -1", only=nothing)
    yield at(p, "two payloads", "--topic {R}-m --num-records 1 --throughput -1 --record-size 1 --payload-monotonic", only=nothing)
    yield at(p, "no records", "--topic {R}-m --num-records 0 --record-size 10 --throughput -1", only=nothing)
    yield at(p, "without throughput", "--topic {R}-m --num-records 1 --record-size 10", only=nothing)
    yield tool(p, "unknown option", "--nonsense", only=nothing)
    yield at(c, "without a number", "--topic {R}-m")
    yield at(c, "without topic", "--num-records 1")
    yield tool(c, "without brokers", "--topic {R}-m --num-records 1")
    yield at(c, "unknown option", "--nonsense")
    yield at(c, "reads", "--topic {R}-m --num-records 10 --timeout 15000", only=HEADER)
