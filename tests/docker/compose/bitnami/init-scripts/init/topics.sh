#!/bin/bash
kafka-topics.sh --bootstrap-server localhost:9092 --create --if-not-exists --topic from-script --partitions 2 --replication-factor 1
