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

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
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
	return fmt.Sprintf("franz-%s-%s-%d", stem, runName, counter.Add(1))
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
	for _, closer := range t.closers {
		closer()
	}
	t.cancel()
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

func (t *T) is(want, got error) {
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

func (t *T) client(opts ...kgo.Opt) *kgo.Client {
	defaults := []kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(300 * time.Millisecond)}
	client, err := kgo.NewClient(append(defaults, opts...)...)
	t.must(err)
	t.closers = append(t.closers, client.Close)
	return client
}

func (t *T) admin() *kadm.Client {
	return kadm.NewClient(t.client())
}

func (t *T) topic(partitions int32, configs ...string) string {
	name := unique("topic")
	values := map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		values[configs[i]] = &configs[i+1]
	}
	admin := t.admin()
	_, err := admin.CreateTopic(t.ctx, partitions, -1, values, name)
	t.must(err)
	t.visible(func() {
		details, err := admin.ListTopics(t.ctx, name)
		t.must(err)
		t.must(details[name].Err)
		t.equal(int(partitions), len(details[name].Partitions), "partitions")
		ends, err := admin.ListEndOffsets(t.ctx, name)
		t.must(err)
		t.must(ends.Error())
	})
	return name
}

// fill writes the values 0, 1, 2, … to one partition and returns the records as acknowledged.
func (t *T) fill(topic string, partition int32, count int, opts ...kgo.Opt) []*kgo.Record {
	defaults := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(50 * time.Millisecond)}
	client := t.client(append(defaults, opts...)...)
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte(strconv.Itoa(i))}
	}
	t.must(client.ProduceSync(t.ctx, records...).FirstErr())
	return records
}

// poll reads until as many records have come.
func (t *T) poll(client *kgo.Client, count int) []*kgo.Record {
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(t.ctx)
		for _, problem := range fetches.Errors() {
			t.fail("after %d of %d records: %v", len(records), count, problem.Err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// read reads one partition without a group, from an offset on.
func (t *T) read(topic string, partition int32, from int64, count int, opts ...kgo.Opt) []*kgo.Record {
	where := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}}
	return t.poll(t.client(append(opts, kgo.ConsumePartitions(where))...), count)
}

func values(records []*kgo.Record) []string {
	all := []string{}
	for _, record := range records {
		all = append(all, string(record.Value))
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
