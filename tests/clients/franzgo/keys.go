package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// keyChecks: every key that the broker advertises answers an empty request at its lowest and its highest version.
func keyChecks() []check {
	var checks []check
	for key := range int16(kmsg.MaxKey + 1) {
		if kmsg.RequestForKey(key) != nil {
			name := fmt.Sprintf("raw_key_%02d_%s", key, kmsg.NameForKey(key))
			checks = append(checks, check{name, func(t *T) { answersAtBothEnds(t, key) }})
		}
	}
	return checks
}

func answersAtBothEnds(t *T, key int16) {
	versions := t.dial("raw").ask(kmsg.NewPtrApiVersionsRequest(), 2).(*kmsg.ApiVersionsResponse)
	t.must(kerr.ErrorForCode(versions.ErrorCode))
	for _, row := range versions.ApiKeys {
		if row.ApiKey != key {
			continue
		}
		lowest := row.MinVersion
		if key == 0 {
			lowest = 3 // Produce is advertised from 0 for old clients only, and served from 3
		}
		for _, version := range []int16{lowest, min(row.MaxVersion, kmsg.RequestForKey(key).MaxVersion())} {
			t.dial("raw").ask(harmless(key), version)
		}
		t.alive()
		return
	}
	fmt.Printf("# key %d %s is not served\n", key, kmsg.NameForKey(key))
}

// harmless is an empty request that must be answered and must change nothing.
func harmless(key int16) kmsg.Request {
	request := kmsg.RequestForKey(key)
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		r.Acks = -1
	case *kmsg.FetchRequest:
		r.ReplicaID, r.SessionEpoch = -1, -1
	case *kmsg.DescribeACLsRequest:
		r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = kmsg.ACLResourceTypeAny,
			kmsg.ACLResourcePatternTypeAny, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	case *kmsg.AddPartitionsToTxnRequest: // without a transaction in it Apache Kafka never answers
		transaction := kmsg.NewAddPartitionsToTxnRequestTransaction()
		transaction.TransactionalID, transaction.ProducerID = unique("none"), 1_234_567
		topic := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
		topic.Topic, topic.Partitions = unique("none"), []int32{0}
		transaction.Topics = append(transaction.Topics, topic)
		r.Transactions = append(r.Transactions, transaction)
	case *kmsg.UnregisterBrokerRequest:
		r.BrokerID = 1_234_567
	case *kmsg.RemoveRaftVoterRequest:
		r.VoterID = 1_234_567
	case *kmsg.AddRaftVoterRequest:
		r.VoterID = 1_234_567
	}
	return request
}
