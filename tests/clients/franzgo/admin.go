package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func adminChecks() []check {
	return []check{
		{"admin_cluster_and_brokers", clusterAndBrokers},
		{"admin_topic_configs", topicConfigs},
		{"admin_topic_config_errors", topicConfigErrors},
		{"admin_legacy_alter_configs", legacyAlterConfigs},
		{"admin_broker_configs", brokerConfigs},
		{"admin_list_config_resources", listConfigResources},
		{"admin_log_dirs", logDirs},
		{"admin_producers", producers},
		{"admin_elect_leaders", electLeaders},
		{"admin_reassignments", reassignments},
		{"admin_acls_disabled", aclsDisabled},
		{"admin_quotas_empty", quotasEmpty},
		{"admin_describe_quorum", describeQuorum},
	}
}

func clusterAndBrokers(t *T) {
	admin := t.admin()
	metadata, err := admin.BrokerMetadata(t.ctx)
	t.must(err)
	t.equal(22, len(metadata.Cluster), "length of the cluster id")
	t.holds(len(metadata.Brokers) > 0, "brokers")
	t.holds(metadata.Controller >= 0, "controller")
	versions, err := admin.ApiVersions(t.ctx)
	t.must(err)
	for _, broker := range versions {
		t.must(broker.Err)
		// A note, not a check: the guess needs the keys of transactions, which not every peer serves.
		fmt.Printf("# version guessed from the api table: %s\n", broker.VersionGuess())
	}
}

func (t *T) config(configs kadm.ResourceConfigs, err error) func(key string) *kadm.Config {
	t.must(err)
	t.equal(1, len(configs), "resources")
	t.must(configs[0].Err)
	return func(key string) *kadm.Config {
		for i := range configs[0].Configs {
			if configs[0].Configs[i].Key == key {
				return &configs[0].Configs[i]
			}
		}
		t.fail("config %s is missing", key)
		return nil
	}
}

func topicConfigs(t *T) {
	admin, topic := t.admin(), t.topic(1)
	alter := func(op kadm.IncrementalOp, key, value string) {
		answers, err := admin.AlterTopicConfigs(t.ctx, []kadm.AlterConfig{{Op: op, Name: key, Value: &value}}, topic)
		t.must(err)
		t.must(answers[0].Err)
	}
	expect := func(key, value string, source kmsg.ConfigSource) {
		t.visible(func() {
			got := t.config(admin.DescribeTopicConfigs(t.ctx, topic))(key)
			t.equal(value, got.MaybeValue(), key)
			t.equal(source, got.Source, "source of "+key)
		})
	}
	expect("cleanup.policy", "delete", kmsg.ConfigSourceDefaultConfig)
	alter(kadm.AppendConfig, "cleanup.policy", "compact")
	expect("cleanup.policy", "delete,compact", kmsg.ConfigSourceDynamicTopicConfig)
	alter(kadm.SubtractConfig, "cleanup.policy", "delete")
	expect("cleanup.policy", "compact", kmsg.ConfigSourceDynamicTopicConfig)
	alter(kadm.SetConfig, "retention.ms", "777")
	expect("retention.ms", "777", kmsg.ConfigSourceDynamicTopicConfig)
	alter(kadm.DeleteConfig, "retention.ms", "")
	expect("retention.ms", "604800000", kmsg.ConfigSourceDefaultConfig)
}

func topicConfigErrors(t *T) {
	admin, topic := t.admin(), t.topic(1)
	alter := func(name, key, value string) error {
		answers, err := admin.AlterTopicConfigs(t.ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, name)
		t.must(err)
		return answers[0].Err
	}
	t.is(kerr.InvalidConfig, alter(topic, "no.such.config", "1"))
	t.is(kerr.InvalidConfig, alter(topic, "retention.ms", "soon"))
	t.is(kerr.UnknownTopicOrPartition, alter(unique("none"), "retention.ms", "1"))
}

// legacyAlterConfigs: the old request sets what it names and resets the rest.
func legacyAlterConfigs(t *T) {
	admin, topic := t.admin(), t.topic(1, "segment.ms", "70000")
	answers, err := admin.AlterTopicConfigsState(t.ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: kadm.StringPtr("888")}}, topic)
	t.must(err)
	t.must(answers[0].Err)
	t.visible(func() {
		config := t.config(admin.DescribeTopicConfigs(t.ctx, topic))
		t.equal("888", config("retention.ms").MaybeValue(), "retention.ms")
		t.equal("604800000", config("segment.ms").MaybeValue(), "segment.ms")
	})
}

func (t *T) brokerID() int32 {
	metadata, err := t.admin().BrokerMetadata(t.ctx)
	t.must(err)
	return metadata.Brokers[0].NodeID
}

func brokerConfigs(t *T) {
	admin, id := t.admin(), t.brokerID()
	config := t.config(admin.DescribeBrokerConfigs(t.ctx, id))
	for _, key := range []string{"num.partitions", "default.replication.factor", "log.dirs", "message.max.bytes", "log.retention.hours"} {
		t.holds(config(key).MaybeValue() != "", "value of %s", key)
	}
	t.equal(kmsg.ConfigSourceStaticBrokerConfig, config("advertised.listeners").Source, "source of advertised.listeners")
	const key = "log.cleaner.backoff.ms" // dynamic, without effect on the other checks
	defer admin.AlterBrokerConfigs(t.ctx, []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: key}}, id)
	for _, step := range []struct {
		op     kadm.IncrementalOp
		value  string
		want   string
		source kmsg.ConfigSource
	}{{kadm.SetConfig, "14999", "14999", kmsg.ConfigSourceDynamicBrokerConfig}, {kadm.DeleteConfig, "", "15000", kmsg.ConfigSourceDefaultConfig}} {
		answers, err := admin.AlterBrokerConfigs(t.ctx, []kadm.AlterConfig{{Op: step.op, Name: key, Value: &step.value}}, id)
		t.must(err)
		t.must(answers[0].Err)
		t.visible(func() {
			got := t.config(admin.DescribeBrokerConfigs(t.ctx, id))(key)
			t.equal(step.want, got.MaybeValue(), key)
			t.equal(step.source, got.Source, "source of "+key)
		})
	}
}

func listConfigResources(t *T) {
	topic := t.topic(1)
	request := kmsg.NewPtrListConfigResourcesRequest()
	answer, err := request.RequestWith(t.ctx, t.client())
	t.must(err)
	t.must(kerr.ErrorForCode(answer.ErrorCode))
	found := false
	for _, resource := range answer.ConfigResources {
		found = found || resource.Name == topic
	}
	t.holds(found, "the topic is listed")
}

func logDirs(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 50)
	described, err := t.admin().DescribeAllLogDirs(t.ctx, nil)
	t.must(err)
	found := false
	described.Each(func(dir kadm.DescribedLogDir) {
		partition, here := dir.Topics.Lookup(topic, 0)
		found = found || here && partition.Size > 0
	})
	t.holds(found, "the partition and its size")
}

func producers(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 3)
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	described, err := t.admin().DescribeProducers(t.ctx, set)
	t.must(err)
	active := described[topic].Partitions[0].ActiveProducers.Sorted()
	t.equal(1, len(active), "producers")
	t.equal(int32(2), active[0].LastSequence, "last sequence")
}

func electLeaders(t *T) {
	topic := t.topic(1)
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	answers, err := t.admin().ElectLeaders(t.ctx, kadm.ElectPreferredReplica, set)
	t.must(err)
	t.is(kerr.ElectionNotNeeded, answers[topic][0].Err)
}

func reassignments(t *T) {
	topic, admin := t.topic(1), t.admin()
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	listed, err := admin.ListPartitionReassignments(t.ctx, set)
	t.must(err)
	t.equal(0, len(listed), "reassignments")
	request := kadm.AlterPartitionAssignmentsReq{}
	request.Assign(topic, 0, []int32{t.brokerID()})
	answers, err := admin.AlterPartitionAssignments(t.ctx, request)
	t.must(err)
	t.must(answers.Error())
}

func aclsDisabled(t *T) {
	builder := kadm.NewACLs().Topics("any").Allow("User:any").AllowHosts("*").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
	described, err := t.admin().DescribeACLs(t.ctx, builder)
	if err == nil {
		t.holds(len(described) == 1, "one result")
		err = described[0].Err
	}
	t.is(kerr.SecurityDisabled, err)
	created, err := t.admin().CreateACLs(t.ctx, builder)
	t.must(err)
	t.equal(1, len(created), "one result per entry")
	t.is(kerr.SecurityDisabled, created[0].Err)
}

func quotasEmpty(t *T) {
	described, err := t.admin().DescribeClientQuotas(t.ctx, false, nil)
	t.must(err)
	t.equal(0, len(described), "quotas")
}

func describeQuorum(t *T) {
	request := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(t.ctx, t.client())
	t.must(err)
	t.must(kerr.ErrorForCode(answer.ErrorCode))
	t.holds(len(answer.Topics) == 1 && len(answer.Topics[0].Partitions) == 1, "one topic with one partition")
	partition := answer.Topics[0].Partitions[0]
	t.must(kerr.ErrorForCode(partition.ErrorCode))
	t.holds(partition.HighWatermark > 0 && len(partition.CurrentVoters) > 0, "high watermark and voters")
}
