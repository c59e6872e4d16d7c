package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

var (
	bootstrap   = envOr("BOOTSTRAP", "127.0.0.1:9092")
	peerIsKafka = os.Getenv("PEER") == "kafka" // Apache Kafka answers some requests before their effect can be seen
	runName     = strconv.FormatUint(rand.Uint64()%1e9, 36)
	counter     atomic.Int64
)

func envOr(key, fallback string) string {
	if value := os.Getenv(key); value != "" {
		return value
	}
	return fallback
}

// unique returns a name that no run used before.
func unique(stem string) string {
	return fmt.Sprintf("sarama-%s-%s-%d", stem, runName, counter.Add(1))
}

// T is what a check works with: a context that ends in time, clients that are closed, and assertions that panic.
type T struct {
	ctx     context.Context
	cancel  context.CancelFunc
	closers []func()
}

func newT(limit time.Duration) *T {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	return &T{ctx: ctx, cancel: cancel}
}

func (t *T) close() {
	t.cancel()
	for i := len(t.closers) - 1; i >= 0; i-- {
		t.closers[i]()
	}
}

func (t *T) fail(format string, args ...any) {
	place := ""
	for depth := 1; depth < 8; depth++ {
		_, file, line, ok := runtime.Caller(depth)
		if ok && filepath.Base(file) != "kit.go" {
			place = fmt.Sprintf(" (%s:%d)", filepath.Base(file), line)
			break
		}
	}
	panic(fmt.Sprintf(format, args...) + place)
}

func (t *T) must(err error) {
	if err != nil {
		t.fail("%v", err)
	}
}

func (t *T) equal(want, got any, what string) {
	if !reflect.DeepEqual(want, got) {
		t.fail("%s: expected %v, got %v", what, want, got)
	}
}

func (t *T) holds(condition bool, format string, args ...any) {
	if !condition {
		t.fail(format, args...)
	}
}

func (t *T) is(want sarama.KError, got error) {
	if !errors.Is(got, want) {
		t.fail("expected %v, got %v", want, got)
	}
}

// eventually repeats a body that fails, for what is asynchronous by nature.
func (t *T) eventually(body func()) {
	for {
		problem := caught(body)
		if problem == nil {
			return
		}
		if t.ctx.Err() != nil {
			panic(problem)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// visible holds at once, or a little later when the broker is Apache Kafka.
func (t *T) visible(body func()) {
	if peerIsKafka {
		t.eventually(body)
		return
	}
	body()
}

func caught(body func()) (problem any) {
	defer func() { problem = recover() }()
	body()
	return nil
}

func must[V any](t *T) func(V, error) V {
	return func(value V, err error) V {
		t.must(err)
		return value
	}
}

// settings are sarama's defaults at the newest protocol, changed where tests need it.
func settings(changes ...func(*sarama.Config)) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes, config.Producer.RequiredAcks = true, sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Offsets.Initial, config.Consumer.Return.Errors = sarama.OffsetOldest, true
	config.Consumer.Group.Heartbeat.Interval, config.Consumer.Group.Session.Timeout = 300*time.Millisecond, 10*time.Second
	for _, change := range changes {
		change(config)
	}
	return config
}

func (t *T) client(changes ...func(*sarama.Config)) sarama.Client {
	client := must[sarama.Client](t)(sarama.NewClient([]string{bootstrap}, settings(changes...)))
	t.closers = append(t.closers, func() { client.Close() })
	return client
}

func (t *T) admin(changes ...func(*sarama.Config)) sarama.ClusterAdmin {
	admin := must[sarama.ClusterAdmin](t)(sarama.NewClusterAdmin([]string{bootstrap}, settings(changes...)))
	t.closers = append(t.closers, func() { admin.Close() })
	return admin
}

func (t *T) producer(changes ...func(*sarama.Config)) sarama.SyncProducer {
	producer := must[sarama.SyncProducer](t)(sarama.NewSyncProducerFromClient(t.client(changes...)))
	t.closers = append(t.closers, func() { producer.Close() })
	return producer
}

func (t *T) topic(partitions int32, configs ...string) string {
	name, entries := unique("topic"), map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		entries[configs[i]] = &configs[i+1]
	}
	t.must(t.admin().CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}, false))
	t.visible(func() {
		for partition := range partitions {
			must[int64](t)(t.client().GetOffset(name, partition, sarama.OffsetNewest))
		}
	})
	return name
}

// fill writes the values 0, 1, 2, … to one partition, as one batch if they fit.
func (t *T) fill(topic string, partition int32, count int, changes ...func(*sarama.Config)) {
	var messages []*sarama.ProducerMessage
	for _, value := range numbers(0, count) {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: partition,
			Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder(value)})
	}
	batching := func(config *sarama.Config) {
		config.Producer.Flush.Messages, config.Producer.Flush.Frequency = count, 50*time.Millisecond
	}
	t.must(t.producer(append([]func(*sarama.Config){batching}, changes...)...).SendMessages(messages))
}

// read reads one partition from an offset on, without a group.
func (t *T) read(topic string, partition int32, from int64, count int, changes ...func(*sarama.Config)) []*sarama.ConsumerMessage {
	consumer := must[sarama.Consumer](t)(sarama.NewConsumerFromClient(t.client(changes...)))
	one := must[sarama.PartitionConsumer](t)(consumer.ConsumePartition(topic, partition, from))
	t.closers = append(t.closers, func() { one.Close() })
	var messages []*sarama.ConsumerMessage
	for len(messages) < count {
		select {
		case message := <-one.Messages():
			messages = append(messages, message)
		case problem := <-one.Errors():
			t.fail("%v", problem.Err)
		case <-t.ctx.Done():
			t.fail("%d of %d messages", len(messages), count)
		}
	}
	return messages
}

func values(messages []*sarama.ConsumerMessage) []string {
	all := []string{}
	for _, message := range messages {
		all = append(all, string(message.Value))
	}
	return all
}

func numbers(from, to int) []string {
	all := []string{}
	for i := from; i < to; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}
