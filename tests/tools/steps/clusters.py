"""kafka-cluster, kafka-features, kafka-metadata-quorum and kafka-storage."""
from .step import at, tool


def clusters(folder):
    yield from cluster("kafka-cluster")
    yield from features("kafka-features")
    yield from quorum("kafka-metadata-quorum")
    yield from storage("kafka-storage", folder)


def cluster(t):
    yield tool(t, "id", "cluster-id --bootstrap-server {B}")
    yield tool(t, "id short option", "cluster-id -b {B}")
    yield tool(t, "id with =", "cluster-id --bootstrap-server={B}")
    yield tool(t, "id beginning of an option", "cluster-id --bootstrap-s {B}")
    yield tool(t, "id without address", "cluster-id")
    yield tool(t, "id both addresses", "cluster-id --bootstrap-server {B} --bootstrap-controller {B}")
    yield tool(t, "id broken address", "cluster-id --bootstrap-server nowhere")
    yield tool(t, "id unknown option", "cluster-id --bogus --bootstrap-server {B}")
    yield tool(t, "id word too many", "cluster-id extra --bootstrap-server {B}")
    yield tool(t, "id missing value", "cluster-id --bootstrap-server")
    yield tool(t, "endpoints", "list-endpoints --bootstrap-server {B}")
    yield tool(t, "endpoints fenced, too", "list-endpoints --bootstrap-server {B} --include-fenced-brokers")
    yield tool(t, "unregister without id", "unregister --bootstrap-server {B}")
    yield tool(t, "unregister no number", "unregister --bootstrap-server {B} --id x")
    yield tool(t, "without command", "")
    yield tool(t, "unknown command", "bogus")
    yield tool(t, "unknown option", "--bogus")


def features(t):
    yield at(t, "describe", "describe", unordered=True)
    yield at(t, "describe a node", "describe --node-id {N}", unordered=True)
    yield tool(t, "describe without address", "describe")
    yield at(t, "without command", "")
    yield tool(t, "unknown command", "bogus")
    yield tool(t, "unknown option", "--bogus")
    yield at(t, "upgrade nothing", "upgrade")
    yield at(t, "upgrade without level", "upgrade --feature group.version")
    yield at(t, "upgrade to an unknown release", "upgrade --release-version 9.9")
    yield at(t, "disable nothing", "disable")
    yield tool(t, "mapping", "version-mapping")
    for release in ("4.0", "4.1-IV0", "3.3-IV3", "3.9", "1.0"):
        yield tool(t, f"mapping of {release}", f"version-mapping --release-version {release}")
    yield tool(t, "dependencies", "feature-dependencies --feature transaction.version=2 --feature metadata.version=17")
    yield tool(t, "dependencies unknown", "feature-dependencies --feature nosuch=1")
    yield tool(t, "dependencies nothing", "feature-dependencies")


def quorum(t):
    yield at(t, "status", "describe --status", without="HighWatermark|LeaderEpoch|CurrentVoters")
    yield at(t, "replication", "describe --replication", only="NodeId")
    yield at(t, "both", "describe --status --replication")
    yield at(t, "neither", "describe")
    yield at(t, "human without replication", "describe --status --human-readable")
    yield tool(t, "without address", "describe --status")
    yield at(t, "without command", "")
    yield at(t, "unknown option", "describe --bogus")
    yield at(t, "add without file", "add-controller")
    yield at(t, "remove without id", "remove-controller")
    yield at(t, "remove dry run", "remove-controller -i 5 -d AAAAAAAAAAAAAAAAAAAAAQ --dry-run")
    yield at(t, "remove negative", "remove-controller --controller-id=-5 -d AAAAAAAAAAAAAAAAAAAAAQ --dry-run")


def storage(t, folder):
    properties = f"{folder}/{{R}}-storage.properties"
    data = f"{folder}/{{R}}-data"
    text = ("node.id=5\nprocess.roles=broker,controller\ncontroller.listener.names=C\nlisteners=PLAINTEXT://:29555,C://:29556\n"
            f"controller.quorum.voters=5@localhost:29556\nlog.dirs={data}1,{data}2\n")
    yield tool("@write", "", properties, stdin=text)
    yield tool(t, "info before", f"info -c {properties}")
    yield tool(t, "format with the wrong quorum", f"format -t some-cluster -c {properties} --standalone")
    yield tool(t, "format for an unknown release", f"format -t some-cluster -c {properties} -r 9.9")
    yield tool(t, "format with an unknown feature", f"format -t some-cluster -c {properties} -f nosuch=1")
    yield tool(t, "format", f"format -t some-cluster -c {properties} -f group.version=0", unordered=True)
    one = f"{folder}/{{R}}-one.properties"
    yield tool("@write", "", one, stdin=text.replace(f",{data}2", ""))
    yield tool(t, "format again", f"format -t some-cluster -c {one}")
    yield tool(t, "format ignoring formatted", f"format -t some-cluster -c {properties} --ignore-formatted")
    yield tool(t, "format for another cluster", f"format -t other -c {one} -g")
    yield tool(t, "info", f"info -c {properties}")
    yield tool(t, "info of no file", "info -c /no/such/file")
    yield tool(t, "info without file", "info")
    yield tool(t, "format without id", f"format -c {properties}")
    yield tool(t, "without command", "")
    yield tool(t, "unknown command", "bogus")
    yield tool(t, "mapping", "version-mapping --release-version 4.2")
    yield tool(t, "dependencies", "feature-dependencies --feature group.version=1")
