"""Tools with few calls."""
from .step import at, tool


def others():
    yield at("kafka-acls", "list without authorizer", "--list")


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
