package main

import (
	"bytes"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

var codecs = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

func dataChecks() []check {
	checks := []check{
		{"produce_acks", produceAcks},
		{"produce_idempotent", produceIdempotent},
		{"produce_too_large", produceTooLarge},
		{"produce_no_key_to_compacted_topic", produceNoKey},
		{"produce_log_append_time", produceLogAppendTime},
		{"produce_async_many", produceAsync},
		{"consume_from_offset_in_batch", consumeInBatch},
		{"consume_offsets_by_time", offsetsByTime},
		{"consume_tiny_fetch", consumeTinyFetch},
		{"consume_out_of_range", consumeOutOfRange},
	}
	for name, version := range map[string]sarama.KafkaVersion{"2.1": sarama.V2_1_0_0, "newest": sarama.MaxVersion} {
		at := func(config *sarama.Config) { config.Version = version }
		for codec := range codecs {
			checks = append(checks, check{"produce_round_trip_" + codec + "_protocol_" + name, func(t *T) { roundTrip(t, codec, at) }})
		}
	}
	return checks
}

func compression(codec string) func(*sarama.Config) {
	return func(config *sarama.Config) { config.Producer.Compression = codecs[codec] }
}

func roundTrip(t *T, codec string, at func(*sarama.Config)) {
	topic, first := t.topic(1), time.UnixMilli(time.Now().UnixMilli()-1_000_000)
	headers := []sarama.RecordHeader{{Key: []byte("twice"), Value: []byte("1")}, {Key: []byte("twice"), Value: []byte("2")},
		{Key: []byte("null"), Value: nil}}
	pairs := [][2]sarama.Encoder{{sarama.StringEncoder("key"), sarama.StringEncoder("value")}, {nil, sarama.StringEncoder("no key")},
		{sarama.StringEncoder("tombstone"), nil}, {sarama.StringEncoder(""), sarama.StringEncoder("")},
		{sarama.StringEncoder("k"), sarama.ByteEncoder(bytes.Repeat([]byte{0, 255}, 30_000))}}
	var sent []*sarama.ProducerMessage
	for i, pair := range pairs {
		message := &sarama.ProducerMessage{Topic: topic, Key: pair[0], Value: pair[1], Timestamp: first.Add(time.Duration(i) * time.Millisecond)}
		if i%2 == 0 {
			message.Headers = headers
		}
		sent = append(sent, message)
	}
	t.must(t.producer(at, compression(codec)).SendMessages(sent))
	for i, got := range t.read(topic, 0, 0, len(sent), at) {
		t.equal(int64(i), got.Offset, "offset")
		t.equal(sent[i].Offset, got.Offset, "offset in the answer")
		t.equal(sent[i].Timestamp.UnixMilli(), got.Timestamp.UnixMilli(), "timestamp")
		t.equal(encoded(t, sent[i].Key), string(got.Key), "key")
		t.equal(encoded(t, sent[i].Value), string(got.Value), "value")
		t.equal(sent[i].Value == nil, got.Value == nil, "null value")
		t.equal(len(sent[i].Headers), len(got.Headers), "headers")
		for h := range got.Headers {
			t.equal(sent[i].Headers[h], *got.Headers[h], "header")
		}
	}
}

func encoded(t *T, encoder sarama.Encoder) string {
	if encoder == nil {
		return ""
	}
	return string(must[[]byte](t)(encoder.Encode()))
}

func produceAcks(t *T) {
	topic := t.topic(1)
	for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		t.fill(topic, 0, 10, func(config *sarama.Config) { config.Producer.RequiredAcks = acks })
	}
	t.equal(30, len(t.read(topic, 0, 0, 30)), "records")
}

func idempotent(config *sarama.Config) {
	config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1
}

func produceIdempotent(t *T) {
	topic := t.topic(2)
	for range 3 {
		t.fill(topic, 1, 200, idempotent)
	}
	t.equal(600, len(t.read(topic, 1, 0, 600)), "records")
}

func produceTooLarge(t *T) {
	topic := t.topic(1, "max.message.bytes", "2000")
	_, _, err := t.producer().SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(strings.Repeat("x", 3000))})
	t.is(sarama.ErrMessageSizeTooLarge, err)
	t.fill(topic, 0, 1)
}

func produceNoKey(t *T) {
	topic := t.topic(1, "cleanup.policy", "compact")
	_, _, err := t.producer().SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("no key")})
	t.is(sarama.ErrInvalidRecord, err)
	t.fill(topic, 0, 1)
}

func produceLogAppendTime(t *T) {
	topic, before := t.topic(1, "message.timestamp.type", "LogAppendTime"), time.Now().Add(-time.Second)
	for codec := range codecs {
		t.fill(topic, 0, 3, compression(codec))
	}
	for _, message := range t.read(topic, 0, 0, 15) {
		t.holds(message.Timestamp.After(before), "append time, got %v", message.Timestamp)
	}
}

func produceAsync(t *T) {
	topic := t.topic(3)
	producer := must[sarama.AsyncProducer](t)(sarama.NewAsyncProducer([]string{bootstrap}, settings()))
	go func() {
		for i := range 3000 {
			producer.Input() <- &sarama.ProducerMessage{Topic: topic, Partition: int32(i % 3), Value: sarama.StringEncoder(numbers(i, i+1)[0])}
		}
		producer.AsyncClose()
	}()
	successes := 0
	for range producer.Successes() {
		successes++
	}
	for problem := range producer.Errors() {
		t.must(problem.Err)
	}
	t.equal(3000, successes, "acknowledged")
	t.equal(1000, len(t.read(topic, 2, 0, 1000)), "records")
}

func consumeInBatch(t *T) {
	for codec := range codecs {
		topic := t.topic(1)
		t.fill(topic, 0, 100, compression(codec))
		t.equal(numbers(57, 100), values(t.read(topic, 0, 57, 43)), "values from inside a batch, "+codec)
	}
}

func offsetsByTime(t *T) {
	const first = 1_600_000_000_000
	for codec := range codecs {
		topic := t.topic(1, "retention.ms", "-1")
		var messages []*sarama.ProducerMessage
		for i, value := range numbers(0, 50) {
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value), Timestamp: time.UnixMilli(first + 10*int64(i))})
		}
		t.must(t.producer(compression(codec), func(config *sarama.Config) { config.Producer.Flush.Messages = 50 }).SendMessages(messages))
		client := t.client()
		for at, want := range map[int64]int64{first: 0, first + 101: 11, first + 490: 49, first + 491: -1, sarama.OffsetNewest: 50, sarama.OffsetOldest: 0} {
			t.equal(want, must[int64](t)(client.GetOffset(topic, 0, at)), "offset at a time, "+codec)
		}
	}
}

func consumeTinyFetch(t *T) {
	topic := t.topic(1)
	for range 5 {
		t.fill(topic, 0, 2)
	}
	t.equal(10, len(t.read(topic, 0, 0, 10, func(config *sarama.Config) { config.Consumer.Fetch.Default = 1 })), "records")
}

func consumeOutOfRange(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 5)
	consumer := must[sarama.Consumer](t)(sarama.NewConsumerFromClient(t.client()))
	_, err := consumer.ConsumePartition(topic, 0, 50)
	t.is(sarama.ErrOffsetOutOfRange, err)
}
