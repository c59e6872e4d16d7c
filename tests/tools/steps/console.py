"""kafka-console-producer and kafka-console-consumer."""
from .step import at, tool


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
    yield from producer_lines(p)
    yield from producer_errors(p)
    yield at(c, "from beginning", "--topic {R}-m --from-beginning --max-messages 100 --timeout-ms 15000")
    yield at(c, "three of several partitions", "--topic {R}-a --from-beginning --max-messages 3 --timeout-ms 15000", unordered=True)
    shown = " ".join(f"--formatter-property print.{what}=true" for what in ("key", "headers", "timestamp", "partition", "offset"))
    yield at(c, "keys headers timestamps", f"--topic {{R}}-c --from-beginning --max-messages 11 --timeout-ms 15000 {shown}", unordered=True)
    yield at(c, "one partition from an offset", "--topic {R}-m --partition 0 --offset 97 --timeout-ms 3000 --max-messages 2")
    yield at(c, "timeout", "--topic {R}-m --partition 0 --offset latest --timeout-ms 1500")
    yield at(c, "deprecated property", "--topic {R}-m --from-beginning --max-messages 1 --timeout-ms 15000 --property print.key=true")
    yield at(c, "in a group", "--topic {R}-m --group {R}-console --from-beginning --max-messages 10 --timeout-ms 15000")
    yield at(c, "resumes in a group", "--topic {R}-m --group {R}-console --max-messages 5 --timeout-ms 15000")
    yield at(c, "without topic", "--from-beginning")
    yield from consumer_output(c)
    yield from consumer_errors(c)


def producer_lines(p):
    reader = "--reader-property"
    for codec in ("none", "snappy", "lz4", "zstd"):
        yield at(p, f"codec {codec}", f"--topic {{R}}-c --compression-codec={codec} {reader} parse.key=true", stdin=f"{codec}\tvalue\n")
    yield at(p, "codec without a name", f"--topic {{R}}-c {reader} parse.key=true --compression-codec", stdin="gz\tvalue\n")
    yield at(p, "null marker", f"--topic {{R}}-c {reader} parse.key=true {reader} null.marker=NULL", stdin="k1\tNULL\n")
    yield at(p, "sync", "--topic {R}-m --sync", stdin="in step\n")
    yield at(p, "one acknowledgement", "--topic {R}-m --request-required-acks 1", stdin="one\n")
    yield at(p, "no acknowledgement", "--topic {R}-m --request-required-acks 0", stdin="none\n")
    yield at(p, "batches and waiting", "--topic {R}-m --batch-size 100 --timeout 1 --max-block-ms 9000 --request-timeout-ms 9000", stdin="a\nb\n")
    yield at(p, "properties", "--topic {R}-m --command-property linger.ms=0 --command-property enable.idempotence=false", stdin="a\n")
    yield at(p, "ignored errors", f"--topic {{R}}-m {reader} parse.key=true {reader} ignore.error=true", stdin="no key\n")
    yield at(p, "no lines", "--topic {R}-m")
    yield at(p, "null key on a compacted topic", "--topic {R}-c", stdin="no key\n")


def producer_errors(p):
    reader, old = "--reader-property", "--property parse.key=false"
    yield tool(p, "without brokers", "--topic {R}-m")
    yield tool(p, "no port", "--topic {R}-m --bootstrap-server nowhere")
    yield at(p, "unknown option", "--topic {R}-m --nonsense")
    yield at(p, "unknown codec", "--topic {R}-m --compression-codec best")
    yield at(p, "unknown acks", "--topic {R}-m --request-required-acks 5")
    yield at(p, "not a number", "--topic {R}-m --batch-size many")
    yield at(p, "missing file", "--topic {R}-m --command-config /does/not/exist")
    yield at(p, "old names", "--topic {R}-m --producer-property linger.ms=5 --producer.config /dev/null", stdin="a\n")
    yield at(p, "old and new name", f"--topic {{R}}-m {old} {reader} parse.key=false")
    yield at(p, "equal separators", f"--topic {{R}}-m {reader} parse.headers=true {reader} headers.delimiter=,")
    yield at(p, "header without separator", f"--topic {{R}}-m {reader} parse.headers=true", stdin="x\ty\n")


def consumer_output(c):
    first = "--topic {R}-m --partition 0 --offset earliest --max-messages 1 --timeout-ms 15000"
    shown = " ".join(f"--formatter-property print.{what}=true" for what in ("partition", "offset", "epoch", "delivery", "headers", "key"))
    yield at(c, "every column", f"{first} {shown}")
    yield at(c, "separators", f"{first} {shown} --formatter-property key.separator=| --formatter-property line.separator=; --formatter-property null.literal=nil")
    yield at(c, "no value", f"{first} --formatter-property print.value=false --formatter-property print.offset=true")
    yield at(c, "no output", f"{first} --formatter org.apache.kafka.tools.consumer.NoOpMessageFormatter")
    yield at(c, "logging", f"{first} --formatter org.apache.kafka.tools.consumer.LoggingMessageFormatter")
    yield at(c, "not a long", f"{first} --value-deserializer org.apache.kafka.common.serialization.LongDeserializer")
    yield at(c, "skip errors", f"{first} --skip-message-on-error --value-deserializer org.apache.kafka.common.serialization.LongDeserializer")
    yield at(c, "text", f"{first} --value-deserializer org.apache.kafka.common.serialization.StringDeserializer")
    yield at(c, "unknown deserializer", f"{first} --value-deserializer Nonsense")
    yield at(c, "committed only", f"{first} --isolation-level read_committed")
    yield at(c, "old names", f"{first} --consumer-property a=b --consumer.config /dev/null")
    yield at(c, "beyond the end", "--topic {R}-m --partition 0 --offset 99999 --timeout-ms 1000")
    yield at(c, "unknown partition", "--topic {R}-m --partition 99 --offset 0 --timeout-ms 1000")


def consumer_errors(c):
    yield tool(c, "without brokers", "--topic {R}-m")
    yield at(c, "topic and pattern", "--topic {R}-m --include x")
    yield at(c, "offset without partition", "--topic {R}-m --offset 3")
    yield at(c, "unknown offset", "--topic {R}-m --partition 0 --offset soon")
    yield at(c, "negative offset", "--topic {R}-m --partition 0 --offset -5")
    yield at(c, "offset and beginning", "--topic {R}-m --partition 0 --offset earliest --from-beginning")
    yield at(c, "group and partition", "--topic {R}-m --partition 0 --group g")
    yield at(c, "two groups", "--topic {R}-m --group a --command-property group.id=b")
    yield at(c, "beginning and latest", "--topic {R}-m --from-beginning --command-property auto.offset.reset=latest")
    yield at(c, "unknown formatter", "--topic {R}-m --formatter Nonsense")
    yield at(c, "unknown isolation", "--topic {R}-m --partition 0 --isolation-level best")
    yield at(c, "unknown option", "--topic {R}-m --nonsense")
