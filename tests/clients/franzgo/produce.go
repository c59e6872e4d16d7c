package main

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

func produceChecks() []check {
	checks := []check{
		{"produce_acks", produceAcks},
		{"produce_keys_to_partitions", produceKeys},
		{"produce_in_flight_order", produceOrder},
		{"produce_too_large", produceTooLarge},
		{"produce_no_key_to_compacted_topic", produceNoKey},
		{"produce_log_append_time", produceLogAppendTime},
		{"produce_unknown_topic_without_auto_creation", produceUnknown},
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		checks = append(checks, check{"produce_round_trip_" + codec, func(t *T) { roundTrip(t, codec) }},
			check{"produce_batch_of_1000_" + codec, func(t *T) { thousand(t, codec) }})
	}
	return checks
}

// shapes are records of every kind of key, value, and header.
func shapes(topic string, first time.Time) []*kgo.Record {
	headers := []kgo.RecordHeader{{Key: "twice", Value: []byte("1")}, {Key: "twice", Value: []byte("2")},
		{Key: "null", Value: nil}, {Key: "empty", Value: []byte{}}}
	records := []*kgo.Record{
		{Key: []byte("key"), Value: []byte("value"), Headers: headers},
		{Key: nil, Value: []byte("no key")},
		{Key: []byte("tombstone"), Value: nil, Headers: headers},
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("большой"), Value: bytes.Repeat([]byte{0, 1, 254, 255}, 20_000)},
	}
	for i, record := range records {
		record.Topic, record.Timestamp = topic, first.Add(time.Duration(i)*time.Millisecond)
	}
	return records
}

func roundTrip(t *T, codec string) {
	topic := t.topic(1)
	sent := shapes(topic, time.UnixMilli(time.Now().UnixMilli()-1_000_000))
	client := t.client(kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(50*time.Millisecond))
	t.must(client.ProduceSync(t.ctx, sent...).FirstErr())
	for i, got := range t.read(topic, 0, 0, len(sent)) {
		want := sent[i]
		t.equal(int64(i), got.Offset, "offset")
		t.equal(want.Offset, got.Offset, "offset in the answer")
		t.equal(want.Timestamp.UnixMilli(), got.Timestamp.UnixMilli(), "timestamp")
		t.equal(int8(0), got.Attrs.TimestampType(), "timestamp type")
		t.equal(want.Key, got.Key, "key")
		t.equal(want.Value, got.Value, "value")
		t.equal(len(want.Headers), len(got.Headers), "headers")
		for h := range want.Headers {
			t.equal(want.Headers[h], got.Headers[h], "header")
		}
	}
}

func thousand(t *T, codec string) {
	topic := t.topic(1)
	for i, record := range t.fill(topic, 0, 1000, kgo.ProducerBatchCompression(codecs[codec])) {
		t.equal(int64(i), record.Offset, "offset in the answer")
	}
	t.equal(numbers(0, 1000), values(t.read(topic, 0, 0, 1000)), "values")
}

func produceAcks(t *T) {
	topic := t.topic(1)
	for _, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		t.fill(topic, 0, 10, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
	}
	t.equal(30, len(t.read(topic, 0, 0, 30)), "records")
}

func produceKeys(t *T) {
	topic := t.topic(4)
	client := t.client()
	partitionOf, used := map[string]int32{}, map[int32]bool{}
	for i := range 100 {
		record := &kgo.Record{Topic: topic, Key: []byte("key-" + strconv.Itoa(i%25)), Value: []byte("v")}
		t.must(client.ProduceSync(t.ctx, record).FirstErr())
		if before, known := partitionOf[string(record.Key)]; known {
			t.equal(before, record.Partition, "partition of a key")
		}
		partitionOf[string(record.Key)], used[record.Partition] = record.Partition, true
	}
	t.equal(4, len(used), "partitions used")
}

func produceOrder(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 5000, kgo.ProducerBatchMaxBytes(1000), kgo.ProducerLinger(0))
	t.equal(numbers(0, 5000), values(t.read(topic, 0, 0, 5000)), "values")
}

func produceTooLarge(t *T) {
	topic := t.topic(1, "max.message.bytes", "2000")
	client := t.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := client.ProduceSync(t.ctx, &kgo.Record{Topic: topic, Value: []byte(strings.Repeat("x", 3000))}).FirstErr()
	t.is(kerr.MessageTooLarge, err)
	t.must(client.ProduceSync(t.ctx, &kgo.Record{Topic: topic, Value: []byte("small")}).FirstErr())
}

func produceNoKey(t *T) {
	topic := t.topic(1, "cleanup.policy", "compact")
	client := t.client()
	t.is(kerr.InvalidRecord, client.ProduceSync(t.ctx, &kgo.Record{Topic: topic, Value: []byte("no key")}).FirstErr())
	t.must(client.ProduceSync(t.ctx, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("keyed")}).FirstErr())
}

func produceLogAppendTime(t *T) {
	topic, before := t.topic(1, "message.timestamp.type", "LogAppendTime"), time.Now().Add(-time.Second)
	for _, codec := range []string{"none", "gzip"} {
		record := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: time.UnixMilli(1000)}
		t.must(t.client(kgo.ProducerBatchCompression(codecs[codec])).ProduceSync(t.ctx, record).FirstErr())
	}
	for _, record := range t.read(topic, 0, 0, 2) {
		t.holds(record.Timestamp.After(before), "append time, got %v", record.Timestamp)
		t.equal(int8(1), record.Attrs.TimestampType(), "timestamp type")
	}
}

func produceUnknown(t *T) {
	client := t.client(kgo.UnknownTopicRetries(1))
	t.is(kerr.UnknownTopicOrPartition, client.ProduceSync(t.ctx, &kgo.Record{Topic: unique("none"), Value: []byte("v")}).FirstErr())
}
