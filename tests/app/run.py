"""The application test: users' producers and consumer groups run while the broker is killed with SIGKILL and started again on
the same data; then everything is read back. Exits 1 if one acknowledged event is missing, doubled or out of order."""
import argparse
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import json

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from peers import barnabas, kafka  # noqa: E402
from peers.programs import LineCount, Missing, Program, need, run_in_folder, stop_all  # noqa: E402

TOPICS = {
    "predictions": {"partitions": 16, "config": {"retention.ms": "604800000"}},
    "transactions-stream": {"partitions": 3},
    # Small segments, so that the cleaner works during the test.
    "customer-updates": {"partitions": 3, "config": {"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.1"}},
    "wallet-events": {"partitions": 10},
    "wallet-events-dlq": {"partitions": 10},
}
SHARES = {"predictions": 0.3, "transactions-stream": 0.25, "customer-updates": 0.15, "wallet-events": 0.3}
MEMBERS = {"predictions": 2, "transactions-stream": 2, "customer-updates": 1, "wallet-events": 2}
PROGRESS_EVERY_S = 5
STALLED_AFTER_S = 180
LINE = re.compile(rb'"partition":(\d+),"offset":(\d+)')


class Violation(Exception):
    """The test failed, and need not go on."""


def say(text):
    print(text, flush=True)


class Commands:
    """How each program is started."""

    def __init__(self, venv):
        self.python = venv / "bin" / "python"
        self._java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{HERE}/java/target/*:{HERE}/java/target/dependency/*"]

    def check_installed(self):
        venv = self.python.parent.parent
        need([
            (HERE / "node" / "node_modules" / "kafkajs", f"npm install --prefix {HERE / 'node'}"),
            (self.python, f"python3 -m venv {venv} && {venv}/bin/pip install -r {HERE}/requirements.txt -r {HERE}/python/requirements.txt"),
            (HERE / "java" / "target" / "dependency", f"mvn -q -B -f {HERE}/java/pom.xml package dependency:copy-dependencies"),
        ])
        absent = [tool for tool in ("node", "java") if shutil.which(tool) is None]
        if absent:
            raise Missing(f"{' and '.join(absent)} missing: install Node.js, 20 or newer, and a JDK, 17 or newer")

    def of(self, topic, role):
        if topic == "predictions":
            return ["node", HERE / "node" / f"{role}.mjs"]
        if topic == "wallet-events":
            return self.java(role.capitalize())
        return [self.python, HERE / "python" / f"{role}.py"]

    def java(self, main, *arguments):
        return [*self._java, f"app.{main}", *arguments]


class Flow:
    """The programs of one topic, and what they have written so far."""

    def __init__(self, topic, count, folder):
        self.topic = topic
        self.count = count
        self.acks = folder / f"acks-{topic}.jsonl"
        self.reads = [folder / f"reads-{topic}-{member}.jsonl" for member in range(MEMBERS[topic])]
        self._acked = LineCount(self.acks)
        self._read = [LineCount(path) for path in self.reads]

    def acked(self):
        return self._acked.update()

    def read(self):
        return sum(max(0, lines.update() - 1) for lines in self._read)  # the first line only says who it is

    def is_drained(self):
        """Whether of each partition the last acknowledged event was read."""
        read = last_offsets(self.reads)
        return all(read.get(partition, -1) >= offset for partition, offset in last_offsets([self.acks]).items())


def last_offsets(paths):
    last = {}
    for path in paths:
        for partition, offset in LINE.findall(path.read_bytes() if path.exists() else b""):
            last[partition] = max(last.get(partition, -1), int(offset))
    return last


class Run:
    def __init__(self, options, broker, folder):
        self.options = options
        self.broker = broker
        self.folder = folder
        self.commands = Commands(options.venv)
        self.flows = [Flow(topic, max(1, round(options.count * share)), folder) for topic, share in SHARES.items()]
        self.total = sum(flow.count for flow in self.flows)
        self.producers, self.consumers = [], []
        self.ready_s, self.cpu_s, self.kills = [], 0.0, 0
        self.begun = self._said_at = self._moved_at = time.monotonic()
        self._moved = None

    def perform(self):
        self.ready_s.append(self.broker.start())
        say(f"{self.options.peer} ready after {self.ready_s[0]:.2f} s, {self.total} events, {self.options.kills} kills, seed {self.options.seed}")
        self._create_topics()
        self.begun = self._moved_at = time.monotonic()
        self._start_programs()
        for share in self._moments():
            self._wait_until(lambda wanted=share * self.total: self._acked() >= wanted)
            self._kill()
        self._wait_until(lambda: all(producer.status() is not None for producer in self.producers))
        self.produced_s = time.monotonic() - self.begun
        say(f"all producers ended after {self.produced_s:.1f} s")
        self._wait_until(lambda: all(flow.is_drained() for flow in self.flows), poll_s=1.0)
        problems = stop_all(self.consumers, 30)
        self.total_s = time.monotonic() - self.begun
        return problems + self._verify()

    def _create_topics(self):
        create = [self.commands.python, HERE.parent / "peers" / "topics.py", json.dumps(TOPICS)]
        subprocess.run(create, check=True, env={**os.environ, "BOOTSTRAP": self.broker.bootstrap}, timeout=60)

    def _start_programs(self):
        for flow in self.flows:
            keys = max(10, min(1000, flow.count // 50))
            rate = self.options.rate or max(1, round(flow.count / (4 * (self.options.kills + 1))))
            producing = {"OUT": flow.acks, "COUNT": flow.count, "KEYS": keys, "RATE": rate, "PREFIX": f"{flow.topic}-key"}
            self.producers.append(self._program(f"producer-{flow.topic}", flow.topic, "producer", producing))
            for member, reads in enumerate(flow.reads):
                reading = {"OUT": reads, "MEMBER": member, "GROUP": f"{flow.topic}-readers"}
                self.consumers.append(self._program(f"consumer-{flow.topic}-{member}", flow.topic, "consumer", reading))

    def _program(self, name, topic, role, environment):
        environment = {"BOOTSTRAP": self.broker.bootstrap, "TOPIC": topic, **environment}
        return Program(name, self.commands.of(topic, role), environment, self.folder)

    def _moments(self):
        """Shares of all events after which the broker is killed: one random moment in each equal part of the run."""
        chance, kills = random.Random(self.options.seed), self.options.kills
        return [(part + chance.uniform(0.05, 0.95)) / kills for part in range(kills)]

    def _acked(self):
        return sum(flow.acked() for flow in self.flows)

    def _kill(self):
        acked = self._acked()
        self.cpu_s += self.broker.cpu_s()
        self.broker.kill()
        self.ready_s.append(self.broker.start())
        self.kills += 1
        say(f"kill {self.kills} at {acked} acknowledged events: ready again after {self.ready_s[-1]:.2f} s")

    def _wait_until(self, condition, poll_s=0.02):
        while not condition():
            time.sleep(poll_s)
            self._watch()

    def _watch(self):
        if not self.broker.is_running():
            raise Violation(f"the broker ended by itself, see {self.broker.log}")
        for program in self.producers + self.consumers:
            if program.status() not in (None, 0) or (program.status() == 0 and program in self.consumers):
                raise Violation(f"{program.name} ended with {program.status()}: {program.last_words()}")
        now = time.monotonic()
        if now - self._said_at > PROGRESS_EVERY_S:
            self._said_at = now
            self._progress(now)

    def _progress(self, now):
        state = [(flow.topic, flow.acked(), flow.read()) for flow in self.flows]
        if state != self._moved:
            self._moved, self._moved_at = state, now
        elif now - self._moved_at > STALLED_AFTER_S:
            raise Violation(f"nothing moved for {STALLED_AFTER_S} s: {self._stalled()}")
        parts = "  ".join(f"{topic} {acked} acked {read} read" for topic, acked, read in state)
        say(f"{now - self.begun:5.0f} s  {parts}")

    def _stalled(self):
        return "; ".join(f"{program.name}: {program.last_words(200)}" for program in self.producers + self.consumers if program.status() is None)

    def _verify(self):
        environment = {**os.environ, "BOOTSTRAP": self.broker.bootstrap}
        acks = [flow.acks for flow in self.flows]
        reads = [path for flow in self.flows for path in flow.reads]
        checks = [
            [self.commands.python, HERE / "verify.py", "--acks", *acks, "--reads", *reads],
            self.commands.java("DeadLetters", *[flow.acks for flow in self.flows if flow.topic == "wallet-events"]),
        ]
        problems = []
        for command in checks:
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=900)
            say(done.stdout.rstrip())
            failed = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
            problems += failed or ([f"{command[1]} ended with {done.returncode}"] if done.returncode else [])
        short = [f"{flow.topic}: {flow.acked()} of {flow.count} events acknowledged" for flow in self.flows if flow.acked() != flow.count]
        return problems + short

    def table(self):
        cpu_s = self.cpu_s + self.broker.cpu_s()
        rows = [("topic", "sent", "acknowledged", "read")] + [(flow.topic, flow.count, flow.acked(), flow.read()) for flow in self.flows]
        lines = [f"{topic:<22}{sent:>10}{acked:>14}{read:>12}" for topic, sent, acked, read in rows]
        again = sorted(self.ready_s[1:]) or [float("nan")]
        return "\n".join(lines + [
            f"peer {self.options.peer}: {self.kills} kills; ready after the first start {self.ready_s[0]:.2f} s, after a kill "
            f"{statistics.median(again):.2f} s (median), {again[-1]:.2f} s (longest)",
            f"producers {self.produced_s:.1f} s, with consumers {self.total_s:.1f} s; broker's processor time {cpu_s:.1f} s",
        ])

    def end(self):
        for program in self.producers + self.consumers:
            program.end()
        self.broker.end()


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["barnabas", "kafka"], default="barnabas")
    parser.add_argument("--count", type=int, default=1_000_000, help="events of all producers together")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=int, default=0, help="events per second of each producer at most (default: so that the kills are some seconds apart)")
    parser.add_argument("--binary", type=pathlib.Path, default=barnabas.default_binary())
    parser.add_argument("--venv", type=pathlib.Path, default=HERE / ".venvs" / "app")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the moments of the kills")
    parser.add_argument("--out", type=pathlib.Path, help="keep data and logs in this folder")
    return parser.parse_args()


def new_broker(chosen, folder):
    settings = {"group.initial.rebalance.delay.ms": 0, "log.cleaner.backoff.ms": 1000}
    if chosen.peer == "kafka":
        return kafka.Kafka(folder, settings)
    return barnabas.Barnabas(folder, settings, chosen.binary.resolve())


def check_installed(chosen):
    Commands(chosen.venv).check_installed()
    missing = kafka.Kafka.missing() if chosen.peer == "kafka" else barnabas.Barnabas.missing(chosen.binary)
    if missing:
        raise Missing("\n".join(missing))


def perform(chosen, folder):
    run = Run(chosen, new_broker(chosen, folder), folder)
    try:
        problems = run.perform()
        say(run.table())
    except (Violation, RuntimeError, subprocess.SubprocessError) as violation:
        problems = [str(violation)]
    finally:
        run.end()
    for problem in problems:
        say(f"VIOLATION: {problem}")
    return problems


def main():
    chosen = options()
    return run_in_folder(
        "app", chosen.out, lambda: check_installed(chosen), lambda folder: perform(chosen, folder),
        "every acknowledged event is there exactly once and in order per key",
    )


if __name__ == "__main__":
    sys.exit(main())
