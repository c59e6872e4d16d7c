#!/bin/bash
# These scripts run before the broker; what needs it waits in the background.
(
  until kafka-topics.sh --bootstrap-server localhost:9092 --list > /dev/null 2>&1; do sleep 0.2; done
  kafka-topics.sh --bootstrap-server localhost:9092 --create --if-not-exists --topic from-script --partitions 2 --replication-factor 1
) &
