package acceptance;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A consumer that polls on a thread of its own, so that several can be in one group. */
final class Member implements AutoCloseable {
    final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
    final ConcurrentLinkedQueue<TopicPartition> revoked = new ConcurrentLinkedQueue<>();
    final ConcurrentLinkedQueue<String> values = new ConcurrentLinkedQueue<>();
    final AtomicInteger rebalances = new AtomicInteger();
    volatile Exception failure;
    volatile int generation;
    private volatile boolean stopping;
    private volatile CloseOptions closing = CloseOptions.timeout(Duration.ofSeconds(5));
    private final Thread thread;

    Member(String topic, Object... settings) {
        thread = new Thread(() -> run(topic, settings));
        thread.setDaemon(true);
        thread.start();
    }

    private void run(String topic, Object[] settings) {
        KafkaConsumer<byte[], byte[]> consumer = Kit.consumer(settings);
        try {
            consumer.subscribe(List.of(topic), new Listener());
            while (!stopping) {
                consumer.poll(Duration.ofMillis(50)).forEach(r -> values.add(Kit.text(r.value())));
                generation = consumer.groupMetadata().generationId();
            }
        } catch (Exception e) {
            failure = e;
        } finally {
            consumer.close(closing);
        }
    }

    private final class Listener implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            owned.addAll(partitions);
            rebalances.incrementAndGet();
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            owned.removeAll(partitions);
            revoked.addAll(partitions);
        }
    }

    int partitions() {
        return owned.size();
    }

    /** Goes away without a word to the coordinator. */
    void vanish() throws InterruptedException {
        closing = CloseOptions.timeout(Duration.ofSeconds(5))
            .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
        stop();
    }

    private void stop() throws InterruptedException {
        stopping = true;
        thread.join(10_000);
    }

    @Override
    public void close() throws InterruptedException {
        stop();
    }
}
