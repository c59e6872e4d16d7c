package acceptance;

import static acceptance.Expect.equal;
import static acceptance.Expect.holds;
import static acceptance.Expect.throwsKind;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidSessionTimeoutException;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;

/** One member, its offsets, and what they survive. */
final class GroupChecks {
    private GroupChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("group_first_record_of_new_group", GroupChecks::firstRecord));
        checks.add(new Check("group_resumes_from_commit", GroupChecks::resumes));
        checks.add(new Check("group_commit_metadata_and_epoch", GroupChecks::metadata));
        checks.add(new Check("group_commit_without_membership", GroupChecks::standalone));
        checks.add(new Check("group_commit_by_outsider_is_refused", GroupChecks::outsider));
        checks.add(new Check("group_commit_async_and_auto", GroupChecks::asyncAndAuto));
        checks.add(new Check("group_commit_answered_while_fetch_waits", GroupChecks::commitDuringFetch));
        checks.add(new Check("group_commit_metadata_too_large", GroupChecks::metadataTooLarge));
        checks.add(new Check("group_latest_reset_skips_old", GroupChecks::latestReset));
        checks.add(new Check("group_session_timeout_too_small", GroupChecks::sessionTimeout));
    }

    /** Leaves a group without members behind. */
    static void commitFor(String group, String topic, long offset) {
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(offset)));
        }
    }

    private static void firstRecord() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 1);
        for (String round : List.of("first", "second")) {
            long start = System.nanoTime();
            try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"))) {
                consumer.subscribe(List.of(topic));
                Kit.poll(consumer, 1);
                System.out.println("# first record in a new group, " + round + " time: " + (System.nanoTime() - start) / 1_000_000 + " ms");
            }
        }
    }

    private static void resumes() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        Kit.fill(topic, 0, 30);
        for (int from = 0; from < 30; from += 10) {
            try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group, "max.poll.records", 10)) {
                consumer.subscribe(List.of(topic));
                equal(Kit.numbers(from, from + 10), Kit.values(Kit.poll(consumer, 10)), "values from " + from);
                consumer.commitSync();
            }
        }
    }

    private static void metadata() throws Exception {
        TopicPartition partition = new TopicPartition(Kit.topic(2), 0);
        TopicPartition never = new TopicPartition(partition.topic(), 1);
        String group = Kit.unique("group");
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            consumer.assign(List.of(partition, never));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(5, Optional.of(0), "a note, ключ")));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(Set.of(partition, never));
            equal(new OffsetAndMetadata(5, Optional.of(0), "a note, ключ"), committed.get(partition), "committed");
            equal(null, committed.get(never), "never committed");
        }
    }

    private static void standalone() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        Kit.fill(topic, 0, 10);
        commitFor(group, topic, 6);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            equal(Kit.numbers(6, 10), Kit.values(Kit.poll(consumer, 4)), "values");
        }
    }

    private static void outsider() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        try (Member member = new Member(topic, "group.id", group)) {
            Expect.eventually(() -> equal(1, member.partitions(), "partitions"));
            throwsKind(CommitFailedException.class, () -> commitFor(group, topic, 1));
        }
        commitFor(group, topic, 1);
    }

    private static void asyncAndAuto() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        TopicPartition partition = new TopicPartition(topic, 0);
        Kit.fill(topic, 0, 10);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            consumer.subscribe(List.of(topic));
            Kit.poll(consumer, 10);
            CompletableFuture<Exception> answer = new CompletableFuture<>();
            consumer.commitAsync(Map.of(partition, new OffsetAndMetadata(4)), (offsets, error) -> answer.complete(error));
            Expect.eventually(() -> {
                consumer.poll(Duration.ofMillis(20));
                holds(answer.isDone(), "commitAsync is answered");
            });
            equal(null, answer.get(), "error of commitAsync");
            equal(4L, consumer.committed(Set.of(partition)).get(partition).offset(), "committed");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group, "enable.auto.commit", true)) {
            consumer.subscribe(List.of(topic));
            equal(Kit.numbers(4, 10), Kit.values(Kit.poll(consumer, 6)), "values");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            equal(10L, consumer.committed(Set.of(partition)).get(partition).offset(), "committed by close");
        }
    }

    private static void commitDuringFetch() throws Exception {
        String topic = Kit.topic(1);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"), "fetch.max.wait.ms", 9000)) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0)));
            consumer.poll(Duration.ofMillis(300));
            long start = System.nanoTime();
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0)));
            long ms = (System.nanoTime() - start) / 1_000_000;
            holds(ms < 4000, "a commit does not wait for a fetch, took " + ms + " ms");
        }
    }

    private static void metadataTooLarge() throws Exception {
        TopicPartition partition = new TopicPartition(Kit.topic(1), 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"))) {
            throwsKind(OffsetMetadataTooLarge.class,
                () -> consumer.commitSync(Map.of(partition, new OffsetAndMetadata(1, "x".repeat(4097)))));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(1, "x".repeat(4096))));
        }
    }

    private static void latestReset() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 5);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"), "auto.offset.reset", "latest")) {
            consumer.subscribe(List.of(topic));
            Expect.eventually(() -> {
                ConsumerRecords<byte[], byte[]> none = consumer.poll(Duration.ofMillis(50));
                equal(0, none.count(), "old records");
                equal(1, consumer.assignment().size(), "partitions");
            });
            equal(5L, consumer.position(new TopicPartition(topic, 0)), "position");
            Kit.fill(topic, 0, 1);
            equal(5L, Kit.poll(consumer, 1).get(0).offset(), "first offset");
        }
    }

    private static void sessionTimeout() throws Exception {
        String topic = Kit.topic(1);
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", Kit.unique("group"), "session.timeout.ms", 1000)) {
            consumer.subscribe(List.of(topic));
            throwsKind(InvalidSessionTimeoutException.class, () -> Kit.poll(consumer, 1));
        }
    }
}
