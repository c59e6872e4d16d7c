"""Kills the broker with SIGKILL again and again under load and starts it on the same data: it must always start, keep every
acknowledged event once and in order, and keep committed offsets. The producers are never started anew."""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
APP = HERE.parent / "app"
sys.path.insert(0, str(HERE.parent))

from peers import barnabas, kafka  # noqa: E402
from peers.programs import Missing, Program, Tail, need, run_in_folder, stop_all  # noqa: E402
from wire import LOADING, Connection  # noqa: E402

SEGMENT = str(1 << 20)
TOPICS = [
    {"name": "crash-one-none", "partitions": 1, "compression": "none"},
    {"name": "crash-one-gzip", "partitions": 1, "compression": "gzip"},
    {"name": "crash-four-none", "partitions": 4, "compression": "none"},
    {"name": "crash-four-gzip", "partitions": 4, "compression": "gzip"},
]
PLACES = [(topic["name"], partition) for topic in TOPICS for partition in range(topic["partitions"])]
GROUP = "crash-readers"
ALIVE_S = (0.05, 0.6)
# One start in five is killed on its way, while it recovers.
STARTS_KILLED, KILLED_AFTER_S = 0.2, (0.005, 0.15)
# A client that seldom finds the broker proves little.
TOOK_PART = 0.3
LOADED_LIMIT_S = 10
CAUGHT_UP_LIMIT_S = 60
PROGRESS_EVERY_S = 5


def say(text):
    print(text, flush=True)


class Acks:
    """What one producer was told: the end that each partition must have at least."""

    def __init__(self, path):
        self.path = path
        self._tail = Tail(path)
        self.count = self.cycles = self._counted = 0

    def end_cycle(self):
        """Counts the cycles in which something was acknowledged."""
        self.cycles += self.count > self._counted
        self._counted = self.count

    def update(self, ends):
        for line in self._tail.new_lines():
            topic, partition, _, offset = line.decode().split()
            place = (topic, int(partition))
            ends[place] = max(ends.get(place, 0), int(offset) + 1)
            self.count += 1


class Commits:
    """What the committing consumer tried, was told, and missed."""

    def __init__(self, path):
        self._tail = Tail(path)
        self.tried, self.acknowledged, self.count = {}, {}, 0

    def update(self):
        """Returns the gaps that were reported."""
        gaps = []
        for line in self._tail.new_lines():
            word, topic, partition, offset = line.decode().split()
            place, offset = (topic, int(partition)), int(offset)
            if word == "gap":
                gaps.append(f"the consumer was not given offset {offset} of {place}")
            elif word == "try":
                self.tried[place] = max(offset, self.tried.get(place, -1))
            else:
                self.acknowledged[place] = max(offset, self.acknowledged.get(place, -1))
                self.count += 1
        return gaps


class Run:
    def __init__(self, options, broker, folder):
        self.options, self.broker, self.folder = options, broker, folder
        self.python = options.venv / "bin" / "python"
        self.problems, self.ready_s, self.loaded_s = [], [], []
        self.starts_killed = 0
        self.acked_ends = {}
        self.acks = [Acks(folder / f"{name}.acks") for name in self._producers()]
        self.commits = Commits(folder / "commits.log")
        self.programs = []
        self._chance = random.Random(options.seed)

    def _producers(self):
        return {
            "confluent": [self.python, HERE / "confluent_producer.py"],
            "kafkajs": ["node", HERE / "kafkajs_producer.mjs"],
            "kafka-python": [self.python, HERE / "kafka_python_producer.py"],
        }

    def perform(self):
        self.broker.start()
        say(f"{self.options.peer}: {self.options.cycles} cycles, seed {self.options.seed}")
        self._create_topics()
        self._start_programs()
        self._wait_for_load()
        begun = said_at = time.monotonic()
        for cycle in range(1, self.options.cycles + 1):
            time.sleep(self._chance.uniform(*ALIVE_S))
            self._look(cycle)
            self.broker.kill()
            if self._chance.random() < STARTS_KILLED:
                self.broker.start_and_kill(self._chance.uniform(*KILLED_AFTER_S))
                self.starts_killed += 1
            self.ready_s.append(self.broker.start())
            self._check(cycle)
            for acks in self.acks:
                acks.end_cycle()
            if time.monotonic() - said_at > PROGRESS_EVERY_S:
                said_at = time.monotonic()
                say(f"{said_at - begun:5.0f} s  cycle {cycle}  acknowledged {sum(acks.count for acks in self.acks)}  commits {self.commits.count}")
        self.cycles_s = time.monotonic() - begun
        self._finish()

    def _create_topics(self):
        specs = {topic["name"]: {"partitions": topic["partitions"], "config": {"segment.bytes": SEGMENT}} for topic in TOPICS}
        create = [self.python, HERE.parent / "peers" / "topics.py", json.dumps(specs)]
        subprocess.run(create, check=True, env={**os.environ, "BOOTSTRAP": self.broker.bootstrap}, timeout=60)

    def _start_programs(self):
        environment = {"BOOTSTRAP": self.broker.bootstrap, "TOPICS": json.dumps(TOPICS), "RATE": self.options.rate, "GROUP": GROUP}
        for acks, (name, command) in zip(self.acks, self._producers().items()):
            self.programs.append(Program(name, command, {**environment, "NAME": name, "OUT": acks.path}, self.folder))
        out = {"OUT": self.folder / "commits.log"}
        self.programs.append(Program("committer", [self.python, HERE / "committer.py"], {**environment, **out}, self.folder))

    def _wait_for_load(self):
        deadline = time.monotonic() + 30
        while not (all(acks.count for acks in self.acks) and self.commits.count):
            self._look(0)
            if self.problems or time.monotonic() > deadline:
                idle = [acks.path.stem for acks in self.acks if not acks.count] + ([] if self.commits.count else ["committer"])
                raise RuntimeError(f"no load from {idle}: {[program.last_words() for program in self.programs]}")
            time.sleep(0.05)

    def _look(self, cycle):
        """What the programs were told so far; taken before a check, it must hold in the check."""
        for acks in self.acks:
            acks.update(self.acked_ends)
        self._problems(cycle, self.commits.update())
        for program in self.programs:
            if program.status() is not None:
                raise RuntimeError(f"cycle {cycle}: {program.name} ended with {program.status()}: {program.last_words()}")

    def _problems(self, cycle, texts):
        for text in texts:
            self.problems.append(f"cycle {cycle}: {text}")
            if len(self.problems) <= 20:
                say(f"VIOLATION: {self.problems[-1]}")

    def _check(self, cycle):
        self._look(cycle)
        acked_ends, acked_commits = dict(self.acked_ends), dict(self.commits.acknowledged)
        with Connection(self.broker.port) as connection:
            partitions = connection.partitions()
            absent = [place for place in PLACES if place not in partitions]
            offline = [place for place, (error, leader) in partitions.items() if error or leader < 0]
            committed = self._committed(cycle, connection)
            ends = connection.ends(PLACES)
        self.commits.update()
        failed = {place: error for place, (error, _) in ends.items() if error}
        short = [(place, end, acked_ends[place]) for place, (_, end) in ends.items() if end < acked_ends.get(place, 0)]
        ahead = [(place, offset) for place, offset in committed.items() if offset > ends[place][1]]
        back = [(place, offset, acked_commits[place]) for place, offset in committed.items() if offset < acked_commits.get(place, -1)]
        untold = [(place, offset) for place, offset in committed.items() if offset > self.commits.tried.get(place, -1)]
        self._problems(cycle, [f"{name}: {found}" for name, found in [
            ("partitions are absent", absent), ("partitions are offline", offline), ("partitions without end", failed),
            ("an end is below what was acknowledged (place, end, acknowledged)", short),
            ("an offset is committed beyond the end", ahead), ("a committed offset went back (place, now, acknowledged)", back),
            ("an offset is committed that nobody committed", untold)] if found])

    def _committed(self, cycle, connection):
        begun = time.monotonic()
        while True:
            error, committed = connection.committed(GROUP, PLACES)
            if error == 0:
                self.loaded_s.append(time.monotonic() - begun)
                return committed
            if error not in LOADING or time.monotonic() - begun > LOADED_LIMIT_S:
                self._problems(cycle, [f"committed offsets are refused with error {error}"])
                return {}
            time.sleep(0.005)

    def _finish(self):
        self._look(self.options.cycles)
        *producers, committer = self.programs
        self.problems += stop_all(producers, 90)
        for acks in self.acks:
            acks.update(self.acked_ends)
        self._wait_for_commits()
        self.problems += [
            f"{acks.path.stem} took part in {acks.cycles} of {self.options.cycles} cycles only"
            for acks in self.acks if acks.cycles < TOOK_PART * self.options.cycles]
        self.problems += stop_all([committer], 30)
        verify = [self.python, HERE / "verify.py", *[acks.path for acks in self.acks]]
        done = subprocess.run(verify, env={**os.environ, "BOOTSTRAP": self.broker.bootstrap}, stdout=subprocess.PIPE, text=True, timeout=900)
        say(done.stdout.rstrip())
        self.problems += [line for line in done.stdout.splitlines() if line.startswith("not ok")]
        if done.returncode and not self.problems:
            self.problems.append(f"verify.py ended with {done.returncode}")

    def _wait_for_commits(self):
        """Left alone, the consumer reads to the end and commits that."""
        deadline = time.monotonic() + CAUGHT_UP_LIMIT_S
        while behind := {place: end for place, end in self.acked_ends.items() if self.commits.acknowledged.get(place, 0) < end}:
            if time.monotonic() > deadline:
                self.problems.append(f"{CAUGHT_UP_LIMIT_S} s after the last start the consumer has not committed the ends {behind}")
                return
            time.sleep(0.1)
            self._problems(self.options.cycles, self.commits.update())

    def table(self):
        segments = len(list((self.folder / "data").glob("crash-*/*.log")))
        ready, loaded = sorted(self.ready_s), sorted(self.loaded_s)
        lines = [f"{acks.path.stem:<14}{acks.count:>10} acknowledged in {acks.cycles} cycles" for acks in self.acks]
        return "\n".join(lines + [
            f"{self.commits.count} offsets committed; {segments} segments in {len(PLACES)} partitions",
            f"{len(ready)} kills under load and {self.starts_killed} during a start in {self.cycles_s:.0f} s; ready after {1000 * statistics.median(ready):.0f} ms (median), "
            f"{1000 * ready[-1]:.0f} ms (longest); committed offsets there {1000 * statistics.median(loaded):.0f} ms later (median), "
            f"{1000 * loaded[-1]:.0f} ms (longest)",
        ])

    def end(self):
        for program in self.programs:
            program.end()
        self.broker.end()


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["barnabas", "kafka"], default="barnabas")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--rate", type=int, default=3000, help="events per second of each producer at most")
    parser.add_argument("--binary", type=pathlib.Path, default=barnabas.default_binary())
    parser.add_argument("--venv", type=pathlib.Path, default=APP / ".venvs" / "app")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the moments of the kills")
    parser.add_argument("--out", type=pathlib.Path, help="keep data and logs in this folder")
    return parser.parse_args()


def check_installed(chosen):
    need([
        (APP / "node" / "node_modules" / "kafkajs", f"npm install --prefix {APP / 'node'}"),
        (chosen.venv / "bin" / "python", f"python3 -m venv {chosen.venv} && {chosen.venv}/bin/pip install -r {APP}/requirements.txt -r {APP}/python/requirements.txt"),
    ])
    missing = kafka.Kafka.missing() if chosen.peer == "kafka" else barnabas.Barnabas.missing(chosen.binary)
    if shutil.which("node") is None:
        missing.append("node is missing: install Node.js, 20 or newer")
    if missing:
        raise Missing("\n".join(missing))


def new_broker(chosen, folder):
    settings = {"group.initial.rebalance.delay.ms": 0}
    if chosen.peer == "kafka":
        return kafka.Kafka(folder, settings)
    return barnabas.Barnabas(folder, settings, chosen.binary.resolve())


def perform(chosen, folder):
    run = Run(chosen, new_broker(chosen, folder), folder)
    try:
        run.perform()
        say(run.table())
    except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
        run.problems.append(str(problem))
    finally:
        run.end()
    for problem in run.problems:
        say(f"VIOLATION: {problem}")
    return run.problems


def main():
    chosen = options()
    return run_in_folder(
        "crash", chosen.out, lambda: check_installed(chosen), lambda folder: perform(chosen, folder),
        "nothing lost, doubled or reordered; every start succeeded",
    )


if __name__ == "__main__":
    sys.exit(main())
