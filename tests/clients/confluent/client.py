"""The confluent-kafka (librdkafka) clients of this suite and the shapes its checks share."""
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from checks import BOOTSTRAP, TRACE, Background, allowing_lag, eventually, unique

_shared = {}
TIMEOUT_S = 10


def _quiet(settings):
    base = {"bootstrap.servers": BOOTSTRAP, "client.id": "acceptance-confluent", "error_cb": lambda error: None}
    return {**base, **({} if TRACE else {"log_level": 0}), **settings}


def connect():
    admin().list_topics(timeout=TIMEOUT_S)


def admin():
    if "admin" not in _shared:
        _shared["admin"] = AdminClient(_quiet({}))
    return _shared["admin"]


def producer():
    if "producer" not in _shared:
        _shared["producer"] = new_producer()
    return _shared["producer"]


def new_producer(**settings):
    dotted = {key.replace("_", "."): value for key, value in settings.items()}
    return Producer(_quiet({"linger.ms": 2, "message.timeout.ms": 10_000, "topic.metadata.refresh.fast.interval.ms": 50, **dotted}))


def new_consumer(**settings):
    dotted = {key.replace("_", "."): value for key, value in settings.items()}
    base = {
        "group.id": unique("unused"), "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 100,
        "session.timeout.ms": 10_000, "heartbeat.interval.ms": 200, "enable.partition.eof": False,
        "topic.metadata.refresh.fast.interval.ms": 50,
    }
    if dotted.get("group.protocol") == "consumer":
        del base["session.timeout.ms"], base["heartbeat.interval.ms"]
    return Consumer(_quiet({**base, **dotted}))


def code_of(error):
    """The KafkaError's code behind what was raised."""
    return error.args[0].code() if isinstance(error, KafkaException) else error.code()


def result(futures, key=None):
    """The answer to the one entry of an admin call (or to `key`)."""
    future = futures[key] if key is not None else next(iter(futures.values()))
    return future.result(TIMEOUT_S)


LAG = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def lagging(action):
    return allowing_lag(lambda error: isinstance(error, KafkaException) and code_of(error) in LAG, action)


def create_topic(name, partitions=1, replicas=1, configs=None, assignment=None, **options):
    settings = {"replica_assignment": assignment} if assignment else {"replication_factor": replicas}
    return result(admin().create_topics([NewTopic(name, partitions, config=configs or {}, **settings)], **options))


def partitions_of(topic):
    found = admin().list_topics(topic, timeout=TIMEOUT_S).topics[topic]
    if found.error:
        raise KafkaException(found.error)
    return found.partitions


def new_topic(**settings):
    """Creates a topic and returns its name once it can be used."""
    name = unique("confluent")
    create_topic(name, **settings)
    lagging(lambda: partitions_of(name))
    return name


def controller():
    return result({"cluster": admin().describe_cluster()}).controller.id


def configs_of(kind, name):
    return result(admin().describe_configs([ConfigResource(ResourceType[kind], name)]))


def send_numbered(topic, count, partition=0, first=0, stamped=False, sender=None):
    """Sends the values `first`, `first + 1`, ... to one partition; returns their messages as acknowledged."""
    values = [b"%d" % (first + i) for i in range(count)]
    times = [1000 * (i + 1) if stamped else 0 for i in range(count)]
    return send_all(topic, [{"value": value, "partition": partition, "timestamp": at} for value, at in zip(values, times)], sender)


def send_all(topic, records, sender=None):
    """Sends records and waits; raises the first delivery error."""
    sender = sender or producer()
    delivered, failed = [], []

    def on_delivery(error, message):
        failed.append(error) if error else delivered.append(message)

    for record in records:
        sender.produce(topic, on_delivery=on_delivery, **record)
    eventually("delivery", lambda: sender.poll(0.02) is not None and len(delivered) + len(failed) == len(records))
    if failed:
        raise KafkaException(failed[0])
    return delivered


def send(topic, value, sender=None, **settings):
    return send_all(topic, [{"value": value, **settings}], sender)[0]


def poll_messages(consumer, count, timeout_s=TIMEOUT_S):
    found = []

    def poll():
        for message in consumer.consume(5000, 0.02):
            if message.error():
                raise KafkaException(message.error())
            found.append(message)
        return len(found) >= count

    eventually(f"{count} records", poll, timeout_s)
    return found


def assigned_consumer(topic, partitions=1, offset=None, **settings):
    consumer = new_consumer(**settings)
    start = {} if offset is None else {"offset": offset}
    consumer.assign([TopicPartition(topic, partition, **start) for partition in range(partitions)])
    return consumer


def read_all(topic, count, **settings):
    """Reads `count` records of a topic from the beginning, without joining a group."""
    consumer = assigned_consumer(topic, len(lagging(lambda: partitions_of(topic))), offset=-2, check_crcs=True, **settings)
    try:
        return poll_messages(consumer, count)
    finally:
        consumer.close()


def numbers(messages):
    return [int(message.value()) for message in messages]


class Member:
    """A group member on a thread of its own; `messages` grows as they arrive."""

    def __init__(self, group, *topics, **settings):
        self.messages = []
        self.errors = []
        self.assigned = set()
        self.assignments = 0
        self.consumer = new_consumer(group_id=group, **settings)
        self.consumer.subscribe(list(topics), on_assign=self._count)
        self._background = Background(self._poll)
        self.call = self._background.call

    def _count(self, _consumer, _partitions):
        self.assignments += 1

    def _poll(self):
        for message in self.consumer.consume(5000, 0.02):
            (self.errors if message.error() else self.messages).append(message)
        self.assigned = {(part.topic, part.partition) for part in self.consumer.assignment()}

    def joined(self, partitions):
        eventually(f"{partitions} partitions assigned", lambda: len(self.assigned) == partitions)
        return self

    def read(self, count):
        eventually(f"{count} records", lambda: len(self.messages) >= count)
        return list(self.messages)

    def stop(self):
        self._background.stop()
        self.consumer.close()
