package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.fails;
import static acceptance.Expect.holds;
import static acceptance.Kit.bytes;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** What is written comes back as it was; what must not be written is refused. */
final class ProduceChecks {
    private ProduceChecks() {}

    static void register(List<Check> checks) {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            checks.add(new Check("produce_round_trip_" + codec, () -> roundTrip(codec)));
            checks.add(new Check("produce_batch_of_1000_" + codec, () -> thousand(codec)));
        }
        checks.add(new Check("produce_keyed_records_spread", ProduceChecks::keyed));
        checks.add(new Check("produce_acks_0_1_all", ProduceChecks::acks));
        checks.add(new Check("produce_idempotent_in_flight_order", ProduceChecks::inFlightOrder));
        checks.add(new Check("produce_record_too_large", ProduceChecks::tooLarge));
        checks.add(new Check("produce_batch_too_large_is_split", ProduceChecks::split));
        checks.add(new Check("produce_no_key_to_compacted_topic", ProduceChecks::noKey));
        checks.add(new Check("produce_log_append_time", ProduceChecks::logAppendTime));
        checks.add(new Check("produce_timestamp_in_the_future", ProduceChecks::future));
        checks.add(new Check("produce_to_illegal_topic", ProduceChecks::illegalTopic));
        checks.add(new Check("produce_topic_compression_type", ProduceChecks::topicCompression));
    }

    /** Every shape of key, value, and header. */
    private static List<ProducerRecord<byte[], byte[]>> shapes(String topic, long firstTimestamp) {
        byte[] binary = new byte[256];
        for (int i = 0; i < binary.length; i++) binary[i] = (byte) i;
        List<Header> headers = List.of(new RecordHeader("twice", bytes("1")), new RecordHeader("twice", bytes("2")),
            new RecordHeader("null", (byte[]) null), new RecordHeader("empty", new byte[0]), new RecordHeader("", binary));
        byte[][][] pairs = {{bytes("key"), bytes("value")}, {null, bytes("no key")}, {bytes("tombstone"), null}, {null, null},
            {new byte[0], new byte[0]}, {binary, binary}, {bytes("ключ"), new byte[40_000]}};
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (byte[][] pair : pairs) {
            List<Header> own = records.size() % 2 == 0 ? headers : List.of();
            records.add(new ProducerRecord<>(topic, 0, firstTimestamp + records.size(), pair[0], pair[1], own));
        }
        return records;
    }

    private static void roundTrip(String codec) throws Exception {
        String topic = Kit.topic(1);
        long firstTimestamp = System.currentTimeMillis() - 1_000_000;
        List<ProducerRecord<byte[], byte[]>> sent = shapes(topic, firstTimestamp);
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer("compression.type", codec, "linger.ms", 50, "batch.size", 200_000)) {
            List<Future<RecordMetadata>> answers = sent.stream().map(producer::send).toList();
            for (int i = 0; i < answers.size(); i++) {
                equal((long) i, done(answers.get(i)).offset(), "offset in the answer");
                equal(firstTimestamp + i, done(answers.get(i)).timestamp(), "timestamp in the answer");
            }
        }
        List<ConsumerRecord<byte[], byte[]>> got = Kit.read(new TopicPartition(topic, 0), sent.size());
        for (int i = 0; i < sent.size(); i++) same(sent.get(i), got.get(i), i);
    }

    private static void same(ProducerRecord<byte[], byte[]> sent, ConsumerRecord<byte[], byte[]> got, int offset) {
        equal((long) offset, got.offset(), "offset");
        equal(sent.timestamp(), got.timestamp(), "timestamp at " + offset);
        equal(TimestampType.CREATE_TIME, got.timestampType(), "timestamp type at " + offset);
        holds(Arrays.equals(sent.key(), got.key()), "key at " + offset);
        holds(Arrays.equals(sent.value(), got.value()), "value at " + offset);
        equal(Arrays.asList(sent.headers().toArray()), Arrays.asList(got.headers().toArray()), "headers at " + offset);
    }

    private static void thousand(String codec) throws Exception {
        String topic = Kit.topic(1);
        List<RecordMetadata> answers = Kit.fill(topic, 0, 1000, "compression.type", codec, "batch.size", 1_000_000, "linger.ms", 200);
        for (int i = 0; i < 1000; i++) equal((long) i, answers.get(i).offset(), "offset in the answer");
        List<ConsumerRecord<byte[], byte[]>> got = Kit.read(new TopicPartition(topic, 0), 1000);
        equal(Kit.numbers(0, 1000), Kit.values(got), "values");
        equal(999L, got.get(999).offset(), "last offset");
        equal(0, got.get(0).leaderEpoch().orElse(-1), "leader epoch");
    }

    private static void keyed() throws Exception {
        String topic = Kit.topic(4);
        Map<String, Integer> partitionOf = new java.util.HashMap<>();
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            for (int i = 0; i < 200; i++) {
                String key = "key-" + i % 50;
                int partition = done(producer.send(new ProducerRecord<>(topic, bytes(key), bytes("" + i)))).partition();
                equal(partition, partitionOf.getOrDefault(key, partition), "partition of " + key);
                partitionOf.put(key, partition);
            }
        }
        equal(4, (int) partitionOf.values().stream().distinct().count(), "partitions used");
    }

    private static void acks() throws Exception {
        String topic = Kit.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<byte[], byte[]> none = Kit.producer("acks", "0", "enable.idempotence", false)) {
            equal(-1L, done(none.send(Kit.record(topic, 0, "0"))).offset(), "no offset with acks=0");
        }
        Expect.eventually(() -> equal(1L, Kit.offset(partition, OffsetSpec.latest()), "end offset after acks=0"));
        try (KafkaProducer<byte[], byte[]> leader = Kit.producer("acks", "1", "enable.idempotence", false)) {
            equal(1L, done(leader.send(Kit.record(topic, 0, "1"))).offset(), "offset with acks=1");
        }
        try (KafkaProducer<byte[], byte[]> all = Kit.producer("acks", "all", "enable.idempotence", false)) {
            equal(2L, done(all.send(Kit.record(topic, 0, "2"))).offset(), "offset with acks=all");
        }
        equal(Kit.numbers(0, 3), Kit.values(Kit.read(partition, 3)), "values");
    }

    /** Small batches, so that five requests of one producer are under way at once. */
    private static void inFlightOrder() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 5000, "batch.size", 500, "linger.ms", 0);
        equal(Kit.numbers(0, 5000), Kit.values(Kit.read(new TopicPartition(topic, 0), 5000)), "values");
    }

    private static void tooLarge() throws Exception {
        String topic = Kit.topic(1, Map.of("max.message.bytes", "2000"));
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer("max.request.size", 5_000_000, "buffer.memory", 32_000_000)) {
            fails(RecordTooLargeException.class, producer.send(Kit.record(topic, 0, "x".repeat(3000))));
            equal(0L, done(producer.send(Kit.record(topic, 0, "small"))).offset(), "the next record is accepted");
            fails(RecordTooLargeException.class, producer.send(Kit.record(Kit.topic(1), 0, "x".repeat(1_048_588))));
        }
    }

    private static void split() throws Exception {
        String topic = Kit.topic(1, Map.of("max.message.bytes", "20000"));
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer("batch.size", 200_000, "linger.ms", 200)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 100; i++) sent.add(producer.send(Kit.record(topic, 0, i + "x".repeat(1000))));
            for (Future<RecordMetadata> future : sent) done(future);
        }
        List<ConsumerRecord<byte[], byte[]>> got = Kit.read(new TopicPartition(topic, 0), 100);
        equal(Kit.numbers(0, 100), Kit.values(got).stream().map(v -> v.replace("x", "")).toList(), "values");
    }

    private static void noKey() throws Exception {
        String topic = Kit.topic(1, Map.of("cleanup.policy", "compact"));
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            fails(InvalidRecordException.class, producer.send(new ProducerRecord<>(topic, 0, null, bytes("no key"))));
            equal(0L, done(producer.send(Kit.record(topic, 0, "keyed"))).offset(), "a keyed record is accepted");
        }
    }

    private static void logAppendTime() throws Exception {
        String topic = Kit.topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
        long before = System.currentTimeMillis();
        for (String codec : List.of("none", "zstd")) {
            try (KafkaProducer<byte[], byte[]> producer = Kit.producer("compression.type", codec)) {
                long answered = done(producer.send(new ProducerRecord<>(topic, 0, 1000L, null, bytes(codec)))).timestamp();
                holds(answered >= before - 1000, "append time in the answer, got " + answered);
            }
        }
        for (ConsumerRecord<byte[], byte[]> record : Kit.read(new TopicPartition(topic, 0), 2)) {
            equal(TimestampType.LOG_APPEND_TIME, record.timestampType(), "timestamp type");
            holds(record.timestamp() >= before - 1000, "append time in the record, got " + record.timestamp());
        }
    }

    private static void future() throws Exception {
        String topic = Kit.topic(1);
        long twoHoursAhead = System.currentTimeMillis() + 7_200_000;
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            fails(InvalidTimestampException.class, producer.send(new ProducerRecord<>(topic, 0, twoHoursAhead, null, bytes("later"))));
        }
    }

    private static void illegalTopic() throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            Expect.throwsKind(InvalidTopicException.class,
                () -> done(producer.send(new ProducerRecord<>("no good", bytes("k"), bytes("v")))));
        }
    }

    /** A topic that names a codec stores every batch in it, whatever the producer chose. */
    private static void topicCompression() throws Exception {
        for (String target : List.of("uncompressed", "gzip", "zstd")) {
            String topic = Kit.topic(1, Map.of("compression.type", target));
            Kit.fill(topic, 0, 100, "compression.type", "lz4");
            equal(Kit.numbers(0, 100), Kit.values(Kit.read(new TopicPartition(topic, 0), 100)), "values stored as " + target);
        }
    }
}
