#!/usr/bin/env python3
"""Golden comparison: what Apache Kafka's own tools print against Apache Kafka is right; broker and native tools are judged by it.

BOOTSTRAP            the broker that is judged (host:port)
REFERENCE_BOOTSTRAP  Apache Kafka itself
NATIVE               a barnabas binary, whose kafka-* commands are judged
JUDGE                what to judge, separated by commas: "java" (Java tools against the broker), "native" (native tools against the
                     broker), "native-on-kafka" (native tools against Apache Kafka); default: "native" with NATIVE, else "java"
LOG_DIR, REFERENCE_LOG_DIR   their log directories; without both, kafka-dump-log is left out
MESSAGES             "loose": the wording of an error may differ, its kind, place, and exit code may not
VERBOSE              set: show what Apache Kafka answered, too
Build the driver first: mvn -q -B package dependency:copy-dependencies
Arguments choose steps by part of the name, but every step runs, since later ones build on earlier ones.
One line per step: "ok - name" or "not ok - name: reason"; exit code 1 if any differs.
"""
import base64
import copy
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from steps import steps

HERE = Path(__file__).resolve().parent
SUITE_LIMIT_S = 400
NATIVE_LIMIT_S = 40
JAVA = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC", "-cp", f"{HERE}/target/*:{HERE}/target/dependency/*"]
# Tools that end the whole process, whatever the driver does, or let exceptions do it.
OWN_PROCESS = {"kafka-cluster": "org.apache.kafka.tools.ClusterTool", "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
               "kafka-storage": "kafka.tools.StorageTool"}
LOOSE = os.environ.get("MESSAGES") == "loose"


class Side:
    """Tools and the broker they talk to, with a driver process of its own and names of its own."""

    def __init__(self, letter, bootstrap, log_dir, native=None, title=""):
        self.native = native
        self.title = title
        self.bootstrap = bootstrap
        self.log_dir = log_dir
        self.run = f"run{letter}{time.time_ns() // 1_000_000 % 10**8:08d}"
        self.node = None
        self.process = subprocess.Popen(
            [*JAVA, "tools.Driver"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def call(self, step):
        code, out, err = self.run_tool(step.stdin, step.tool, *step.args)
        out = self.normal(out)
        out = [line for line in out if not step.only or re.search(step.only, line)]
        out = [line for line in out if not step.without or not re.search(step.without, line)]
        return {"exit": [code], "stdout": sorted(out) if step.unordered else out, "first line of stderr": self.normal(err)[:1]}

    def fill(self, word):
        return (word.replace("{B}", self.bootstrap).replace("{R}", self.run)
                .replace("{N}", str(self.node)).replace("{D}", self.log_dir or ""))

    def normal(self, text):
        lines = [self.normal_line(line) for line in text.splitlines()]
        return [line for line in lines if not re.match(UNJUDGED, line)]

    def normal_line(self, line):
        if line.startswith('{"brokers":'):
            line = sorted_log_dirs(line)
        line = line.replace(self.run, "RUN").replace(self.bootstrap, "BROKER")
        if self.log_dir:
            line = line.replace(self.log_dir, "LOG_DIR")
        for pattern, replacement in PATTERNS:
            line = re.sub(pattern, replacement, line)
        line = line.replace(self.bootstrap.replace(":", " "), "BROKER")
        if self.node is not None:
            line = re.sub(rf"\b(Leader|Replicas|Isr|isr|broker|brokers|Broker|id|\(id|Elr|LastKnownElr|node)([:\s\]\"]+){self.node}\b", r"\1\2NODE", line)
            line = re.sub(rf"(\"brokers?\":\[?|\"replicas\":\[|broker )(\{{\"broker\":)?{self.node}\b", r"\1\2NODE", line)
            line = line.replace(f"BROKER ({self.node})", "BROKER (NODE)").replace(f"--entity-name {self.node}", "--entity-name NODE")
        # Kafka keeps the index of the active segment at its full size, which then is not empty.
        line = line.replace(".index is empty.", ".index passed sanity check.")
        # The default folder is Barnabas's own, on purpose.
        line = re.sub(r"log\.dir=(/tmp/kafka-logs|\./barnabas-data)", "log.dir=DEFAULT", line)
        if LOOSE:
            line = re.sub(r"(^Error while executing \w+ command ?: |Exception: |failed due to |WARN: ).*", r"\1MESSAGE", line)
        return line.rstrip()

    def find_node(self):
        code, out, _ = self.run_java("", "kafka-broker-api-versions", "--bootstrap-server", self.bootstrap)
        found = re.search(r"\(id: (\d+) rack", out)
        if not found:
            sys.exit(f"Bail out! kafka-broker-api-versions against {self.bootstrap}: exit {code}, {out[:200]!r}")
        self.node = int(found.group(1))
        return out

    def run_tool(self, stdin, tool, *args):
        words = [self.fill(word) for word in (stdin, tool, *args)]
        if self.native and not tool.startswith("@"):
            done = subprocess.run([self.native, *words[1:]], input=words[0], capture_output=True, text=True, timeout=NATIVE_LIMIT_S,
                                  env={**os.environ, "TZ": "UTC"})
            return str(done.returncode), done.stdout, done.stderr
        return self.run_java(*words)

    def run_java(self, *words):
        if words[1] in OWN_PROCESS:
            done = subprocess.run([*JAVA, OWN_PROCESS[words[1]], *words[2:]], input=words[0], capture_output=True, text=True, timeout=NATIVE_LIMIT_S)
            return str(done.returncode), done.stdout, done.stderr
        self.process.stdin.write(" ".join(base64.b64encode(word.encode()).decode() for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split(" ")
        if len(answer) != 3:
            raise RuntimeError("the driver has ended")
        return answer[0], *(base64.b64decode(word).decode() for word in answer[1:])


# Traces of Java. Warnings of its logger, which the driver does not configure, but images do. An exception that a reset of several
# groups from a file prints although all goes well.
UNJUDGED = r" at |Caused by|\s*\.\.\. \d+ more|\[DATE\] (WARN|ERROR) |The consumer rebalance protocol \(KIP-848\) is|com\.fasterxml\.jackson\.databind\.exc\.InvalidFormatException"

# What may differ between two runs of the same broker.
PATTERNS = [
    (r"\bTopicId: \S+", "TopicId: ID"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"Cluster ID: \S+", "Cluster ID: ID"),
    (r"ClusterId: +\S+", "ClusterId: ID"),
    (r"\[20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]", "[DATE]"),
    (r"\b1[7-9]\d{11}\b", "TIME"),
    (r"console-consumer-\d+", "console-consumer-N"),
    (r"/127\.0\.0\.1\b|/\[?::1\]?|/0:0:0:0:0:0:0:1", "/HOST"),
    (r"\"logDir\":\"[^\"]*\"", '"logDir":"DIR"'),
    (r"\"size\":\d+", '"size":N'),
    (r"\"(total|usable)Bytes\":-?\d+", r'"\1Bytes":N'),
    (r"\"clusterId\":\"[^\"]*\"", '"clusterId":"ID"'),
    (r"CreateTime: TIME size: \d+", "CreateTime: TIME size: N"),
    (r"\b(crc|producerId): -?\d+", r"\1: N"),
    (r"Epoch: \d+$", "Epoch: N"),
    (r"only supports operations \[.*\]", "only supports operations [...]"),
    (r"directory\.id=[^,}]+", "directory.id=ID"),
    (r"scenarios: \[\[.*\]\]", "scenarios: ALL"),
    (r"[ \t]+", " "),
]


def sorted_log_dirs(line):
    """Partitions in a log directory come in no order."""
    try:
        report = json.loads(line)
        for broker in report["brokers"]:
            for folder in broker["logDirs"]:
                folder["partitions"].sort(key=lambda partition: partition["partition"])
        return json.dumps(report, separators=(",", ":"))
    except (ValueError, KeyError, TypeError):
        return line


def at_once(sides, call):
    """Runs the same thing on all sides at once."""
    results = [None] * len(sides)

    def work(index, side):
        try:
            results[index] = call(side)
        except Exception as error:  # a dead driver is a result like any other
            results[index] = error

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(sides)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    return results


def difference(ours, reference):
    """None, or a reason with the differing lines."""
    for side in (ours, reference):
        if side is None or isinstance(side, Exception):
            return f"no result: {side}", []
    for part, expected in reference.items():
        if ours[part] != expected:
            lines = list(difflib.unified_diff(expected, ours[part], "kafka", "broker", lineterm="", n=1))
            return f"{part} differs", lines[:40]
    return None, []


def drop_static(ours, reference):
    """Broker configs that either side was started with say nothing about the broker."""
    static = set()
    for side in (ours, reference):
        for line in side["stdout"]:
            if "STATIC_BROKER_CONFIG" in line:
                static.add(line.strip().split("=")[0])
    for side in (ours, reference):
        side["stdout"] = [line for line in side["stdout"] if line.strip().split("=")[0] not in static]


def drop_unserved_features(ours, reference):
    """A feature is shown when it is served; those of transactions and newer groups are not there yet."""
    name = re.compile(r"Feature: (\S+)")
    served = {match.group(1) for line in ours["stdout"] if (match := name.match(line))}
    missing = [line for line in reference["stdout"] if (match := name.match(line)) and match.group(1) not in served]
    for line in missing:
        print(f"# not served: {line}")
    reference["stdout"] = [line for line in reference["stdout"] if line not in missing]


def api_rows(text):
    rows = {}
    for name, key, versions in re.findall(r"^\s*(\w+)\((\d+)\): (.+?),?$", text, re.M):
        rows[int(key)] = f"{name}({key}): {versions}"
    return rows


def compare_api_versions(ours, reference):
    """Every key that the broker serves has exactly the versions of Apache Kafka."""
    mine, wanted = api_rows(ours), api_rows(reference)
    missing = [row for key, row in wanted.items() if key not in mine or "UNSUPPORTED" in mine[key] and "UNSUPPORTED" not in row]
    for row in missing:
        print(f"# not served: {row}")
    wrong = [f"{row}, expected {wanted.get(key, 'not served')}" for key, row in mine.items()
             if row != wanted.get(key) and "UNSUPPORTED" not in row]
    return report("kafka-broker-api-versions", "; ".join(wrong) if wrong else None, [])


def report(name, reason, lines):
    if reason is None:
        print(f"ok - {name}")
        return True
    print(f"not ok - {name}: {reason}")
    for line in lines:
        print(f"#   {line}")
    return False


def reference_side():
    return Side("r", os.environ["REFERENCE_BOOTSTRAP"], os.environ.get("REFERENCE_LOG_DIR"))


def judged_sides():
    native = os.environ.get("NATIVE")
    ours = os.environ["BOOTSTRAP"], os.environ.get("LOG_DIR")
    kafka = os.environ["REFERENCE_BOOTSTRAP"], os.environ.get("REFERENCE_LOG_DIR")
    makers = {
        "java": lambda: Side("j", *ours),
        "native": lambda: Side("n", *ours, native, " [native]"),
        "native-on-kafka": lambda: Side("k", *kafka, native, " [native on Kafka]"),
    }
    return [makers[name]() for name in os.environ.get("JUDGE", "native" if native else "java").split(",")]


def is_chosen(step):
    return step.name and (len(sys.argv) == 1 or any(part in step.name for part in sys.argv[1:]))


def judge(step, side, result, expected):
    """Compares one side's result with the reference's; says whether it is right."""
    if isinstance(result, dict) and isinstance(expected, dict):
        result, expected = copy.deepcopy(result), copy.deepcopy(expected)
        if step.drop_static:
            drop_static(result, expected)
        if step.tool == "kafka-features":
            drop_unserved_features(result, expected)
    reason, lines = difference(result, expected)
    if is_chosen(step):
        return report(step.name + side.title, reason, lines)
    if reason and not step.name:
        print(f"# preparation {step.tool} {' '.join(step.args)}{side.title}: {reason}", *lines, sep="\n#   ")
    return True


def main():
    reference, judged = reference_side(), judged_sides()
    sides = [reference, *judged]
    began, good = time.time(), True
    versions = at_once(sides, lambda side: side.find_node())
    if any(not isinstance(text, str) for text in versions):
        sys.exit(f"Bail out! {versions}")
    good &= compare_api_versions(versions[1], versions[0])
    folder = tempfile.mkdtemp()
    for step in steps(folder):
        if step.needs_log_dir and not all(side.log_dir for side in sides):
            continue
        if time.time() - began > SUITE_LIMIT_S:
            good = report(step.name, "not run: the suite took too long", [])
            continue
        expected, *results = at_once(sides, lambda side: side.call(step))
        if os.environ.get("VERBOSE") and is_chosen(step):
            print(f"# {step.tool} {' '.join(step.args)}", expected, sep="\n#   ")
        for side, result in zip(judged, results):
            good &= judge(step, side, result, expected)
    for side in sides:
        side.process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
