"""kafka-leader-election. On one broker there is nothing to elect, so these are words, files and refusals."""
from .step import Step, at, tool


def elections(folder):
    t = "kafka-leader-election"
    one = "--topic {R}-o --partition 0"
    yield at(t, "nothing to do", f"--election-type preferred {one}")
    yield at(t, "upper case", f"--election-type PREFERRED {one}")
    yield at(t, "unclean", f"--election-type=unclean {one}")
    yield at(t, "all", "--election-type preferred --all-topic-partitions")
    yield at(t, "all unclean", "--election-type unclean --all-topic-partitions")
    yield at(t, "unknown topic", "--election-type preferred --topic {R}-none --partition 0")
    yield at(t, "unknown partition", "--election-type preferred --topic {R}-o --partition 99")
    yield at(t, "unknown type", f"--election-type foo {one}")
    yield at(t, "partition that is no number", "--election-type preferred --topic {R}-o --partition x")
    yield at(t, "without partition", "--election-type preferred --topic {R}-o")
    yield at(t, "partition without topic", "--election-type preferred --partition 0 --all-topic-partitions")
    yield at(t, "without partitions", "--election-type preferred")
    yield at(t, "topic and all", f"--election-type preferred {one} --all-topic-partitions")
    yield at(t, "without type", one)
    yield tool(t, "without address", f"--election-type preferred {one}")
    yield tool(t, "without anything", one)
    yield tool(t, "without arguments", "")
    yield at(t, "unknown option", "--nonsense")
    yield at(t, "no such file", "--election-type preferred --path-to-json-file /no/such/file")
    texts = {
        "good": '{"partitions":[{"topic":"{R}-o","partition":0}]}', "no json": "{bad", "no partitions": "{}", "empty": '{"partitions":[]}',
        "twice": '{"partitions":[{"topic":"t","partition":0},{"topic":"t","partition":0}]}',
        "no topic": '{"partitions":[{"partition":0}]}',
    }
    for name, text in texts.items():
        path = f"{folder}/{{R}}-election-{name.replace(' ', '-')}.json"
        yield Step("", "@write", [path], stdin=text)
        yield at(t, f"file: {name}", f"--election-type preferred --path-to-json-file {path}")
