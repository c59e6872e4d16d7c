"""The aiokafka clients of this suite, the loop its checks run on, and the shapes they share."""
import asyncio
import functools
import logging
import threading
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from checks import BOOTSTRAP, LAG_S, PEER_IS_KAFKA, TRACE, unique

logging.basicConfig(level=logging.WARNING if TRACE else logging.CRITICAL + 1)

_loop = asyncio.new_event_loop()
_shared = {}


def start_loop():
    threading.Thread(target=_loop.run_forever, daemon=True).start()


def on_loop(check):
    """The coroutine function as a plain one that the runner can call."""
    @functools.wraps(check)
    def run():
        return asyncio.run_coroutine_threadsafe(check(), _loop).result()
    return run


async def connect():
    _shared["admin"] = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP, client_id="acceptance-aiokafka")
    await admin().start()
    _shared["producer"] = await new_producer()


def admin():
    return _shared["admin"]


def producer():
    return _shared["producer"]


async def new_producer(**settings):
    created = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, **{"acks": "all", "request_timeout_ms": 10_000, **settings})
    await created.start()
    return created


async def new_consumer(*topics, **settings):
    base = {
        "auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 100, "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 200, "request_timeout_ms": 11_000, "metadata_max_age_ms": 60_000,
    }
    created = AIOKafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, **{**base, **settings})
    await created.start()
    return created


async def eventually(what, probe, timeout_s=10.0):
    """Polls until `probe` answers (or its coroutine yields) something truthy, which is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        answer = await answer if asyncio.iscoroutine(answer) else answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for: {what}")
        await asyncio.sleep(0.01)


async def failure(action):
    """The exception that the awaitable must end with."""
    try:
        answer = await action
    except Exception as error:
        return error
    raise AssertionError(f"answered {answer!r}, but an error was due")


async def lagging(action):
    """As `checks.allowing_lag`, for coroutine functions."""
    deadline = time.monotonic() + LAG_S
    while True:
        try:
            return await action()
        except (errors.UnknownTopicOrPartitionError, errors.NotLeaderForPartitionError):
            if not PEER_IS_KAFKA or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def create_topic(name, partitions=1, replicas=1, configs=None, assignments=None, **options):
    """Raises the broker's error."""
    if assignments:
        partitions = replicas = -1
    answer = await admin().create_topics([NewTopic(name, partitions, replicas, assignments, configs or {})], **options)
    code = answer.topic_errors[0][1]
    if code:
        raise errors.for_code(code)(answer.topic_errors[0][2])


async def described(topic):
    found = (await admin().describe_topics([topic]))[0]
    if found["error_code"]:
        raise errors.for_code(found["error_code"])(topic)
    return found


async def new_topic(**settings):
    """Creates a topic and returns its name once it can be used."""
    name = unique("aiokafka")
    await create_topic(name, **settings)
    await lagging(lambda: described(name))
    return name


async def create_partitions(topic, count):
    answer = await admin().create_partitions({topic: NewPartitions(count)})
    code = answer.topic_errors[0][1]
    if code:
        raise errors.for_code(code)(topic)


async def configs_of(kind, name):
    answer = (await admin().describe_configs([ConfigResource(ConfigResourceType[kind], name)]))[0]
    code, message, _, _, entries = answer.resources[0]
    if code:
        raise errors.for_code(code)(message)
    return {entry[0]: entry[1] for entry in entries}


async def alter_configs(topic, configs):
    answer = (await admin().alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)]))[0]
    code, message = answer.resources[0][:2]
    if code:
        raise errors.for_code(code)(message)


async def send(topic, value, sender=None, **settings):
    return await lagging(lambda: (sender or producer()).send_and_wait(topic, value, **settings))


async def send_numbered(topic, count, partition=0, first=0, stamped=False, sender=None):
    """Sends the values `first`, `first + 1`, ... to one partition, the i-th at time 1000 * (i + 1) if `stamped`."""
    sender = sender or producer()
    await lagging(lambda: sender.partitions_for(topic))
    futures = []
    for i in range(count):
        at = {"timestamp_ms": 1000 * (i + 1)} if stamped else {}
        futures.append(await sender.send(topic, b"%d" % (first + i), partition=partition, **at))
    return [await future for future in futures]


async def poll_records(consumer, count, timeout_s=10.0):
    found = []

    async def poll():
        for records in (await consumer.getmany(timeout_ms=100)).values():
            found.extend(records)
        return len(found) >= count

    await eventually(f"{count} records", poll, timeout_s)
    return found


async def assigned_consumer(topic, partitions=1, **settings):
    consumer = await new_consumer(**settings)
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    return consumer


async def read_all(topic, count, **settings):
    """Reads `count` records of a topic from the beginning, without a group."""
    consumer = await assigned_consumer(topic, len((await lagging(lambda: described(topic)))["partitions"]), **settings)
    try:
        return await poll_records(consumer, count)
    finally:
        await consumer.stop()


def numbers(records):
    return [int(record.value) for record in records]


class Member:
    """A consumer with a task of its own; `records` grows as they arrive."""

    @classmethod
    async def join(cls, group, *topics, partitions=None, **settings):
        member = cls()
        member.records = []
        member.consumer = await new_consumer(*topics, group_id=group, **settings)
        member._task = asyncio.ensure_future(member._poll())
        if partitions is not None:
            await member.holds(partitions)
        return member

    async def _poll(self):
        while True:
            for records in (await self.consumer.getmany(timeout_ms=50)).values():
                self.records += records

    async def holds(self, partitions):
        await eventually(f"{partitions} partitions assigned", lambda: len(self.consumer.assignment()) == partitions)

    async def read(self, count):
        await eventually(f"{count} records", lambda: len(self.records) >= count)

    async def stop(self):
        self._task.cancel()
        await self.consumer.stop()
