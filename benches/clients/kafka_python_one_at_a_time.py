"""Sends one message and waits for its acknowledgement, again and again, with kafka-python as it is by default.
Says "ready" after a warm-up, waits for a line, sends, and reports latencies as JSON.

python kafka_python_one_at_a_time.py BOOTSTRAP TOPIC SIZE SECONDS
"""
import json
import math
import sys
import time

from kafka import KafkaProducer

WARM_UP_MESSAGES = 100
LIMIT_SECONDS = 30


def percentile(values, share):
    return values[max(0, math.ceil(len(values) * share) - 1)]


def main():
    bootstrap, topic, size, seconds = sys.argv[1:]
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    value = b"v" * int(size)
    for _ in range(WARM_UP_MESSAGES):
        producer.send(topic, value).get(LIMIT_SECONDS)
    print("ready", flush=True)
    sys.stdin.readline()
    latencies = []
    started = sent = time.monotonic()
    while sent < started + float(seconds):
        producer.send(topic, value).get(LIMIT_SECONDS)
        now = time.monotonic()
        latencies.append((now - sent) * 1000)
        sent = now
    elapsed = time.monotonic() - started
    latencies.sort()
    result = {
        "count": len(latencies),
        "seconds": elapsed,
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
    }
    print(json.dumps(result), flush=True)
    producer.close()


main()
