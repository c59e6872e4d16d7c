"""Reads back every topic named in the ack logs and compares: each acknowledged event there exactly once, where it was
acknowledged, in order per key; and read by every consumer group. Prints one line per check; exits 1 if one failed."""
import argparse
import collections
import json
import os
import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

BOOTSTRAP = os.environ.get("BOOTSTRAP", "127.0.0.1:9092")
SHOWN = 5


class Report:
    def __init__(self):
        self.failed = False

    def check(self, name, problems, count=None):
        """`problems` lists what is wrong (or its first part, with `count` in all)."""
        count = len(problems) if count is None else count
        if count:
            self.failed = True
            print(f"not ok - {name}: {count}, such as {problems[:SHOWN]}", flush=True)
        else:
            print(f"ok - {name}", flush=True)


class Acks:
    """What one topic's producers were told: the place of each event, and the last event of each key."""

    def __init__(self):
        self.places = {}
        self.last_seq = {}
        self.doubled = []

    def add(self, entry):
        event = (entry["key"], entry["seq"])
        if event in self.places:
            self.doubled.append(event)
        self.places[event] = (entry["partition"], entry["offset"])
        self.last_seq[entry["key"]] = max(entry["seq"], self.last_seq.get(entry["key"], -1))

    def shared_places(self):
        """Places that two events were told."""
        counts = collections.Counter(self.places.values())
        return [place for place, count in counts.items() if count > 1]


class Log:
    """What one topic holds, collected while reading."""

    def __init__(self):
        self.places = {}
        self.doubled = []
        self.disordered = []
        self.gaps = []
        self._last_seq = {}
        self._next_offset = {}
        self.count = 0

    def add(self, partition, offset, key, seq):
        self.count += 1
        event = (key, seq)
        if event in self.places:
            self.doubled.append((event, self.places[event], (partition, offset)))
        elif seq <= self._last_seq.get(key, -1):
            self.disordered.append((event, (partition, offset)))
        self.places[event] = (partition, offset)
        self._last_seq[key] = max(seq, self._last_seq.get(key, -1))
        expected = self._next_offset.get(partition, offset)
        if offset != expected:
            self.gaps.append((partition, expected, offset))
        self._next_offset[partition] = offset + 1


def json_lines(paths):
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # a line cut off by a killed process was never told to anybody
                    yield json.loads(line)


def load_acks(paths):
    topics = collections.defaultdict(Acks)
    for entry in json_lines(paths):
        topics[entry["topic"]].add(entry)
    return topics


def load_reads(paths):
    """{topic: {group: Counter of (partition, offset)}}"""
    topics = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for entry in json_lines(paths):
        read = topics[entry["topic"]][entry["group"]]
        if "offset" in entry:  # the first line only says which group it is
            read[(entry["partition"], entry["offset"])] += 1
    return topics


def is_compacted(topic):
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    futures = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)])
    configs = next(iter(futures.values())).result(30)
    return "compact" in configs["cleanup.policy"].value


def read_topic(topic):
    """Reads all partitions up to the ends they have now."""
    consumer = Consumer({
        "bootstrap.servers": BOOTSTRAP, "group.id": "verify", "enable.auto.commit": False, "auto.offset.reset": "error",
        "enable.partition.eof": True, "check.crcs": True, "queued.max.messages.kbytes": 65536,
    })
    found = consumer.list_topics(topic, timeout=30).topics[topic]
    if found.error:
        raise KafkaException(found.error)
    partitions = sorted(found.partitions)
    consumer.assign([TopicPartition(topic, partition, -2) for partition in partitions])
    log, unfinished = Log(), set(partitions)
    while unfinished:
        for message in consumer.consume(10_000, 1.0):
            if not message.error():
                log.add(message.partition(), message.offset(), message.key().decode(), json.loads(message.value())["seq"])
            elif message.error().name() == "_PARTITION_EOF":
                unfinished.discard(message.partition())
            else:
                raise KafkaException(message.error())
    consumer.close()
    return log


def check_log(report, topic, acks, log, compacted):
    if compacted:
        missing = [(key, seq) for key, seq in acks.last_seq.items() if (key, seq) not in log.places]
        report.check(f"{topic}: the last acknowledged event of every key is there", missing)
    else:
        missing = [event for event in acks.places if event not in log.places]
        report.check(f"{topic}: every acknowledged event is there", missing)
        report.check(f"{topic}: offsets have no gaps", log.gaps)
    moved = [(event, place, log.places[event]) for event, place in acks.places.items() if log.places.get(event, place) != place]
    report.check(f"{topic}: every event is where it was acknowledged", moved)
    report.check(f"{topic}: no event is there twice", log.doubled)
    report.check(f"{topic}: events are in order per key", log.disordered)
    report.check(f"{topic}: no event was acknowledged twice", acks.doubled)
    report.check(f"{topic}: no place was acknowledged twice", acks.shared_places())


def check_reads(report, topic, group, acks, read):
    missing = [(event, place) for event, place in acks.places.items() if place not in read]
    report.check(f"{topic}: group {group} read every acknowledged event", missing)
    again = sum(read.values()) - len(read)
    print(f"# {topic}: group {group} read {len(read)} events, {again} of them again", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acks", nargs="+", required=True)
    parser.add_argument("--reads", nargs="*", default=[])
    arguments = parser.parse_args()
    report = Report()
    reads = load_reads(arguments.reads)
    for topic, acks in sorted(load_acks(arguments.acks).items()):
        compacted = is_compacted(topic)
        log = read_topic(topic)
        unacknowledged = sum(event not in acks.places for event in log.places)
        print(f"# {topic}: {len(acks.places)} acknowledged, {log.count} there, {unacknowledged} there without acknowledgement", flush=True)
        check_log(report, topic, acks, log, compacted)
        for group, read in sorted(reads[topic].items()):
            if not compacted:
                check_reads(report, topic, group, acks, read)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
