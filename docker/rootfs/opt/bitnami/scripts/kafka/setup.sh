#!/usr/bin/env bash
# Shows the environment as a file of settings. Scripts in /docker-entrypoint-initdb.d are run once per volume, before the broker.
barnabas container --write-properties /etc/kafka/kafka.properties
