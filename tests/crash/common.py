"""What the Python producers share: where to send, what an event is, the log of acknowledgements."""
import json
import os
import signal
import threading

BOOTSTRAP = os.environ["BOOTSTRAP"]
NAME = os.environ["NAME"]
# [{"name", "partitions", "compression"}]
TOPICS = json.loads(os.environ["TOPICS"])
RATE = float(os.environ.get("RATE", "3000"))
UNACKNOWLEDGED_AT_MOST = 2000
PAD = 400

stopping = threading.Event()


def stop_on_signals():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def event(number):
    pad = (f"{number * 2654435761 % 2**32:08x}" * (PAD // 8))[:PAD]
    return json.dumps({"p": NAME, "n": number, "pad": pad}).encode()


def places():
    """All places in turn, for ever: topic, partition, and how many events went there before."""
    every = [(topic, partition) for topic in TOPICS for partition in range(topic["partitions"])]
    number = 0
    while True:
        for topic, partition in every:
            yield topic, partition, number
        number += 1


class AckLog:
    """A line `topic partition number offset` for each acknowledged event, written through at once."""

    def __init__(self):
        self._file = open(os.environ["OUT"], "a", encoding="ascii", buffering=1)
        self._lock = threading.Lock()
        self._room = threading.Semaphore(UNACKNOWLEDGED_AT_MOST)
        self.refusal = None

    def wait_for_room(self):
        """False if there is none for now."""
        return self._room.acquire(timeout=0.05)

    def acknowledged(self, topic, partition, number, offset):
        with self._lock:
            self._file.write(f"{topic} {partition} {number} {offset}\n")
        self._room.release()

    def refused(self, topic, partition, number, error):
        self.refusal = f"{topic} {partition} {number} refused: {error}"
        self._room.release()
