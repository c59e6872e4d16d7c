"""kafka-console-producer and kafka-console-consumer."""
from .step import at


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
