package main

import (
	"encoding/binary"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func rawChecks() []check {
	return []check{
		{"raw_api_versions_of_unknown_version", unknownApiVersions},
		{"raw_api_versions_bad_software_name", badSoftwareName},
		{"raw_null_and_empty_client_id", clientIDs},
		{"raw_unknown_key_closes", unknownKey},
		{"raw_removed_version_closes", removedVersion},
		{"raw_bad_frames_close", badFrames},
		{"raw_frame_in_pieces", frameInPieces},
		{"raw_pipelined_answers_in_order", pipelined},
		{"raw_metadata_auto_create", metadataAutoCreate},
		{"raw_metadata_right_after_create", metadataAfterCreate},
		{"raw_idempotent_duplicates_and_gaps", idempotence},
		{"raw_produce_bad_batches", badBatches},
		{"raw_fetch_limits_and_errors", fetchLimits},
		{"raw_offset_for_leader_epoch_fencing", leaderEpochFencing},
	}
}

func unknownApiVersions(t *T) {
	for _, version := range []int16{5, 99, 32767} {
		w := t.dial("raw")
		w.write(w.frame(kmsg.NewPtrApiVersionsRequest(), version))
		body, err := w.readFrame(5 * time.Second)
		t.must(err)
		t.holds(len(body) >= 16, "an answer of %d bytes", len(body))
		t.equal(w.next, int32(binary.BigEndian.Uint32(body)), "correlation id")
		t.equal(uint16(35), binary.BigEndian.Uint16(body[4:]), "error code")
		rows := int(binary.BigEndian.Uint32(body[6:]))
		t.equal(10+6*rows, len(body), "length of an answer in the form of version 0")
		found := false
		for row := range rows {
			at := body[10+6*row:]
			found = found || binary.BigEndian.Uint16(at) == 18 && binary.BigEndian.Uint16(at[4:]) >= 3
		}
		t.holds(found, "the row of ApiVersions itself")
		answer := w.ask(kmsg.NewPtrApiVersionsRequest(), 0).(*kmsg.ApiVersionsResponse)
		t.equal(int16(0), answer.ErrorCode, "error of version 0 on the same connection")
	}
}

func badSoftwareName(t *T) {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "bad name!", "1"
	answer := t.dial("raw").ask(request, 3).(*kmsg.ApiVersionsResponse)
	t.is(kerr.InvalidRequest, kerr.ErrorForCode(answer.ErrorCode))
	request.ClientSoftwareName = "good-name"
	answer = t.dial("raw").ask(request, 3).(*kmsg.ApiVersionsResponse)
	t.equal(int16(0), answer.ErrorCode, "error")
	t.holds(answer.FinalizedFeaturesEpoch >= 0 && len(answer.FinalizedFeatures) > 0, "finalized features")
}

func clientIDs(t *T) {
	for _, w := range []*wire{t.dial(), t.dial(""), t.dial("имя")} {
		for _, version := range []int16{0, 3} {
			w.ask(kmsg.NewPtrApiVersionsRequest(), version)
		}
		metadata := w.ask(kmsg.NewPtrMetadataRequest(), 12).(*kmsg.MetadataResponse)
		t.holds(len(metadata.Brokers) > 0, "brokers")
	}
}

func unknownKey(t *T) {
	w := t.dial("raw")
	frame := w.frame(kmsg.NewPtrApiVersionsRequest(), 0)
	binary.BigEndian.PutUint16(frame[4:], 999)
	w.write(frame)
	w.closed()
	t.alive()
}

func removedVersion(t *T) {
	w := t.dial("raw")
	w.write(w.frame(kmsg.NewPtrListOffsetsRequest(), 0))
	w.closed()
	t.alive()
}

func badFrames(t *T) {
	for _, bytes := range [][]byte{{0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff, 0}, []byte("GET / HTTP/1.1\r\n\r\n"),
		{0, 0, 0, 4, 0, 18, 0, 0}, {0, 0, 0, 12, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0, 0}} {
		w := t.dial()
		w.write(bytes)
		w.closed()
	}
	t.alive()
}

func frameInPieces(t *T) {
	w := t.dial("raw")
	request := kmsg.NewPtrMetadataRequest()
	for _, one := range w.frame(request, 9) {
		w.write([]byte{one})
		time.Sleep(2 * time.Millisecond)
	}
	w.receive(request, w.next)
}

func pipelined(t *T) {
	w := t.dial("raw")
	var all []byte
	var requests []kmsg.Request
	first := w.next + 1
	for i := range 20 {
		var request kmsg.Request = kmsg.NewPtrApiVersionsRequest()
		version := int16(3)
		if i%2 == 1 {
			request, version = kmsg.NewPtrMetadataRequest(), 9
		}
		all = append(all, w.frame(request, version)...)
		requests = append(requests, request)
	}
	w.write(all)
	for i, request := range requests {
		w.receive(request, first+int32(i))
	}
}

func metadataFor(t *T, topic string, create bool) kmsg.MetadataResponseTopic {
	request := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &topic
	request.Topics, request.AllowAutoTopicCreation = append(request.Topics, one), create
	answer := t.dial("raw").ask(request, 12).(*kmsg.MetadataResponse)
	t.equal(1, len(answer.Topics), "topics")
	return answer.Topics[0]
}

// metadataAutoCreate: clients that retry only on 5 take 3 as the end.
func metadataAutoCreate(t *T) {
	name := unique("none")
	t.is(kerr.UnknownTopicOrPartition, kerr.ErrorForCode(metadataFor(t, name, false).ErrorCode))
	t.is(kerr.InvalidTopicException, kerr.ErrorForCode(metadataFor(t, "no good", true).ErrorCode))
	first := kerr.ErrorForCode(metadataFor(t, name, true).ErrorCode)
	t.holds(peerIsKafka || first != kerr.UnknownTopicOrPartition, "auto-creation answers %v", first)
	t.eventually(func() { t.must(kerr.ErrorForCode(metadataFor(t, name, true).ErrorCode)) })
}

func metadataAfterCreate(t *T) {
	for range 5 {
		name := unique("create")
		_, err := t.admin().CreateTopic(t.ctx, 3, 1, nil, name)
		t.must(err)
		t.visible(func() {
			topic := metadataFor(t, name, false)
			t.must(kerr.ErrorForCode(topic.ErrorCode))
			t.equal(3, len(topic.Partitions), "partitions")
			for _, partition := range topic.Partitions {
				t.must(kerr.ErrorForCode(partition.ErrorCode))
			}
		})
	}
}

// produce sends one batch by name (version 9) and returns the answer for the partition.
func (w *wire) produce(topic string, batch []byte) kmsg.ProduceResponseTopicPartition {
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 5000
	one, partition := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	partition.Records = batch
	one.Topic, one.Partitions = topic, append(one.Partitions, partition)
	request.Topics = append(request.Topics, one)
	answer := w.ask(request, 9).(*kmsg.ProduceResponse)
	return answer.Topics[0].Partitions[0]
}

func idempotence(t *T) {
	topic, w := t.topic(1), t.dial("raw")
	producer := w.ask(kmsg.NewPtrInitProducerIDRequest(), 4).(*kmsg.InitProducerIDResponse)
	t.must(kerr.ErrorForCode(producer.ErrorCode))
	send := func(sequence int32, values ...string) kmsg.ProduceResponseTopicPartition {
		return w.produce(topic, idempotentBatch(producer.ProducerID, producer.ProducerEpoch, sequence, values...))
	}
	for i := range int32(4) {
		answer := send(3*i, "a", "b", "c")
		t.must(kerr.ErrorForCode(answer.ErrorCode))
		t.equal(int64(3*i), answer.BaseOffset, "base offset")
	}
	again := send(3, "a", "b", "c")
	t.must(kerr.ErrorForCode(again.ErrorCode))
	t.equal(int64(3), again.BaseOffset, "base offset of a duplicate")
	t.is(kerr.OutOfOrderSequenceNumber, kerr.ErrorForCode(send(20, "gap").ErrorCode))
	t.is(kerr.InvalidProducerEpoch, kerr.ErrorForCode(func() int16 {
		t.must(kerr.ErrorForCode(w.produce(topic, idempotentBatch(producer.ProducerID, 3, 0, "newer")).ErrorCode))
		return send(12, "older").ErrorCode
	}()))
	t.equal(13, len(t.read(topic, 0, 0, 13)), "records")
}

func badBatches(t *T) {
	topic, w := t.topic(1), t.dial("raw")
	good := func() []byte { return idempotentBatch(-1, -1, -1, "value") }
	send := func(change func(batch []byte)) error {
		batch := good()
		change(batch)
		return kerr.ErrorForCode(w.produce(topic, batch).ErrorCode)
	}
	t.must(send(func([]byte) {}))
	t.is(kerr.CorruptMessage, send(func(batch []byte) { batch[17] ^= 0xff }))
	t.is(kerr.CorruptMessage, send(func(batch []byte) { batch[len(batch)-1] ^= 0xff }))
	t.is(kerr.CorruptMessage, send(func(batch []byte) { batch[16] = 3 }))
	t.is(kerr.InvalidRecord, send(func(batch []byte) { batch[7] = 5 }))
	t.must(send(func([]byte) {}))
	t.equal(2, len(t.read(topic, 0, 0, 2)), "records")
}

// fetch asks for one partition without a session (version 12).
func (w *wire) fetch(topic string, offset int64, limit, partitionLimit int32) kmsg.FetchResponseTopicPartition {
	request := kmsg.NewPtrFetchRequest()
	request.ReplicaID, request.MaxBytes, request.SessionEpoch = -1, limit, -1
	one, partition := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	partition.FetchOffset, partition.PartitionMaxBytes, partition.CurrentLeaderEpoch = offset, partitionLimit, -1
	one.Topic, one.Partitions = topic, append(one.Partitions, partition)
	request.Topics = append(request.Topics, one)
	answer := w.ask(request, 12).(*kmsg.FetchResponse)
	return answer.Topics[0].Partitions[0]
}

func batchOffsets(bytes []byte) []int64 {
	offsets := []int64{}
	for len(bytes) >= 61 {
		size := 12 + int(binary.BigEndian.Uint32(bytes[8:]))
		if size > len(bytes) {
			break
		}
		offsets = append(offsets, int64(binary.BigEndian.Uint64(bytes)))
		bytes = bytes[size:]
	}
	return offsets
}

func fetchLimits(t *T) {
	topic, w := t.topic(1), t.dial("raw")
	for range 4 {
		t.must(kerr.ErrorForCode(w.produce(topic, idempotentBatch(-1, -1, -1, "one", "two", "three")).ErrorCode))
	}
	all := w.fetch(topic, 0, 1<<20, 1<<20)
	t.equal([]int64{0, 3, 6, 9}, batchOffsets(all.RecordBatches), "batches without a limit")
	t.equal(int64(12), all.HighWatermark, "high watermark")
	t.equal(int64(12), all.LastStableOffset, "last stable offset")
	t.equal(int64(0), all.LogStartOffset, "log start offset")
	size := int32(len(all.RecordBatches) / 4)
	t.equal([]int64{3, 6, 9}, batchOffsets(w.fetch(topic, 4, 1<<20, 1<<20).RecordBatches), "batches from inside a batch")
	t.equal([]int64{0}, batchOffsets(w.fetch(topic, 0, 1, 1<<20).RecordBatches), "batches with a limit of one byte")
	t.equal([]int64{0}, batchOffsets(w.fetch(topic, 0, 1<<20, size+size/2).RecordBatches), "batches with a limit of one and a half")
	t.equal(0, len(w.fetch(topic, 12, 1<<20, 1<<20).RecordBatches), "bytes at the end")
	for _, offset := range []int64{13, -1} {
		t.is(kerr.OffsetOutOfRange, kerr.ErrorForCode(w.fetch(topic, offset, 1<<20, 1<<20).ErrorCode))
	}
	t.is(kerr.UnknownTopicOrPartition, kerr.ErrorForCode(w.fetch(unique("none"), 0, 1<<20, 1<<20).ErrorCode))
}

func leaderEpochFencing(t *T) {
	topic, w := t.topic(1), t.dial("raw")
	ask := func(current, wanted int32) kmsg.OffsetForLeaderEpochResponseTopicPartition {
		request := kmsg.NewPtrOffsetForLeaderEpochRequest()
		one, partition := kmsg.NewOffsetForLeaderEpochRequestTopic(), kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		partition.CurrentLeaderEpoch, partition.LeaderEpoch = current, wanted
		request.ReplicaID, one.Topic, one.Partitions = -1, topic, append(one.Partitions, partition)
		request.Topics = append(request.Topics, one)
		return w.ask(request, 4).(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0]
	}
	t.must(kerr.ErrorForCode(ask(0, 0).ErrorCode))
	t.is(kerr.UnknownLeaderEpoch, kerr.ErrorForCode(ask(5, 0).ErrorCode))
	t.equal(int64(-1), ask(-1, 7).EndOffset, "end offset of an epoch to come")
}
