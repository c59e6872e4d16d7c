"""A member of a kafka-python consumer group that logs what it reads and commits what it logged."""
import json
import os
import signal
import time

from kafka import KafkaConsumer, errors

from common import BOOTSTRAP, RECONNECT, TOPIC, LineLog, complain, patiently

GROUP = os.environ.get("GROUP", f"{TOPIC}-readers")
MEMBER = os.environ.get("MEMBER", str(os.getpid()))
IDLE_S = float(os.environ.get("IDLE_S", "0"))
COMMIT_EVERY_S = 1.0
# kafka-python 3.0 forgets an assignment that arrives at the moment when poll() gives up, and then neither joins again nor
# sends heartbeats. A member without partitions for so long starts anew.
WITHOUT_PARTITIONS_AT_MOST_S = 15.0


def new_consumer():
    consumer = KafkaConsumer(
        bootstrap_servers=BOOTSTRAP, group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=5000,
        session_timeout_ms=10_000, heartbeat_interval_ms=1000, request_timeout_ms=11_000, **RECONNECT,
    )
    consumer.subscribe([TOPIC])
    return consumer


def line(record):
    return {
        "topic": record.topic, "key": record.key.decode(), "seq": json.loads(record.value)["seq"], "partition": record.partition,
        "offset": record.offset, "group": GROUP, "member": MEMBER,
    }


class Reader:
    def __init__(self, log):
        self._log = log
        self._consumer = patiently(new_consumer)
        self._last_record_at = time.monotonic()
        self._last_commit_at = time.monotonic()
        self._assigned_at = time.monotonic()
        self.stopping = False

    def run(self):
        while not self.stopping and not (IDLE_S and time.monotonic() - self._last_record_at > IDLE_S):
            try:
                self._read()
                if time.monotonic() - self._last_commit_at > COMMIT_EVERY_S:
                    self._commit()
                self._start_anew_without_partitions()
            except errors.KafkaError as error:
                complain(f"again after: {error!r}")
                time.sleep(0.2)

    def _start_anew_without_partitions(self):
        if self._consumer.assignment():
            self._assigned_at = time.monotonic()
        elif time.monotonic() - self._assigned_at > WITHOUT_PARTITIONS_AT_MOST_S:
            complain("no partitions: starting anew")
            self._consumer.close(timeout_ms=1000)
            self._consumer = patiently(new_consumer)
            self._assigned_at = time.monotonic()

    def _read(self):
        for records in self._consumer.poll(1000).values():
            self._log.write(*map(line, records))
            self._last_record_at = time.monotonic()

    def _commit(self):
        self._log.flush()
        self._last_commit_at = time.monotonic()
        self._consumer.commit(timeout_ms=10_000)

    def close(self):
        try:
            self._commit()
            self._consumer.close(timeout_ms=5000)
        except errors.KafkaError as error:
            complain(f"at the end: {error!r}")


def main():
    log = LineLog(os.environ.get("OUT", f"reads-{TOPIC}.jsonl"))
    log.write({"topic": TOPIC, "group": GROUP, "member": MEMBER})
    reader = Reader(log)

    def stop(*_):
        reader.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    reader.run()
    reader.close()
    log.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
