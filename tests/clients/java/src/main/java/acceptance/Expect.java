package acceptance;

import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Assertions, and waiting that always ends. */
final class Expect {
    /** Apache Kafka answers some requests before their effect can be seen; only then is a second look allowed. */
    static final boolean PEER_IS_KAFKA = "kafka".equals(System.getenv("PEER"));

    private Expect() {}

    interface Probe {
        void run() throws Exception;
    }

    static <T> T done(Future<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    static void equal(Object expected, Object actual, String what) {
        if (!Objects.deepEquals(expected, actual)) throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }

    static void holds(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static void fails(Class<? extends Exception> expected, Future<?> future) throws Exception {
        try {
            Object value = done(future);
            throw new AssertionError("expected " + expected.getSimpleName() + ", got success " + value);
        } catch (ExecutionException e) {
            sameKind(expected, e.getCause());
        }
    }

    static void throwsKind(Class<? extends Exception> expected, Probe probe) throws Exception {
        try {
            probe.run();
        } catch (Exception e) {
            sameKind(expected, e instanceof ExecutionException ? e.getCause() : e);
            return;
        }
        throw new AssertionError("expected " + expected.getSimpleName() + ", got success");
    }

    private static void sameKind(Class<?> expected, Throwable actual) {
        if (!expected.isInstance(actual)) {
            throw new AssertionError("expected " + expected.getSimpleName() + ", got " + actual);
        }
    }

    /** Holds at once, or within a few seconds when the broker is Apache Kafka. */
    static void visible(Probe probe) throws Exception {
        if (PEER_IS_KAFKA) eventually(probe);
        else probe.run();
    }

    /** For what is asynchronous by nature (rebalances, session expiry, log end after acks=0). */
    static void eventually(Probe probe) throws Exception {
        long deadline = System.currentTimeMillis() + 20_000;
        while (true) {
            try {
                probe.run();
                return;
            } catch (Exception | AssertionError e) {
                if (System.currentTimeMillis() > deadline) throw e;
                Thread.sleep(50);
            }
        }
    }
}
