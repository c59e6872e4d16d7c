package app;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a consumer group: writes a line to OUT for each record, forwards bad events to the dead-letter topic,
 * and commits only after both are done.
 */
public final class Consumer {
    private static final String GROUP = Shared.setting("GROUP", Shared.TOPIC + "-readers");
    private static final String MEMBER = Shared.setting("MEMBER", String.valueOf(ProcessHandle.current().pid()));
    private static final long IDLE_MS = (long) (1000 * Double.parseDouble(Shared.setting("IDLE_S", "0")));
    private static final String WHO = ",\"group\":\"" + GROUP + "\",\"member\":\"" + MEMBER + "\"}";

    private final Shared.LineLog log;
    private final KafkaConsumer<String, String> consumer;
    private final KafkaProducer<String, String> deadLetters = Shared.producer();
    private volatile boolean stopping;

    private Consumer(Shared.LineLog log) {
        this.log = log;
        Map<String, Object> settings = Map.of("bootstrap.servers", Shared.BOOTSTRAP, "group.id", GROUP, "group.protocol", "classic",
            "auto.offset.reset", "earliest", "enable.auto.commit", false, "session.timeout.ms", 10_000, "heartbeat.interval.ms", 1000,
            "client.id", "wallet-" + MEMBER, "reconnect.backoff.max.ms", 500);
        consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    public static void main(String[] none) throws Exception {
        Shared.createTopics();
        Shared.LineLog log = new Shared.LineLog(Shared.setting("OUT", "reads-java.jsonl"));
        log.write("{\"topic\":\"" + Shared.TOPIC + "\"" + WHO);
        log.flush();
        Consumer run = new Consumer(log);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> run.stop(main)));
        run.readAll();
    }

    private void stop(Thread main) {
        stopping = true;
        consumer.wakeup();
        try {
            main.join(15_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void readAll() throws Exception {
        long lastRecordAt = System.currentTimeMillis();
        consumer.subscribe(List.of(Shared.TOPIC));
        try {
            while (!stopping && (IDLE_MS == 0 || System.currentTimeMillis() - lastRecordAt < IDLE_MS)) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                if (records.isEmpty()) continue;
                lastRecordAt = System.currentTimeMillis();
                work(records);
                commit();
            }
        } catch (WakeupException e) {
            if (!stopping) throw e;
        } finally {
            log.flush();
            consumer.close();
            deadLetters.close();
        }
    }

    private void work(ConsumerRecords<String, String> records) throws Exception {
        List<Future<RecordMetadata>> forwarded = new ArrayList<>();
        for (ConsumerRecord<String, String> record : records) {
            long seq = Shared.seq(record.value());
            log.write(Shared.place(record.topic(), record.key(), seq, record.partition(), record.offset()) + WHO);
            if (Shared.isBad(seq)) forwarded.add(deadLetters.send(new ProducerRecord<>(Shared.DEAD_LETTERS, record.key(), record.value())));
        }
        deadLetters.flush();
        for (Future<RecordMetadata> future : forwarded) future.get();
        log.flush();
    }

    /** A commit that fails is no harm: the records come again. */
    private void commit() {
        try {
            consumer.commitSync(Duration.ofSeconds(10));
        } catch (RetriableException | CommitFailedException e) {
            Shared.complain("not committed: " + e);
        }
    }
}
