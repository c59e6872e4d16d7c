"""An idempotent confluent-kafka producer that sends until SIGTERM; one client per compression."""
import sys
import time

from confluent_kafka import Producer

from common import BOOTSTRAP, RATE, TOPICS, AckLog, event, places, stop_on_signals, stopping

FLUSH_S = 60


def new_producer(compression):
    return Producer({
        "bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "acks": "all", "compression.type": compression, "linger.ms": 5,
        "message.timeout.ms": 0, "retries": 2**31 - 1, "retry.backoff.ms": 20, "retry.backoff.max.ms": 100, "request.timeout.ms": 5000,
        "socket.timeout.ms": 10000, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50,
        "topic.metadata.propagation.max.ms": 600_000, "log_level": 3,
        # By its default librdkafka forgets the broker at each failed connection and takes a second or more to ask for it again.
        "metadata.recovery.strategy": "none",
    })


def send_all(producers, log):
    begun = time.monotonic()
    for sent, (topic, partition, number) in enumerate(places()):
        while not log.wait_for_room():
            if stopping.is_set():
                return
            poll(producers)
        if stopping.is_set() or log.refusal:
            return

        def delivered(error, message, topic=topic["name"], partition=partition, number=number):
            if error:
                log.refused(topic, partition, number, error)
            else:
                log.acknowledged(topic, partition, number, message.offset())

        producers[topic["compression"]].produce(topic["name"], event(number), partition=partition, on_delivery=delivered)
        if sent % 20 == 0:
            poll(producers)
            time.sleep(max(0.0, min(0.1, begun + sent / RATE - time.monotonic())))


def poll(producers):
    for producer in producers.values():
        producer.poll(0)


def main():
    stop_on_signals()
    log = AckLog()
    producers = {topic["compression"]: new_producer(topic["compression"]) for topic in TOPICS}
    send_all(producers, log)
    left = sum(producer.flush(FLUSH_S) for producer in producers.values())
    if log.refusal or left:
        print(log.refusal or f"{left} events are still unacknowledged", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
