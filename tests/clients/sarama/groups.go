package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

func groupChecks() []check {
	checks := []check{
		{"group_first_record_of_new_group", firstRecord},
		{"group_resumes_with_metadata", groupResumes},
		{"group_static_restart_without_rebalance", staticRestart},
		{"groupadmin_list_describe_delete", listDescribeDelete},
		{"groupadmin_offsets", groupOffsets},
	}
	for name, strategy := range map[string]sarama.BalanceStrategy{"range": sarama.NewBalanceStrategyRange(),
		"roundrobin": sarama.NewBalanceStrategyRoundRobin(), "sticky": sarama.NewBalanceStrategySticky()} {
		checks = append(checks, check{"group_rebalance_" + name, func(t *T) { rebalance(t, strategy) }})
	}
	return checks
}

// member consumes in a group in the background and marks what it reads.
type member struct {
	group      sarama.ConsumerGroup
	mutex      sync.Mutex
	claims     int
	generation int32
	sessions   int
	values     []string
	stop       sync.Once
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.claims, m.generation = 0, session.GenerationID()
	for _, partitions := range session.Claims() {
		m.claims += len(partitions)
	}
	m.sessions++
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.claims = 0
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "read by sarama")
		m.mutex.Lock()
		m.values = append(m.values, string(message.Value))
		m.mutex.Unlock()
	}
	return nil
}

func (t *T) member(topic, group string, changes ...func(*sarama.Config)) *member {
	m := &member{group: must[sarama.ConsumerGroup](t)(sarama.NewConsumerGroup([]string{bootstrap}, group, settings(changes...)))}
	go func() {
		for range m.group.Errors() {
		}
	}()
	go func() {
		for t.ctx.Err() == nil {
			if m.group.Consume(t.ctx, []string{topic}, m) == sarama.ErrClosedConsumerGroup {
				return
			}
		}
	}()
	t.closers = append(t.closers, m.close)
	return m
}

func (m *member) close() {
	m.stop.Do(func() { m.group.Close() })
}

func (m *member) read(body func()) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	body()
}

// share waits until each member has so many partitions, in one generation.
func (t *T) share(each int, members ...*member) (generation int32) {
	t.eventually(func() {
		generation = 0
		for _, m := range members {
			m.read(func() {
				t.equal(each, m.claims, "partitions of a member")
				t.holds(generation == 0 || generation == m.generation, "one generation")
				generation = m.generation
			})
		}
	})
	return generation
}

func firstRecord(t *T) {
	topic, start := t.topic(1), time.Now()
	t.fill(topic, 0, 1)
	m := t.member(topic, unique("group"))
	t.eventually(func() { m.read(func() { t.equal(1, len(m.values), "records") }) })
	fmt.Printf("# first record in a new group: %d ms\n", time.Since(start).Milliseconds())
}

func groupResumes(t *T) {
	topic, group := t.topic(1), unique("group")
	for from := 0; from < 30; from += 10 {
		t.fill(topic, 0, 10)
		m := t.member(topic, group)
		t.eventually(func() { m.read(func() { t.equal(10, len(m.values), "records") }) })
		m.close()
	}
	answer := must[*sarama.OffsetFetchResponse](t)(t.admin().ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}}))
	block := answer.GetBlock(topic, 0)
	t.equal(int64(30), block.Offset, "committed")
	t.equal("read by sarama", block.Metadata, "metadata")
}

func rebalance(t *T, strategy sarama.BalanceStrategy) {
	topic, group := t.topic(6), unique("group")
	with := func(config *sarama.Config) {
		config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	first := t.member(topic, group, with)
	t.share(6, first)
	second := t.member(topic, group, with)
	t.share(3, first, second)
	for partition := range int32(6) {
		t.fill(topic, partition, 10)
	}
	t.eventually(func() {
		total := 0
		first.read(func() { total += len(first.values) })
		second.read(func() { total += len(second.values) })
		t.equal(60, total, "records")
	})
	second.close()
	t.share(6, first)
}

func staticRestart(t *T) {
	topic, group := t.topic(4), unique("group")
	named := func(id string) func(*sarama.Config) {
		return func(config *sarama.Config) { config.Consumer.Group.InstanceId = id }
	}
	stays, before := t.member(topic, group, named("a")), t.member(topic, group, named("b"))
	generation := t.share(2, stays, before)
	before.close()
	after := t.member(topic, group, named("b"))
	t.equal(generation, t.share(2, stays, after), "generation")
	stays.read(func() { t.holds(stays.sessions > 0, "sessions") })
	time.Sleep(600 * time.Millisecond)
	t.equal(generation, t.share(2, stays, after), "generation later")
}

func listDescribeDelete(t *T) {
	topic, group, admin := t.topic(2), unique("group"), t.admin()
	m := t.member(topic, group, func(config *sarama.Config) { config.ClientID = "my-client" })
	t.share(2, m)
	t.equal("consumer", must[map[string]string](t)(admin.ListConsumerGroups())[group], "protocol type")
	described := must[[]*sarama.GroupDescription](t)(admin.DescribeConsumerGroups([]string{group}))[0]
	t.equal("Stable", described.State, "state")
	t.equal("range", described.Protocol, "protocol")
	t.equal(1, len(described.Members), "members")
	for _, one := range described.Members {
		t.equal("my-client", one.ClientId, "client id")
		assignment := must[*sarama.ConsumerGroupMemberAssignment](t)(one.GetMemberAssignment())
		t.equal([]int32{0, 1}, assignment.Topics[topic], "assignment")
	}
	t.is(sarama.ErrNonEmptyGroup, admin.DeleteConsumerGroup(group))
	t.is(sarama.ErrGroupSubscribedToTopic, admin.DeleteConsumerGroupOffset(group, topic, 0))
	m.close()
	t.eventually(func() { t.must(admin.DeleteConsumerGroup(group)) })
	t.is(sarama.ErrGroupIDNotFound, admin.DeleteConsumerGroup(group))
}

func groupOffsets(t *T) {
	topic, group, admin := t.topic(2), unique("group"), t.admin()
	t.fill(topic, 0, 5)
	manager := must[sarama.OffsetManager](t)(sarama.NewOffsetManagerFromClient(group, t.client()))
	partition := must[sarama.PartitionOffsetManager](t)(manager.ManagePartition(topic, 0))
	partition.MarkOffset(3, "a note")
	manager.Commit()
	t.must(partition.Close())
	t.must(manager.Close())
	for range 2 {
		answer := must[*sarama.OffsetFetchResponse](t)(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1}}))
		t.equal(int64(3), answer.GetBlock(topic, 0).Offset, "committed")
		t.equal("a note", answer.GetBlock(topic, 0).Metadata, "metadata")
		t.equal(int64(-1), answer.GetBlock(topic, 1).Offset, "never committed")
	}
	t.must(admin.DeleteConsumerGroupOffset(group, topic, 0))
	answer := must[*sarama.OffsetFetchResponse](t)(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}}))
	t.equal(int64(-1), answer.GetBlock(topic, 0).Offset, "deleted")
}
