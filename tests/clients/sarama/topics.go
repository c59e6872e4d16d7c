package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

func topicChecks() []check {
	return []check{
		{"topic_create_list_describe", createTopic},
		{"topic_create_errors", createErrors},
		{"topic_auto_create_by_produce", autoCreate},
		{"topic_create_partitions", createPartitions},
		{"topic_delete_and_recreate", deleteAndRecreate},
		{"topic_delete_records", deleteRecords},
	}
}

func createTopic(t *T) {
	admin, name, policy := t.admin(), unique("create"), "compact"
	t.must(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1,
		ConfigEntries: map[string]*string{"cleanup.policy": &policy}}, false))
	t.must(admin.CreateTopic(unique("defaults"), &sarama.TopicDetail{NumPartitions: -1, ReplicationFactor: -1}, false))
	t.visible(func() {
		listed := must[map[string]sarama.TopicDetail](t)(admin.ListTopics())[name]
		t.equal(int32(3), listed.NumPartitions, "partitions")
		t.equal("compact", *listed.ConfigEntries["cleanup.policy"], "cleanup.policy")
		described := must[[]*sarama.TopicMetadata](t)(admin.DescribeTopics([]string{name}))
		t.equal(sarama.ErrNoError, described[0].Err, "error")
		t.holds(described[0].Uuid != sarama.Uuid{}, "topic id")
	})
}

func createErrors(t *T) {
	admin, old, one := t.admin(), t.topic(1), "1"
	create := func(name string, factor int16, entries map[string]*string) error {
		return admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: factor, ConfigEntries: entries}, false)
	}
	t.is(sarama.ErrTopicAlreadyExists, create(old, 1, nil))
	t.is(sarama.ErrInvalidTopic, create("no good", 1, nil))
	t.is(sarama.ErrInvalidReplicationFactor, create(unique("rf"), 99, nil))
	t.is(sarama.ErrInvalidConfig, create(unique("cf"), 1, map[string]*string{"no.such.config": &one}))
}

func autoCreate(t *T) {
	name, start := unique("auto"), time.Now()
	_, offset, err := t.producer().SendMessage(&sarama.ProducerMessage{Topic: name, Value: sarama.StringEncoder("first")})
	t.must(err)
	t.equal(int64(0), offset, "offset")
	took := time.Since(start)
	fmt.Printf("# first acknowledged record in a topic created by it: %d ms\n", took.Milliseconds())
	t.holds(peerIsKafka || took < 3*time.Second, "auto-creation took %s", took)
}

func createPartitions(t *T) {
	admin, name := t.admin(), t.topic(1)
	t.must(admin.CreatePartitions(name, 4, nil, false))
	t.visible(func() { t.fill(name, 3, 5) })
	t.equal(numbers(0, 5), values(t.read(name, 3, 0, 5)), "values in a new partition")
	t.is(sarama.ErrInvalidPartitions, admin.CreatePartitions(name, 2, nil, false))
	t.is(sarama.ErrInvalidReplicaAssignment, admin.CreatePartitions(name, 5, [][]int32{{9999}}, false))
}

func deleteAndRecreate(t *T) {
	admin, name := t.admin(), t.topic(1)
	t.fill(name, 0, 5)
	before := must[[]*sarama.TopicMetadata](t)(admin.DescribeTopics([]string{name}))[0].Uuid
	t.must(admin.DeleteTopic(name))
	t.visible(func() { t.is(sarama.ErrUnknownTopicOrPartition, admin.DeleteTopic(name)) })
	t.must(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	t.visible(func() {
		described := must[[]*sarama.TopicMetadata](t)(admin.DescribeTopics([]string{name}))[0]
		t.equal(sarama.ErrNoError, described.Err, "error")
		t.holds(described.Uuid != before, "the new topic has the old id")
		t.equal(int64(0), must[int64](t)(t.client().GetOffset(name, 0, sarama.OffsetNewest)), "end offset")
	})
	t.visible(func() { t.fill(name, 0, 1) })
	t.equal(numbers(0, 1), values(t.read(name, 0, 0, 1)), "values")
}

func deleteRecords(t *T) {
	admin, name := t.admin(), t.topic(1)
	t.fill(name, 0, 10)
	t.must(admin.DeleteRecords(name, map[int32]int64{0: 6}))
	t.equal(int64(6), must[int64](t)(t.client().GetOffset(name, 0, sarama.OffsetOldest)), "start offset")
	t.equal(numbers(6, 10), values(t.read(name, 0, sarama.OffsetOldest, 4)), "values")
	t.holds(admin.DeleteRecords(name, map[int32]int64{0: 99}) != nil, "beyond the end is refused")
}
