#!/usr/bin/env bash
# Becomes the broker.
exec barnabas container /etc/kafka/kafka.properties "$@"
