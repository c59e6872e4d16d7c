"""kafka-client-metrics."""
from .step import at, tool


def metrics():
    t = "kafka-client-metrics"
    yield at(t, "describe unknown", "--describe --name {R}-none")
    yield at(t, "alter bad interval", "--alter --name {R}-m --interval 1", without="Error")
    yield at(t, "alter", "--alter --name {R}-m --interval 60000 --metrics a.,b.")
    yield tool("@sleep", "", "300")
    yield at(t, "describe", "--describe --name {R}-m")
    yield at(t, "list", "--list", only="RUN")
    yield at(t, "delete", "--delete --name {R}-m")
    yield at(t, "alter without name", "--alter --interval 60000")
    yield at(t, "alter with two names", "--alter --name x --generate-name")
    yield at(t, "delete without name", "--delete")
    yield at(t, "list with a name", "--list --name x")
    yield at(t, "describe with an interval", "--describe --interval 1")
    yield at(t, "no action", "--name x")
    yield tool(t, "without address", "--list")
    yield tool(t, "without arguments", "")
    yield tool(t, "unknown option", "--bogus")
