package app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Arguments: logs of acknowledged events. Every bad one must be in the dead-letter topic (again, perhaps), and no other event. */
public final class DeadLetters {
    private static final Pattern ACK = Pattern.compile("\\{\"topic\":\"([^\"]*)\",\"key\":\"([^\"]*)\",\"seq\":(\\d+),.*\\}");

    private DeadLetters() {}

    public static void main(String[] logs) throws Exception {
        Set<String> wanted = new HashSet<>();
        for (String log : logs) {
            for (String line : Files.readAllLines(Path.of(log))) {
                Matcher ack = ACK.matcher(line);
                if (!ack.matches() || !ack.group(1).equals(Shared.TOPIC)) continue;
                if (Shared.isBad(Long.parseLong(ack.group(3)))) wanted.add(ack.group(2) + "/" + ack.group(3));
            }
        }
        Set<String> good = new HashSet<>();
        Set<String> found = readAll(good);
        Set<String> missing = wanted.stream().filter(event -> !found.contains(event)).collect(Collectors.toSet());
        System.out.println((missing.isEmpty() ? "ok" : "not ok") + " - " + Shared.DEAD_LETTERS + ": every bad event is there"
            + (missing.isEmpty() ? "" : ": " + missing.size() + " of " + wanted.size() + " missing"));
        System.out.println((good.isEmpty() ? "ok" : "not ok") + " - " + Shared.DEAD_LETTERS + ": no good event is there"
            + (good.isEmpty() ? "" : ": " + good.size() + " are"));
        System.exit(missing.isEmpty() && good.isEmpty() ? 0 : 1);
    }

    private static Set<String> readAll(Set<String> good) {
        Set<String> found = new HashSet<>();
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", Shared.BOOTSTRAP), new StringDeserializer(),
                new StringDeserializer())) {
            List<TopicPartition> all = consumer.partitionsFor(Shared.DEAD_LETTERS).stream()
                .map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                consumer.poll(Duration.ofMillis(500)).forEach(record -> {
                    long seq = Shared.seq(record.value());
                    (Shared.isBad(seq) ? found : good).add(record.key() + "/" + seq);
                });
            }
        }
        return found;
    }
}
