"""What clients do at a ZooKeeper, step by step. Ends with 0 if every step went as it does at Apache ZooKeeper."""

import os
import sys
import time
import uuid

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError, NoNodeError, NotEmptyError


def client(**options):
    made = KazooClient(hosts=sys.argv[1], timeout=4, **options)
    made.start(timeout=10)
    return made


def refused(error, action):
    try:
        action()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


def main():
    root = f"/kazoo-{uuid.uuid4().hex}"
    first, second = client(), client()
    assert first.server_version()[0] == 3
    assert first.command(b"ruok") == "imok"
    assert "Mode: standalone" in first.command(b"srvr")

    first.ensure_path(f"{root}/a/b")
    assert second.get_children(f"{root}/a") == ["b"]
    assert first.create(f"{root}/a/b/c", b"one") == f"{root}/a/b/c"
    refused(NodeExistsError, lambda: second.create(f"{root}/a/b/c", b"two"))
    refused(NoNodeError, lambda: second.create(f"{root}/missing/c"))
    refused(NoNodeError, lambda: second.get(f"{root}/missing"))
    data, stat = second.get(f"{root}/a/b/c")
    assert (data, stat.version, stat.ephemeralOwner) == (b"one", 0, 0)
    refused(BadVersionError, lambda: second.set(f"{root}/a/b/c", b"x", version=9))
    assert second.set(f"{root}/a/b/c", b"three").version == 1
    refused(NotEmptyError, lambda: first.delete(f"{root}/a/b"))
    path, stat = first.create(f"{root}/with-stat", b"12", include_data=True)
    assert stat.dataLength == 2
    children, stat = first.get_children(root, include_data=True)
    assert sorted(children) == ["a", "with-stat"] and stat.numChildren == 2
    assert first.exists(f"{root}/a", watch=lambda event: None).numChildren == 1
    assert first.sync(root) == root
    assert first.get_acls(root)[0][0].id.scheme == "world"
    numbered = [first.create(f"{root}/a/n-", sequence=True) for _ in range(2)]
    assert numbered[0] < numbered[1] and len(numbered[0]) == len(f"{root}/a/n-") + 10

    first.create(f"{root}/closes", ephemeral=True)
    assert second.exists(f"{root}/closes").ephemeralOwner == first.client_id[0]
    first.stop()
    assert second.exists(f"{root}/closes") is None

    third = client()
    third.create(f"{root}/expires", ephemeral=True)
    # The session goes on over a new connection ...
    session = third.client_id
    third._connection._socket.shutdown(2)
    deadline = time.time() + 10
    while time.time() < deadline and not third.connected:
        time.sleep(0.1)
    third.retry(third.exists, root)
    assert third.client_id == session and second.exists(f"{root}/expires")
    # ... and ends when nobody comes back: a child that is gone without a word.
    if os.fork() == 0:
        fourth = client()
        fourth.create(f"{root}/killed", ephemeral=True)
        os._exit(0)
    deadline = time.time() + 10
    while time.time() < deadline and not second.exists(f"{root}/killed"):
        time.sleep(0.05)
    assert second.exists(f"{root}/killed")
    began = time.time()
    while second.exists(f"{root}/killed"):
        assert time.time() - began < 10, "the session of a dead client does not end"
        time.sleep(0.1)

    third.stop()
    second.delete(root, recursive=True)
    assert second.exists(root) is None
    second.stop()
    print("all steps passed")


main()
