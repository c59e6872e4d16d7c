package app;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/** Sends COUNT events with an idempotent producer and writes a line to OUT for each acknowledged one. */
public final class Producer {
    private static final int COUNT = Integer.parseInt(Shared.setting("COUNT", "1000"));
    private static final int KEYS = Integer.parseInt(Shared.setting("KEYS", "1000"));
    private static final int RATE = Integer.parseInt(Shared.setting("RATE", "0"));
    private static final String PREFIX = Shared.setting("PREFIX", "wallet");
    private static final int UNDER_WAY = 20_000;

    private final Shared.LineLog log;
    private final Semaphore room = new Semaphore(UNDER_WAY);
    private final AtomicReference<Exception> refused = new AtomicReference<>();

    private Producer(Shared.LineLog log) {
        this.log = log;
    }

    public static void main(String[] none) throws Exception {
        Shared.createTopics();
        Shared.LineLog log = new Shared.LineLog(Shared.setting("OUT", "acks-java.jsonl"));
        Producer run = new Producer(log);
        try (KafkaProducer<String, String> producer = Shared.producer()) {
            run.sendAll(producer);
        }
        log.flush();
        if (run.refused.get() != null) {
            Shared.complain("refused for good: " + run.refused.get());
            System.exit(1);
        }
    }

    private void sendAll(KafkaProducer<String, String> producer) throws InterruptedException {
        long begun = System.currentTimeMillis();
        for (int i = 0; i < COUNT && refused.get() == null; i++) {
            String key = PREFIX + "-" + i % KEYS;
            long seq = i / KEYS;
            room.acquire();
            producer.send(new ProducerRecord<>(Shared.TOPIC, key, Shared.event(seq)), (place, error) -> acknowledged(key, seq, place, error));
            if (RATE > 0) Thread.sleep(Math.max(0, begun + 1000L * i / RATE - System.currentTimeMillis()));
        }
        producer.flush();
        System.out.println(COUNT + " events sent in " + (System.currentTimeMillis() - begun) + " ms");
    }

    private void acknowledged(String key, long seq, RecordMetadata place, Exception error) {
        room.release();
        if (error == null) log.write(Shared.place(place.topic(), key, seq, place.partition(), place.offset()) + "}");
        else refused.compareAndSet(null, error);
    }
}
