package acceptance;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Clients, names that are new in every run, and the few steps that most checks share. */
final class Kit {
    static final String BOOTSTRAP = Optional.ofNullable(System.getenv("BOOTSTRAP")).orElse("127.0.0.1:9092");
    static final Admin ADMIN = Admin.create(Map.of("bootstrap.servers", BOOTSTRAP,
        "default.api.timeout.ms", 15_000, "request.timeout.ms", 10_000));
    private static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    private static final AtomicInteger NEXT = new AtomicInteger();

    private Kit() {}

    static String unique(String stem) {
        return "java-" + stem + "-" + RUN + "-" + NEXT.incrementAndGet();
    }

    static String topic(int partitions) throws Exception {
        return topic(partitions, Map.of());
    }

    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = unique("topic");
        NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.empty()).configs(configs);
        Expect.done(ADMIN.createTopics(List.of(topic)).all());
        Expect.visible(() -> Expect.equal(partitions,
            Expect.done(ADMIN.describeTopics(List.of(name)).allTopicNames()).get(name).partitions().size(), "partitions"));
        return name;
    }

    /** Default settings, so idempotent; pairs of key and value override. */
    static KafkaProducer<byte[], byte[]> producer(Object... settings) {
        return new KafkaProducer<>(with(Map.of("bootstrap.servers", BOOTSTRAP, "max.block.ms", 15_000), settings),
            new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Object... settings) {
        Map<String, Object> defaults = Map.of("bootstrap.servers", BOOTSTRAP, "auto.offset.reset", "earliest",
            "group.protocol", "classic", "enable.auto.commit", false, "default.api.timeout.ms", 15_000,
            "heartbeat.interval.ms", 300, "session.timeout.ms", 10_000);
        return new KafkaConsumer<>(with(defaults, settings), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static Map<String, Object> with(Map<String, Object> defaults, Object[] settings) {
        Map<String, Object> all = new HashMap<>(defaults);
        for (int i = 0; i < settings.length; i += 2) all.put((String) settings[i], settings[i + 1]);
        return all;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    static ProducerRecord<byte[], byte[]> record(String topic, int partition, String value) {
        return new ProducerRecord<>(topic, partition, bytes("k"), bytes(value));
    }

    /** Writes values 0, 1, 2, … to one partition in one go; returns what the broker said of each. */
    static List<RecordMetadata> fill(String topic, int partition, int count, Object... settings) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(with(Map.of("linger.ms", 50), settings).entrySet().stream()
                .flatMap(e -> java.util.stream.Stream.of(e.getKey(), e.getValue())).toArray())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) sent.add(producer.send(record(topic, partition, String.valueOf(i))));
            producer.flush();
            List<RecordMetadata> answers = new ArrayList<>();
            for (Future<RecordMetadata> future : sent) answers.add(Expect.done(future));
            return answers;
        }
    }

    /** Polls until as many records have come, or fails. */
    static List<ConsumerRecord<byte[], byte[]>> poll(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + 20_000;
        while (records.size() < count && System.currentTimeMillis() < deadline) {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        }
        Expect.holds(records.size() >= count, "expected " + count + " records, got " + records.size());
        return records;
    }

    /** Reads the first records of a partition without a group. */
    static List<ConsumerRecord<byte[], byte[]>> read(TopicPartition partition, int count, Object... settings) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
            consumer.assign(List.of(partition));
            return poll(consumer, count);
        }
    }

    static List<String> values(Collection<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(r -> text(r.value())).toList();
    }

    static List<String> numbers(int from, int to) {
        return java.util.stream.IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    static long offset(TopicPartition partition, OffsetSpec spec) throws Exception {
        return Expect.done(ADMIN.listOffsets(Map.of(partition, spec)).partitionResult(partition)).offset();
    }

    static int brokerId() throws Exception {
        return Expect.done(ADMIN.describeCluster().nodes()).iterator().next().id();
    }
}
