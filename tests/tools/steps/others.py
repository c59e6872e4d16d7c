"""kafka-dump-log, and removing what the other steps made."""
from .step import at, tool


def dump():
    d = "kafka-dump-log"
    for title, more in (("batches", ""), ("records", "--print-data-log"), ("deep", "--deep-iteration")):
        yield tool(d, f"{title}", f"--files {{D}}/{{R}}-o-0/00000000000000000000.log {more}", needs_log_dir=True)
    yield tool(d, "chosen timestamps", "--files {D}/{R}-o-0/00000000000000000000.log --print-data-log", needs_log_dir=True)
    yield tool(d, "time index", "--files {D}/{R}-o-0/00000000000000000000.timeindex --index-sanity-check", needs_log_dir=True)
    yield tool(d, "index", "--files {D}/{R}-o-0/00000000000000000000.index --index-sanity-check", needs_log_dir=True)
    log = "{D}/{R}-o-0/00000000000000000000"
    yield tool(d, "two files", f"--files {log}.log,{{D}}/{{R}}-o-1/00000000000000000000.log", needs_log_dir=True)
    yield tool(d, "contents only", f"--files={log}.log --print-data-log --skip-record-metadata", needs_log_dir=True)
    yield tool(d, "empty log", "--files {D}/{R}-o-1/00000000000000000000.log --print-data-log",
               needs_log_dir=True)
    yield tool(d, "first bytes", f"--files {log}.log --max-bytes 200", needs_log_dir=True)
    yield tool(d, "index entries verified", f"--files {log}.index --verify-index-only", needs_log_dir=True, without="sanity")
    yield tool(d, "unknown file", "--files {D}/{R}-o-0/leader-epoch-checkpoint", needs_log_dir=True)
    yield tool(d, "string decoder", f"--files {log}.log --print-data-log --value-decoder-class org.apache.kafka.tools.api.StringDecoder",
               needs_log_dir=True)
    yield tool(d, "without files", "--print-data-log")
    yield tool(d, "without arguments", "")


def cleaning():
    yield at("kafka-topics", "delete by pattern", "--delete --topic {R}[-_.].*")
    yield at("kafka-consumer-groups", "", "--delete --group {R}-console", unordered=True)
    yield at("kafka-consumer-groups", "", "--delete --group {R}-fresh")
