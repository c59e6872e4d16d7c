"""What is tried on each file: the tools inside, clients on the host and in other containers, stop, and start on the same data."""
import re
import time

import hostclient
from engine import Failed, eventually, inspect, log_text, logs, run, seconds, state

READY = re.compile(r"\[KafkaServer id=\d+\] started")
TOPIC = "proof"
GROUP = "proof-group"
READY_WITHIN_S = 60
STOP_WITHIN_MS = 2000
SECOND_CONTAINER_RECORDS = 5
STDIN_RECORDS = 12


def holds(condition, what):
    if not condition:
        raise Failed(what)


class Serving:
    """The checks of a file whose broker serves, in order; later ones build on earlier ones."""

    def __init__(self, case, project, image, report):
        self.case, self.project, self.image, self.report = case, project, image, report
        self.figures = {}
        self.records = 0

    def run(self):
        """False where nothing after the start could be tried."""
        if not self.report.check("start", self.start):
            return False
        check = self.report.check
        for service in self.case.words("healthy"):
            check(f"{service} is healthy", lambda service=service: self.healthy(service))
        for service in self.case.words("ends"):
            check(f"{service} ends well", lambda service=service: self.ends_well(service))
        if self.case.head.get("says"):
            check("note", self.note)
        check("create and list", self.create_and_list)
        if self.case.topics:
            check("topics of the file", self.topics_of_the_file)
        check("describe", self.describe)
        check("alter", self.alter)
        check("delete", self.delete)
        check("console producer", self.console_producer)
        check("console consumer", self.console_consumer)
        check("group describe", self.group_describe)
        check("group reset", self.group_reset)
        check("configs", self.configs)
        check("get offsets", self.get_offsets)
        check("api versions", self.api_versions)
        if self.case.zookeeper[0] == "ours":
            check("four letter words", self.four_letter_words)
        if self.case.head.get("zookeeper"):
            check("tools with --zookeeper", self.zookeeper_flag)
        if self.case.head.get("host"):
            check("host", self.host)
        for key, name in (("container", "second container"), ("elsewhere", "loopback address, asked from elsewhere")):
            if self.case.head.get(key):
                check(name, lambda key=key: self.second_container(self.case.head[key]))
        check("stop", self.stop)
        if self.case.head.get("keeps"):
            check("down and up keep all", self.down_and_up)
        return True

    # Start

    def start(self):
        self.project.up()
        self.figures["start"] = self.ready()

    def ready(self):
        """Milliseconds from the start of the container to the line that says it serves."""
        container = self.project.container(self.case.broker)

        def probe():
            for stamp, text in logs(container):
                if READY.search(text):
                    return stamp
            now = state(container)
            holds(now["Status"] in ("running", "created"), f"the broker ended with {now['ExitCode']}: {tail(container)}")
            return None

        try:
            stamp = eventually("the ready line", READY_WITHIN_S, probe)
        except Failed as error:
            raise Failed(f"{error}; last lines: {tail(container)}") from error
        return round(1000 * (stamp - seconds(state(container)["StartedAt"])))

    def healthy(self, service):
        container = self.project.container(service)
        try:
            eventually(f"{service} to be healthy", 40, lambda: inspect(container, "{{.State.Health.Status}}") == "healthy")
        except Failed as error:
            raise Failed(f"{error}; {inspect(container, '{{json .State.Health.Log}}')[-300:]}") from error

    def ends_well(self, service):
        container = self.project.container(service)
        eventually(f"{service} to end", 90, lambda: state(container)["Status"] == "exited")
        code = state(container)["ExitCode"]
        holds(code == 0, f"{service} ended with {code}: {tail(container)}")

    def note(self):
        text = log_text(self.project.container(self.case.broker))
        holds(self.case.head["says"] in text, f"no line with `{self.case.head['says']}`")

    # Tools inside

    def inside(self, tool, *arguments, text=None, check=True):
        words = (self.case.tool(tool), "--bootstrap-server", self.case.head["inside"], *arguments)
        keyboard = ("--interactive",) if text is not None else ()
        return run("docker", "exec", *keyboard, self.project.container(self.case.broker), *words, text=text, check=check, limit=40)

    def topic_list(self):
        return self.inside("kafka-topics", "--list").stdout.split()

    def create_and_list(self):
        for topic in (TOPIC, "gone"):
            made = self.inside("kafka-topics", "--create", "--topic", topic, "--partitions", "3", "--replication-factor", "1")
            holds(f"Created topic {topic}." in made.stdout, f"create said {made.stdout!r}")
        holds({TOPIC, "gone"} <= set(self.topic_list()), "the new topics are listed")
        self.figures["list"] = self.list_ms()

    def list_ms(self):
        """The best of five, with the start of the process, without docker exec."""
        command = f"{self.case.tool('kafka-topics')} --bootstrap-server {self.case.head['inside']} --list > /dev/null"
        script = f"TIMEFORMAT=%3R; for i in 1 2 3 4 5; do time {command}; done"
        done = run("docker", "exec", self.project.container(self.case.broker), "bash", "-c", script)
        return round(1000 * min(float(line) for line in done.stderr.split()))

    def topics_of_the_file(self):
        auto = self.case.head.get("auto")
        if auto:
            self.inside("kafka-console-producer", "--topic", auto, text="first\n")
        for topic, partitions in self.case.topics.items():
            # Some scripts make their topics after the broker is ready.
            eventually(f"topic {topic}", 10, lambda topic=topic: topic in self.topic_list())
            self.expect_partitions(topic, partitions)

    def expect_partitions(self, topic, partitions):
        text = self.inside("kafka-topics", "--describe", "--topic", topic).stdout
        found = re.search(rf"^Topic: {re.escape(topic)}\tTopicId: \S+\tPartitionCount: (\d+)\tReplicationFactor: 1\tConfigs: ", text)
        holds(found, f"describe said {text!r}")
        holds(int(found[1]) == partitions, f"{topic} has {found[1]} partitions, expected {partitions}")
        holds(text.count(f"\tTopic: {topic}\tPartition: ") == partitions, f"describe said {text!r}")

    def describe(self):
        self.expect_partitions(TOPIC, 3)

    def alter(self):
        self.inside("kafka-topics", "--alter", "--topic", TOPIC, "--partitions", "4")
        self.expect_partitions(TOPIC, 4)

    def delete(self):
        self.inside("kafka-topics", "--delete", "--topic", "gone")
        holds("gone" not in self.topic_list(), "the deleted topic is still listed")

    def console_producer(self):
        lines = "".join(f"line {i}\n" for i in range(STDIN_RECORDS))
        self.inside("kafka-console-producer", "--topic", TOPIC, text=lines)
        self.records += STDIN_RECORDS
        words = (self.case.tool("kafka-console-producer"), "--broker-list", self.case.head["inside"], "--topic", TOPIC)
        run("docker", "exec", "--interactive", self.project.container(self.case.broker), *words, text="one more\n")
        self.records += 1

    def console_consumer(self):
        done = self.inside("kafka-console-consumer", "--topic", TOPIC, "--from-beginning", "--max-messages", "10", "--group", GROUP)
        lines = done.stdout.splitlines()
        holds(len(lines) == 10 and all(re.fullmatch(r"line \d+|one more", line) for line in lines), f"the consumer printed {lines}")
        holds("Processed a total of 10 messages" in done.stderr, f"the consumer said {done.stderr!r}")

    def group_describe(self):
        text = self.inside("kafka-consumer-groups", "--describe", "--group", GROUP).stdout
        rows = [line.split() for line in text.splitlines() if line.strip()]
        holds(rows and rows[0][:6] == ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"], f"describe said {text!r}")
        holds(sum(int(row[4]) for row in rows[1:]) == self.records, f"the log end offsets do not sum up to {self.records}: {text!r}")
        holds(sum(int(row[5]) for row in rows[1:] if row[5] != "-") <= self.records - 10 or any(row[5] == "-" for row in rows[1:]), f"lag: {text!r}")

    def group_reset(self):
        words = ("--reset-offsets", "--group", GROUP, "--topic", TOPIC, "--to-earliest", "--execute")
        text = self.inside("kafka-consumer-groups", *words).stdout
        rows = [line.split() for line in text.splitlines() if line.strip()]
        holds(rows and rows[0] == ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], f"reset said {text!r}")
        holds(sorted(row[:4] for row in rows[1:]) == [[GROUP, TOPIC, str(p), "0"] for p in range(4)], f"reset said {text!r}")
        again = self.inside("kafka-console-consumer", "--topic", TOPIC, "--max-messages", str(self.records), "--group", GROUP, "--timeout-ms", "15000")
        holds(len(again.stdout.splitlines()) == self.records, f"after the reset the group read {again.stdout!r} {again.stderr!r}")

    def configs(self):
        who = ("--entity-type", "topics", "--entity-name", TOPIC)
        text = self.inside("kafka-configs", "--alter", *who, "--add-config", "retention.ms=7200000").stdout
        holds(f"Completed updating config for topic {TOPIC}." in text, f"alter said {text!r}")
        text = self.inside("kafka-configs", "--describe", *who).stdout
        holds(re.search(r"^  retention.ms=7200000 sensitive=false synonyms=\{", text, re.M), f"describe said {text!r}")
        broker = self.inside("kafka-configs", "--describe", "--all", "--entity-type", "brokers", "--entity-default", check=False)
        holds(broker.returncode == 0, f"kafka-configs of the brokers ended with {broker.returncode}: {broker.stderr!r}")

    def get_offsets(self):
        text = self.inside("kafka-get-offsets", "--topic", TOPIC).stdout
        rows = [line.split(":") for line in text.split()]
        holds(len(rows) == 4 and all(row[0] == TOPIC for row in rows), f"the offsets are {text!r}")
        holds(sum(int(row[2]) for row in rows) == self.records, f"the offsets do not sum up to {self.records}: {text!r}")

    def api_versions(self):
        text = self.inside("kafka-broker-api-versions").stdout
        holds(re.search(r"^\S+:\d+ \(id: \d+ rack: \S+.*\) -> \($", text, re.M), f"the first line is {text.splitlines()[:1]}")
        holds(re.search(r"^\s*Produce\(0\): 0 to \d+ ", text, re.M), "Produce from version 0 is listed")

    # ZooKeeper

    def four_letter_words(self):
        host, port = self.case.zookeeper[1].split(":")
        for word, expected in (("ruok", "imok"), ("srvr", "Mode: "), ("mntr", "zk_version")):
            answer = run("docker", "exec", self.project.container(host), "sh", "-c", f"echo {word} | nc -w 2 localhost {port}").stdout
            holds(expected in answer, f"{word} answered {answer!r}")

    def zookeeper_flag(self):
        words = (self.case.tool("kafka-topics"), "--zookeeper", self.case.zookeeper[1], "--list")
        text = run("docker", "exec", self.project.container(self.case.broker), *words).stdout
        holds(TOPIC in text.split(), f"the list is {text!r}")

    # Other clients

    def host(self):
        address = self.case.head["host"]
        self.records += hostclient.produce(address, TOPIC)
        read = hostclient.consume(address, TOPIC, self.records)
        holds(read == self.records, f"read {read} records of {self.records}")

    def second_container(self, bootstrap):
        total = self.records + SECOND_CONTAINER_RECORDS
        produce = f"seq 1 {SECOND_CONTAINER_RECORDS} | kafka-console-producer --bootstrap-server {bootstrap} --topic {TOPIC}"
        consume = f"kafka-console-consumer --bootstrap-server {bootstrap} --topic {TOPIC} --from-beginning --max-messages {total} --timeout-ms 10000"
        done = run("docker", "run", "--rm", "--network", self.project.network(self.case.broker), self.image, "bash", "-c", f"{produce} && {consume}",
                   check=False, limit=50)
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        holds(done.returncode == 0 and len(lines) == total, f"read {len(lines)} records of {total}: {done.stderr.strip()[-300:]}")
        self.records = total

    # Stop and data

    def stop(self):
        container = self.project.container(self.case.broker)
        asked = time.time()
        run("docker", "stop", "--time", "10", container)
        ended = state(container)
        self.figures["stop"] = round(1000 * (seconds(ended["FinishedAt"]) - asked))
        holds(ended["ExitCode"] != 137, "it did not end by itself")
        holds(self.figures["stop"] <= STOP_WITHIN_MS, f"it took {self.figures['stop']} ms")

    def down_and_up(self):
        self.project.down()
        self.project.up()
        self.figures["restart"] = self.ready()
        wanted = {TOPIC, *self.case.topics}
        holds(wanted <= set(self.topic_list()), f"of {wanted} there are {self.topic_list()}")
        self.expect_partitions(TOPIC, 4)
        done = self.inside("kafka-console-consumer", "--topic", TOPIC, "--from-beginning", "--max-messages", str(self.records), "--timeout-ms", "15000")
        holds(len(done.stdout.splitlines()) == self.records, f"read {len(done.stdout.splitlines())} records of {self.records}")
        groups = self.inside("kafka-consumer-groups", "--list").stdout.split()
        holds(GROUP in groups, f"the groups are {groups}")


class Refusing:
    """The checks of a file that no broker may serve."""

    def __init__(self, case, project, report):
        self.case, self.project, self.report = case, project, report
        self.figures = {}
        self.said = ""

    def run(self):
        if not self.report.check("up", self.project.up):
            return
        for service, port in self.case.brokers.items():
            self.report.check(f"{service} refuses", lambda service=service, port=port: self.refuses(service, port))
        host_ports = {port for port in self.case.brokers.values() if port in self.case.claims()}
        for port in sorted(host_ports):
            self.report.check(f"nothing is accepted at {port}", lambda port=port: self.accepts_nothing(port))

    def refuses(self, service, port):
        container = self.project.container(service)
        wanted = re.compile(self.case.head["refusal"], re.I)

        def probe():
            ended = state(container)["Status"] == "exited"
            found = next((text for _, text in logs(container) if wanted.search(text) and is_complaint(text)), None)
            return (ended, found) if ended or found else None

        try:
            _, found = eventually("a refusal", 20, probe)
        except Failed as error:
            raise Failed(f"{error}; last lines: {tail(container)}") from error
        holds(found, f"it ended without a line about {self.case.head['refusal']}: {tail(container)}")
        time.sleep(1)
        now = state(container)
        if READY.search(log_text(container)):
            # The first of several at a ZooKeeper cannot know of the others; it must end as soon as it sees one.
            holds(self.case.zookeeper[0] and now["Status"] == "exited", "it says that it serves")
            self.figures["served first"] = service
        if now["Status"] == "running":
            listening = run("docker", "exec", container, "nc", "-z", "localhost", port, check=False).returncode == 0
            holds(not listening, f"it listens on {port} all the same")
        else:
            holds(now["ExitCode"] != 0, "it ended with 0, as if all were well")
        self.said = self.said or found

    def accepts_nothing(self, port):
        try:
            hostclient.produce(f"localhost:{port}", TOPIC, limit_s=3)
        except hostclient.NotDelivered:
            return
        raise Failed("a record was accepted")


def is_complaint(text):
    """Settings that are merely shown name the same words."""
    return re.search(r"error|refus|cannot|not (yet )?(served|supported|possible)|must|\bno\b|does not|none of them serves", text, re.I)


def tail(container, count=4):
    return " / ".join(text for _, text in logs(container)[-count:])[-700:]
