package tools;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What no tool can do: files as input, records with chosen timestamps, and a group member that stays while tools look at its group. */
final class Extra {
    private static volatile boolean stop;
    private static volatile Thread member;

    private Extra() {}

    static void run(String verb, String[] arguments) throws Exception {
        switch (verb) {
            case "@produce" -> produce(arguments[0], arguments[1], Integer.parseInt(arguments[2]), Long.parseLong(arguments[3]),
                Integer.parseInt(arguments[4]));
            case "@join" -> join(arguments[0], arguments[1], arguments[2]);
            case "@leave" -> leave();
            case "@write" -> Files.write(Path.of(arguments[0]), System.in.readAllBytes());
            case "@sleep" -> Thread.sleep(Long.parseLong(arguments[0]));
            default -> throw new IllegalArgumentException(verb);
        }
    }

    /** COUNT records, a minute apart from FIRST on. */
    private static void produce(String bootstrap, String topic, int partition, long first, int count) throws Exception {
        try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < count; i++) {
                producer.send(new ProducerRecord<>(topic, partition, first + 60_000L * i, "key-" + i, "value-" + i)).get(20, TimeUnit.SECONDS);
            }
        }
    }

    private static void join(String bootstrap, String topic, String group) throws Exception {
        stop = false;
        CountDownLatch assigned = new CountDownLatch(1);
        member = new Thread(() -> {
            Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", group, "client.id", "tools-client",
                "group.protocol", "classic", "auto.offset.reset", "earliest", "heartbeat.interval.ms", 500);
            try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
                consumer.subscribe(List.of(topic));
                while (!stop) {
                    consumer.poll(Duration.ofMillis(100));
                    if (assigned.getCount() > 0 && hasReadAll(consumer)) {
                        consumer.commitSync();
                        assigned.countDown();
                    }
                }
            }
        });
        member.setDaemon(true);
        member.start();
        if (!assigned.await(20, TimeUnit.SECONDS)) throw new IllegalStateException("no assignment");
    }

    /** Before that a commit would not hold an offset of every partition. */
    private static boolean hasReadAll(KafkaConsumer<?, ?> consumer) {
        var ends = consumer.endOffsets(consumer.assignment());
        return !ends.isEmpty() && ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private static void leave() throws InterruptedException {
        stop = true;
        member.join(10_000);
    }
}
