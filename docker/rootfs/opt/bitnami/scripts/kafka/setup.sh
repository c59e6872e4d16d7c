#!/usr/bin/env bash
# Shows the environment as a file of settings. Scripts in /docker-entrypoint-initdb.d are run when the broker is up.
barnabas container --write-properties /etc/kafka/kafka.properties
