"""Reads all topics and compares with the logs of acknowledgements: of each producer and partition the events 0, 1, 2, ... in
this order, each once, none acknowledged missing, each at its offset. Prints a line per check and the figures; exits 1 if one failed."""
import argparse
import collections
import json
import os
import pathlib
import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition

SHOWN = 3


def read_topic(topic):
    """Records as (producer, partition, number, offset), partition by partition in order, up to the ends of now."""
    consumer = Consumer({
        "bootstrap.servers": os.environ["BOOTSTRAP"], "group.id": "verify", "enable.auto.commit": False, "auto.offset.reset": "error",
        "enable.partition.eof": True, "check.crcs": True, "queued.max.messages.kbytes": 65536,
    })
    unfinished = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, -2) for partition in unfinished])
    while unfinished:
        for message in consumer.consume(10_000, 1.0):
            if not message.error():
                value = json.loads(message.value())
                yield value["p"], message.partition(), value["n"], message.offset()
            elif message.error().name() == "_PARTITION_EOF":
                unfinished.discard(message.partition())
            else:
                raise KafkaException(message.error())
    consumer.close()


def load_acks(paths):
    """{topic: {(producer, partition): {number: offset}}}; the name of a file is that of its producer."""
    acks = collections.defaultdict(lambda: collections.defaultdict(dict))
    for path in paths:
        for line in path.read_text(encoding="ascii").splitlines():
            topic, partition, number, offset = line.split()
            acks[topic][path.stem, int(partition)][int(number)] = int(offset)
    return acks


class Comparison:
    def __init__(self):
        self.lost, self.doubled, self.reordered, self.moved, self.gaps = [], [], [], [], []
        self.there = self.acknowledged = 0

    def topic(self, topic, acks):
        expected = collections.defaultdict(int)
        last = {}
        seen = collections.defaultdict(set)
        for producer, partition, number, offset in read_topic(topic):
            place, where = (producer, partition), (topic, partition, offset, producer, number)
            self.there += 1
            if offset != last.get(partition, -1) + 1:
                self.gaps.append(where)
            last[partition] = offset
            if number in seen[place]:
                self.doubled.append(where)
                continue
            if number != expected[place]:
                self.reordered.append(where)
            if acks[place].get(number, offset) != offset:
                self.moved.append(where)
            seen[place].add(number)
            expected[place] = number + 1
        for place, numbers in acks.items():
            self.acknowledged += len(numbers)
            self.lost += [(topic, *place, number, offset) for number, offset in numbers.items() if number not in seen[place]]

    def report(self):
        checks = [
            ("every acknowledged event is there", self.lost), ("no event is there twice", self.doubled),
            ("the events of a producer are in order in each partition", self.reordered),
            ("every event is where it was acknowledged", self.moved), ("offsets have no gaps", self.gaps),
        ]
        for name, problems in checks:
            print(f"not ok - {name}: {len(problems)}, such as {problems[:SHOWN]}" if problems else f"ok - {name}")
        print(f"# {self.acknowledged} acknowledged, {self.there} there", flush=True)
        return any(problems for _, problems in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("acks", nargs="+", type=pathlib.Path)
    comparison = Comparison()
    for topic, acks in sorted(load_acks(parser.parse_args().acks).items()):
        comparison.topic(topic, acks)
    return 1 if comparison.report() else 0


if __name__ == "__main__":
    sys.exit(main())
