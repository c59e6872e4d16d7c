package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.fails;
import static acceptance.Kit.ADMIN;
import static acceptance.Kit.bytes;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;

/** Offsets by time, the ends of a log, and moving its start. */
final class OffsetChecks {
    private static final long FIRST = 1_600_000_000_000L;

    private OffsetChecks() {}

    static void register(List<Check> checks) {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            checks.add(new Check("offsets_by_timestamp_in_batch_" + codec, () -> byTimestamp(codec)));
        }
        checks.add(new Check("offsets_beginning_and_end", OffsetChecks::ends));
        checks.add(new Check("offsets_max_timestamp", OffsetChecks::maxTimestamp));
        checks.add(new Check("offsets_local_and_tiered", OffsetChecks::localAndTiered));
        checks.add(new Check("offsets_delete_records", OffsetChecks::deleteRecords));
        checks.add(new Check("offsets_delete_records_errors", OffsetChecks::deleteRecordsErrors));
    }

    /** Timestamps FIRST, FIRST + 10, … in a single batch; a record out of order in the middle. */
    private static TopicPartition stamped(String codec) throws Exception {
        String topic = Kit.topic(1, Map.of("retention.ms", "-1"));
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer("compression.type", codec, "linger.ms", 200, "batch.size", 100_000)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                long timestamp = i == 50 ? FIRST + 5000 : FIRST + 10L * i;
                sent.add(producer.send(new ProducerRecord<>(topic, 0, timestamp, null, bytes("" + i))));
            }
            for (Future<RecordMetadata> future : sent) done(future);
        }
        return new TopicPartition(topic, 0);
    }

    private static void byTimestamp(String codec) throws Exception {
        TopicPartition partition = stamped(codec);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            atTime(consumer, partition, 0, 0, FIRST);
            atTime(consumer, partition, FIRST + 120, 12, FIRST + 120);
            atTime(consumer, partition, FIRST + 121, 13, FIRST + 130);
            atTime(consumer, partition, FIRST + 495, 50, FIRST + 5000);
            atTime(consumer, partition, FIRST + 600, 50, FIRST + 5000);
            equal(null, consumer.offsetsForTimes(Map.of(partition, FIRST + 5001)).get(partition), "beyond the last record");
        }
    }

    private static void atTime(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long time, long offset, long timestamp) {
        OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, time)).get(partition);
        equal(offset, found.offset(), "offset at " + (time - FIRST));
        equal(timestamp, found.timestamp(), "timestamp at " + (time - FIRST));
    }

    private static void ends() throws Exception {
        String topic = Kit.topic(2);
        Kit.fill(topic, 1, 7);
        List<TopicPartition> both = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            equal(Map.of(both.get(0), 0L, both.get(1), 0L), consumer.beginningOffsets(both), "beginning offsets");
            equal(Map.of(both.get(0), 0L, both.get(1), 7L), consumer.endOffsets(both), "end offsets");
        }
    }

    private static ListOffsetsResultInfo list(TopicPartition partition, OffsetSpec spec) throws Exception {
        return done(ADMIN.listOffsets(Map.of(partition, spec)).partitionResult(partition));
    }

    private static void maxTimestamp() throws Exception {
        for (String codec : List.of("none", "zstd")) {
            ListOffsetsResultInfo found = list(stamped(codec), OffsetSpec.maxTimestamp());
            equal(50L, found.offset(), "offset of the largest timestamp, " + codec);
            equal(FIRST + 5000, found.timestamp(), "largest timestamp, " + codec);
        }
        ListOffsetsResultInfo none = list(new TopicPartition(Kit.topic(1), 0), OffsetSpec.maxTimestamp());
        equal(-1L, none.offset(), "offset in an empty partition");
        equal(-1L, none.timestamp(), "timestamp in an empty partition");
    }

    private static void localAndTiered() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 5);
        TopicPartition partition = new TopicPartition(topic, 0);
        done(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2))).all());
        equal(2L, list(partition, OffsetSpec.earliestLocal()).offset(), "earliest local offset");
        equal(-1L, list(partition, OffsetSpec.latestTiered()).offset(), "latest tiered offset");
        equal(-1L, list(partition, OffsetSpec.earliestPendingUpload()).offset(), "earliest offset pending upload");
        equal(0, list(partition, OffsetSpec.latest()).leaderEpoch().orElse(-1), "leader epoch");
    }

    private static void deleteRecords() throws Exception {
        String topic = Kit.topic(2);
        Kit.fill(topic, 0, 20);
        Kit.fill(topic, 1, 20);
        TopicPartition some = new TopicPartition(topic, 0);
        TopicPartition all = new TopicPartition(topic, 1);
        var result = ADMIN.deleteRecords(Map.of(some, RecordsToDelete.beforeOffset(8), all, RecordsToDelete.beforeOffset(-1)));
        equal(8L, done(result.lowWatermarks().get(some)).lowWatermark(), "low watermark");
        equal(20L, done(result.lowWatermarks().get(all)).lowWatermark(), "low watermark for -1");
        equal(8L, Kit.offset(some, OffsetSpec.earliest()), "earliest offset");
        equal(20L, Kit.offset(all, OffsetSpec.earliest()), "earliest offset for -1");
        equal(Kit.numbers(8, 20), Kit.values(Kit.read(some, 12)), "values from inside a batch");
        equal(20L, Kit.fill(topic, 1, 1).get(0).offset(), "the next offset");
    }

    private static void deleteRecordsErrors() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 5);
        TopicPartition partition = new TopicPartition(topic, 0);
        for (long offset : new long[] {6, -2}) {
            fails(OffsetOutOfRangeException.class, ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(offset))).all());
        }
        done(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(3))).all());
        equal(3L, done(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1))).lowWatermarks().get(partition)).lowWatermark(),
            "the start never goes back");
    }
}
