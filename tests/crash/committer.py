"""A consumer that reads all topics and commits as it goes. Logs what it is about to commit (`try`) and what was acknowledged
(`ok`), one line `try|ok topic partition offset` per partition, and any record that was left out (`gap`)."""
import json
import os
import signal
import sys
import threading

from confluent_kafka import Consumer, KafkaException, TopicPartition

TOPICS = json.loads(os.environ["TOPICS"])
stopping = threading.Event()


def new_consumer(assigned):
    consumer = Consumer({
        "bootstrap.servers": os.environ["BOOTSTRAP"], "group.id": os.environ["GROUP"], "enable.auto.commit": False, "auto.offset.reset": "earliest",
        "session.timeout.ms": 20000, "heartbeat.interval.ms": 500, "socket.timeout.ms": 3000, "reconnect.backoff.ms": 10,
        "reconnect.backoff.max.ms": 50, "retry.backoff.ms": 20, "retry.backoff.max.ms": 100, "fetch.error.backoff.ms": 20,
        "fetch.wait.max.ms": 50, "topic.metadata.refresh.interval.ms": 2000, "log_level": 3,
        # By its default librdkafka forgets the broker at each failed connection and takes a second or more to ask for it again.
        "metadata.recovery.strategy": "none",
    })
    consumer.subscribe([topic["name"] for topic in TOPICS], on_assign=assigned)
    return consumer


class Committer:
    def __init__(self, out):
        self._out = out
        self._next = {}
        self._dirty = set()
        self._consumer = new_consumer(lambda *_: self._next.clear())

    def _say(self, word, places):
        self._out.write("".join(f"{word} {topic} {partition} {offset}\n" for topic, partition, offset in places))
        self._out.flush()

    def _take(self, messages):
        for message in messages:
            if message.error():
                continue
            place, offset = (message.topic(), message.partition()), message.offset()
            if offset > self._next.get(place, offset):
                self._say("gap", [(*place, self._next[place])])
            self._next[place] = offset + 1
            self._dirty.add(place)

    def _commit(self):
        wanted = [TopicPartition(*place, self._next[place]) for place in self._dirty if place in self._next]
        self._dirty.clear()
        if not wanted:
            return
        self._say("try", [(each.topic, each.partition, each.offset) for each in wanted])
        try:
            done = self._consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            print(f"not committed: {error}", file=sys.stderr)
            return
        self._say("ok", [(each.topic, each.partition, each.offset) for each in done if not each.error])

    def run(self):
        while not stopping.is_set():
            self._take(self._consumer.consume(1000, 0.05))
            self._commit()
        self._consumer.close()


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with open(os.environ["OUT"], "a", encoding="ascii") as out:
        Committer(out).run()


if __name__ == "__main__":
    main()
