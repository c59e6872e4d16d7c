#!/usr/bin/env bash
# Runs the command that it is given, after the set-up.
set -o errexit
/opt/bitnami/scripts/kafka/setup.sh
exec "$@"
