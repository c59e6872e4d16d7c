package ui;

import static ui.Check.done;
import static ui.Check.eventually;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Clients with the settings of the UI, and the few steps that pages share. */
final class Kit {
    static final String BOOTSTRAP = Optional.ofNullable(System.getenv("BOOTSTRAP")).orElse("127.0.0.1:9092");
    /** Set for Apache Kafka itself, against which the checks are proved. */
    static final boolean PEER_IS_KAFKA = "kafka".equals(System.getenv("PEER"));
    static final Admin ADMIN = Admin.create(Map.of("bootstrap.servers", BOOTSTRAP, "client.id", "kafka-ui-admin",
        "request.timeout.ms", 15_000, "default.api.timeout.ms", 18_000));
    private static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    private static final AtomicInteger NEXT = new AtomicInteger();

    private Kit() {}

    static String unique(String stem) {
        return "ui-" + stem + "-" + RUN + "-" + NEXT.incrementAndGet();
    }

    /** As the UI's form without a replication factor: the broker's default. */
    static String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = unique("topic");
        done(ADMIN.createTopics(List.of(new NewTopic(name, Optional.of(partitions), Optional.empty()).configs(configs))).all());
        eventually(() -> Check.equal(partitions, describe(name).partitions().size(), "partitions of the new topic"));
        return name;
    }

    static TopicDescription describe(String topic) throws Exception {
        return done(ADMIN.describeTopics(List.of(topic)).topicNameValues().get(topic));
    }

    static Node controller() throws Exception {
        return done(ADMIN.describeCluster().controller());
    }

    /** Every entry of the resource, with synonyms and documentation as the UI asks for them. */
    static Config configs(ConfigResource.Type type, String name) throws Exception {
        ConfigResource resource = new ConfigResource(type, name);
        var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        return done(ADMIN.describeConfigs(List.of(resource), options).values().get(resource));
    }

    static String value(Collection<ConfigEntry> entries, String key) {
        return entries.stream().filter(entry -> entry.name().equals(key)).findFirst().map(ConfigEntry::value).orElse(null);
    }

    static List<RecordMetadata> fill(String topic, int partition, int count) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", BOOTSTRAP, "max.block.ms", 15_000);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) sent.add(producer.send(new ProducerRecord<>(topic, partition, "k" + i, "v" + i)));
            List<RecordMetadata> answers = new ArrayList<>();
            for (Future<RecordMetadata> answer : sent) answers.add(done(answer));
            return answers;
        }
    }

    /** As the message page reads: no group unless one is given, no commits. */
    static KafkaConsumer<String, String> consumer(Optional<String> group) {
        Map<String, Object> settings = new java.util.HashMap<>(Map.of("bootstrap.servers", BOOTSTRAP, "enable.auto.commit", false,
            "auto.offset.reset", "earliest", "allow.auto.create.topics", false, "default.api.timeout.ms", 15_000,
            "heartbeat.interval.ms", 300, "session.timeout.ms", 10_000));
        group.ifPresent(id -> settings.put("group.id", id));
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    static List<ConsumerRecord<String, String>> poll(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + 15_000;
        while (records.size() < count && System.currentTimeMillis() < deadline) {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        }
        Check.holds(records.size() >= count, "expected " + count + " records, got " + records.size());
        return records;
    }
}
