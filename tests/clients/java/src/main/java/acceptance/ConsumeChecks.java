package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.holds;
import static acceptance.Expect.throwsKind;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;

/** Reading without a group: positions, limits, waiting. */
final class ConsumeChecks {
    private ConsumeChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("consume_seek_to_offset_in_batch", ConsumeChecks::seekInBatch));
        checks.add(new Check("consume_seek_beginning_and_end", ConsumeChecks::seekEnds));
        checks.add(new Check("consume_fetch_max_bytes_below_one_record", ConsumeChecks::tinyFetch));
        checks.add(new Check("consume_large_record", ConsumeChecks::largeRecord));
        checks.add(new Check("consume_offset_out_of_range", ConsumeChecks::outOfRange));
        checks.add(new Check("consume_reset_none_without_offset", ConsumeChecks::noReset));
        checks.add(new Check("consume_pause_and_resume", ConsumeChecks::pause));
        checks.add(new Check("consume_long_poll_ends_when_data_arrives", ConsumeChecks::longPoll));
        checks.add(new Check("consume_many_partitions_in_one_session", ConsumeChecks::manyPartitions));
        checks.add(new Check("consume_topic_created_later", ConsumeChecks::createdLater));
        checks.add(new Check("consume_after_recreate", ConsumeChecks::recreated));
        checks.add(new Check("consume_seek_with_leader_epoch", ConsumeChecks::seekWithEpoch));
        checks.add(new Check("consume_read_committed_without_transactions", ConsumeChecks::readCommitted));
        checks.add(new Check("consume_metadata_and_positions", ConsumeChecks::metadata));
    }

    private static void seekInBatch() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = Kit.topic(1);
            Kit.fill(topic, 0, 200, "compression.type", codec, "batch.size", 100_000);
            TopicPartition partition = new TopicPartition(topic, 0);
            try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("max.poll.records", 3)) {
                consumer.assign(List.of(partition));
                for (long offset : new long[] {123, 0, 199}) {
                    consumer.seek(partition, offset);
                    ConsumerRecord<byte[], byte[]> first = Kit.poll(consumer, 1).get(0);
                    equal(offset, first.offset(), "first offset, " + codec);
                    equal("" + offset, Kit.text(first.value()), "first value, " + codec);
                }
            }
        }
    }

    private static void seekEnds() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 20);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            equal(20L, consumer.position(partition), "position at the end");
            equal(0, consumer.poll(Duration.ofMillis(200)).count(), "records at the end");
            consumer.seekToBeginning(List.of(partition));
            equal(0L, consumer.position(partition), "position at the beginning");
            equal(Kit.numbers(0, 20), Kit.values(Kit.poll(consumer, 20)), "values");
        }
    }

    private static void tinyFetch() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 20, "batch.size", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        for (String limit : List.of("fetch.max.bytes", "max.partition.fetch.bytes")) {
            equal(Kit.numbers(0, 20), Kit.values(Kit.read(partition, 20, limit, 1)), limit + " of 1");
        }
    }

    private static void largeRecord() throws Exception {
        String topic = Kit.topic(1, Map.of("max.message.bytes", "6000000"));
        byte[] large = new byte[5_000_000];
        for (int i = 0; i < large.length; i++) large[i] = (byte) (i * 31 >> 3);
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer("max.request.size", 6_000_000)) {
            done(producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(topic, 0, null, large)));
        }
        holds(java.util.Arrays.equals(large, Kit.read(new TopicPartition(topic, 0), 1).get(0).value()), "value of 5 MB");
    }

    private static void outOfRange() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        done(Kit.ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all());
        for (long offset : new long[] {2, 50}) {
            try (KafkaConsumer<byte[], byte[]> strict = Kit.consumer("auto.offset.reset", "none")) {
                strict.assign(List.of(partition));
                strict.seek(partition, offset);
                throwsKind(OffsetOutOfRangeException.class, () -> Kit.poll(strict, 1));
            }
            try (KafkaConsumer<byte[], byte[]> lenient = Kit.consumer()) {
                lenient.assign(List.of(partition));
                lenient.seek(partition, offset);
                equal(4L, Kit.poll(lenient, 1).get(0).offset(), "reset to earliest from " + offset);
            }
        }
    }

    private static void noReset() throws Exception {
        TopicPartition partition = new TopicPartition(Kit.topic(1), 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("auto.offset.reset", "none", "group.id", Kit.unique("group"))) {
            consumer.assign(List.of(partition));
            throwsKind(NoOffsetForPartitionException.class, () -> Kit.poll(consumer, 1));
        }
    }

    private static void pause() throws Exception {
        String topic = Kit.topic(2);
        Kit.fill(topic, 0, 10);
        Kit.fill(topic, 1, 10);
        TopicPartition paused = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            consumer.assign(List.of(paused, new TopicPartition(topic, 1)));
            consumer.pause(List.of(paused));
            Kit.poll(consumer, 10).forEach(r -> equal(1, r.partition(), "partition while the other is paused"));
            equal(0, consumer.poll(Duration.ofMillis(300)).count(), "records of a paused partition");
            consumer.resume(List.of(paused));
            equal(Kit.numbers(0, 10), Kit.values(Kit.poll(consumer, 10)), "values after resume");
        }
    }

    private static void longPoll() throws Exception {
        String topic = Kit.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("fetch.max.wait.ms", 8000);
                KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            consumer.assign(List.of(partition));
            equal(0, consumer.poll(Duration.ofMillis(500)).count(), "records of an empty topic");
            long start = System.nanoTime();
            done(producer.send(Kit.record(topic, 0, "now")));
            equal(List.of("now"), Kit.values(Kit.poll(consumer, 1)), "values");
            long ms = (System.nanoTime() - start) / 1_000_000;
            holds(ms < 4000, "a waiting fetch ends when data arrives, took " + ms + " ms");
        }
    }

    private static void manyPartitions() throws Exception {
        String topic = Kit.topic(30);
        List<TopicPartition> all = java.util.stream.IntStream.range(0, 30).mapToObj(p -> new TopicPartition(topic, p)).toList();
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer(); KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            consumer.assign(all);
            for (int round = 0; round < 3; round++) {
                for (int p = round; p < 30; p += 3) producer.send(Kit.record(topic, p, "" + round));
                producer.flush();
                Set<Integer> seen = new HashSet<>();
                Kit.poll(consumer, 10).forEach(r -> seen.add(r.partition()));
                equal(10, seen.size(), "partitions read in round " + round);
            }
            consumer.assign(all.subList(0, 2));
            done(producer.send(Kit.record(topic, 1, "fewer")));
            equal(List.of("fewer"), Kit.values(Kit.poll(consumer, 1)), "values after partitions were dropped");
        }
    }

    private static void createdLater() throws Exception {
        String prefix = Kit.unique("later");
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"), "metadata.max.age.ms", 300)) {
            consumer.subscribe(java.util.regex.Pattern.compile(prefix + ".*"));
            consumer.poll(Duration.ofMillis(500));
            String topic = prefix + "-b";
            done(Kit.ADMIN.createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(topic, 2, (short) 1))).all());
            Kit.fill(topic, 1, 3);
            equal(Kit.numbers(0, 3), Kit.values(Kit.poll(consumer, 3)), "values of a topic that matched later");
        }
    }

    private static void recreated() throws Exception {
        String topic = Kit.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Kit.fill(topic, 0, 5);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("metadata.max.age.ms", 300)) {
            consumer.assign(List.of(partition));
            Kit.poll(consumer, 5);
            done(Kit.ADMIN.deleteTopics(List.of(topic)).all());
            done(Kit.ADMIN.createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(topic, 1, (short) 1))).all());
            Expect.visible(() -> equal(0L, Kit.offset(partition, org.apache.kafka.clients.admin.OffsetSpec.latest()), "end offset"));
            equal(0L, Kit.fill(topic, 0, 2).get(0).offset(), "offset in the new topic");
            equal(List.of("0", "1"), Kit.values(Kit.poll(consumer, 2)), "values of the new topic");
        }
    }

    /** A position with an epoch makes the client ask OffsetForLeaderEpoch before it fetches. */
    private static void seekWithEpoch() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, new OffsetAndMetadata(7, Optional.of(0), ""));
            equal(List.of("7", "8", "9"), Kit.values(Kit.poll(consumer, 3)), "values");
        }
    }

    private static void readCommitted() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 10);
        TopicPartition partition = new TopicPartition(topic, 0);
        equal(10, Kit.read(partition, 10, "isolation.level", "read_committed").size(), "records");
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("isolation.level", "read_committed")) {
            equal(10L, consumer.endOffsets(List.of(partition)).get(partition), "last stable offset");
        }
    }

    private static void metadata() throws Exception {
        String topic = Kit.topic(3);
        Kit.fill(topic, 2, 4);
        TopicPartition partition = new TopicPartition(topic, 2);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer()) {
            equal(3, consumer.partitionsFor(topic).size(), "partitions");
            equal(3, consumer.listTopics().get(topic).size(), "partitions in the list of topics");
            consumer.assign(List.of(partition));
            Kit.poll(consumer, 4);
            equal(4L, consumer.position(partition), "position");
            equal(0L, consumer.currentLag(partition).orElse(-1), "lag");
        }
    }
}
