package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func consumeChecks() []check {
	return []check{
		{"consume_from_offset_in_batch", consumeInBatch},
		{"consume_from_timestamp", consumeFromTimestamp},
		{"consume_fetch_max_bytes_below_one_record", consumeTinyFetch},
		{"consume_out_of_range", consumeOutOfRange},
		{"consume_long_poll_ends_when_data_arrives", consumeLongPoll},
		{"consume_many_partitions", consumeManyPartitions},
		{"consume_after_recreate", consumeAfterRecreate},
		{"consume_read_committed", consumeReadCommitted},
		{"offsets_start_end_time_max_timestamp", listOffsets},
		{"offsets_delete_records", deleteRecords},
		{"offsets_for_leader_epoch", leaderEpochs},
	}
}

func contextOf(t *T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.ctx, limit)
	t.closers = append(t.closers, cancel)
	return ctx
}

func consumeInBatch(t *T) {
	for codec := range codecs {
		topic := t.topic(1)
		t.fill(topic, 0, 100, kgo.ProducerBatchCompression(codecs[codec]))
		got := t.read(topic, 0, 57, 43)
		t.equal(int64(57), got[0].Offset, "first offset, "+codec)
		t.equal(numbers(57, 100), values(got), "values, "+codec)
	}
}

const firstMilli = 1_600_000_000_000

// stamped writes one batch with timestamps 10 ms apart.
func stamped(t *T, codec string) string {
	topic := t.topic(1, "retention.ms", "-1")
	client := t.client(kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(100*time.Millisecond))
	var records []*kgo.Record
	for i, value := range numbers(0, 100) {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(value), Timestamp: time.UnixMilli(firstMilli + 10*int64(i))})
	}
	t.must(client.ProduceSync(t.ctx, records...).FirstErr())
	return topic
}

func consumeFromTimestamp(t *T) {
	for codec := range codecs {
		topic := stamped(t, codec)
		where := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AfterMilli(firstMilli + 421)}}
		got := t.poll(t.client(kgo.ConsumePartitions(where)), 1)
		t.equal(int64(43), got[0].Offset, "first offset, "+codec)
	}
}

func consumeTinyFetch(t *T) {
	topic := t.topic(1)
	for range 5 {
		t.fill(topic, 0, 2, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	t.equal(10, len(t.read(topic, 0, 0, 10, kgo.FetchMaxBytes(1), kgo.FetchMaxPartitionBytes(1))), "records")
}

func consumeOutOfRange(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 10)
	where := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(50)}}
	client := t.client(kgo.ConsumePartitions(where), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	errs := client.PollFetches(t.ctx).Errors()
	t.holds(len(errs) > 0, "a fetch beyond the end fails")
	t.is(kerr.OffsetOutOfRange, errs[0].Err)
	t.equal(10, len(t.poll(t.client(kgo.ConsumePartitions(where)), 10)), "records after a reset to the start")
}

func consumeLongPoll(t *T) {
	topic := t.topic(1)
	client := t.client(kgo.ConsumeTopics(topic), kgo.FetchMaxWait(9*time.Second))
	client.PollFetches(contextOf(t, 500*time.Millisecond))
	start := time.Now()
	t.fill(topic, 0, 1)
	t.poll(client, 1)
	t.holds(time.Since(start) < 4*time.Second, "a waiting fetch ends when data arrives, took %s", time.Since(start))
}

func consumeManyPartitions(t *T) {
	topic := t.topic(20)
	client := t.client(kgo.ConsumeTopics(topic))
	for round := range 3 {
		producer := t.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for partition := round; partition < 20; partition += 3 {
			t.must(producer.ProduceSync(t.ctx, &kgo.Record{Topic: topic, Partition: int32(partition), Value: []byte("v")}).FirstErr())
		}
		want := (20 - round + 2) / 3
		t.equal(want, len(t.poll(client, want)), "records in a round")
	}
}

func consumeAfterRecreate(t *T) {
	topic, admin := t.topic(1), t.admin()
	t.fill(topic, 0, 5)
	_, err := admin.DeleteTopic(t.ctx, topic)
	t.must(err)
	_, err = admin.CreateTopic(t.ctx, 1, 1, nil, topic)
	t.must(err)
	t.visible(func() { t.equal(int64(0), t.fill(topic, 0, 1)[0].Offset, "first offset") })
	t.equal([]string{"0"}, values(t.read(topic, 0, 0, 1)), "values of the new topic")
}

func consumeReadCommitted(t *T) {
	topic := t.topic(1)
	t.fill(topic, 0, 10)
	t.equal(10, len(t.read(topic, 0, 0, 10, kgo.FetchIsolationLevel(kgo.ReadCommitted()))), "records")
}

func (t *T) offset(listed kadm.ListedOffsets, err error) func(topic string) kadm.ListedOffset {
	t.must(err)
	t.must(listed.Error())
	return func(topic string) kadm.ListedOffset {
		offset, found := listed.Lookup(topic, 0)
		t.holds(found, "partition 0 in the answer")
		return offset
	}
}

func listOffsets(t *T) {
	topic, empty, admin := stamped(t, "gzip"), t.topic(1), t.admin()
	starts, ends := t.offset(admin.ListStartOffsets(t.ctx, topic, empty)), t.offset(admin.ListEndOffsets(t.ctx, topic, empty))
	t.equal(int64(0), starts(topic).Offset, "start")
	t.equal(int64(100), ends(topic).Offset, "end")
	t.equal(int64(0), ends(empty).Offset, "end of an empty partition")
	at := t.offset(admin.ListOffsetsAfterMilli(t.ctx, firstMilli+333, topic))(topic)
	t.equal(int64(34), at.Offset, "offset at a time")
	t.equal(int64(firstMilli+340), at.Timestamp, "timestamp at a time")
	largest := t.offset(admin.ListMaxTimestampOffsets(t.ctx, topic))(topic)
	t.equal(int64(99), largest.Offset, "offset of the largest timestamp")
	t.equal(int64(firstMilli+990), largest.Timestamp, "largest timestamp")
}

func deleteRecords(t *T) {
	topic, admin := t.topic(1), t.admin()
	t.fill(topic, 0, 20)
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 7, -1)
	answers, err := admin.DeleteRecords(t.ctx, offsets)
	t.must(err)
	t.must(answers[topic][0].Err)
	t.equal(int64(7), answers[topic][0].LowWatermark, "low watermark")
	t.equal(int64(7), t.offset(admin.ListStartOffsets(t.ctx, topic))(topic).Offset, "start")
	t.equal(numbers(7, 20), values(t.read(topic, 0, 7, 13)), "values")
	var beyond kadm.Offsets
	beyond.AddOffset(topic, 0, 21, -1)
	answers, err = admin.DeleteRecords(t.ctx, beyond)
	t.must(err)
	t.is(kerr.OffsetOutOfRange, answers[topic][0].Err)
}

func leaderEpochs(t *T) {
	topic, admin := t.topic(1), t.admin()
	t.fill(topic, 0, 12)
	ask := func(wanted int32) kadm.OffsetForLeaderEpoch {
		var request kadm.OffsetForLeaderEpochRequest
		request.Add(topic, 0, wanted)
		answers, err := admin.OffsetForLeaderEpoch(t.ctx, request)
		t.must(err)
		return answers[topic][0]
	}
	now := ask(0)
	t.must(now.Err)
	t.equal(int64(12), now.EndOffset, "end offset of epoch 0")
	t.equal(int32(0), now.LeaderEpoch, "epoch of the answer")
	later := ask(9)
	t.equal(int64(-1), later.EndOffset, "end offset of an epoch to come")
	t.equal(int32(-1), later.LeaderEpoch, "epoch of that answer")
}
