package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func topicChecks() []check {
	return []check{
		{"topic_create_list_describe", createTopic},
		{"topic_create_defaults", createDefaults},
		{"topic_create_errors", createErrors},
		{"topic_create_mixed_results", createMixed},
		{"topic_auto_create_by_produce", autoCreate},
		{"topic_auto_create_by_consumer", autoCreateByConsumer},
		{"topic_create_partitions", createPartitions},
		{"topic_delete_and_recreate", deleteAndRecreate},
		{"topic_describe_partitions_cursor", describeCursor},
	}
}

func createTopic(t *T) {
	admin, name := t.admin(), unique("create")
	answer, err := admin.CreateTopic(t.ctx, 3, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, name)
	t.must(err)
	t.equal(int32(3), answer.NumPartitions, "partitions in the answer")
	t.equal(int16(1), answer.ReplicationFactor, "replication factor in the answer")
	t.equal("compact", *answer.Configs["cleanup.policy"].Value, "config in the answer")
	t.visible(func() {
		details, err := admin.ListTopics(t.ctx, name)
		t.must(err)
		t.must(details[name].Err)
		t.equal(answer.ID, details[name].ID, "topic id")
		t.equal(3, len(details[name].Partitions), "partitions")
		for _, partition := range details[name].Partitions {
			t.equal(int32(0), partition.LeaderEpoch, "leader epoch")
			t.equal(partition.Replicas, partition.ISR, "isr")
		}
	})
}

func createDefaults(t *T) {
	admin, name := t.admin(), unique("defaults")
	answer, err := admin.CreateTopic(t.ctx, -1, -1, nil, name)
	t.must(err)
	t.holds(answer.NumPartitions > 0 && answer.ReplicationFactor > 0, "defaults in the answer, got %v", answer)
}

func createErrors(t *T) {
	admin, old := t.admin(), t.topic(1)
	bad := map[string]*string{"no.such.config": kadm.StringPtr("1")}
	for _, one := range []struct {
		name       string
		partitions int32
		factor     int16
		configs    map[string]*string
		want       error
	}{
		{old, 1, 1, nil, kerr.TopicAlreadyExists},
		{"no good", 1, 1, nil, kerr.InvalidTopicException},
		{strings.Repeat("x", 250), 1, 1, nil, kerr.InvalidTopicException},
		{unique("rf"), 1, 99, nil, kerr.InvalidReplicationFactor},
		{unique("np"), 0, 1, nil, kerr.InvalidPartitions},
		{unique("cf"), 1, 1, bad, kerr.InvalidConfig},
	} {
		_, err := admin.CreateTopic(t.ctx, one.partitions, one.factor, one.configs, one.name)
		t.is(one.want, err)
	}
}

func createMixed(t *T) {
	old, fresh := t.topic(1), unique("fresh")
	answers, err := t.admin().CreateTopics(t.ctx, 1, 1, nil, old, fresh)
	t.must(err)
	t.is(kerr.TopicAlreadyExists, answers[old].Err)
	t.must(answers[fresh].Err)
}

func autoCreate(t *T) {
	name, start := unique("auto"), time.Now()
	client := t.client(kgo.AllowAutoTopicCreation())
	t.must(client.ProduceSync(t.ctx, &kgo.Record{Topic: name, Value: []byte("first")}).FirstErr())
	took := time.Since(start)
	fmt.Printf("# first acknowledged record in a topic created by it: %d ms\n", took.Milliseconds())
	t.holds(peerIsKafka || took < 3*time.Second, "auto-creation took %s", took)
	t.equal([]string{"first"}, values(t.poll(t.client(kgo.ConsumeTopics(name)), 1)), "values")
}

func autoCreateByConsumer(t *T) {
	name := unique("auto")
	client := t.client(kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics(name), kgo.MetadataMinAge(100*time.Millisecond))
	t.eventually(func() {
		client.PollRecords(contextOf(t, 100*time.Millisecond), 1)
		details, err := t.admin().ListTopics(t.ctx, name)
		t.must(err)
		t.must(details[name].Err)
	})
}

func createPartitions(t *T) {
	admin, name := t.admin(), t.topic(2)
	answers, err := admin.UpdatePartitions(t.ctx, 5, name)
	t.must(err)
	t.must(answers[name].Err)
	t.visible(func() { t.fill(name, 4, 3) })
	t.equal(numbers(0, 3), values(t.read(name, 4, 0, 3)), "values in a new partition")
	for _, count := range []int{5, 1} {
		answers, err = admin.UpdatePartitions(t.ctx, count, name)
		t.must(err)
		t.is(kerr.InvalidPartitions, answers[name].Err)
	}
	none := unique("none")
	request := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = none, 3
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(t.ctx, t.client())
	t.must(err)
	t.is(kerr.UnknownTopicOrPartition, kerr.ErrorForCode(answer.Topics[0].ErrorCode))
}

func deleteAndRecreate(t *T) {
	admin, name := t.admin(), t.topic(1)
	t.fill(name, 0, 5)
	before, err := admin.ListTopics(t.ctx, name)
	t.must(err)
	_, err = admin.DeleteTopic(t.ctx, name)
	t.must(err)
	t.visible(func() {
		_, err := admin.DeleteTopic(t.ctx, name)
		t.is(kerr.UnknownTopicOrPartition, err)
	})
	after, err := admin.CreateTopic(t.ctx, 1, 1, nil, name)
	t.must(err)
	t.holds(after.ID != before[name].ID, "the new topic has the old id")
	t.visible(func() {
		ends, err := admin.ListEndOffsets(t.ctx, name)
		t.must(err)
		t.must(ends.Error())
		offset, _ := ends.Lookup(name, 0)
		t.equal(int64(0), offset.Offset, "end offset")
	})
	t.equal(int64(0), t.fill(name, 0, 1)[0].Offset, "first offset")
}

func describeCursor(t *T) {
	name := t.topic(5)
	client := t.client()
	request := kmsg.NewPtrDescribeTopicPartitionsRequest()
	topic := kmsg.NewDescribeTopicPartitionsRequestTopic()
	topic.Topic = name
	request.Topics, request.ResponsePartitionLimit = append(request.Topics, topic), 2
	seen := []int32{}
	for {
		answer, err := request.RequestWith(t.ctx, client)
		t.must(err)
		t.holds(len(answer.Topics) == 1 && len(answer.Topics[0].Partitions) <= 2, "partitions in a page")
		for _, partition := range answer.Topics[0].Partitions {
			seen = append(seen, partition.Partition)
		}
		if answer.NextCursor == nil {
			break
		}
		t.equal(name, answer.NextCursor.Topic, "topic of the cursor")
		request.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: name, Partition: answer.NextCursor.Partition}
	}
	t.equal([]int32{0, 1, 2, 3, 4}, seen, "partitions")
}
