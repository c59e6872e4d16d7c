#!/usr/bin/env bash
# The start command of older images.
exec /etc/kafka/docker/run "$@"
