"""Starts Apache Kafka itself, one KRaft node, from the jars that Maven collects for tests/tools."""
import pathlib
import shutil
import subprocess

from peers.process import Broker, answers, free_port

PROJECT = pathlib.Path(__file__).resolve().parents[1] / "tools"
CLUSTER_ID = "QmFybmFiYXNUZXN0aW5nMQ"


class Kafka(Broker):
    READY_LIMIT_S = 120

    def __init__(self, home, settings, jars=PROJECT / "target" / "dependency"):
        super().__init__(home, settings)
        self._jars = jars
        self._properties = home / "server.properties"
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self._all_settings().items()), encoding="ascii")
        self._format()

    @staticmethod
    def missing(_binary=None):
        """Collects the jars if that was not done before; returns what the machine lacks for that."""
        if any((PROJECT / "target" / "dependency").glob("kafka_2.13-*.jar")):
            return []
        absent = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
        if absent:
            return [f"{' and '.join(absent)} missing: install a JDK, 17 or newer, and Maven"]
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies"], cwd=PROJECT, check=True)
        return []

    def _all_settings(self):
        controller = f"127.0.0.1:{free_port()}"
        return {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}", "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER", "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.home / "data", "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1, **self.settings,
        }

    def _java(self, main, *arguments):
        return ["java", "-Xms512m", "-Xmx1g", "-cp", f"{self._jars}/*", main, *arguments]

    def _format(self):
        format_ = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._properties))
        done = subprocess.run(format_, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"formatting failed: {done.stdout}{done.stderr}")

    def command(self):
        return self._java("kafka.Kafka", str(self._properties))

    def is_ready(self, _new_output):
        return answers(self.port)
