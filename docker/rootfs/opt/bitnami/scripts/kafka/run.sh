#!/usr/bin/env bash
# Becomes the broker.
# Whatever uid comes next time: it has group 0, too.
umask 0002
exec barnabas container /etc/kafka/kafka.properties "$@"
