package app;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.StringSerializer;

/** Settings from the environment, the two topics, and the log of JSON lines. */
final class Shared {
    static final String BOOTSTRAP = setting("BOOTSTRAP", "127.0.0.1:9092");
    static final String TOPIC = setting("TOPIC", "wallet-events");
    static final String DEAD_LETTERS = TOPIC + "-dlq";
    static final int PARTITIONS = 10;
    private static final int EVERY_BAD = 10;
    private static final Pattern SEQ = Pattern.compile("\"seq\":(\\d+)");

    private Shared() {}

    static String setting(String name, String fallback) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty()).orElse(fallback);
    }

    /** One event in ten is bad, the last of each ten of a key. */
    static boolean isBad(long seq) {
        return seq % EVERY_BAD == EVERY_BAD - 1;
    }

    static String event(long seq) {
        return "{\"seq\":" + seq + ",\"amount\":" + (seq * 7919 % 10_007) + ",\"bad\":" + isBad(seq) + "}";
    }

    static long seq(String event) {
        Matcher found = SEQ.matcher(event);
        if (!found.find()) throw new IllegalStateException("an event without seq: " + event);
        return Long.parseLong(found.group(1));
    }

    static void complain(String text) {
        System.err.println(text);
    }

    /** Repeats what a broker that is away makes fail; any other error is the end. */
    static <T> T patiently(Callable<T> action) throws Exception {
        while (true) {
            try {
                return action.call();
            } catch (Exception e) {
                Throwable cause = e instanceof ExecutionException ? e.getCause() : e;
                if (!(cause instanceof RetriableException)) throw e;
                complain("again after: " + cause);
                Thread.sleep(200);
            }
        }
    }

    static void createTopics() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", BOOTSTRAP, "reconnect.backoff.max.ms", 500))) {
            for (String topic : List.of(TOPIC, DEAD_LETTERS)) {
                patiently(() -> {
                    try {
                        return admin.createTopics(List.of(new NewTopic(topic, Optional.of(PARTITIONS), Optional.empty()))).all().get();
                    } catch (ExecutionException e) {
                        if (e.getCause() instanceof TopicExistsException) return null;
                        throw e;
                    }
                });
            }
        }
    }

    /** Idempotent by default; it never gives up on a record. */
    static KafkaProducer<String, String> producer() {
        Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", BOOTSTRAP, "compression.type", "gzip", "linger.ms", 10,
            "delivery.timeout.ms", Integer.MAX_VALUE, "retries", Integer.MAX_VALUE, "max.block.ms", Long.MAX_VALUE,
            "request.timeout.ms", 10_000, "reconnect.backoff.max.ms", 500));
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    /** JSON lines, written whole; flushed when asked, and at least now and then. */
    static final class LineLog {
        private final BufferedWriter file;
        private long flushedAt = System.currentTimeMillis();

        LineLog(String path) throws IOException {
            file = Files.newBufferedWriter(Path.of(path), StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        synchronized void write(String line) {
            try {
                file.write(line + "\n");
                if (System.currentTimeMillis() - flushedAt > 200) flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        synchronized void flush() throws IOException {
            file.flush();
            flushedAt = System.currentTimeMillis();
        }
    }

    static String place(String topic, String key, long seq, int partition, long offset) {
        return "{\"topic\":\"" + topic + "\",\"key\":\"" + key + "\",\"seq\":" + seq + ",\"partition\":" + partition + ",\"offset\":" + offset;
    }
}
