"""The kafka-python clients of this suite, and one spelling for what 2.0 and 3.x name differently."""
import logging

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

from checks import BOOTSTRAP, TRACE, Background, allowing_lag, eventually, unique

logging.basicConfig(level=logging.WARNING if TRACE else logging.CRITICAL + 1)

NEW = int(kafka.__version__.split(".")[0]) >= 3
_shared = {}


def connect():
    admin(), producer()


def admin():
    if "admin" not in _shared:
        _shared["admin"] = KafkaAdminClient(bootstrap_servers=BOOTSTRAP, request_timeout_ms=10_000)
    return _shared["admin"]


def producer():
    if "producer" not in _shared:
        _shared["producer"] = new_producer()
    return _shared["producer"]


def new_producer(**settings):
    settings = {"max_block_ms": 10_000, "acks": "all", "request_timeout_ms": 10_000, **settings}
    return KafkaProducer(bootstrap_servers=BOOTSTRAP, **settings)


def new_consumer(**settings):
    settings = {
        "auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 100,
        "session_timeout_ms": 10_000, "heartbeat_interval_ms": 200, "request_timeout_ms": 11_000, **settings,
    }
    return KafkaConsumer(bootstrap_servers=BOOTSTRAP, **settings)


def lagging(action):
    transient = (errors.UnknownTopicOrPartitionError, errors.NotLeaderForPartitionError)
    return allowing_lag(lambda error: isinstance(error, transient), action)


# -- topics ---------------------------------------------------------------------------------------------------------

def create_topic(name, partitions=1, replicas=1, configs=None, assignments=None, **options):
    if assignments:
        partitions = replicas = -1
    if NEW:
        settings = {"num_partitions": partitions, "replication_factor": replicas, "configs": configs or {}, "assignments": assignments or {}}
        return admin().create_topics({name: settings}, **options)
    return admin().create_topics([NewTopic(name, partitions, replicas, assignments, configs)], **options)


def described(topic):
    return admin().describe_topics([topic])[0]


def partition_count(topic):
    return len(described(topic)["partitions"])


def new_topic(**settings):
    """Creates a topic and returns its name once it can be used."""
    name = unique("kafka-python")
    create_topic(name, **settings)

    def ready():
        found = described(name)
        error = errors.for_code(found["error_code"])
        if error is not errors.NoError:
            raise error(name)

    lagging(ready)
    return name


def create_partitions(topic, count):
    return admin().create_partitions({topic: count if NEW else NewPartitions(count)})


# -- configs --------------------------------------------------------------------------------------------------------

def configs_of(kind, name):
    """Every config of a resource as {name: value}; raises what the broker answers."""
    resource = ConfigResource(ConfigResourceType[kind], name)
    if NEW:
        found = admin().describe_configs([resource], config_filter="all")
        return {key: entry["value"] for key, entry in found[kind.lower()][name].items()}
    code, message, _, _, entries = admin().describe_configs([resource])[0].resources[0]
    if code:
        raise errors.for_code(code)(message)
    return {entry[0]: entry[1] for entry in entries}


def alter_configs(topic, configs, **options):
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs)
    if NEW:
        return admin().alter_configs([resource], raise_on_unknown=False, **options)["topic"][topic]
    code, message, _, _ = admin().alter_configs([resource]).resources[0]
    return f"{errors.for_code(code).__name__}: {message}" if code else "OK"


# -- groups ---------------------------------------------------------------------------------------------------------

def group_names():
    listed = admin().list_groups() if NEW else admin().list_consumer_groups()
    return {group["group_id"] if NEW else group[0] for group in listed}


def describe_group(group):
    """(state, protocol type, protocol, number of members)"""
    if NEW:
        found = admin().describe_groups([group])[group]
        return found["group_state"], found["protocol_type"], found["protocol_data"], len(found["members"])
    found = admin().describe_consumer_groups([group])[0]
    return found.state, found.protocol_type, found.protocol, len(found.members)


def delete_group(group):
    """The name of the error, `OK` for none."""
    if NEW:
        return admin().delete_groups([group])[group]
    error = dict(admin().delete_consumer_groups([group]))[group]
    return "OK" if error is errors.NoError else error.__name__


def group_offsets(group):
    return admin().list_group_offsets({group: None})[group] if NEW else admin().list_consumer_group_offsets(group)


def offset_and_metadata(offset, metadata=""):
    return OffsetAndMetadata(offset, metadata, -1) if "leader_epoch" in OffsetAndMetadata._fields else OffsetAndMetadata(offset, metadata)


# -- records --------------------------------------------------------------------------------------------------------

def send(topic, value, sender=None, **settings):
    """Sends one record and waits for its metadata."""
    return lagging(lambda: (sender or producer()).send(topic, value, **settings).get(10))


def send_numbered(topic, count, partition=0, first=0, stamped=False, sender=None):
    """Sends the values `first`, `first + 1`, ... to one partition, the i-th at time 1000 * (i + 1) if `stamped`."""
    sender = sender or producer()

    def at(i):
        return {"timestamp_ms": 1000 * (i + 1)} if stamped else {}

    metadata = [send(topic, b"%d" % first, sender, partition=partition, **at(0))] if count else []
    futures = [sender.send(topic, b"%d" % (first + i), partition=partition, **at(i)) for i in range(1, count)]
    sender.flush(10)
    return metadata + [future.get(10) for future in futures]


class Member:
    """A consumer on a thread of its own; `records` grows as they arrive."""

    def __init__(self, group, *topics, pattern=None, **settings):
        self.records = []
        self.assigned = set()
        self.consumer = new_consumer(group_id=group, **settings)
        self.consumer.subscribe(topics=list(topics) or (), pattern=pattern)
        self._background = Background(self._poll)
        self.call = self._background.call

    def _poll(self):
        for records in self.consumer.poll(50).values():
            self.records += records
        self.assigned = set(self.consumer.assignment())

    def joined(self, partitions):
        eventually(f"{partitions} partitions assigned", lambda: len(self.assigned) == partitions)
        return self

    def read(self, count, timeout_s=10.0):
        eventually(f"{count} records", lambda: len(self.records) >= count, timeout_s)
        return self.records

    def values(self):
        return sorted(int(record.value) for record in list(self.records))

    def stop(self):
        self._background.stop()
        self.consumer.close()


def read_all(topic, count, timeout_s=10.0, **settings):
    """Reads `count` records of a topic from the beginning, without a group, partition by partition."""
    consumer = new_consumer(**settings)
    try:
        partitions = lagging(lambda: consumer.partitions_for_topic(topic)) or {0}
        consumer.assign([TopicPartition(topic, partition) for partition in sorted(partitions)])
        found = []

        def poll():
            for records in consumer.poll(100).values():
                found.extend(records)
            return len(found) >= count

        eventually(f"{count} records of {topic}", poll, timeout_s)
        return found
    finally:
        consumer.close()
