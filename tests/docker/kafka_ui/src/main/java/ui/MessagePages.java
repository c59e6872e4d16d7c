package ui;

import static ui.Check.done;
import static ui.Check.equal;
import static ui.Check.holds;
import static ui.Kit.ADMIN;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/** Reading messages from the beginning, the end, an offset and a time; sending one; purging a topic. */
final class MessagePages {
    private MessagePages() {}

    static void register(List<Check> checks) {
        checks.add(new Check("messages_oldest_first", MessagePages::oldestFirst));
        checks.add(new Check("messages_newest_first", MessagePages::newestFirst));
        checks.add(new Check("messages_from_a_time", MessagePages::fromTime));
        checks.add(new Check("messages_offsets_of_the_topic", MessagePages::offsets));
        checks.add(new Check("messages_purge", MessagePages::purge));
    }

    private static void oldestFirst() throws Exception {
        TopicPartition partition = filled(20);
        try (var consumer = Kit.consumer(Optional.empty())) {
            consumer.assign(List.of(partition));
            equal(0L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning");
            consumer.seek(partition, 0);
            var first = Kit.poll(consumer, 20).get(0);
            equal("k0=v0", first.key() + "=" + first.value(), "first message");
        }
    }

    /** The page seeks back from the end by as many messages as it shows. */
    private static void newestFirst() throws Exception {
        TopicPartition partition = filled(20);
        try (var consumer = Kit.consumer(Optional.empty())) {
            consumer.assign(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            equal(20L, end, "end");
            consumer.seek(partition, end - 5);
            var records = Kit.poll(consumer, 5);
            equal("v15", records.get(0).value(), "first of the last five");
            equal(5, records.size(), "messages");
        }
    }

    private static void fromTime() throws Exception {
        String topic = Kit.topic(1, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        Kit.fill(topic, 0, 5);
        Thread.sleep(20);
        List<RecordMetadata> later = Kit.fill(topic, 0, 5);
        try (var consumer = Kit.consumer(Optional.empty())) {
            var found = consumer.offsetsForTimes(Map.of(partition, later.get(0).timestamp())).get(partition);
            equal(5L, found.offset(), "offset of the time");
            equal(null, consumer.offsetsForTimes(Map.of(partition, System.currentTimeMillis() + 100_000)).get(partition), "in the future");
        }
    }

    private static void offsets() throws Exception {
        String topic = Kit.topic(2, Map.of());
        Kit.fill(topic, 0, 7);
        TopicPartition full = new TopicPartition(topic, 0);
        TopicPartition empty = new TopicPartition(topic, 1);
        var latest = ADMIN.listOffsets(Map.of(full, OffsetSpec.latest(), empty, OffsetSpec.latest()));
        equal(7L, done(latest.partitionResult(full)).offset(), "latest");
        equal(0L, done(latest.partitionResult(empty)).offset(), "latest of the empty partition");
        equal(0L, done(ADMIN.listOffsets(Map.of(full, OffsetSpec.earliest())).partitionResult(full)).offset(), "earliest");
        var newest = done(ADMIN.listOffsets(Map.of(full, OffsetSpec.maxTimestamp())).partitionResult(full));
        holds(newest.offset() >= 0 && newest.timestamp() > 0, "newest message " + newest);
        var none = done(ADMIN.listOffsets(Map.of(empty, OffsetSpec.maxTimestamp())).partitionResult(empty));
        equal(-1L, none.offset(), "newest message of the empty partition");
    }

    /** The page purges up to the end offsets that it read. */
    private static void purge() throws Exception {
        TopicPartition partition = filled(10);
        long end = done(ADMIN.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition)).offset();
        var deleted = done(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(end))).lowWatermarks().get(partition));
        equal(10L, deleted.lowWatermark(), "low watermark");
        equal(10L, done(ADMIN.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition)).offset(), "earliest");
    }

    private static TopicPartition filled(int count) throws Exception {
        String topic = Kit.topic(1, Map.of());
        Kit.fill(topic, 0, count);
        return new TopicPartition(topic, 0);
    }
}
