"""kafka-broker-api-versions; compare.py itself compares its rows."""
from .step import at, tool


def brokers():
    t = "kafka-broker-api-versions"
    yield tool(t, "without arguments", "")
    yield tool(t, "unknown option", "--bogus")
    yield tool(t, "option without value", "--bootstrap-server")
    yield tool(t, "address without port", "--bootstrap-server localhost")
    yield tool(t, "no such host", "--bootstrap-server no-such-host.invalid:9092")
    yield tool(t, "nothing listens", "--bootstrap-server 127.0.0.1:1")
    yield tool(t, "first address is down", "--bootstrap-server 127.0.0.1:1,{B}", only="Node|->|^\\)")
    yield tool(t, "form with =", "--bootstrap-server={B}", only="->")
    yield at(t, "a word too many", "extra", only="->")
