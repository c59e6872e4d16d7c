"""What the kafka-python producer and consumer share: settings, topics, the log of JSON lines."""
import json
import os
import sys
import threading
import time

from kafka import KafkaAdminClient, errors

BOOTSTRAP = os.environ.get("BOOTSTRAP", "127.0.0.1:9092")
TOPIC = os.environ.get("TOPIC", "transactions-stream")
TOPICS = {
    "transactions-stream": {"num_partitions": 3, "replication_factor": 1},
    "customer-updates": {"num_partitions": 3, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}},
}
FOR_EVER_MS = 2**31 - 1
RECONNECT = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 500, "retry_backoff_ms": 100}


def complain(text):
    print(text, file=sys.stderr, flush=True)


def patiently(action):
    """Runs `action` until it succeeds; only an error that the client calls final ends it."""
    while True:
        try:
            return action()
        except errors.KafkaError as error:
            if isinstance(error, errors.BrokerResponseError) and not isinstance(error, errors.RetriableError):
                raise
            complain(f"again after: {error!r}")
            time.sleep(0.2)


def create_topic():
    def create():
        admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
        try:
            admin.create_topics({TOPIC: TOPICS.get(TOPIC, TOPICS["transactions-stream"])})
            admin.wait_for_topics([TOPIC])
        except errors.TopicAlreadyExistsError:
            pass
        finally:
            admin.close()

    patiently(create)


class LineLog:
    """Appends JSON lines; safe to call from several threads."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, *lines):
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        with self._lock:
            self._file.write(text)

    def flush(self):
        with self._lock:
            self._file.flush()
