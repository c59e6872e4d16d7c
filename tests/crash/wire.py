"""The few requests that the crash test asks by itself, quicker than a client library connects again."""
import socket
import struct

METADATA, LIST_OFFSETS, OFFSET_FETCH = (3, 1), (2, 1), (9, 2)
LATEST = -1
LOADING = {14, 15, 16}  # the coordinator is loading, not there yet, or elsewhere: ask again


class Reader:
    def __init__(self, data):
        self._data, self._at = data, 0

    def _take(self, layout, size):
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += size
        return value

    def int8(self):
        return self._take(">b", 1)

    def int16(self):
        return self._take(">h", 2)

    def int32(self):
        return self._take(">i", 4)

    def int64(self):
        return self._take(">q", 8)

    def string(self):
        size = self.int16()
        if size < 0:
            return None
        self._at += size
        return self._data[self._at - size : self._at].decode()

    def list(self, item):
        return [item() for _ in range(self.int32())]


def string(text):
    return struct.pack(">h", len(text)) + text.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Connection:
    def __init__(self, port, timeout_s=20):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _ask(self, api, body):
        self._count += 1
        request = struct.pack(">hhi", *api, self._count) + string("crash-test") + body
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._read(4))
        answer = Reader(self._read(size))
        if answer.int32() != self._count:
            raise ValueError("an answer to another request")
        return answer

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    def partitions(self):
        """{(topic, partition): (error, leader)} of all topics."""
        answer = self._ask(METADATA, struct.pack(">i", -1))
        answer.list(lambda: (answer.int32(), answer.string(), answer.int32(), answer.string()))
        answer.int32()
        found = {}

        def topic():
            error, name, _ = answer.int16(), answer.string(), answer.int8()
            for partition_error, index, leader, _, _ in answer.list(partition):
                found[name, index] = (error or partition_error, leader)

        def partition():
            return answer.int16(), answer.int32(), answer.int32(), answer.list(answer.int32), answer.list(answer.int32)

        answer.list(topic)
        return found

    def ends(self, partitions):
        """{(topic, partition): (error, offset)}: the end of each as consumers see it."""
        body = struct.pack(">i", -1) + by_topic(partitions, lambda index: struct.pack(">iq", index, LATEST))
        answer = self._ask(LIST_OFFSETS, body)
        found = {}

        def topic():
            name = answer.string()
            for index, error, _, offset in answer.list(lambda: (answer.int32(), answer.int16(), answer.int64(), answer.int64())):
                found[name, index] = (error, offset)

        answer.list(topic)
        return found

    def committed(self, group, partitions):
        """An error, and {(topic, partition): offset}."""
        answer = self._ask(OFFSET_FETCH, string(group) + by_topic(partitions, lambda index: struct.pack(">i", index)))
        found, errors = {}, []

        def topic():
            name = answer.string()
            for index, offset, _, error in answer.list(lambda: (answer.int32(), answer.int64(), answer.string(), answer.int16())):
                found[name, index] = offset
                errors.append(error)

        answer.list(topic)
        return answer.int16() or max(errors, default=0), found


def by_topic(partitions, encode):
    topics = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(encode(index))
    return array([string(topic) + array(items) for topic, items in topics.items()])
