package main

import (
	"strconv"

	"github.com/IBM/sarama"
)

func adminChecks() []check {
	return []check{
		{"admin_cluster", describeCluster},
		{"admin_topic_configs", topicConfigs},
		{"admin_broker_configs", brokerConfigs},
		{"admin_log_dirs", logDirs},
		{"admin_elect_leaders", electLeaders},
		{"admin_reassignments", reassignments},
		{"admin_acls_disabled", aclsDisabled},
		{"admin_quotas_empty", quotasEmpty},
		{"admin_old_protocol", oldProtocol},
	}
}

func describeCluster(t *T) {
	brokers, controller, err := t.admin().DescribeCluster()
	t.must(err)
	t.holds(len(brokers) > 0 && controller >= 0, "brokers %v, controller %d", brokers, controller)
}

func configOf(t *T, kind sarama.ConfigResourceType, name, key string) sarama.ConfigEntry {
	for _, entry := range must[[]sarama.ConfigEntry](t)(t.admin().DescribeConfig(sarama.ConfigResource{Type: kind, Name: name})) {
		if entry.Name == key {
			return entry
		}
	}
	t.fail("config %s is missing", key)
	return sarama.ConfigEntry{}
}

func topicConfigs(t *T) {
	topic, admin := t.topic(1), t.admin()
	alter := func(operation sarama.IncrementalAlterConfigsOperation, key, value string) error {
		return admin.IncrementalAlterConfig(sarama.TopicResource, topic,
			map[string]sarama.IncrementalAlterConfigsEntry{key: {Operation: operation, Value: &value}}, false)
	}
	is := func(key, value string) {
		t.visible(func() { t.equal(value, configOf(t, sarama.TopicResource, topic, key).Value, key) })
	}
	is("cleanup.policy", "delete")
	t.must(alter(sarama.IncrementalAlterConfigsOperationAppend, "cleanup.policy", "compact"))
	is("cleanup.policy", "delete,compact")
	t.must(alter(sarama.IncrementalAlterConfigsOperationSubtract, "cleanup.policy", "delete"))
	is("cleanup.policy", "compact")
	t.must(alter(sarama.IncrementalAlterConfigsOperationSet, "retention.ms", "4321"))
	is("retention.ms", "4321")
	t.is(sarama.ErrInvalidConfig, alter(sarama.IncrementalAlterConfigsOperationSet, "no.such.config", "1"))
	bytes := "5000"
	t.must(admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"max.message.bytes": &bytes}, false))
	is("max.message.bytes", "5000")
	is("retention.ms", "604800000")
}

func brokerConfigs(t *T) {
	brokers, _, err := t.admin().DescribeCluster()
	t.must(err)
	name := strconv.Itoa(int(brokers[0].ID()))
	t.equal("", configOf(t, sarama.BrokerResource, name, "ssl.keystore.password").Value, "a sensitive value")
	t.holds(configOf(t, sarama.BrokerResource, name, "node.id").ReadOnly, "node.id is read-only")
	t.equal(sarama.SourceStaticBroker, configOf(t, sarama.BrokerResource, name, "advertised.listeners").Source, "source")
}

func logDirs(t *T) {
	topic, admin := t.topic(1), t.admin()
	t.fill(topic, 0, 5)
	brokers, _, err := admin.DescribeCluster()
	t.must(err)
	found := false
	for _, dir := range must[map[int32][]sarama.DescribeLogDirsResponseDirMetadata](t)(admin.DescribeLogDirs([]int32{brokers[0].ID()}))[brokers[0].ID()] {
		for _, one := range dir.Topics {
			found = found || one.Topic == topic && one.Partitions[0].Size > 0
		}
	}
	t.holds(found, "the partition and its size")
}

func electLeaders(t *T) {
	topic := t.topic(1)
	answers := must[map[string]map[int32]*sarama.PartitionResult](t)(
		t.admin().ElectLeaders(sarama.PreferredElection, map[string][]int32{topic: {0}}))
	t.equal(sarama.KError(84), answers[topic][0].ErrorCode, "error")
}

func reassignments(t *T) {
	topic, admin := t.topic(1), t.admin()
	brokers, _, err := admin.DescribeCluster()
	t.must(err)
	t.must(admin.AlterPartitionReassignments(topic, [][]int32{{brokers[0].ID()}}))
	status := must[map[string]map[int32]*sarama.PartitionReplicaReassignmentsStatus](t)(admin.ListPartitionReassignments(topic, []int32{0}))
	t.equal(0, len(status[topic]), "reassignments under way")
}

func aclsDisabled(t *T) {
	admin := t.admin()
	err := admin.CreateACLs([]*sarama.ResourceAcls{{Resource: sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: "any",
		ResourcePatternType: sarama.AclPatternLiteral}, Acls: []*sarama.Acl{{Principal: "User:any", Host: "*",
		Operation: sarama.AclOperationRead, PermissionType: sarama.AclPermissionAllow}}}})
	t.is(sarama.ErrSecurityDisabled, err)
}

func quotasEmpty(t *T) {
	t.equal(0, len(must[[]sarama.DescribeClientQuotasEntry](t)(t.admin().DescribeClientQuotas(nil, false))), "quotas")
}

// oldProtocol: a client of the oldest release that Apache Kafka 4 still serves.
func oldProtocol(t *T) {
	old := func(config *sarama.Config) { config.Version = sarama.V2_1_0_0 }
	admin, name := t.admin(old), unique("old")
	t.must(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false))
	t.visible(func() { t.fill(name, 1, 5, old) })
	m := t.member(name, unique("group"), old)
	t.eventually(func() { m.read(func() { t.equal(5, len(m.values), "records") }) })
	must[[]sarama.ConfigEntry](t)(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name}))
	t.must(admin.DeleteTopic(name))
}
