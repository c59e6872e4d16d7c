package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groupChecks() []check {
	checks := []check{
		{"group_first_record_of_new_group", firstRecord},
		{"group_resumes_from_commit", groupResumes},
		{"group_cooperative_keeps_partitions", cooperative},
		{"group_static_restart_without_rebalance", staticRestart},
		{"group_static_duplicate_is_fenced", staticFenced},
		{"groupadmin_list_and_describe", listAndDescribe},
		{"groupadmin_commit_fetch_and_lag", commitFetchLag},
		{"groupadmin_delete_offsets_and_groups", deleteOffsetsAndGroups},
		{"groupadmin_commit_with_live_member", commitWithLiveMember},
	}
	for name, balancer := range map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
		"sticky": kgo.StickyBalancer()} {
		checks = append(checks, check{"group_eager_" + name, func(t *T) { eager(t, balancer) }})
	}
	return checks
}

// member is a group consumer that polls in the background.
type member struct {
	client  *kgo.Client
	mutex   sync.Mutex
	owned   map[int32]bool
	revoked int
	values  []string
	problem error
	stop    sync.Once
}

func (t *T) member(topic, group string, opts ...kgo.Opt) *member {
	m := &member{owned: map[int32]bool{}}
	gone := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { m.take(lost[topic]) }
	all := append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) { m.give(got[topic]) }),
		kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone), kgo.RebalanceTimeout(10 * time.Second)}, opts...)
	m.client = t.client(all...)
	go m.poll(t)
	t.closers = append(t.closers, m.close)
	return m
}

func (m *member) poll(t *T) {
	for t.ctx.Err() == nil {
		fetches := m.client.PollFetches(t.ctx)
		if fetches.IsClientClosed() {
			return
		}
		m.mutex.Lock()
		m.values = append(m.values, values(fetches.Records())...)
		for _, problem := range fetches.Errors() {
			m.problem = problem.Err
		}
		m.mutex.Unlock()
	}
}

func (m *member) give(partitions []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, partition := range partitions {
		m.owned[partition] = true
	}
}

func (m *member) take(partitions []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, partition := range partitions {
		delete(m.owned, partition)
	}
	m.revoked += len(partitions)
}

func (m *member) read(body func()) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	body()
}

func (m *member) close() {
	m.stop.Do(m.client.Close)
}

func (t *T) share(partitions, each int, members ...*member) {
	t.eventually(func() {
		all := map[int32]bool{}
		for _, m := range members {
			m.read(func() {
				t.equal(each, len(m.owned), "partitions of a member")
				for partition := range m.owned {
					all[partition] = true
				}
			})
		}
		t.equal(partitions, len(all), "partitions of the group")
	})
}

func firstRecord(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 1)
	start := time.Now()
	t.poll(t.client(kgo.ConsumerGroup(unique("group")), kgo.ConsumeTopics(topic)), 1)
	fmt.Printf("# first record in a new group: %d ms\n", time.Since(start).Milliseconds())
}

func groupResumes(t *T) {
	topic, group := t.topic(1), unique("group")
	for from := 0; from < 30; from += 10 {
		t.fill(topic, 0, 10)
		client := t.client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
		got := t.poll(client, 10)
		t.equal(int64(from), got[0].Offset, "first offset")
		t.must(client.CommitRecords(t.ctx, got...))
		client.Close()
	}
}

func eager(t *T, balancer kgo.GroupBalancer) {
	topic, group := t.topic(6), unique("group")
	first := t.member(topic, group, kgo.Balancers(balancer))
	t.share(6, 6, first)
	second := t.member(topic, group, kgo.Balancers(balancer))
	t.share(6, 3, first, second)
	third := t.member(topic, group, kgo.Balancers(balancer))
	t.share(6, 2, first, second, third)
	third.close()
	second.close()
	t.share(6, 6, first)
}

func cooperative(t *T) {
	topic, group := t.topic(6), unique("group")
	first := t.member(topic, group, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	t.share(6, 6, first)
	second := t.member(topic, group, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	t.share(6, 3, first, second)
	first.read(func() { t.equal(3, first.revoked, "only what moves is revoked") })
	for partition := range int32(6) {
		t.fill(topic, partition, 20)
	}
	t.eventually(func() {
		total := 0
		first.read(func() { total += len(first.values) })
		second.read(func() { total += len(second.values) })
		t.equal(120, total, "records")
	})
}

func staticRestart(t *T) {
	topic, group := t.topic(4), unique("group")
	stays := t.member(topic, group, kgo.InstanceID("a"))
	before := t.member(topic, group, kgo.InstanceID("b"))
	t.share(4, 2, stays, before)
	generation := t.settled(stays, before)
	before.close()
	after := t.member(topic, group, kgo.InstanceID("b"))
	t.share(4, 2, stays, after)
	time.Sleep(700 * time.Millisecond)
	_, now := stays.client.GroupMetadata()
	t.equal(generation, now, "generation")
	admin := t.admin()
	groups, err := admin.DescribeGroups(t.ctx, group)
	t.must(err)
	t.equal(2, len(groups[group].Members), "members")
	t.equal("Stable", groups[group].State, "state")
}

// settled waits until two members are in one generation and stay in it for a while.
func (t *T) settled(one, other *member) int32 {
	var generation int32
	t.eventually(func() {
		_, generation = one.client.GroupMetadata()
		time.Sleep(600 * time.Millisecond)
		_, again := one.client.GroupMetadata()
		_, others := other.client.GroupMetadata()
		t.holds(generation > 0 && generation == again && generation == others, "generations %d, %d, %d", generation, again, others)
	})
	return generation
}

func staticFenced(t *T) {
	topic, group := t.topic(2), unique("group")
	first := t.member(topic, group, kgo.InstanceID("only"))
	t.share(2, 2, first)
	second := t.member(topic, group, kgo.InstanceID("only"))
	t.share(2, 2, second)
	t.eventually(func() { first.read(func() { t.is(kerr.FencedInstanceID, first.problem) }) })
}

func listAndDescribe(t *T) {
	topic, group, admin := t.topic(2), unique("group"), t.admin()
	m := t.member(topic, group, kgo.ClientID("my-client"), kgo.InstanceID("my-instance"), kgo.Balancers(kgo.RangeBalancer()))
	t.share(2, 2, m)
	t.eventually(func() {
		listed, err := admin.ListGroups(t.ctx, "Stable")
		t.must(err)
		t.equal("consumer", listed[group].ProtocolType, "protocol type")
		t.equal("Stable", listed[group].State, "state")
	})
	none, err := admin.ListGroups(t.ctx, "Empty")
	t.must(err)
	t.holds(none[group].Group == "", "filter by state")
	described, err := admin.DescribeGroups(t.ctx, group)
	t.must(err)
	one := described[group]
	t.must(one.Err)
	t.equal("range", one.Protocol, "protocol")
	t.equal("my-client", one.Members[0].ClientID, "client id")
	t.equal("my-instance", *one.Members[0].InstanceID, "instance id")
	assignment, _ := one.Members[0].Assigned.AsConsumer()
	t.equal([]int32{0, 1}, assignment.Topics[0].Partitions, "assignment")
	coordinator := admin.FindGroupCoordinators(t.ctx, group, unique("other"))
	t.must(coordinator.Error())
	t.equal(2, len(coordinator), "coordinators")
}

func commitFetchLag(t *T) {
	topic, group, admin := t.topic(2), unique("group"), t.admin()
	t.fill(topic, 0, 10)
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4, LeaderEpoch: 0, Metadata: "a note"})
	answers, err := admin.CommitOffsets(t.ctx, group, offsets)
	t.must(err)
	t.must(answers.Error())
	fetched, err := admin.FetchOffsets(t.ctx, group)
	t.must(err)
	got, found := fetched.Lookup(topic, 0)
	t.holds(found, "the offset is there")
	t.equal(int64(4), got.At, "offset")
	t.equal("a note", got.Metadata, "metadata")
	t.equal(int32(0), got.LeaderEpoch, "leader epoch")
	_, found = fetched.Lookup(topic, 1)
	t.holds(!found, "an offset never committed is left out")
	many := admin.FetchManyOffsets(t.ctx, group, unique("none"))
	t.must(many.Error())
	lags, err := admin.Lag(t.ctx, group)
	t.must(err)
	t.equal(int64(6), lags[group].Lag.Total(), "lag")
}

func deleteOffsetsAndGroups(t *T) {
	topic, group, admin := t.topic(2), unique("group"), t.admin()
	m := t.member(topic, group)
	t.share(2, 2, m)
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	refused, err := admin.DeleteOffsets(t.ctx, group, set)
	t.must(err)
	t.is(kerr.GroupSubscribedToTopic, refused[topic][0])
	none := unique("none")
	answers, err := admin.DeleteGroups(t.ctx, group, none)
	t.must(err)
	t.is(kerr.NonEmptyGroup, answers[group].Err)
	t.is(kerr.GroupIDNotFound, answers[none].Err)
	m.close()
	t.eventually(func() {
		_, err = admin.DeleteGroup(t.ctx, group)
		t.must(err)
	})
	described, err := admin.DescribeGroups(t.ctx, group)
	t.must(err)
	t.is(kerr.GroupIDNotFound, described[group].Err)
}

func commitWithLiveMember(t *T) {
	topic, group, admin := t.topic(1), unique("group"), t.admin()
	t.share(1, 1, t.member(topic, group))
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 1, -1)
	answers, err := admin.CommitOffsets(t.ctx, group, offsets)
	t.must(err)
	t.is(kerr.UnknownMemberID, answers[topic][0].Err)
}
