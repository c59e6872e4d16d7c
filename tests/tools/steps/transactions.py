"""kafka-transactions, where there are no transactions."""
from .step import at, tool


def transactions():
    t = "kafka-transactions"
    topic = "--topic __consumer_offsets --partition 0"
    yield at(t, "describe without id", "describe")
    yield at(t, "producers of a partition", f"describe-producers {topic}", only="ProducerId")
    yield at(t, "producers on a broker", f"describe-producers {topic} --broker-id {{N}}", only="ProducerId")
    yield at(t, "producers without partition", "describe-producers --topic x")
    yield at(t, "producers no number", "describe-producers --topic x --partition y")
    yield at(t, "hanging without scope", "find-hanging")
    yield at(t, "hanging on a broker", "find-hanging --broker-id {N}")
    yield at(t, "hanging of a partition", f"find-hanging {topic}")
    yield at(t, "hanging partition without topic", "find-hanging --broker-id {N} --partition 0")
    yield at(t, "abort without partition", "abort")
    yield at(t, "abort of nothing", f"abort {topic} --start-offset 0")
    yield at(t, "abort without producer", "abort --topic x --partition 0")
    yield at(t, "abort without epoch", "abort --topic x --partition 0 --producer-id 1")
    yield at(t, "abort without coordinator epoch", "abort --topic x --partition 0 --producer-id 1 --producer-epoch 1")
    yield at(t, "terminate without id", "forceTerminateTransaction")
    yield tool(t, "without address", "list")
    yield tool(t, "broken address", "--bootstrap-server nowhere list")
    yield at(t, "without command", "")
    yield at(t, "unknown command", "bogus")
    yield at(t, "unknown option", "list --bogus")
