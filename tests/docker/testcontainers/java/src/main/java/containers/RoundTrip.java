package containers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Produces to a topic that is created on the way, and reads it back in a group. */
final class RoundTrip {
    private static final int RECORDS = 20;
    private static final long LIMIT_MS = 30_000;

    private RoundTrip() {}

    static void through(String bootstrap) throws Exception {
        List<String> words = IntStream.range(0, RECORDS).mapToObj(i -> "word " + i).toList();
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "max.block.ms", 20_000);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (String word : words) producer.send(new ProducerRecord<>("words", word)).get(20, TimeUnit.SECONDS);
        }
        List<String> read = read(bootstrap);
        if (!read.equals(words)) throw new AssertionError("read " + read);
    }

    private static List<String> read(String bootstrap) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", "readers", "auto.offset.reset", "earliest");
        List<String> read = new ArrayList<>();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("words"));
            long deadline = System.currentTimeMillis() + LIMIT_MS;
            while (read.size() < RECORDS && System.currentTimeMillis() < deadline) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> read.add(record.value()));
            }
            consumer.commitSync(Duration.ofSeconds(10));
        }
        return read;
    }
}
