"""Creates topics: the argument is JSON, {"name": {"partitions": 3, "config": {"cleanup.policy": "compact"}}}."""
import json
import os
import sys
import time

from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE_S = 30


def main():
    admin = AdminClient({"bootstrap.servers": os.environ["BOOTSTRAP"]})
    wanted = json.loads(sys.argv[1])
    topics = [NewTopic(name, spec["partitions"], 1, config=spec.get("config", {})) for name, spec in wanted.items()]
    for future in admin.create_topics(topics).values():
        future.result(PATIENCE_S)
    begun = time.monotonic()
    while not wanted.keys() <= admin.list_topics(timeout=PATIENCE_S).topics.keys():
        if time.monotonic() - begun > PATIENCE_S:
            sys.exit("the topics were created but are not listed")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
